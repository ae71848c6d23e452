/* Checks of configuration values; see config_check.h.
 *
 * They look for what would surprise later rather than now: a blank in an
 * endpoint (a URL that curl refuses for each file), a control character in a
 * region (it is signed), a prefix that gives every key an empty first part, a
 * pattern that can match nothing because fnmatch(3) compares it with relative
 * paths whose parts are never empty, "." or "..". */
#include "common/config_check.h"

#include <stdbool.h>
#include <string.h>

#include "common/percent.h"

enum { KEY_MAX_BYTES = 1024 }; /* of an S3 object's key */

static bool
is_word(const char *text)
{
	while (*text > ' ' && *text < '\x7f')
		text++;
	return *text == '\0';
}

const char *
config_check_word(const char *text)
{
	if (*text == '\0')
		return "it is empty; give it a value";
	if (!is_word(text))
		return "it has a blank, a control character or one beyond "
		       "ASCII; take it out";
	return NULL;
}

const char *
config_check_endpoint(const char *text)
{
	const char *host = NULL;

	if (strncmp(text, "http://", 7) == 0)
		host = text + 7;
	else if (strncmp(text, "https://", 8) == 0)
		host = text + 8;
	if (host == NULL)
		return "it is no http:// or https:// URL; write it such as "
		       "https://s3.example.com";
	if (*host == '\0' || *host == '/' || *host == ':')
		return "it names no host; write it such as "
		       "https://s3.example.com";
	return config_check_word(text);
}

const char *
config_check_prefix(const char *text)
{
	if (*text == '/')
		return "it begins with a slash, so that every key would; "
		       "leave that slash out";
	if (strlen(text) > KEY_MAX_BYTES)
		return "it is longer than 1024 bytes, and so than any key; "
		       "shorten it";
	if (!percent_is_utf8(text))
		return "it is not valid UTF-8, and a key must be; write it in "
		       "UTF-8";
	return NULL;
}

const char *
config_check_pattern(const char *text)
{
	if (*text == '\0')
		return "the pattern is empty; leave the key out for the "
		       "default";
	if (*text == '/')
		return "the pattern is absolute; write it relative to "
		       "base_dir";
	for (;;) {
		size_t length = strcspn(text, "/");

		if (length == 0)
			return "the pattern has an empty component; write one "
			       "slash, between two names";
		if ((length == 1 && text[0] == '.') ||
		    (length == 2 && text[0] == '.' && text[1] == '.'))
			return "the pattern has a '.' or '..' component, which "
			       "matches nothing; leave it out";
		if (text[length] == '\0')
			return NULL;
		text += length + 1;
	}
}
