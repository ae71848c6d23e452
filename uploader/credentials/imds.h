/* Credentials of an EC2 instance: its metadata service, version 2. */
#ifndef UPLOADER_CREDENTIALS_IMDS_H
#define UPLOADER_CREDENTIALS_IMDS_H

#include "uploader/credentials/credentials.h"

/* A source of chain.c, as env_load; where it has none, *ret_error says why. */
int imds_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error);

#endif
