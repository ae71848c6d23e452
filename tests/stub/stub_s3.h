/* The S3 operations on whole objects, and what the others share with them. */
#ifndef STUB_S3_H
#define STUB_S3_H

#include "tests/stub/stub.h"
#include "tests/stub/stub_store.h"

extern const struct stub_operation stub_s3_put, stub_s3_get, stub_s3_head,
    stub_s3_delete, stub_s3_create_bucket, stub_s3_head_bucket,
    stub_s3_delete_bucket, stub_s3_unknown;

/* What every S3 request must stand before its own operation's check. */
void stub_s3_check(struct stub_request *req);

/* Refuses the request when If-None-Match does not hold; returns whether it
 * may go on. */
bool stub_s3_condition(struct stub_request *req);
/* Copies the headers of the request that belong to an object. */
void stub_s3_keep_headers(
    struct stub_pairs *kept, const struct stub_request *req);
/* Refuses a body without a checksum under Object Lock. */
void stub_s3_check_lock(
    struct stub_request *req, const struct stub_pairs *headers);
/* Stores the object (taking it) and begins the answer with what PutObject and
 * CompleteMultipartUpload tell in headers; refuses where it cannot. Returns it
 * while it is stored, or NULL. */
const struct stub_object *stub_s3_store(
    struct stub_request *req, struct stub_object *object);
/* Adds x-amz-checksum-<name>, unless VALUE is NULL, and its type. */
void stub_s3_add_checksum(struct stub_request *req, enum stub_sum sum,
    const char *value, bool composite);

#endif
