/* Credentials as JSON: of credential_process, of containers, of instances. */
#ifndef UPLOADER_CREDENTIALS_JSON_H
#define UPLOADER_CREDENTIALS_JSON_H

#include <stddef.h>

#include "uploader/credentials/credentials.h"

enum json_form {
	JSON_PROCESS, /* "Version": 1, the token in SessionToken */
	JSON_SERVICE  /* the token in Token; "Code", where there is one, must
			 be "Success" */
};

/* Reads the LENGTH bytes at TEXT, which may be anything. Without Expiration
 * they never expire. Returns 0 and *ret_credentials (the caller's), or -EINVAL
 * and what is wrong in *ret_error (the caller's to free), in which nothing of
 * TEXT is repeated but a service's Code. */
int json_credentials(const char *text, size_t length, enum json_form form,
    struct credentials **ret_credentials, char **ret_error);

#endif
