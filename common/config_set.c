/* From text to the values of struct config; see config_set.h.
 *
 * A setter says what is wrong in words that fit after a place and a key, and
 * changes nothing then. */
#include "common/config_set.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/percent.h"
#include "common/strbuf.h"
#include "common/units.h"

enum { QUOTE_MAX = 64 };

char *
config_set_quote(const char *text)
{
	struct strbuf buf = {0};

	strbuf_putc(&buf, '\'');
	while (*text != '\0' && buf.length <= QUOTE_MAX) {
		size_t length = percent_utf8_length(text);
		bool shown = length > 1 ||
			     (length == 1 && *text >= ' ' && *text != '\x7f');

		strbuf_add(&buf, shown ? text : "?", shown ? length : 1);
		text += length > 0 ? length : 1;
	}
	strbuf_puts(&buf, *text != '\0' ? "...'" : "'");
	return strbuf_take(&buf);
}

/* "'TEXT': PROBLEM", the caller's to free; but "PROBLEM" where there is nothing
 * to show, or what isn't to be: a URL of a proxy may have a password. */
static char *
blame(const char *text, const char *problem)
{
	char *quoted;
	char *result;

	if (*text == '\0' || strchr(text, '@') != NULL)
		return mem_copy(problem);
	quoted = config_set_quote(text);
	result = mem_format("%s: %s", quoted, problem);
	free(quoted);
	return result;
}

static void
replace_text(void *value, char *text)
{
	char **old = value;

	free(*old);
	*old = text;
}

/* Appends the components of PATH, each after a slash, but not those that mean
 * nothing. ".." stays: what it means depends on links. */
static void
add_tidy(struct strbuf *buf, const char *path)
{
	while (*path != '\0') {
		size_t length = strcspn(path, "/");

		if (length > 1 || (length == 1 && *path != '.')) {
			strbuf_putc(buf, '/');
			strbuf_add(buf, path, length);
		}
		path += length + (path[length] == '/');
	}
}

static char *
set_path(void *value, const struct config_key *key, const char *text,
    const char *directory)
{
	struct strbuf buf = {0};

	bool is_file = key->type == CONFIG_FILE;

	if (*text == '\0' && key->may_be_none) {
		replace_text(value, NULL);
		return NULL;
	}
	if (*text == '\0')
		return mem_copy(is_file ? "it is empty; name a file"
					: "it is empty; name a directory");
	if (*text != '/') {
		if (*directory != '/') {
			char *current = getcwd(NULL, 0);

			if (current == NULL)
				return mem_format(
				    "it is relative, and the current directory "
				    "is unknown (%s); write an absolute path",
				    strerror(errno));
			add_tidy(&buf, current);
			free(current);
		}
		add_tidy(&buf, directory);
	}
	add_tidy(&buf, text);
	if (buf.length == 0) {
		strbuf_done(&buf);
		return mem_copy(is_file ? "it is the root directory; name a "
					  "file"
					: "it is the root directory; name a "
					  "directory below it");
	}
	replace_text(value, strbuf_take(&buf));
	return NULL;
}

static char *
set_text(void *value, const struct config_key *key, const char *text)
{
	const char *problem = key->check(text);

	if (problem != NULL)
		return blame(text, problem);
	replace_text(value, mem_copy(text));
	return NULL;
}

static char *
set_number(void *value, const struct config_key *key, const char *text)
{
	int64_t number = 0;
	const char *end = text;
	const char *word = key->words != NULL ? *key->words : NULL;
	char *quoted;
	char *problem;

	if (word != NULL && strcmp(text, word) == 0) {
		*(int *)value = 0;
		return NULL;
	}
	/* Stops in time: the largest limit is far below INT64_MAX / 10. */
	while (*end >= '0' && *end <= '9' && number <= key->max)
		number = number * 10 + (*end++ - '0');
	if (end != text && *end == '\0' && number >= key->min &&
	    number <= key->max) {
		*(int *)value = (int)number;
		return NULL;
	}
	quoted = config_set_quote(text);
	problem = mem_format("%s is %s%s%s whole number from %" PRId64
			     " to %" PRId64 "; the default is %s",
	    quoted, word != NULL ? "neither " : "no", word != NULL ? word : "",
	    word != NULL ? " nor a" : "", key->min, key->max,
	    key->initial != NULL ? key->initial : key->elsewhere);
	free(quoted);
	return problem;
}

static char *
set_duration(void *value, const struct config_key *key, const char *text)
{
	int64_t seconds = 0;
	int result = units_parse_duration(text, &seconds);
	char *quoted;
	char *problem;

	if (result == 0 && seconds >= key->min && seconds <= key->max) {
		*(int64_t *)value = seconds;
		return NULL;
	}
	quoted = config_set_quote(text);
	if (result == -EINVAL)
		problem = mem_format("%s is no duration; write seconds, or a "
				     "whole number with s, m, h or d such as "
				     "26h",
		    quoted);
	else
		problem = mem_format("%s is not from %" PRId64 " to %" PRId64
				     " seconds; the default is %s",
		    quoted, key->min, key->max, key->initial);
	free(quoted);
	return problem;
}

