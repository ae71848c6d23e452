/* What a store answered: the headers we look at, and the error in the body.
 * Every byte of it is hostile: bounded, checked, and never trusted to end. */
#ifndef UPLOADER_S3_REPLY_H
#define UPLOADER_S3_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

enum {
	S3_REPLY_BODY_MAX = 65536, /* more of an answer is not kept */
	S3_REPLY_VALUE_MAX = 1024  /* a longer header value is ignored */
};

struct s3_reply {
	int status; /* 0: no status line arrived */
	/* Header values, trimmed; "" where the header is missing or carries a
	 * control character. The ETag stands without its quotes; a weak one
	 * keeps its W/"". */
	struct strbuf etag, version_id, request_id, id_2, bucket_region, date;
	struct strbuf checksum_crc32c, checksum_sha256, checksum_type;
	struct strbuf meta_crc32c; /* x-amz-meta-s3spool-crc32c */
	struct strbuf encryption;  /* x-amz-server-side-encryption, or
				      "SSE-C" where a customer algorithm is
				      named */
	int64_t content_length;	   /* -1: missing */
	int64_t retry_after_ms;	   /* Retry-After (seconds) or
				      x-amz-retry-after (ms); -1: missing */
	struct strbuf body;
	bool headers_end; /* the blank line behind them has come */
	bool body_cut;	  /* it was longer than S3_REPLY_BODY_MAX */
};

/* Makes it ready for the next answer, keeping its memory. */
void s3_reply_reset(struct s3_reply *reply);
void s3_reply_done(struct s3_reply *reply);
/* Takes one header line as libcurl hands it over (status lines included: each
 * one resets the headers, as 100 Continue precedes the real answer). */
void s3_reply_header(struct s3_reply *reply, const char *line, size_t length);
void s3_reply_body(struct s3_reply *reply, const char *bytes, size_t length);

/* <Error><Code>..</Code><Message>..</Message><Region>..</Region>
 * <RequestId>..</RequestId></Error>, read with expat (no external entities,
 * no DTD, bounded depth and text). */
struct s3_error {
	struct strbuf code, message, region, request_id;
};

/* Whether the body is such a document, whole and well-formed; *error is filled
 * then and emptied otherwise. It looks at the body alone: a 200 can carry an
 * error. The code is never empty then: "Unknown" where the document has none.
 * Each text is cut at 4 KiB. */
bool s3_reply_error(const struct s3_reply *reply, struct s3_error *error);
void s3_error_done(struct s3_error *error);

#endif
