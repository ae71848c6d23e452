/* The table of configuration keys; see config_keys.h.
 *
 * A row says all there is to say about a key, its default included, which is
 * written as a user would write it and read by the same code. What depends on
 * several keys or on the file system is config.c's. */
#include "common/config_keys.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_check.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/strbuf.h"
#include "common/units.h"

#define MIB (INT64_C(1024) * 1024)
#define GIB (1024 * MIB)

enum { NAME_MAX_LENGTH = 32, QUOTE_MAX = 64, DAY_SECONDS = 86400 };

enum type {
	TYPE_TEXT,     /* char * */
	TYPE_PATH,     /* char *, made absolute */
	TYPE_PATTERNS, /* char ** and a count */
	TYPE_NUMBER,   /* int */
	TYPE_DURATION, /* int64_t seconds */
	TYPE_SIZE,     /* int64_t bytes */
	TYPE_CHOICE    /* an enum, counted from 0 in the order of the words */
};

struct key {
	const char *name;
	enum type type;
	size_t offset; /* of the value in struct config */
	bool required;
	const char *initial; /* the default, or NULL: no value */
	int64_t min;	     /* numbers and durations */
	int64_t max;
	const char *const *words; /* of a choice, ended by NULL */
	/* What is wrong with a text or pattern, "what; hint", or NULL. */
	const char *(*check)(const char *text);
};

/* The order of each is that of its enum in config.h. */
static const char *const settle_checks[] = {"auto", "lease", "age", NULL};
static const char *const conflicts[] = {
    "quarantine", "keep-both", "overwrite", NULL};
static const char *const signings[] = {"auto", "always", "never", NULL};
static const char *const checksums[] = {
    "auto", "crc32c", "crc64nvme", "sha256", "md5", "none", NULL};
static const char *const addressings[] = {"auto", "path", "virtual", NULL};
static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const formats[] = {"text", "json", NULL};

#define AT(member) .offset = offsetof(struct config, member)
#define FOREVER .max = UNITS_DURATION_MAX_SECONDS
static const struct key keys[] = {
    {"base_dir", TYPE_PATH, AT(base_dir), .required = true},
    {"s3_bucket", TYPE_TEXT, AT(bucket), .required = true,
	.check = config_check_word},
    {"spool_dir", TYPE_PATH, AT(spool_dir)},
    {"pattern", TYPE_PATTERNS, AT(patterns),
	.initial = "*/[0-9]*/[0-9]*/[0-9]*/[0-9]*/[0-9]*-*.dat",
	.check = config_check_pattern},
    {"settle_seconds", TYPE_DURATION, AT(settle_seconds), .initial = "10",
	FOREVER},
    {"settle_check", TYPE_CHOICE, AT(settle_check), .initial = "auto",
	.words = settle_checks},
    {"key_prefix", TYPE_TEXT, AT(key_prefix), .initial = "",
	.check = config_check_prefix},
    {"region", TYPE_TEXT, AT(region), .check = config_check_word},
    {"endpoint_url", TYPE_TEXT, AT(endpoint_url),
	.check = config_check_endpoint},
    {"addressing_style", TYPE_CHOICE, AT(addressing_style), .initial = "auto",
	.words = addressings},
    {"connections", TYPE_NUMBER, AT(connections), .initial = "32", .min = 1,
	.max = 1024},
    {"max_attempts", TYPE_NUMBER, AT(max_attempts), .initial = "5", .min = 1,
	.max = 100},
    {"connect_timeout_seconds", TYPE_DURATION, AT(connect_timeout_seconds),
	.initial = "10", .min = 1, .max = DAY_SECONDS},
    {"stall_timeout_seconds", TYPE_DURATION, AT(stall_timeout_seconds),
	.initial = "60", .min = 1, .max = DAY_SECONDS},
    {"on_conflict", TYPE_CHOICE, AT(on_conflict), .initial = "quarantine",
	.words = conflicts},
    {"payload_signing", TYPE_CHOICE, AT(payload_signing), .initial = "auto",
	.words = signings},
    {"checksum", TYPE_CHOICE, AT(checksum), .initial = "auto",
	.words = checksums},
    {"multipart_threshold", TYPE_SIZE, AT(multipart_threshold_bytes),
	.initial = "64M", .min = 1, .max = 5 * GIB},
    {"part_size", TYPE_SIZE, AT(part_size_bytes), .initial = "16M",
	.min = 5 * MIB, .max = 5 * GIB},
    {"multipart_abort_after", TYPE_DURATION, AT(multipart_abort_after_seconds),
	.initial = "7d", FOREVER},
    {"retain", TYPE_DURATION, AT(retain_seconds), .initial = "0", FOREVER},
    {"prune_after", TYPE_DURATION, AT(prune_after_seconds), .initial = "26h",
	FOREVER},
    {"log_level", TYPE_CHOICE, AT(log_level), .initial = "info",
	.words = levels},
    {"log_format", TYPE_CHOICE, AT(log_format), .initial = "text",
	.words = formats},
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

size_t
config_keys_count(void)
{
	return KEY_COUNT;
}

const char *
config_keys_name(size_t key)
{
	return keys[key].name;
}

bool
config_keys_takes_list(size_t key)
{
	return keys[key].type == TYPE_PATTERNS;
}

bool
config_keys_find(const char *name, size_t *ret_key)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		if (strcmp(keys[key].name, name) == 0) {
			*ret_key = key;
			return true;
		}
	}
	return false;
}

