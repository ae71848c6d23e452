/* What the user wants of every object (storage class, encryption, tags,
 * metadata, ...), as the headers that say so: prepared once a run. */
#ifndef UPLOADER_S3_OBJECT_OPTIONS_H
#define UPLOADER_S3_OBJECT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "uploader/endpoint.h"

/* Which requests carry a header. */
enum s3_use {
	S3_USE_CREATE = 1, /* PutObject, CreateMultipartUpload */
	S3_USE_PART = 2,   /* UploadPart */
	S3_USE_LOOK = 4,   /* HeadObject, GetObject */
	S3_USE_PARTS = 8,  /* CompleteMultipartUpload, ListParts */
	S3_USE_OTHER = 16  /* AbortMultipartUpload, HeadBucket, ... */
};

struct s3_object_header {
	char *name; /* lower case */
	char *value;
	unsigned uses; /* enum s3_use, or'ed */
	bool is_signed;
};

/* Made by s3_object_options_new and read only from then on. */
struct s3_object_options {
	struct s3_object_header *headers; /* the same for each object */
	size_t count;
	const struct config *config; /* for content types; not owned */
	bool sends_mtime;	     /* x-amz-meta-mtime */
	int64_t retain_ns;	     /* object lock, from the upload; or 0 */
	bool needs_checksum; /* object lock: the store wants a Content-MD5 or
				x-amz-checksum-* with each body */
};

/* Prepares what CONFIG, which must outlive it, says, for ENDPOINT (a
 * customer's key travels over https alone). Reads sse_customer_key_file.
 * Returns 0 and *ret_options, or -EINVAL or another negative errno and one
 * line for the user in *ret_error, the caller's to free. */
int s3_object_options_new(const struct config *config,
    const struct endpoint *endpoint, struct s3_object_options **ret_options,
    char **ret_error);
/* Wipes what is secret. NULL is fine. */
void s3_object_options_free(struct s3_object_options *options);

/* The Content-Type of the object KEY. */
const char *s3_object_options_content_type(
    const struct s3_object_options *options, const char *key);

enum { S3_OBJECT_MTIME_MAX = 32 };
/* MTIME_NS as rclone writes x-amz-meta-mtime: seconds with nine decimals.
 * Returns where in TEXT it begins. */
const char *s3_object_options_mtime(
    int64_t mtime_ns, char text[S3_OBJECT_MTIME_MAX]);

#endif
