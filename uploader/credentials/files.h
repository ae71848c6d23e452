/* Credentials of a profile in the AWS shared files. */
#ifndef UPLOADER_CREDENTIALS_FILES_H
#define UPLOADER_CREDENTIALS_FILES_H

#include "uploader/credentials/credentials.h"

/* What the profile in use names, in this order: a role (role_arn with
 * web_identity_token_file, source_profile or credential_source), keys,
 * credential_process. A source of chain.c, as env_load. */
int files_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error);

#endif
