/* The log on stderr; see log.h.
 *
 * An uploader logs a line a file, 20,000 in a run of seconds, so a line costs
 * no allocation, no time zone arithmetic (the text of the current second is
 * kept) and rarely a system call. A write of at most PIPE_BUF bytes is atomic
 * on a pipe (POSIX, write) and, with O_APPEND, on a local file: only whole
 * lines are written together, and only a line that is longer than that alone
 * is at the mercy of its neighbours. An escape is \xNN, and a backslash itself
 * is escaped, so that the text log can be read back unambiguously. One thread
 * logs: nothing here is locked. */
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/percent.h"
#include "common/timefmt.h"

enum { STAMP_MILLISECONDS = 20 }; /* where they are in a time of timefmt.h */

static struct {
	enum log_level threshold;
	enum log_format format;
	struct strbuf message;	/* as formatted, before it is escaped */
	struct strbuf gathered; /* whole lines, not yet written */
	bool has_stamp;
	int64_t stamp_second;
	char stamp[TIMEFMT_MAX]; /* that second, in this format */
} state = {.threshold = LOG_INFO, .format = LOG_TEXT};

void
log_setup(enum log_level level, enum log_format format, int verbosity)
{
	int threshold = (int)level;

	/* A step at a time: no overflow, whatever was typed. */
	for (; verbosity > 0 && threshold > (int)LOG_DEBUG; verbosity--)
		threshold--;
	for (; verbosity < 0 && threshold < (int)LOG_ERROR; verbosity++)
		threshold++;
	state.threshold = (enum log_level)threshold;
	state.format = format;
	state.has_stamp = false;
}

bool
log_wants(enum log_level level)
{
	return level >= state.threshold;
}

static void
write_out(const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDERR_FILENO, text, length);

		if (written >= 0) {
			text += written;
			length -= (size_t)written;
		} else if (errno == EAGAIN) {
			struct pollfd ready = {STDERR_FILENO, POLLOUT, 0};

			/* Someone made our stderr non-blocking; interrupted or
			 * not, the write is tried again. */
			(void)poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			/* Nowhere is left to say so; the work goes on. */
			return;
		}
	}
}

void
log_flush(void)
{
	int saved = errno;

	write_out(strbuf_text(&state.gathered), state.gathered.length);
	strbuf_reset(&state.gathered);
	errno = saved;
}

/* The time of now, in the format's way. */
static const char *
stamp(void)
{
	int64_t now_ns = clock_realtime_ns();
	int64_t second = now_ns / CLOCK_NS_PER_S;
	int ms = (int)(now_ns % CLOCK_NS_PER_S / CLOCK_NS_PER_MS);

	/* Before 1970 the division rounds the wrong way: nothing is kept. */
	if (!state.has_stamp || state.stamp_second != second || now_ns < 0) {
		if (state.format == LOG_JSON)
			(void)timefmt_rfc3339(now_ns, state.stamp);
		else
			(void)timefmt_local(now_ns, state.stamp);
		state.stamp_second = second;
		state.has_stamp = true;
		return state.stamp;
	}
	for (int i = 2; i >= 0; i--, ms /= 10)
		state.stamp[STAMP_MILLISECONDS + i] = (char)('0' + ms % 10);
	return state.stamp;
}

/* The length of the character at TEXT where it can be shown as it is, else
 * 0. C1 controls are U+0080 to U+009F: C2 80 to C2 9F. */
static size_t
printable_length(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;

	if (byte[0] < 0x20 || byte[0] == 0x7f)
		return 0;
	if (byte[0] == 0xc2 && byte[1] < 0xa0)
		return 0;
	return percent_utf8_length(text);
}

/* The length of what TEXT begins with and needs no escape. */
static size_t
plain_length(const char *text, bool json)
{
	const char *end = text;

	for (;;) {
		size_t length = printable_length(end);

		if (length == 0 || *end == '\\' || (json && *end == '"'))
			return (size_t)(end - text);
		end += length;
	}
}

