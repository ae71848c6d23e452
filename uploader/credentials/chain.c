/* The sources of credentials, asked in turn: the first that has any decides,
 * and one that has bad ones ends the search, since going on would sign as
 * somebody the user did not mean.
 *
 * Whatever a source gives is checked here, once for all of them: access key
 * and session token travel in header lines, so a line break in them would
 * forge a header, and a blank or comma would end the field they stand in.
 * (A colon is legal: OpenStack Swift's keys are "account:user".) Blanks in a
 * secret are legal too, but control characters are a stray line ending from
 * wherever it was copied. Nothing of a secret appears in an error. */
#include "uploader/credentials/credentials.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/strbuf.h"
#include "uploader/credentials/env.h"
#include "uploader/mbedtls_compat.h"

struct source {
	const char *name;  /* struct credentials' source */
	const char *tried; /* what to set for it to have any */
	/* Returns 0, -ENOENT (it has none; *ret_error untouched), or another
	 * negative errno and *ret_error. */
	int (*load)(struct credentials **ret_credentials, char **ret_error);
};

static const struct source sources[] = {
    {"the environment", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
	env_load},
};

static bool
contains_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

/* What is wrong with CREDENTIALS, or NULL. */
static const char *
find_fault(const struct credentials *credentials)
{
	const char *token = credentials->session_token;

	if (*credentials->access_key == '\0' || *credentials->secret == '\0')
		return "a key is empty";
	if (contains_control(credentials->access_key) ||
	    strpbrk(credentials->access_key, " ,") != NULL)
		return "the access key contains a blank, a comma or a control "
		       "character; look for a stray line ending";
	if (contains_control(credentials->secret))
		return "the secret key contains a control character; look for "
		       "a stray line ending";
	if (token != NULL && (*token == '\0' || contains_control(token) ||
				 strchr(token, ' ') != NULL))
		return "the session token is empty or contains a blank or a "
		       "control character; look for a stray line ending";
	return NULL;
}

int
credentials_load(struct credentials **ret_credentials, char **ret_error)
{
	struct credentials *credentials;
	struct strbuf tried = {0};
	const char *fault;
	int result = -ENOENT;

	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		credentials = NULL;
		result = sources[i].load(&credentials, ret_error);
		if (result == -ENOENT) {
			strbuf_printf(&tried, "%s%s (%s)", i > 0 ? ", " : "",
			    sources[i].name, sources[i].tried);
			continue;
		}
		if (result != 0)
			break;
		fault = find_fault(credentials);
		if (fault != NULL) {
			*ret_error = mem_format(
			    "credentials of %s: %s", sources[i].name, fault);
			credentials_free(credentials);
			result = -EINVAL;
			break;
		}
		credentials->source = sources[i].name;
		*ret_credentials = credentials;
		break;
	}
	if (result == -ENOENT)
		*ret_error = mem_format(
		    "no credentials found; tried: %s", strbuf_text(&tried));
	strbuf_done(&tried);
	return result;
}

static void
wipe_and_free(char *text)
{
	if (text != NULL)
		mbedtls_platform_zeroize(text, strlen(text));
	free(text);
}

void
credentials_free(struct credentials *credentials)
{
	if (credentials == NULL)
		return;
	wipe_and_free(credentials->access_key);
	wipe_and_free(credentials->secret);
	wipe_and_free(credentials->session_token);
	free(credentials);
}
