/* A growing byte buffer: doubling, NUL-terminated, dies with mem.c. */
#include "common/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { FIRST_CAPACITY = 128 };

const char *
strbuf_text(const struct strbuf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

void
strbuf_done(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf){0};
}

void
strbuf_reset(struct strbuf *buf)
{
	strbuf_truncate(buf, 0);
}

void
strbuf_truncate(struct strbuf *buf, size_t length)
{
	assert(length <= buf->length);
	buf->length = length;
	if (buf->data != NULL)
		buf->data[length] = '\0';
}

char *
strbuf_reserve(struct strbuf *buf, size_t extra)
{
	size_t capacity = buf->capacity != 0 ? buf->capacity : FIRST_CAPACITY;

	while (capacity - buf->length <= extra)
		capacity *= 2;
	if (capacity != buf->capacity) {
		buf->data = mem_grow(buf->data, capacity, 1);
		buf->capacity = capacity;
	}
	return buf->data + buf->length;
}

void
strbuf_add(struct strbuf *buf, const void *bytes, size_t length)
{
	char *end = strbuf_reserve(buf, length);

	if (length != 0)
		memcpy(end, bytes, length);
	end[length] = '\0';
	buf->length += length;
}

void
strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void
strbuf_putc(struct strbuf *buf, char c)
{
	strbuf_add(buf, &c, 1);
}

void
strbuf_printf(struct strbuf *buf, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vformat(format, args);
	va_end(args);
	strbuf_puts(buf, text);
	free(text);
}

char *
strbuf_take(struct strbuf *buf)
{
	char *text;

	strbuf_add(buf, "", 0);
	text = buf->data;
	*buf = (struct strbuf){0};
	return text;
}
