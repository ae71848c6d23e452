/* Certificates for the stub's TLS. */
#ifndef STUB_TLS_H
#define STUB_TLS_H

#include <microhttpd.h>

#include "tests/stub/stub.h"

struct stub_tls;

/* Reads the files that the options name; NULL with the reason on stderr. */
struct stub_tls *stub_tls_load(const struct stub_options *options);
void stub_tls_free(struct stub_tls *tls);
/* Fills at most three options of libmicrohttpd; the rest stay as they are. */
void stub_tls_options(
    const struct stub_tls *tls, struct MHD_OptionItem options[3]);
/* With --client-ca: whether the client showed a certificate of that CA. */
bool stub_tls_client_known(struct MHD_Connection *connection);

#endif
