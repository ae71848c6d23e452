/* Credentials from the environment, as every AWS tool reads them (AWS SDKs
 * and Tools Reference Guide, "Access keys"). They never expire as far as we
 * can know: a session token that did is refused by the store, and a new run
 * sees the new environment.
 *
 * A session token without keys is no credential, so it is ignored. One key
 * without the other is a mistake that falling through to another source would
 * only hide. */
#include "uploader/credentials/env.h"

#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"

static const char *
get(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

int
env_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error)
{
	static const char id_name[] = "AWS_ACCESS_KEY_ID";
	static const char secret_name[] = "AWS_SECRET_ACCESS_KEY";
	const char *access_key = get(id_name);
	const char *secret = get(secret_name);
	const char *token = get("AWS_SESSION_TOKEN");

	(void)context;
	if (access_key == NULL && secret == NULL)
		return -ENOENT;
	if (access_key == NULL || secret == NULL) {
		*ret_error = mem_format(
		    "credentials: %s is set in the environment but %s is not; "
		    "set both or neither",
		    access_key != NULL ? id_name : secret_name,
		    access_key != NULL ? secret_name : id_name);
		return -EINVAL;
	}
	*ret_credentials = credentials_new(
	    access_key, secret, token, INT64_MAX);
	return 0;
}
