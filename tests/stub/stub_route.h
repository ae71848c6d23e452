/* Which operation a request asks for. */
#ifndef STUB_ROUTE_H
#define STUB_ROUTE_H

#include "tests/stub/stub.h"

/* Never NULL. */
const struct stub_operation *stub_route_s3(const struct stub_request *req);

#endif
