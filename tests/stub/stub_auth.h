/* The judge of signatures (AWS Signature Version 4, in headers). */
#ifndef STUB_AUTH_H
#define STUB_AUTH_H

#include "tests/stub/stub.h"

/* Refuses the request unless it is signed as SERVICE ("s3", "sts") wants it,
 * over PAYLOAD_HASH, the value that ends the canonical request. Returns whether
 * it is. */
bool stub_auth_check(
    struct stub_request *req, const char *service, const char *payload_hash);
/* The judgement of an S3 request's headers: the above, unless --no-auth, and
 * that x-amz-content-sha256 is there and of a kind we take. */
void stub_auth_check_s3(struct stub_request *req);

#endif
