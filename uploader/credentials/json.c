/* JSON by jansson. Its memory is ours, so that what it leaves behind is wiped:
 * each block knows its size. What jansson says about a text quotes from it,
 * and that could be half a secret, so only the position is told. */
#include "uploader/credentials/json.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/timefmt.h"
#include "uploader/mbedtls_compat.h"

enum { CODE_MAX = 64 };

union block {
	size_t size;
	max_align_t align;
};

static void *
wiped_alloc(size_t size)
{
	union block *block = mem_alloc(sizeof *block + size);

	block->size = size;
	return block + 1;
}

static void
wiped_free(void *memory)
{
	union block *block = memory;

	if (block == NULL)
		return;
	block--;
	mbedtls_platform_zeroize(memory, block->size);
	free(block);
}

static void
set_memory(void)
{
	json_set_alloc_funcs(wiped_alloc, wiped_free);
}

static const char *
text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A code is a word, or it isn't shown. */
static const char *
presentable(const char *code)
{
	if (code == NULL || strlen(code) > CODE_MAX)
		return "unknown";
	for (const char *c = code; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c))
			return "unknown";
	return code;
}

static bool
is_missing(const char *text)
{
	return text == NULL || *text == '\0';
}

static char *
find_fault(const json_t *object, enum json_form form)
{
	const json_t *version = json_object_get(object, "Version");
	const json_t *code = json_object_get(object, "Code");

	if (!json_is_object(object))
		return mem_copy("it is no JSON object");
	if (form == JSON_PROCESS && json_integer_value(version) != 1)
		return mem_copy("\"Version\" must be 1");
	if (form == JSON_SERVICE && code != NULL &&
	    (!json_is_string(code) ||
		strcmp(json_string_value(code), "Success") != 0))
		return mem_format(
		    "its code is %s", presentable(json_string_value(code)));
	if (is_missing(text_of(object, "AccessKeyId")) ||
	    is_missing(text_of(object, "SecretAccessKey")))
		return mem_copy("AccessKeyId or SecretAccessKey is missing");
	return NULL;
}

static char *
take(const json_t *object, enum json_form form,
    struct credentials **ret_credentials)
{
	const char *token_key = form == JSON_PROCESS ? "SessionToken" : "Token";
	const json_t *token = json_object_get(object, token_key);
	const json_t *expiration = json_object_get(object, "Expiration");
	char *fault = find_fault(object, form);
	int64_t expires_ns = INT64_MAX;

	if (fault != NULL)
		return fault;
	if (token != NULL && !json_is_null(token) && !json_is_string(token))
		return mem_format("%s is no text", token_key);
	if (expiration != NULL && !json_is_null(expiration) &&
	    (!json_is_string(expiration) ||
		timefmt_parse(json_string_value(expiration), &expires_ns) < 0))
		return mem_copy("Expiration is no time; it must be as in "
				"2020-11-15T20:31:40Z");
	*ret_credentials = credentials_new(text_of(object, "AccessKeyId"),
	    text_of(object, "SecretAccessKey"), json_string_value(token),
	    expires_ns);
	return NULL;
}

int
json_credentials(const char *text, size_t length, enum json_form form,
    struct credentials **ret_credentials, char **ret_error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	json_error_t where;
	json_t *object;
	char *fault;

	(void)pthread_once(&once, set_memory); /* can't fail */
	object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
	if (object == NULL)
		fault = mem_format("it is no JSON (line %d, column %d)",
		    where.line, where.column);
	else
		fault = take(object, form, ret_credentials);
	json_decref(object);
	/* It may quote the text. */
	mbedtls_platform_zeroize(&where, sizeof where);
	if (fault == NULL)
		return 0;
	*ret_error = fault;
	return -EINVAL;
}
