/* Multipart uploads: create, upload a part, complete, abort. */
#ifndef STUB_MULTIPART_H
#define STUB_MULTIPART_H

#include "tests/stub/stub.h"
#include "tests/stub/stub_store.h"

extern const struct stub_operation stub_multipart_create, stub_multipart_part,
    stub_multipart_complete, stub_multipart_abort;

/* The upload that the request names; refuses with NoSuchUpload. */
struct stub_upload *stub_multipart_find(struct stub_request *req);

#endif
