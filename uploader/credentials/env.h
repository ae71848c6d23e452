/* Credentials from the environment. */
#ifndef UPLOADER_CREDENTIALS_ENV_H
#define UPLOADER_CREDENTIALS_ENV_H

#include "uploader/credentials/credentials.h"

/* AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where it
 * is set; empty counts as unset. A source of chain.c: returns 0 and
 * *ret_credentials, -ENOENT (neither key is set; *ret_error is untouched), or
 * -EINVAL and one line in *ret_error (one key without the other). */
int env_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error);

#endif
