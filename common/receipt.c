/* Receipt lines; see receipt.h for the format.
 *
 * A line counts only when it is whole: a power cut may leave the last one
 * torn, or blocks of zeroes where text should be. Nothing is guessed from
 * half a line: what has no receipt is sent again, which is harmless. */
#include "common/receipt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/percent.h"
#include "common/timefmt.h"

static const char section_mark[] = "#run ";

enum {
	UPLOADED_AT,
	BUCKET,
	KEY,
	PATH,
	SIZE,
	CRC32C,
	SHA256,
	ETAG,
	VERSION_ID,
	INODE,
	MTIME_NS,
	FIELDS
};

struct field {
	const char *text;
	size_t length;
};

void
receipt_done(struct receipt *receipt)
{
	strbuf_done(&receipt->bucket);
	strbuf_done(&receipt->key);
	strbuf_done(&receipt->path);
	strbuf_done(&receipt->sha256);
	strbuf_done(&receipt->etag);
	strbuf_done(&receipt->version_id);
}

static void
put_text(struct strbuf *line, const struct strbuf *text)
{
	/* A lone "-" is encoded, as it would read as none. */
	if (text->length == 0)
		strbuf_puts(line, "-");
	else if (strcmp(strbuf_text(text), "-") == 0)
		strbuf_puts(line, "%2D");
	else
		percent_encode_path(line, strbuf_text(text));
	strbuf_putc(line, '\t');
}

void
receipt_format(const struct receipt *receipt, struct strbuf *line)
{
	char when[TIMEFMT_MAX];
	char number[64];

	strbuf_puts(line, timefmt_rfc3339(receipt->uploaded_at_ns, when));
	strbuf_putc(line, '\t');
	put_text(line, &receipt->bucket);
	put_text(line, &receipt->key);
	put_text(line, &receipt->path);
	(void)snprintf(number, sizeof number, "%" PRId64 "\t%08" PRIx32 "\t",
	    receipt->size, receipt->crc32c); /* both bounded */
	strbuf_puts(line, number);
	put_text(line, &receipt->sha256);
	put_text(line, &receipt->etag);
	put_text(line, &receipt->version_id);
	(void)snprintf(number, sizeof number, "%" PRIu64 "\t%" PRId64 "\n",
	    receipt->inode, receipt->mtime_ns); /* both bounded */
	strbuf_puts(line, number);
}

static int
get_text(const struct field *field, bool needed, struct strbuf *text)
{
	strbuf_reset(text);
	if (field->length == 1 && *field->text == '-')
		return needed ? -EINVAL : 0;
	if (field->length == 0)
		return -EINVAL;
	return percent_decode(text, field->text, field->length);
}

/* A number of exactly the field's length, without sign unless SIGNED. */
static int
get_number(const struct field *field, int base, bool is_signed,
    uint64_t *ret_value, bool *ret_negative)
{
	char text[24];
	const char *start = text;
	char *end;

	if (field->length == 0 || field->length >= sizeof text)
		return -EINVAL;
	memcpy(text, field->text, field->length);
	text[field->length] = '\0';
	*ret_negative = is_signed && *text == '-';
	start += *ret_negative;
	if (strspn(start, base == 16 ? "0123456789abcdef" : "0123456789") !=
		strlen(start) ||
	    *start == '\0')
		return -EINVAL;
	errno = 0;
	*ret_value = strtoull(start, &end, base);
	return errno != 0 || *end != '\0' ? -EINVAL : 0;
}

static int
get_signed(const struct field *field, int64_t *ret_value)
{
	uint64_t value;
	bool negative;

	if (get_number(field, 10, true, &value, &negative) < 0)
		return -EINVAL;
	if (value > (uint64_t)INT64_MAX + negative)
		return -EINVAL;
	*ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

static int
get_time(const struct field *field, int64_t *ret_time_ns)
{
	char text[TIMEFMT_MAX];

	if (field->length >= sizeof text)
		return -EINVAL;
	memcpy(text, field->text, field->length);
	text[field->length] = '\0';
	return timefmt_parse(text, ret_time_ns);
}

int
receipt_parse(const char *line, size_t length, struct receipt *receipt)
{
	struct field fields[FIELDS];
	uint64_t crc;
	bool negative;
	size_t n = 0;

	/* A zero would end a number or a time before its field does. */
	if (memchr(line, '\0', length) != NULL)
		return -EINVAL;
	for (const char *next = line, *end = line + length;; n++) {
		const char *tab = memchr(next, '\t', (size_t)(end - next));

		if (n == FIELDS)
			return -EINVAL;
		fields[n].text = next;
		fields[n].length = (size_t)((tab != NULL ? tab : end) - next);
		if (tab == NULL)
			break;
		next = tab + 1;
	}
	if (n + 1 != FIELDS)
		return -EINVAL;
	if (get_time(&fields[UPLOADED_AT], &receipt->uploaded_at_ns) < 0 ||
	    get_text(&fields[BUCKET], true, &receipt->bucket) < 0 ||
	    get_text(&fields[KEY], true, &receipt->key) < 0 ||
	    get_text(&fields[PATH], true, &receipt->path) < 0 ||
	    get_signed(&fields[SIZE], &receipt->size) < 0 ||
	    receipt->size < 0 || fields[CRC32C].length != 8 ||
	    get_number(&fields[CRC32C], 16, false, &crc, &negative) < 0 ||
	    get_text(&fields[SHA256], false, &receipt->sha256) < 0 ||
	    get_text(&fields[ETAG], false, &receipt->etag) < 0 ||
	    get_text(&fields[VERSION_ID], false, &receipt->version_id) < 0 ||
	    get_number(&fields[INODE], 10, false, &receipt->inode, &negative) <
		0 ||
	    get_signed(&fields[MTIME_NS], &receipt->mtime_ns) < 0)
		return -EINVAL;
	receipt->crc32c = (uint32_t)crc;
	return 0;
}

void
receipt_format_section(const char *run, struct strbuf *line)
{
	strbuf_printf(line, "%s%s\n", section_mark, run);
}

int
receipt_reader_open(struct receipt_reader *reader, int fd)
{
	*reader = (struct receipt_reader){.file = fdopen(fd, "r")};
	if (reader->file == NULL) {
		int error = errno;

		(void)close(fd); /* only read from */
		return -error;
	}
	return 0;
}

static void
read_comment(struct receipt_reader *reader)
{
	const size_t mark = sizeof section_mark - 1;

	if (reader->length < mark ||
	    memcmp(reader->line, section_mark, mark) != 0)
		return;
	strbuf_reset(&reader->section);
	strbuf_add(
	    &reader->section, reader->line + mark, reader->length - mark);
}

int
receipt_reader_next(struct receipt_reader *reader, struct receipt *receipt)
{
	for (;;) {
		ssize_t n;

		errno = 0;
		n = getline(&reader->line, &reader->capacity, reader->file);
		if (n < 0)
			return ferror(reader->file) ? -(errno ? errno : EIO)
						    : 0;
		if (reader->line[n - 1] != '\n') {
			reader->bad_lines++; /* torn: the end of the file */
			continue;
		}
		reader->length = (size_t)n - 1;
		if (*reader->line == '#') {
			read_comment(reader);
			continue;
		}
		if (receipt_parse(reader->line, reader->length, receipt) == 0)
			return 1;
		reader->bad_lines++;
	}
}

void
receipt_reader_done(struct receipt_reader *reader)
{
	if (reader->file != NULL)
		(void)fclose(reader->file); /* only read from */
	free(reader->line);
	strbuf_done(&reader->section);
	*reader = (struct receipt_reader){0};
}
