/* Certificates for the stub's TLS. libmicrohttpd asks the client for a
 * certificate when it is told of a CA, but takes the connection without one:
 * judging it is left to us. */
#include "tests/stub/stub_tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_text.h"

enum { PEM_LIMIT = 1 << 20 };

struct stub_tls {
	char *cert, *key, *client_ca;
};

static char *
load(const char *path)
{
	char *text = stub_text_file(path, PEM_LIMIT);

	if (text == NULL)
		fprintf(
		    stderr, "cannot read \"%s\": %s\n", path, strerror(errno));
	return text;
}

struct stub_tls *
stub_tls_load(const struct stub_options *options)
{
	struct stub_tls *tls = mem_zero(1, sizeof(*tls));

	tls->cert = load(options->cert_path);
	tls->key = load(options->key_path);
	if (options->client_ca_path != NULL)
		tls->client_ca = load(options->client_ca_path);
	if (tls->cert == NULL || tls->key == NULL ||
	    (options->client_ca_path != NULL && tls->client_ca == NULL)) {
		stub_tls_free(tls);
		return NULL;
	}
	return tls;
}

void
stub_tls_free(struct stub_tls *tls)
{
	if (tls == NULL)
		return;
	free(tls->cert);
	free(tls->key);
	free(tls->client_ca);
	free(tls);
}

void
stub_tls_options(const struct stub_tls *tls, struct MHD_OptionItem options[3])
{
	options[0] = (struct MHD_OptionItem){
	    MHD_OPTION_HTTPS_MEM_CERT, 0, tls->cert};
	options[1] = (struct MHD_OptionItem){
	    MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key};
	if (tls->client_ca != NULL)
		options[2] = (struct MHD_OptionItem){
		    MHD_OPTION_HTTPS_MEM_TRUST, 0, tls->client_ca};
}

bool
stub_tls_client_known(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	unsigned status = 1;

	return info != NULL &&
	       gnutls_certificate_verify_peers2(info->tls_session, &status) ==
		   0 &&
	       status == 0;
}
