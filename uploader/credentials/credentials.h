/* Credentials: who signs. */
#ifndef UPLOADER_CREDENTIALS_H
#define UPLOADER_CREDENTIALS_H

#include <stdint.h>

struct credentials {
	char *access_key;
	char *secret;
	char *session_token; /* NULL where there is none */
	const char *source;  /* what they came from, for people: "the
				environment" */
	int64_t expires_ns;  /* INT64_MAX: never */
};

/* What sources need to know. Nothing is owned. */
struct credentials_context {
	const char *region;    /* of STS */
	const char *ca_bundle; /* as in struct config, of STS */
	const char *proxy, *no_proxy;
	const char *only;	 /* NULL, or the one source to ask: renewing
				    must not sign as somebody else */
	int64_t clock_offset_ns; /* the world's clock minus ours */
	int cancel_fd;		 /* readable: stop waiting; -1: none */
};

/* Asks each source in turn. Returns 0 and *ret_credentials (the caller's), or
 * -ENOENT (no source has any), -EINVAL (a source has bad ones, or is set up
 * wrongly), -EAGAIN (a source can't be reached, or says that it can't now),
 * -EIO (a source does not answer as it should) or -ECANCELED, and one line for
 * the user in *ret_error (the caller's to free) that names what was tried.
 * Never a secret in it. libcurl must have been initialised. It may take
 * minutes, and may run in any thread. */
int credentials_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error);
/* Wipes the secrets. NULL is fine. */
void credentials_free(struct credentials *credentials);

/* For sources: copies the texts; TOKEN may be NULL. */
struct credentials *credentials_new(const char *access_key, const char *secret,
    const char *token, int64_t expires_ns);

#endif
