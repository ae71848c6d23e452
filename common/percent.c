/* Percent-encoding and UTF-8.
 *
 * The unreserved characters are those of RFC 3986, section 2.3, which
 * Signature Version 4 demands exactly; the library functions that encode
 * "for URLs" differ in '~', '*', '+' or the case of the hex digits. They are
 * spelled out because isalnum() follows the locale. UTF-8 is the table of
 * RFC 3629, section 4: only the second byte's range depends on the first. */
#include "common/percent.h"

#include <errno.h>

static bool
is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

static void
encode(struct strbuf *buf, const char *text, bool keep_slash)
{
	static const char hex[] = "0123456789ABCDEF";

	while (*text != '\0') {
		const char *end = text;
		unsigned char byte;

		while (is_unreserved(*end) || (*end == '/' && keep_slash))
			end++;
		strbuf_add(buf, text, (size_t)(end - text));
		text = end;
		if (*text == '\0')
			break;
		byte = (unsigned char)*text++;
		strbuf_add(
		    buf, (char[]){'%', hex[byte >> 4], hex[byte & 15]}, 3);
	}
}

void
percent_encode_path(struct strbuf *buf, const char *text)
{
	encode(buf, text, true);
}

void
percent_encode_component(struct strbuf *buf, const char *text)
{
	encode(buf, text, false);
}

/* The value of a hex digit, or -1. */
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

/* The byte that the escape at TEXT, LENGTH bytes long at most, stands for; 0,
 * which is refused anyway, when it is none. */
static unsigned char
unescape(const char *text, size_t length)
{
	int high = length >= 3 ? hex_value(text[1]) : -1;
	int low = length >= 3 ? hex_value(text[2]) : -1;

	return high < 0 || low < 0 ? 0 : (unsigned char)(high * 16 + low);
}

int
percent_decode(struct strbuf *buf, const char *text, size_t length)
{
	size_t begin = buf->length;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte == '%') {
			byte = unescape(text + i, length - i);
			if (byte == 0)
				goto malformed;
			i += 2;
		} else if (byte < 0x20 || byte == 0x7f) {
			goto malformed;
		}
		strbuf_putc(buf, (char)byte);
	}
	return 0;
malformed:
	strbuf_truncate(buf, begin);
	return -EINVAL;
}

static bool
is_between(unsigned char byte, unsigned char low, unsigned char high)
{
	return byte >= low && byte <= high;
}

size_t
percent_utf8_length(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t length;

	if (is_between(byte[0], 0x01, 0x7f))
		return 1;
	if (is_between(byte[0], 0xc2, 0xdf))
		length = 2;
	else if (is_between(byte[0], 0xe0, 0xef))
		length = 3;
	else if (is_between(byte[0], 0xf0, 0xf4))
		length = 4;
	else
		return 0;
	if (byte[0] == 0xe0) /* shorter forms exist */
		low = 0xa0;
	else if (byte[0] == 0xed) /* surrogates */
		high = 0x9f;
	else if (byte[0] == 0xf0) /* shorter forms exist */
		low = 0x90;
	else if (byte[0] == 0xf4) /* beyond U+10FFFF */
		high = 0x8f;
	if (!is_between(byte[1], low, high))
		return 0;
	/* The NUL at the end is no continuation byte and stops this in time. */
	for (size_t i = 2; i < length; i++)
		if (!is_between(byte[i], 0x80, 0xbf))
			return 0;
	return length;
}

bool
percent_is_utf8(const char *text)
{
	while (*text != '\0') {
		size_t length = percent_utf8_length(text);

		if (length == 0)
			return false;
		text += length;
	}
	return true;
}
