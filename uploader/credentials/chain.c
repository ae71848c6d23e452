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
#include "uploader/credentials/container.h"
#include "uploader/credentials/env.h"
#include "uploader/credentials/files.h"
#include "uploader/credentials/imds.h"
#include "uploader/credentials/sts.h"
#include "uploader/mbedtls_compat.h"

struct source {
	const char *name;  /* struct credentials' source */
	const char *tried; /* what to set for it to have any */
	/* Returns 0, -ENOENT (it has none; *ret_error untouched, or a note why
	 * in place of TRIED), or another negative errno and *ret_error. */
	int (*load)(const struct credentials_context *context,
	    struct credentials **ret_credentials, char **ret_error);
};

static const struct source sources[] = {
    {"the environment", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
	env_load},
    {"the shared files", "~/.aws/credentials, ~/.aws/config and AWS_PROFILE",
	files_load},
    {"web identity", "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN", sts_load},
    {"the container", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI",
	container_load},
    {"instance metadata", "AWS_EC2_METADATA_SERVICE_ENDPOINT", imds_load},
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

/* Asks one source, and looks at what it gives. */
static int
ask(const struct source *source, const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error)
{
	struct credentials *credentials = NULL;
	const char *fault;
	int result = source->load(context, &credentials, ret_error);

	if (result != 0)
		return result;
	fault = find_fault(credentials);
	if (fault != NULL) {
		*ret_error = mem_format(
		    "credentials of %s: %s", source->name, fault);
		credentials_free(credentials);
		return -EINVAL;
	}
	credentials->source = source->name;
	*ret_credentials = credentials;
	return 0;
}

int
credentials_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error)
{
	struct strbuf tried = {0};
	int result = -ENOENT;

	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		const struct source *source = &sources[i];
		char *note = NULL;

		if (context->only != NULL &&
		    strcmp(context->only, source->name) != 0)
			continue;
		result = ask(source, context, ret_credentials, &note);
		if (result != -ENOENT) {
			if (result != 0)
				*ret_error = note;
			break;
		}
		strbuf_printf(&tried, "%s%s (%s)", tried.length > 0 ? ", " : "",
		    source->name, note != NULL ? note : source->tried);
		free(note);
	}
	if (result == -ENOENT)
		*ret_error = mem_format(
		    "no credentials found; tried: %s", strbuf_text(&tried));
	strbuf_done(&tried);
	return result;
}

struct credentials *
credentials_new(const char *access_key, const char *secret, const char *token,
    int64_t expires_ns)
{
	struct credentials *credentials = mem_zero(1, sizeof *credentials);

	credentials->access_key = mem_copy(access_key);
	credentials->secret = mem_copy(secret);
	if (token != NULL)
		credentials->session_token = mem_copy(token);
	credentials->expires_ns = expires_ns;
	return credentials;
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
