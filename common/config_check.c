/* Checks of configuration values; see config_check.h.
 *
 * They look for what would surprise later rather than now: a blank in an
 * endpoint (a URL that curl refuses for each file), a control character in a
 * region (it is signed), a prefix that gives every key an empty first part, a
 * pattern that can match nothing because fnmatch(3) compares it with relative
 * paths whose parts are never empty, "." or "..". */
#include "common/config_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/percent.h"
#include "common/timefmt.h"
#include "common/units.h"

enum { KEY_MAX_BYTES = 1024 }; /* of an S3 object's key */
enum { TAGS_MAX = 10, TAG_NAME_MAX = 128, TAG_VALUE_MAX = 256 };
enum {
	/* AWS, "Working with object metadata": 2 KB of names and values, of
	 * which our own take some: mtime and s3spool-crc32c. */
	METADATA_MAX_BYTES = 2048 - 64,
	METADATA_MAX = 32 /* a request's headers are bounded */
};

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

const char *
config_check_line(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text >= '\x7f')
			return "it has a control character or one beyond "
			       "ASCII; take it out";
	return NULL;
}

const char *
config_check_proxy(const char *text)
{
	if (*text == '\0')
		return NULL;
	return config_check_word(text);
}

const char *
config_check_header(const char *text)
{
	size_t length = strlen(text);

	if (length == 0)
		return "it is empty; give it a value";
	if (config_check_line(text) != NULL)
		return "it has a control character or one beyond ASCII, which "
		       "no header can carry; take it out, or encode it";
	if (text[0] == ' ' || text[length - 1] == ' ' ||
	    strstr(text, "  ") != NULL)
		return "it begins or ends with a blank or has two in a row, "
		       "which no store keeps; take them out";
	return NULL;
}

const char *
config_check_moment(const char *text)
{
	int64_t value;

	if (timefmt_parse(text, &value) < 0 &&
	    units_parse_duration(text, &value) < 0)
		return "it is neither a time such as 2030-01-31T00:00:00Z nor "
		       "a duration such as 365d; write one of them";
	return NULL;
}

/* --- mappings ------------------------------------------------------------- */

static bool
has(const struct config_map *map, const char *name,
    int (*compare)(const char *a, const char *b))
{
	for (size_t i = 0; i < map->count; i++)
		if (compare(map->pairs[i].name, name) == 0)
			return true;
	return false;
}

/* The characters of valid UTF-8 without control characters; SIZE_MAX for
 * anything else. */
static size_t
count_characters(const char *text)
{
	size_t count = 0;

	if (!percent_is_utf8(text))
		return SIZE_MAX;
	for (; *text != '\0'; text += percent_utf8_length(text), count++)
		if ((unsigned char)*text < ' ' || *text == '\x7f')
			return SIZE_MAX;
	return count;
}

const char *
config_check_tag(
    const struct config_map *map, const char *name, const char *value)
{
	size_t length = count_characters(name);

	if (map->count >= TAGS_MAX)
		return "an object has at most 10 tags; leave some out";
	if (has(map, name, strcmp))
		return "it is there already; keep one";
	if (strncasecmp(name, "aws:", 4) == 0)
		return "tags that begin with aws: are AWS's own; choose "
		       "another name";
	if (length == 0 || length > TAG_NAME_MAX)
		return "a tag's name has 1 to 128 characters, all of them "
		       "printable; change it";
	if (count_characters(value) > TAG_VALUE_MAX)
		return "a tag's value has at most 256 characters, all of them "
		       "printable; change it";
	return NULL;
}

const char *
config_check_metadata(
    const struct config_map *map, const char *name, const char *value)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789-_.";
	size_t bytes = strlen(name) + strlen(value);

	if (*name == '\0' || name[strspn(name, alphabet)] != '\0')
		return "a name of metadata has only letters, digits, '-', '_' "
		       "and '.'; change it";
	if (strncasecmp(name, "x-amz-meta-", 11) == 0)
		return "x-amz-meta- is put before it anyway; leave that out";
	if (strncasecmp(name, "s3spool-", 8) == 0)
		return "names that begin with s3spool- are our own; choose "
		       "another";
	if (has(map, name, strcasecmp))
		return "it is there already (case counts for nothing in it); "
		       "keep one";
	for (size_t i = 0; i < map->count; i++)
		bytes += strlen(map->pairs[i].name) +
			 strlen(map->pairs[i].value);
	if (bytes > METADATA_MAX_BYTES || map->count >= METADATA_MAX)
		return "an object's metadata has at most 2 KB and here 32 "
		       "names; leave some out";
	return config_check_header(value);
}

const char *
config_check_content_type(
    const struct config_map *map, const char *name, const char *value)
{
	if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL ||
	    count_characters(name) == SIZE_MAX)
		return "it is no extension; write it without its dot, such as "
		       "csv";
	if (has(map, name, strcasecmp))
		return "it is there already (case counts for nothing in it); "
		       "keep one";
	return config_check_header(value);
}
