/* Credentials of a container: ECS tasks and EKS Pod Identity. */
#ifndef UPLOADER_CREDENTIALS_CONTAINER_H
#define UPLOADER_CREDENTIALS_CONTAINER_H

#include "uploader/credentials/credentials.h"

/* What is wrong with URL as AWS_CONTAINER_CREDENTIALS_FULL_URI, or NULL. */
const char *container_url_fault(const char *url);

/* A source of chain.c, as env_load. */
int container_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error);

#endif
