/* INI as in ~/.aws/config ("AWS SDKs and Tools Reference Guide", "Format of
 * the config and credentials files"), with what is left open there decided as
 * the AWS CLI does (Python's RawConfigParser):
 *
 *   [section]            also after blanks
 *   key = value          or key: value; keys in lower case, both trimmed
 *   # comment            or ; at the beginning of a line, nowhere else
 *   s3 =                 an indented line below an empty value is nested, and
 *     key = value        its key keeps its case
 *   key = one            below a value it continues that, after a line feed
 *     two
 *
 * A section or a key that comes twice is an error to the CLI, but not to the
 * SDKs: here the last one counts. */
#include "uploader/credentials/ini.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/mem.h"
#include "common/strbuf.h"
#include "uploader/mbedtls_compat.h"

struct reading {
	ini_visit *visit;
	void *context;
	struct strbuf section, key, value;
	bool in_section, has_key;
	size_t indent; /* of the key's line */
};

/* A piece of the text. */
struct piece {
	const char *at;
	size_t length;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct piece
trim(struct piece piece)
{
	while (piece.length > 0 && is_blank(*piece.at)) {
		piece.at++;
		piece.length--;
	}
	while (piece.length > 0 && is_blank(piece.at[piece.length - 1]))
		piece.length--;
	return piece;
}

static void
set(struct strbuf *buf, struct piece piece)
{
	strbuf_reset(buf);
	strbuf_add(buf, piece.at, piece.length);
}

/* Splits LINE at the first of DELIMITERS. False: there is none, or no key. */
static bool
split(struct piece line, const char *delimiters, struct piece *ret_key,
    struct piece *ret_value)
{
	size_t at = 0;

	while (at < line.length && strchr(delimiters, line.at[at]) == NULL)
		at++;
	if (at == line.length)
		return false;
	*ret_key = trim((struct piece){line.at, at});
	*ret_value = trim(
	    (struct piece){line.at + at + 1, line.length - at - 1});
	return ret_key->length > 0;
}

/* The key is whole: its value has no more lines. */
static void
end_key(struct reading *reading)
{
	if (reading->has_key && reading->value.length > 0)
		reading->visit(reading->context, strbuf_text(&reading->section),
		    NULL, strbuf_text(&reading->key),
		    strbuf_text(&reading->value));
	reading->has_key = false;
}

static const char *
read_section(struct reading *reading, struct piece line)
{
	const char *end = memchr(line.at, ']', line.length);

	end_key(reading);
	if (end == NULL)
		return "the section's name has no ']'";
	set(&reading->section,
	    trim((struct piece){line.at + 1, (size_t)(end - line.at) - 1}));
	reading->in_section = true;
	reading->visit(
	    reading->context, strbuf_text(&reading->section), NULL, NULL, NULL);
	return NULL;
}

static const char *
read_key(struct reading *reading, struct piece line, size_t indent)
{
	struct piece key, value;

	end_key(reading);
	if (!reading->in_section)
		return "a [section] must come first";
	if (!split(line, "=:", &key, &value))
		return "neither a [section] nor key = value";
	set(&reading->key, key);
	for (size_t i = 0; i < key.length; i++)
		reading->key.data[i] = (char)tolower(
		    (unsigned char)reading->key.data[i]);
	set(&reading->value, value);
	reading->has_key = true;
	reading->indent = indent;
	return NULL;
}

/* An indented line below a key. */
static const char *
read_more(struct reading *reading, struct piece line)
{
	struct strbuf key = {0}, value = {0};
	struct piece key_piece, value_piece;

	if (reading->value.length > 0) {
		strbuf_putc(&reading->value, '\n');
		strbuf_add(&reading->value, line.at, line.length);
		return NULL;
	}
	if (!split(line, "=", &key_piece, &value_piece))
		return "an indented line must be key = value";
	set(&key, key_piece);
	set(&value, value_piece);
	reading->visit(reading->context, strbuf_text(&reading->section),
	    strbuf_text(&reading->key), strbuf_text(&key), strbuf_text(&value));
	strbuf_done(&key);
	strbuf_done(&value);
	return NULL;
}

/* Returns what is wrong with the line, or NULL. */
static const char *
read_line(struct reading *reading, struct piece whole)
{
	struct piece line = trim(whole);
	size_t indent = (size_t)(line.at - whole.at);

	if (line.length == 0 || *line.at == '#' || *line.at == ';')
		return NULL;
	if (memchr(line.at, '\0', line.length) != NULL)
		return "it contains a NUL byte; is this a text file?";
	if (reading->has_key && indent > reading->indent)
		return read_more(reading, line);
	return *line.at == '[' ? read_section(reading, line)
			       : read_key(reading, line, indent);
}

int
ini_parse(const char *text, size_t length, ini_visit *visit, void *context,
    char **ret_error)
{
	struct reading reading = {.visit = visit, .context = context};
	const char *end = text + length;
	const char *fault = NULL;
	size_t number = 0;

	/* The mark that some editors put before UTF-8. */
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end && fault == NULL) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		const char *stop = feed != NULL ? feed : end;

		number++;
		fault = read_line(
		    &reading, (struct piece){text, (size_t)(stop - text)});
		text = feed != NULL ? feed + 1 : end;
	}
	if (fault == NULL)
		end_key(&reading);
	else
		*ret_error = mem_format("line %zu: %s", number, fault);
	strbuf_done(&reading.section);
	strbuf_done(&reading.key);
	if (reading.value.data != NULL)
		mbedtls_platform_zeroize(
		    reading.value.data, reading.value.capacity);
	strbuf_done(&reading.value);
	return fault == NULL ? 0 : -EINVAL;
}