char *
config_keys_quote(const char *text)
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

/* --- the nearest name ----------------------------------------------------- */

/* People slip between these, too: Base-Dir. */
static char
fold(char c)
{
	return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

/* How many letters must be added, dropped or changed to make NAME of TYPED
 * (Levenshtein's distance, one row of the matrix at a time). */
static size_t
edit_distance(const char *typed, const char *name)
{
	size_t row[NAME_MAX_LENGTH + 1];
	size_t length = strlen(name);

	for (size_t i = 0; i <= length; i++)
		row[i] = i;
	for (; *typed != '\0'; typed++) {
		size_t diagonal = row[0]++;

		for (size_t i = 1; i <= length; i++) {
			size_t best = diagonal +
				      (fold(*typed) != fold(name[i - 1]));

			diagonal = row[i];
			if (row[i - 1] + 1 < best)
				best = row[i - 1] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[i] = best;
		}
	}
	return row[length];
}

/* The name that NAME is probably a slip for, or NULL. */
static const char *
find_nearest(const char *name)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t key = 0; key < KEY_COUNT; key++) {
		size_t distance = edit_distance(name, keys[key].name);

		/* Further than a third of its letters is another word. */
		if (distance < least &&
		    distance * 3 <= strlen(keys[key].name)) {
			least = distance;
			nearest = keys[key].name;
		}
	}
	return nearest;
}

char *
config_keys_explain_unknown(const char *name)
{
	const char *nearest = find_nearest(name);

	if (nearest != NULL)
		return mem_format(
		    "there is no such key; did you mean '%s'?", nearest);
	return mem_copy("there is no such key; the README lists them all");
}

/* --- values --------------------------------------------------------------- */