static char *
set_size(void *value, const struct config_key *key, const char *text)
{
	char least[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
	int64_t bytes = 0;
	int result = units_parse_size(text, &bytes);
	char *quoted;
	char *problem;

	if (result == 0 && bytes >= key->min && bytes <= key->max) {
		*(int64_t *)value = bytes;
		return NULL;
	}
	quoted = config_set_quote(text);
	if (result == -EINVAL)
		problem = mem_format("%s is no size; write bytes, or a whole "
				     "number with K, M, G or T such as 16M",
		    quoted);
	else
		problem = mem_format("%s is not from %s to %s; the default "
				     "is %s",
		    quoted, units_write_size(key->min, least),
		    units_write_size(key->max, most), key->initial);
	free(quoted);
	return problem;
}

/* As YAML 1.2 and AWS's tools write them; case is theirs to vary. */
static char *
set_flag(void *value, const char *text)
{
	enum config_flag *flag = value;
	char *quoted;
	char *problem;

	if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0) {
		*flag = tolower((unsigned char)*text) == 't' ? FLAG_TRUE
							     : FLAG_FALSE;
		return NULL;
	}
	quoted = config_set_quote(text);
	problem = mem_format(
	    "%s is none of its values; write true or false", quoted);
	free(quoted);
	return problem;
}

static char *
set_choice(void *value, const struct config_key *key, const char *text)
{
	struct strbuf problem = {0};
	char *quoted;

	for (unsigned int i = 0; key->words[i] != NULL; i++) {
		if (strcmp(key->words[i], text) == 0) {
			/* Each choice is an enum of its own. */
			memcpy(value, &i, sizeof i);
			return NULL;
		}
	}
	quoted = config_set_quote(text);
	strbuf_printf(&problem, "%s is none of its values; write ", quoted);
	free(quoted);
	for (size_t i = 0; key->words[i] != NULL; i++)
		strbuf_printf(&problem, "%s%s",
		    i == 0			? ""
		    : key->words[i + 1] == NULL ? " or "
						: ", ",
		    key->words[i]);
	return strbuf_take(&problem);
}

_Static_assert(sizeof(enum settle_check) == sizeof(unsigned int) &&
		   sizeof(enum log_level) == sizeof(unsigned int),
    "set_choice stores an enum as an unsigned int");

/* --- lists ---------------------------------------------------------------- */

void
config_set_clear_list(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list){0};
}

char *
config_set_add_item(
    struct config_list *list, const struct config_key *key, const char *text)
{
	const char *problem = key->check(text);

	if (problem != NULL)
		return blame(text, problem);
	list->items = mem_grow(
	    list->items, list->count + 1, sizeof *list->items);
	list->items[list->count++] = mem_copy(text);
	return NULL;
}

/* --- mappings ------------------------------------------------------------- */

void
config_set_clear_map(struct config_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		free(map->pairs[i].name);
		free(map->pairs[i].value);
	}
	free(map->pairs);
	*map = (struct config_map){0};
}

char *
config_set_add_pair(struct config_map *map, const struct config_key *key,
    const char *name, const char *value)
{
	const char *problem = key->check_pair(map, name, value);
	char *quoted;
	char *result;

	if (problem != NULL) {
		quoted = config_set_quote(name);
		result = mem_format("%s: %s", quoted, problem);
		free(quoted);
		return result;
	}
	map->pairs = mem_grow(map->pairs, map->count + 1, sizeof *map->pairs);
	map->pairs[map->count++] = (struct config_pair){
	    .name = mem_copy(name), .value = mem_copy(value)};
	return NULL;
}

/* One "name=value" of LENGTH bytes. */
static char *
add_encoded_pair(struct config_map *map, const struct config_key *key,
    const char *text, size_t length)
{
	const char *equals = memchr(text, '=', length);
	struct strbuf name = {0}, value = {0};
	size_t name_length = equals != NULL ? (size_t)(equals - text) : 0;
	char *problem;

	if (equals == NULL)
		problem = mem_copy("a name has no value; write name=value, "
				   "and & between two of them");
	else if (percent_decode(&name, text, name_length) < 0 ||
		 percent_decode(&value, equals + 1, length - name_length - 1) <
		     0)
		problem = mem_copy("a percent sign begins no %XX in hex; "
				   "write %25 for the sign itself");
	else
		problem = config_set_add_pair(
		    map, key, strbuf_text(&name), strbuf_text(&value));
	strbuf_done(&name);
	strbuf_done(&value);
	return problem;
}

static char *
set_map(void *value, const struct config_key *key, const char *text)
{
	char *problem = NULL;

	config_set_clear_map(value);
	while (problem == NULL && *text != '\0') {
		size_t length = strcspn(text, "&");

		problem = add_encoded_pair(value, key, text, length);
		text += length + (text[length] == '&');
	}
	return problem;
}

char *
config_set_value(void *value, const struct config_key *key, const char *text,
    const char *directory)
{
	switch (key->type) {
	case CONFIG_TEXT:
		return set_text(value, key, text);
	case CONFIG_PATH:
	case CONFIG_FILE:
		return set_path(value, key, text, directory);
	case CONFIG_MAP:
		return set_map(value, key, text);
	case CONFIG_NUMBER:
		return set_number(value, key, text);
	case CONFIG_DURATION:
		return set_duration(value, key, text);
	case CONFIG_SIZE:
		return set_size(value, key, text);
	case CONFIG_FLAG:
		return set_flag(value, text);
	case CONFIG_CHOICE:
		return set_choice(value, key, text);
	case CONFIG_PATTERNS:
		config_set_clear_list(value);
		return config_set_add_item(value, key, text);
	}
	return mem_copy("this key can't be set");
}
