/* What a store answered (RFC 9110; AWS, "Amazon S3 API Reference", "Error
 * responses").
 *
 * libcurl hands over each header line with its CRLF, the lines of interim
 * answers ("100 Continue") and trailers among them; a status line begins a new
 * set of headers. Of the headers only those in one table are kept, the last of
 * each, and none with a control character in it: values end up in logs and in
 * tab-separated receipts.
 *
 * An error document is read with expat's parser as it is, never resolving
 * anything: the first <!DOCTYPE ends the parse, and without one an XML
 * document can define no entities. It counts only when it is well-formed to
 * its end, so an answer cut short is no error document. */
#include "uploader/s3_reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "uploader/s3_xml.h"

/* --- headers ------------------------------------------------------------ */

static const struct field {
	const char *name;
	size_t offset; /* of the strbuf in struct s3_reply */
} fields[] = {
    {"etag", offsetof(struct s3_reply, etag)},
    {"x-amz-version-id", offsetof(struct s3_reply, version_id)},
    {"x-amz-request-id", offsetof(struct s3_reply, request_id)},
    {"x-amz-id-2", offsetof(struct s3_reply, id_2)},
    {"x-amz-bucket-region", offsetof(struct s3_reply, bucket_region)},
    {"date", offsetof(struct s3_reply, date)},
    {"x-amz-checksum-crc32c", offsetof(struct s3_reply, checksum_crc32c)},
    {"x-amz-checksum-sha256", offsetof(struct s3_reply, checksum_sha256)},
    {"x-amz-checksum-type", offsetof(struct s3_reply, checksum_type)},
    {"x-amz-meta-s3spool-crc32c", offsetof(struct s3_reply, meta_crc32c)},
    {"x-amz-server-side-encryption", offsetof(struct s3_reply, encryption)},
};

enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static const char customer_algorithm[] =
    "x-amz-server-side-encryption-customer-algorithm";

static struct strbuf *
field_of(struct s3_reply *reply, size_t i)
{
	return (struct strbuf *)(void *)((char *)reply + fields[i].offset);
}

static void
reset_headers(struct s3_reply *reply)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		strbuf_reset(field_of(reply, i));
	reply->status = 0;
	reply->content_length = -1;
	reply->retry_after_ms = -1;
}

void
s3_reply_reset(struct s3_reply *reply)
{
	reset_headers(reply);
	strbuf_reset(&reply->body);
	reply->body_cut = false;
}

void
s3_reply_done(struct s3_reply *reply)
{
	if (reply == NULL)
		return;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		strbuf_done(field_of(reply, i));
	strbuf_done(&reply->body);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Digits alone, and a number that fits after being multiplied by SCALE; else
 * -1, as if the header were missing. */
static int64_t
parse_number(const char *text, size_t length, int64_t scale)
{
	int64_t number = 0;

	if (length == 0)
		return -1;
	for (size_t i = 0; i < length; i++) {
		int digit = text[i] - '0';

		if (!is_digit(text[i]) ||
		    number > (INT64_MAX / scale - digit) / 10)
			return -1;
		number = number * 10 + digit;
	}
	return number * scale;
}

/* "HTTP/1.1 200 OK", "HTTP/2 200 ": the three digits, or 0. */
static int
parse_status(const char *line, size_t length)
{
	const char *end = line + length;
	const char *code = memchr(line, ' ', length);

	if (code == NULL || end - ++code < 3 || !is_digit(code[0]) ||
	    !is_digit(code[1]) || !is_digit(code[2]) ||
	    (end - code > 3 && code[3] != ' '))
		return 0;
	return (code[0] - '0') * 100 + (code[1] - '0') * 10 + code[2] - '0';
}

static bool
contains_control(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return true;
	return false;
}

static bool
is_named(const char *line, size_t length, const char *name)
{
	return strlen(name) == length && strncasecmp(line, name, length) == 0;
}

static void
take_field(struct s3_reply *reply, const char *name, size_t name_length,
    const char *value, size_t length)
{
	int64_t number;

	if (is_named(name, name_length, "content-length")) {
		reply->content_length = parse_number(value, length, 1);
		return;
	}
	if (is_named(name, name_length, "retry-after") ||
	    is_named(name, name_length, "x-amz-retry-after")) {
		/* The HTTP-date form of Retry-After needs a clock that agrees
		 * with the store's; nobody sends it with S3. */
		number = parse_number(value, length,
		    is_named(name, name_length, "retry-after") ? 1000 : 1);
		if (number > reply->retry_after_ms)
			reply->retry_after_ms = number;
		return;
	}
	if (is_named(name, name_length, customer_algorithm)) {
		strbuf_reset(&reply->encryption);
		strbuf_puts(&reply->encryption, "SSE-C");
		return;
	}
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!is_named(name, name_length, fields[i].name))
			continue;
		strbuf_reset(field_of(reply, i));
		strbuf_add(field_of(reply, i), value, length);
		return;
	}
}

