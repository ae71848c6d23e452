/* S3 requests: method, URL, headers, signature. Pure: time is an argument.
 *
 * A request's buffers are rewritten in place from one use to the next, so
 * that a slot of the transfer loop allocates nothing per file. */
#ifndef UPLOADER_S3_REQUEST_H
#define UPLOADER_S3_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "uploader/credentials/credentials.h"
#include "uploader/endpoint.h"
#include "uploader/s3_object_options.h"
#include "uploader/sigv4.h"

/* Who asks, and where: shared by all requests of a run. Nothing is owned. */
struct s3_client {
	const struct endpoint *endpoint;
	const struct credentials *credentials;
	struct sigv4_signer *signer;
	const struct s3_object_options *options; /* NULL: none at all */
};

enum { S3_REQUEST_HEADERS_MAX = 72 };

struct s3_request {
	const char *method;
	struct strbuf url;  /* scheme://host + the canonical URI */
	size_t uri_offset;  /* where the canonical URI begins in url */
	struct strbuf text; /* the header lines, each ended by a NUL */
	/* "name: value" lines in text; the last are Authorization, then the
	 * libcurl defaults that are suppressed ("Expect:", "Accept:", and
	 * "Content-Type:" unless there is one). */
	char *headers[S3_REQUEST_HEADERS_MAX];
	size_t header_count;
	struct strbuf authorization;
	bool is_slow; /* the store may work for minutes before it answers */
};

struct s3_put {
	const char *key;
	int64_t mtime_ns;	     /* of the file */
	uint32_t crc32c;	     /* of the body */
	const char *sha256_hex;	     /* of the body: signs the payload; NULL:
					UNSIGNED-PAYLOAD */
	const char *checksum_header; /* lower case; NULL: none */
	const char *checksum;	     /* its value */
	bool if_none_match;	     /* If-None-Match: * */
};

struct s3_create {
	const char *key;
	int64_t mtime_ns;      /* of the file */
	const char *algorithm; /* as x-amz-checksum-algorithm names it; NULL:
				  none */
	bool full_object;      /* its value will be the whole object's */
};

struct s3_part {
	const char *key, *upload_id;
	int number;
	const char *sha256_hex, *checksum_header, *checksum; /* as above */
};

struct s3_complete {
	const char *key, *upload_id;
	int64_t object_size;
	const char *body_sha256_hex;		/* of the XML */
	const char *checksum_header, *checksum; /* of the whole object; NULL:
						   none */
	bool if_none_match;
};

/* PutObject. To endpoints that are not AWS the CRC-32C also goes as
 * x-amz-meta-s3spool-crc32c (8 hex digits), by which a later HEAD tells
 * whether an object is ours. */
void s3_request_put(struct s3_request *request, const struct s3_client *client,
    const struct s3_put *put, int64_t now_ns);
/* HeadObject with x-amz-checksum-mode: ENABLED. */
void s3_request_head(struct s3_request *request, const struct s3_client *client,
    const char *key, int64_t now_ns);
/* GetObject of the first byte: asked for the error in its body, which HEAD
 * doesn't have. */
void s3_request_get(struct s3_request *request, const struct s3_client *client,
    const char *key, int64_t now_ns);
void s3_request_create(struct s3_request *request,
    const struct s3_client *client, const struct s3_create *create,
    int64_t now_ns);
void s3_request_part(struct s3_request *request, const struct s3_client *client,
    const struct s3_part *part, int64_t now_ns);
/* ListParts, after the part number MARKER (0: from the first). */
void s3_request_list_parts(struct s3_request *request,
    const struct s3_client *client, const char *key, const char *upload_id,
    int marker, int64_t now_ns);
/* CompleteMultipartUpload. The store sends a blank now and then, at most, until
 * it is done (AWS, CompleteMultipartUpload). */
void s3_request_complete(struct s3_request *request,
    const struct s3_client *client, const struct s3_complete *complete,
    int64_t now_ns);
void s3_request_abort(struct s3_request *request,
    const struct s3_client *client, const char *key, const char *upload_id,
    int64_t now_ns);
/* DeleteObject. */
void s3_request_delete(struct s3_request *request,
    const struct s3_client *client, const char *key, int64_t now_ns);
/* ListObjectsV2 of at most one key that begins with PREFIX: whether the bucket
 * is there and may be listed. (HeadBucket says no reason when it says no.) */
void s3_request_list(struct s3_request *request, const struct s3_client *client,
    const char *prefix, int64_t now_ns);
void s3_request_done(struct s3_request *request);

#endif
