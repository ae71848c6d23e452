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

/* Asks each source in turn. Returns 0 and *ret_credentials (the caller's), or
 * -ENOENT (no source has any) or -EINVAL (a source has bad ones), and one
 * line for the user in *ret_error (the caller's to free) that names what was
 * tried. Never a secret in it. */
int credentials_load(struct credentials **ret_credentials, char **ret_error);
/* Wipes the secrets. NULL is fine. */
void credentials_free(struct credentials *credentials);

#endif