void
s3_reply_header(struct s3_reply *reply, const char *line, size_t length)
{
	const char *colon, *value;
	size_t name_length;

	while (length > 0 &&
	       (line[length - 1] == '\n' || line[length - 1] == '\r' ||
		   is_blank(line[length - 1])))
		length--;
	if (length >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		reset_headers(reply);
		reply->headers_end = false;
		reply->status = parse_status(line, length);
		return;
	}
	reply->headers_end = length == 0;
	colon = length > 0 ? memchr(line, ':', length) : NULL;
	if (colon == NULL)
		return;
	name_length = (size_t)(colon - line);
	value = colon + 1;
	length -= name_length + 1;
	for (; length > 0 && is_blank(*value); length--)
		value++;
	if (length > S3_REPLY_VALUE_MAX || contains_control(value, length))
		return;
	/* A weak tag keeps its W/"", so that it never equals an MD5. */
	if (is_named(line, name_length, "etag") && length >= 2 &&
	    value[0] == '"' && value[length - 1] == '"') {
		value++;
		length -= 2;
	}
	take_field(reply, line, name_length, value, length);
}

void
s3_reply_body(struct s3_reply *reply, const char *bytes, size_t length)
{
	size_t room = S3_REPLY_BODY_MAX - reply->body.length;

	if (length > room) {
		reply->body_cut = true;
		length = room;
	}
	strbuf_add(&reply->body, bytes, length);
}

/* --- error documents ---------------------------------------------------- */

static void
on_error_value(
    void *context, const char *outer, const char *name, const char *value)
{
	struct s3_error *error = context;
	struct strbuf *text = NULL;

	if (*outer != '\0')
		return;
	if (strcmp(name, "Code") == 0)
		text = &error->code;
	else if (strcmp(name, "Message") == 0)
		text = &error->message;
	else if (strcmp(name, "Region") == 0)
		text = &error->region;
	else if (strcmp(name, "RequestId") == 0)
		text = &error->request_id;
	if (text != NULL && text->length == 0) /* the first one counts */
		strbuf_puts(text, value);
}

static void
clear(struct s3_error *error)
{
	strbuf_reset(&error->code);
	strbuf_reset(&error->message);
	strbuf_reset(&error->region);
	strbuf_reset(&error->request_id);
}

bool
s3_reply_error(const struct s3_reply *reply, struct s3_error *error)
{
	static const struct s3_xml_handler handler = {on_error_value, NULL};

	clear(error);
	if (reply->body_cut || reply->body.length == 0)
		return false;
	if (!s3_xml_read(strbuf_text(&reply->body), reply->body.length, "Error",
		&handler, error)) {
		clear(error);
		return false;
	}
	if (error->code.length == 0)
		strbuf_puts(&error->code, "Unknown");
	return true;
}

void
s3_error_done(struct s3_error *error)
{
	if (error == NULL)
		return;
	strbuf_done(&error->code);
	strbuf_done(&error->message);
	strbuf_done(&error->region);
	strbuf_done(&error->request_id);
}
