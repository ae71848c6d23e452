/* Reads the configuration's YAML; see config_yaml.h.
 *
 * The file is read as libyaml's events rather than as its document tree: a
 * flat mapping needs no tree, every event carries its position, and reading
 * ends at the first event that can't be part of one, so that hostile nesting
 * or aliases are never followed. Tags are ignored: a tagged value is its text.
 * libyaml counts lines and columns from 0, messages count from 1.
 *
 * JSON is YAML but for one thing: an escaped surrogate pair ("\ud83d\ude00")
 * is refused by libyaml, as YAML wants it. That gets a message of its own. */
#include "common/config_yaml.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "common/config_keys.h"
#include "common/config_set.h"
#include "common/mem.h"
#include "common/strbuf.h"

struct reader {
	const char *name;
	const char *directory;
	const char *text;
	size_t length;
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	struct config *config;
	struct config_place *places; /* one for each key */
	char *error;
};

/* --- errors --------------------------------------------------------------- */

char *
config_yaml_error(const char *name, struct config_place place, const char *key,
    const char *problem)
{
	if (key == NULL)
		return mem_format(
		    "%s:%zu:%zu: %s", name, place.line, place.column, problem);
	return mem_format("%s:%zu:%zu: key '%s': %s", name, place.line,
	    place.column, key, problem);
}

/* Takes PROBLEM, "what; hint", about what stands at PLACE. KEY may be NULL. */
static int
refuse(
    struct reader *r, struct config_place place, const char *key, char *problem)
{
	assert(r->error == NULL);
	r->error = config_yaml_error(r->name, place, key, problem);
	free(problem);
	return -EINVAL;
}

static struct config_place
place_of(yaml_mark_t mark)
{
	return (struct config_place){
	    .line = mark.line + 1, .column = mark.column + 1};
}

/* Where the current event begins. */
static struct config_place
here(const struct reader *r)
{
	return place_of(r->event.start_mark);
}

/* The place of the byte at OFFSET. libyaml's reader, which stumbles over bytes
 * that are no text, knows only that. */
static struct config_place
place_of_byte(const struct reader *r, size_t offset)
{
	struct config_place place = {.line = 1, .column = 1};

	for (size_t i = 0; i < offset && i < r->length; i++) {
		char c = r->text[i];

		if (c == '\n' || (c == '\r' && (i + 1 == r->length ||
						   r->text[i + 1] != '\n'))) {
			place.line++;
			place.column = 1;
		} else if ((c & 0xc0) != 0x80 && c != '\r') {
			place.column++;
		}
	}
	return place;
}

/* Whether libyaml stopped in the digits of an escaped surrogate. It counts in
 * characters. */
static bool
is_surrogate(const struct reader *r, yaml_mark_t mark)
{
	const char *text = r->text;
	const char *end = r->text + r->length;

	for (size_t i = 0; i < mark.index && text < end; i++)
		do
			text++;
		while (text < end && (*text & 0xc0) == 0x80);
	if (text - r->text < 2 || end - text < 4 ||
	    memcmp(text - 2, "\\u", 2) != 0)
		return false;
	/* D800 to DFFF */
	return tolower((unsigned char)text[0]) == 'd' &&
	       isxdigit((unsigned char)text[1]) && text[1] > '7' &&
	       isxdigit((unsigned char)text[2]) &&
	       isxdigit((unsigned char)text[3]);
}

/* What libyaml found wrong. */
static int
refuse_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct strbuf problem = {0};
	struct config_place place = place_of(p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR) {
		r->error = mem_format("%s: out of memory", r->name);
		return -ENOMEM;
	}
	if (p->error == YAML_READER_ERROR) {
		place = place_of_byte(r, p->problem_offset);
		strbuf_printf(&problem,
		    "%s; the file must be text in UTF-8 without control "
		    "characters",
		    p->problem);
	} else if (is_surrogate(r, p->problem_mark)) {
		place.column -= 2; /* the backslash and the u */
		strbuf_puts(&problem,
		    "JSON's surrogate pairs are not supported; write the "
		    "character itself, in UTF-8, instead of \\uD8xx\\uDCxx");
	} else {
		strbuf_puts(&problem, p->problem);
		if (p->context != NULL)
			strbuf_printf(&problem, " %s that began at line %zu",
			    p->context, p->context_mark.line + 1);
		strbuf_puts(&problem, "; write one 'key: value' a line");
	}
	return refuse(r, place, NULL, strbuf_take(&problem));
}

/* --- the file ------------------------------------------------------------- */

static int
advance(struct reader *r)
{
	yaml_event_delete(&r->event);
	return yaml_parser_parse(&r->parser, &r->event) ? 0 : refuse_syntax(r);
}

/* The current event's text, when it is one; NUL-terminated by libyaml. */
static const char *
event_text(const struct reader *r)
{
	return (const char *)r->event.data.scalar.value;
}

static bool
is_null(const struct reader *r)
{
	const char *text = event_text(r);

	if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
	    r->event.data.scalar.tag != NULL)
		return false;
	return *text == '\0' || strcmp(text, "~") == 0 ||
	       strcasecmp(text, "null") == 0;
}

static bool
has_nul(const struct reader *r)
{
	return strlen(event_text(r)) != r->event.data.scalar.length;
}

/* What keeps the current event from being KEY's value, or NULL. */
static const char *
find_misfit(const struct reader *r)
{
	if (r->event.type == YAML_MAPPING_START_EVENT)
		return "a mapping can't stand here; write one value";
	if (r->event.type == YAML_SEQUENCE_START_EVENT)
		return "a list can't stand here; write one value";
	if (r->event.type == YAML_ALIAS_EVENT)
		return "an alias can't stand here; write the value itself";
	if (is_null(r))
		return "it has no value; write one, or leave the key out";
	if (has_nul(r))
		return "the value has a NUL character; take it out";
	return NULL;
}