static void
put_byte(struct strbuf *buf, const char *prefix, char c)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char byte = (unsigned char)c;

	strbuf_puts(buf, prefix);
	strbuf_add(buf, (char[]){hex[byte >> 4], hex[byte & 15]}, 2);
}

void
log_escape(struct strbuf *buf, const char *text)
{
	for (;;) {
		size_t length = plain_length(text, false);

		strbuf_add(buf, text, length);
		text += length;
		if (*text == '\0')
			return;
		/* A C1 control's second byte then shows as invalid alone. */
		put_byte(buf, "\\x", *text++);
	}
}

/* As RFC 8259, section 7, wants it. JSON can't hold invalid UTF-8: there the
 * reader sees the text log's \xNN. */
void
log_escape_json(struct strbuf *buf, const char *text)
{
	for (;;) {
		size_t length = plain_length(text, true);

		strbuf_add(buf, text, length);
		text += length;
		if (*text == '\0')
			return;
		if (*text == '\\' || *text == '"') {
			strbuf_add(buf, (char[]){'\\', *text++}, 2);
		} else if (*text == '\n') {
			strbuf_puts(buf, "\\n");
			text++;
		} else if (percent_utf8_length(text) == 2) {
			/* C1: the code point is the second byte. */
			put_byte(buf, "\\u00", text[1]);
			text += 2;
		} else {
			put_byte(buf,
			    percent_utf8_length(text) == 1 ? "\\u00" : "\\\\x",
			    *text);
			text++;
		}
	}
}

/* Sets state.message. Formatted where the last one was: no allocation unless
 * it is longer than any before it. */
static void __attribute__((format(printf, 1, 0)))
format_message(const char *format, va_list args)
{
	struct strbuf *message = &state.message;
	va_list again;
	int length;

	va_copy(again, args);
	strbuf_reset(message);
	(void)strbuf_reserve(message, 0);
	length = vsnprintf(message->data, message->capacity, format, args);
	if (length < 0) {
		/* Better the bare sentence than nothing. */
		strbuf_puts(message, format);
	} else if ((size_t)length >= message->capacity) {
		(void)strbuf_reserve(message, (size_t)length);
		/* The same as before, now with room. */
		(void)vsnprintf(
		    message->data, message->capacity, format, again);
	}
	va_end(again);
}

static void
append_line(struct strbuf *buf, enum log_level level)
{
	static const char *const padded[] = {
	    " DEBUG", "  INFO", "WARNING", " ERROR"};
	static const char *const lower[] = {
	    "debug", "info", "warning", "error"};

	if (state.format == LOG_JSON) {
		strbuf_puts(buf, "{\"time\":\"");
		strbuf_puts(buf, stamp());
		strbuf_puts(buf, "\",\"level\":\"");
		strbuf_puts(buf, lower[level]);
		strbuf_puts(buf, "\",\"message\":\"");
		log_escape_json(buf, strbuf_text(&state.message));
		strbuf_puts(buf, "\"}\n");
	} else {
		strbuf_puts(buf, stamp());
		strbuf_puts(buf, " - ");
		strbuf_puts(buf, padded[level]);
		strbuf_puts(buf, " - ");
		log_escape(buf, strbuf_text(&state.message));
		strbuf_putc(buf, '\n');
	}
}

static void __attribute__((format(printf, 2, 0)))
emit(enum log_level level, const char *format, va_list args)
{
	struct strbuf *gathered = &state.gathered;
	size_t before = gathered->length;
	int saved = errno;

	if (!log_wants(level))
		return;
	format_message(format, args);
	append_line(gathered, level);
	if (gathered->length > PIPE_BUF && before > 0) {
		size_t rest = gathered->length - before;

		write_out(gathered->data, before);
		memmove(gathered->data, gathered->data + before, rest);
		strbuf_truncate(gathered, rest);
	}
	if (gathered->length > PIPE_BUF || level >= LOG_WARNING)
		log_flush();
	errno = saved;
}

void
log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_DEBUG, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_INFO, format, args);
	va_end(args);
}

void
log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_WARNING, format, args);
	va_end(args);
}

void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_ERROR, format, args);
	va_end(args);
}