static void *
value_of(struct config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

static void
replace_text(struct config *config, const struct key *key, char *text)
{
	char **value = value_of(config, key);

	free(*value);
	*value = text;
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
set_path(struct config *config, const struct key *key, const char *text,
    const char *directory)
{
	struct strbuf buf = {0};

	if (*text == '\0')
		return mem_copy("it is empty; name a directory");
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
		return mem_copy(
		    "it is the root directory; name a directory below it");
	}
	replace_text(config, key, strbuf_take(&buf));
	return NULL;
}

static char *
set_text(struct config *config, const struct key *key, const char *text)
{
	const char *problem = key->check(text);

	if (problem != NULL)
		return mem_copy(problem);
	replace_text(config, key, mem_copy(text));
	return NULL;
}

static char *
set_number(struct config *config, const struct key *key, const char *text)
{
	int64_t number = 0;
	const char *end = text;
	char *quoted;
	char *problem;

	/* Stops in time: the largest limit is far below INT64_MAX / 10. */
	while (*end >= '0' && *end <= '9' && number <= key->max)
		number = number * 10 + (*end++ - '0');
	if (end != text && *end == '\0' && number >= key->min &&
	    number <= key->max) {
		*(int *)value_of(config, key) = (int)number;
		return NULL;
	}
	quoted = config_keys_quote(text);
	problem = mem_format("%s is no whole number from %" PRId64
			     " to %" PRId64 "; the default is %s",
	    quoted, key->min, key->max, key->initial);
	free(quoted);
	return problem;
}

static char *
set_size(struct config *config, const struct key *key, const char *text)
{
	char least[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
	int64_t bytes = 0;
	int result = units_parse_size(text, &bytes);
	char *quoted;
	char *problem;

	if (result == 0 && bytes >= key->min && bytes <= key->max) {
		*(int64_t *)value_of(config, key) = bytes;
		return NULL;
	}
	quoted = config_keys_quote(text);
	if (result == -EINVAL)
		problem = mem_format("%s is no size; write bytes, or a whole "
				     "number with K, M or G such as 16M",
		    quoted);
	else
		problem = mem_format("%s is not from %s to %s; the default "
				     "is %s",
		    quoted, units_format_size(key->min, least),
		    units_format_size(key->max, most), key->initial);
	free(quoted);
	return problem;
}

static char *
set_duration(struct config *config, const struct key *key, const char *text)
{
	int64_t seconds = 0;
	int result = units_parse_duration(text, &seconds);
	char *quoted;
	char *problem;

	if (result == 0 && seconds >= key->min && seconds <= key->max) {
		*(int64_t *)value_of(config, key) = seconds;
		return NULL;
	}
	quoted = config_keys_quote(text);
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
set_choice(struct config *config, const struct key *key, const char *text)
{
	struct strbuf problem = {0};
	char *quoted;

	for (unsigned int i = 0; key->words[i] != NULL; i++) {
		if (strcmp(key->words[i], text) == 0) {
			/* Each choice is an enum of its own. */
			memcpy(value_of(config, key), &i, sizeof i);
			return NULL;
		}
	}
	quoted = config_keys_quote(text);
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

void
config_keys_clear(struct config *config, size_t key)
{
	char ***patterns = value_of(config, &keys[key]);

	for (size_t i = 0; i < config->pattern_count; i++)
		free((*patterns)[i]);
	free(*patterns);
	*patterns = NULL;
	config->pattern_count = 0;
}

char *
config_keys_add(struct config *config, size_t key, const char *text)
{
	const char *problem = keys[key].check(text);

	if (problem != NULL)
		return mem_copy(problem);
	config->patterns = mem_grow(config->patterns, config->pattern_count + 1,
	    sizeof *config->patterns);
	config->patterns[config->pattern_count++] = mem_copy(text);
	return NULL;
}

char *
config_keys_set(
    struct config *config, size_t key, const char *text, const char *directory)
{
	const struct key *row = &keys[key];

	switch (row->type) {
	case TYPE_TEXT:
		return set_text(config, row, text);
	case TYPE_PATH:
		return set_path(config, row, text, directory);
	case TYPE_PATTERNS:
		config_keys_clear(config, key);
		return config_keys_add(config, key, text);
	case TYPE_NUMBER:
		return set_number(config, row, text);
	case TYPE_SIZE:
		return set_size(config, row, text);
	case TYPE_DURATION:
		return set_duration(config, row, text);
	case TYPE_CHOICE:
		return set_choice(config, row, text);
	}
	return mem_copy("this key can't be set");
}

void
config_keys_set_defaults(struct config *config)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		char *problem = NULL;

		if (keys[key].initial != NULL)
			problem = config_keys_set(
			    config, key, keys[key].initial, "/");
		assert(problem == NULL);
	}
}

bool
config_keys_find_missing(const struct config *config, size_t *ret_key)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		const void *value = (const char *)config + keys[key].offset;

		if (keys[key].required && *(char *const *)value == NULL) {
			*ret_key = key;
			return true;
		}
	}
	return false;
}

void
config_keys_done(struct config *config)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		if (keys[key].type == TYPE_TEXT || keys[key].type == TYPE_PATH)
			replace_text(config, &keys[key], NULL);
		else if (keys[key].type == TYPE_PATTERNS)
			config_keys_clear(config, key);
	}
}
