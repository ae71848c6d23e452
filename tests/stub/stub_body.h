/* A request's body on its way in, and what its headers claim of it. */
#ifndef STUB_BODY_H
#define STUB_BODY_H

#include "tests/stub/stub.h"

/* Refuses headers on the body that S3 refuses before reading it; sets
 * req->sum to the x-amz-checksum-* that came. */
void stub_body_check_headers(struct stub_request *req);
/* Begins to calculate what will be asked of the body. */
void stub_body_begin(struct stub_request *req);
/* Takes some more of it; refuses what is too much. */
void stub_body_add(struct stub_request *req, const char *bytes, size_t length);
/* Ends it: refuses a body that is not what the headers claim. */
void stub_body_end(struct stub_request *req);

#endif
