/* Credentials of a profile in the AWS shared files. */
#ifndef UPLOADER_CREDENTIALS_FILES_H
#define UPLOADER_CREDENTIALS_FILES_H

#include <stddef.h>

#include "uploader/credentials/credentials.h"
#include "uploader/credentials/profile.h"

enum { FILES_HOPS_MAX = 16 }; /* from source_profile to source_profile */

/* What the profile in use names, in this order: a role (role_arn with
 * web_identity_token_file, source_profile or credential_source), keys,
 * credential_process. A source of chain.c, as env_load. */
int files_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error);
/* The values of KEY in the profile in use and in those that its source_profile
 * leads to. Returns how many; *ret_values point into PROFILES. */
size_t files_settings(const struct profiles *profiles, const char *key,
    const char *ret_values[FILES_HOPS_MAX]);

#endif
