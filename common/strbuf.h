/* A growing byte buffer that is always NUL-terminated. */
#ifndef COMMON_STRBUF_H
#define COMMON_STRBUF_H

#include <stddef.h>

struct strbuf {
	char *data; /* NULL until something is added */
	size_t length;
	size_t capacity;
};

/* The text, "" when nothing was added; valid until the next call. */
const char *strbuf_text(const struct strbuf *buf);
void strbuf_done(struct strbuf *buf);
/* Empties it and keeps the memory. */
void strbuf_reset(struct strbuf *buf);
/* Shortens it to LENGTH, which is at most its length. */
void strbuf_truncate(struct strbuf *buf, size_t length);
/* Room for EXTRA more bytes and the NUL; returns where they begin. The caller
 * adds what it wrote to buf->length (and the NUL). */
char *strbuf_reserve(struct strbuf *buf, size_t extra);
void strbuf_add(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Hands the text over (never NULL; the caller frees it) and empties BUF. */
char *strbuf_take(struct strbuf *buf);

#endif