/* The items of the list that has just begun. */
static int
read_list(struct reader *r, size_t key)
{
	const char *name = config_keys_name(key);
	struct config_place list = here(r);
	bool empty = true;

	config_keys_clear(r->config, key);
	for (;;) {
		char *problem = NULL;
		const char *misfit;
		int result = advance(r);

		if (result < 0)
			return result;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		misfit = find_misfit(r);
		if (misfit != NULL)
			problem = mem_copy(misfit);
		else
			problem = config_keys_add(
			    r->config, key, event_text(r));
		if (problem != NULL)
			return refuse(r, here(r), name, problem);
		empty = false;
	}
	if (empty)
		return refuse(r, list, name,
		    mem_copy("the list is empty; leave the key out for the "
			     "default"));
	return 0;
}

/* The pairs of the mapping that has just begun. */
static int
read_map(struct reader *r, size_t key)
{
	const char *key_name = config_keys_name(key);

	config_keys_clear(r->config, key);
	for (;;) {
		const char *misfit;
		char *name = NULL;
		char *problem;
		int result = advance(r);

		if (result < 0)
			return result;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		misfit = find_misfit(r);
		if (misfit == NULL) {
			name = mem_copy(event_text(r));
			result = advance(r);
			if (result < 0) {
				free(name);
				return result;
			}
			misfit = find_misfit(r);
		}
		problem = misfit != NULL ? mem_copy(misfit)
					 : config_keys_add_pair(r->config, key,
					       name, event_text(r));
		free(name);
		if (problem != NULL)
			return refuse(r, here(r), key_name, problem);
	}
}

/* Finds the key that the current event names. */
static int
read_key(struct reader *r, size_t *ret_key)
{
	const char *text;
	char *unknown;
	char *quoted;
	char *problem;
	size_t key;

	if (r->event.type != YAML_SCALAR_EVENT || has_nul(r))
		return refuse(r, here(r), NULL,
		    mem_copy("a key must be a plain name; write one 'key: "
			     "value' a line"));
	text = event_text(r);
	if (!config_keys_find(text, &key)) {
		quoted = config_set_quote(text);
		unknown = config_keys_explain_unknown(text);
		problem = mem_format("key %s: %s", quoted, unknown);
		free(unknown);
		free(quoted);
		return refuse(r, here(r), NULL, problem);
	}
	if (r->places[key].line != 0)
		return refuse(r, here(r), text,
		    mem_format("it was given at line %zu already; keep one",
			r->places[key].line));
	*ret_key = key;
	return 0;
}

/* The key that is the current event, and its value. */
static int
read_pair(struct reader *r)
{
	size_t key = 0;
	const char *misfit;
	char *problem;
	int result = read_key(r, &key);

	if (result < 0)
		return result;
	result = advance(r);
	if (result < 0)
		return result;
	r->places[key] = here(r);
	if (r->event.type == YAML_SEQUENCE_START_EVENT &&
	    config_keys_takes_list(key))
		return read_list(r, key);
	if (r->event.type == YAML_MAPPING_START_EVENT &&
	    config_keys_takes_map(key))
		return read_map(r, key);
	misfit = find_misfit(r);
	if (misfit != NULL)
		problem = mem_copy(misfit);
	else
		problem = config_keys_set(
		    r->config, key, event_text(r), r->directory);
	if (problem != NULL)
		return refuse(r, here(r), config_keys_name(key), problem);
	return 0;
}

static int
read_document(struct reader *r, struct config_place *ret_beginning)
{
	int result;

	/* The stream's start, then the document's or the stream's end. */
	for (int i = 0; i < 2; i++) {
		result = advance(r);
		if (result < 0)
			return result;
	}
	if (r->event.type == YAML_STREAM_END_EVENT)
		return refuse(r, (struct config_place){.line = 1, .column = 1},
		    NULL,
		    mem_copy("the file is empty; give at least base_dir and "
			     "s3_bucket"));
	result = advance(r);
	if (result < 0)
		return result;
	*ret_beginning = here(r);
	if (r->event.type != YAML_MAPPING_START_EVENT)
		return refuse(r, here(r), NULL,
		    mem_copy("the file is no mapping; write one 'key: value' a "
			     "line"));
	for (;;) {
		result = advance(r);
		if (result < 0)
			return result;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			break;
		result = read_pair(r);
		if (result < 0)
			return result;
	}
	/* The document's end, then the stream's or another document. */
	for (int i = 0; i < 2; i++) {
		result = advance(r);
		if (result < 0)
			return result;
	}
	if (r->event.type != YAML_STREAM_END_EVENT)
		return refuse(r, here(r), NULL,
		    mem_copy("a second document begins; write one only"));
	return 0;
}

int
config_yaml_read(const char *name, const char *directory, const char *text,
    size_t length, struct config *config, struct config_place *places,
    struct config_place *ret_beginning, char **ret_error)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of byte order */
	struct reader r = {.name = name,
	    .directory = directory,
	    .text = text,
	    .length = length,
	    .config = config,
	    .places = places};
	int result;

	/* Windows' editors write it. libyaml would count it as a column. */
	if (length >= 3 && memcmp(text, mark, 3) == 0) {
		r.text += 3;
		r.length -= 3;
	}
	if (!yaml_parser_initialize(&r.parser)) {
		*ret_error = mem_format("%s: out of memory", name);
		return -ENOMEM;
	}
	/* Not guessed: places are found by counting UTF-8. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &r.parser, (const unsigned char *)r.text, r.length);
	result = read_document(&r, ret_beginning);
	if (result < 0)
		*ret_error = r.error;
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return result;
}
