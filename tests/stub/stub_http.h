/* The HTTP of the stub: libmicrohttpd around the operations. */
#ifndef STUB_HTTP_H
#define STUB_HTTP_H

#include "tests/stub/stub.h"

/* Listens on 127.0.0.1, prints the URL on stdout and serves until SIGTERM or
 * SIGINT. Returns 0, or -1 with the reason on stderr. */
int stub_http_serve(struct stub *stub);

#endif
