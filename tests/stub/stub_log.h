/* The log of requests: what the tests believe. */
#ifndef STUB_LOG_H
#define STUB_LOG_H

#include "tests/stub/stub.h"

/* Opens the file for appending and names the columns in a new one. 0, or -1
 * with the reason on stderr. */
int stub_log_open(struct stub *stub, const char *path);
/* Writes the request's line, once. STATUS 0: it was not answered. */
void stub_log_request(struct stub_request *req, unsigned status);

#endif
