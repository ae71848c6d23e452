/* The codings of the stub: percent, hex, base64, XML and dates.
 *
 * Percent-encoding as in AWS's "Create a signed AWS API request" (UriEncode),
 * base64 as in RFC 4648 section 4, the HTTP date as in RFC 9110 section 5.6.7
 * (IMF-fixdate). */
#include "tests/stub/stub_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool
is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void
stub_text_percent(struct strbuf *buf, const char *text, bool keep_slash)
{
	for (; *text != '\0'; text++) {
		if (is_unreserved(*text) || (keep_slash && *text == '/'))
			strbuf_putc(buf, *text);
		else
			strbuf_printf(buf, "%%%02X", (unsigned char)*text);
	}
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
stub_text_unpercent(
    struct strbuf *buf, const char *text, size_t length, bool plus)
{
	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (plus && text[i] == '+') {
			strbuf_putc(buf, ' ');
			continue;
		}
		if (text[i] != '%') {
			strbuf_putc(buf, text[i]);
			continue;
		}
		if (length - i < 3)
			return -EINVAL;
		high = hex_value(text[i + 1]);
		low = hex_value(text[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return -EINVAL;
		strbuf_putc(buf, (char)(high * 16 + low));
		i += 2;
	}
	return 0;
}

void
stub_text_column(struct strbuf *buf, const char *text)
{
	if (text == NULL || *text == '\0')
		text = "-";
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c <= ' ' || c >= 0x7f)
			strbuf_printf(buf, "%%%02X", c);
		else
			strbuf_putc(buf, *text);
	}
}

void
stub_text_hex(struct strbuf *buf, const void *bytes, size_t length)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < length; i++)
		strbuf_printf(buf, "%02x", from[i]);
}

void
stub_text_base64(struct strbuf *buf, const void *bytes, size_t length)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < length; i += 3) {
		unsigned group = (unsigned)from[i] << 16;

		if (i + 1 < length)
			group |= (unsigned)from[i + 1] << 8;
		if (i + 2 < length)
			group |= from[i + 2];
		strbuf_putc(buf, alphabet[group >> 18]);
		strbuf_putc(buf, alphabet[group >> 12 & 63]);
		strbuf_putc(
		    buf, i + 1 < length ? alphabet[group >> 6 & 63] : '=');
		strbuf_putc(buf, i + 2 < length ? alphabet[group & 63] : '=');
	}
}

bool
stub_text_is_base64(const char *text, size_t length)
{
	size_t padding = (3 - length % 3) % 3;
	size_t total = (length + 2) / 3 * 4;

	return strlen(text) == total &&
	       strspn(text, alphabet) == total - padding &&
	       strspn(text + total - padding, "=") == padding;
}

void
stub_text_xml(struct strbuf *buf, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<')
			strbuf_puts(buf, "&lt;");
		else if (c == '>')
			strbuf_puts(buf, "&gt;");
		else if (c == '&')
			strbuf_puts(buf, "&amp;");
		else if (c == '"')
			strbuf_puts(buf, "&quot;");
		else if (c < ' ')
			strbuf_printf(buf, "&#x%x;", c);
		else
			strbuf_putc(buf, *text);
	}
}

void
stub_text_element(struct strbuf *buf, const char *name, const char *value)
{
	strbuf_printf(buf, "<%s>", name);
	stub_text_xml(buf, value);
	strbuf_printf(buf, "</%s>", name);
}

int
stub_text_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		uint64_t digit;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		digit = (uint64_t)(*text - '0');
		if (number > (max - digit) / 10)
			return -EINVAL;
		number = number * 10 + digit;
	}
	if (number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

const char *
stub_text_http_date(time_t when)
{
	static char text[64];
	struct tm tm;

	/* The program never leaves the C locale: the names are English. */
	gmtime_r(&when, &tm);
	(void)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return text;
}

const char *
stub_text_iso_date(time_t when, unsigned milliseconds)
{
	static char text[80];
	char seconds[64];
	struct tm tm;

	gmtime_r(&when, &tm);
	(void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(
	    text, sizeof(text), "%s.%03uZ", seconds, milliseconds % 1000);
	return text;
}

static int
parse_date(const char *text, const char *format, time_t *ret_when)
{
	struct tm tm = {0};
	const char *end = strptime(text, format, &tm);

	if (end == NULL || *end != '\0')
		return -EINVAL;
	*ret_when = timegm(&tm);
	return 0;
}

int
stub_text_amz_date(const char *text, time_t *ret_when)
{
	/* strptime would take fewer digits. */
	if (strlen(text) != strlen("20151021T072800Z"))
		return -EINVAL;
	return parse_date(text, "%Y%m%dT%H%M%SZ", ret_when);
}

int
stub_text_parse_http_date(const char *text, time_t *ret_when)
{
	return parse_date(text, "%a, %d %b %Y %H:%M:%S GMT", ret_when);
}

char *
stub_text_file(const char *path, size_t limit)
{
	struct strbuf buf = {0};
	char chunk[4096];
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	while (buf.length < limit && (got = read(fd, chunk, sizeof(chunk))) > 0)
		strbuf_add(&buf, chunk, (size_t)got);
	(void)close(fd); /* nothing was written */
	if (got < 0) {
		strbuf_done(&buf);
		return NULL;
	}
	return strbuf_take(&buf);
}
