/* The log; see log.h.
 *
 * An uploader logs a line a file, 20,000 in a run of seconds, so a line costs
 * no allocation, no time zone arithmetic (the text of the current second is
 * kept) and rarely a system call. A write of at most PIPE_BUF bytes is atomic
 * on a pipe (POSIX, write) and, with O_APPEND, on a local file: only whole
 * lines are written together, and only a line that is longer than that alone
 * is at the mercy of its neighbours.
 *
 * The journal takes "<N>" at the beginning of a line of a service's stderr for
 * its priority (sd-daemon(3); the numbers are syslog(3)'s), and has the time
 * and the program itself. That stderr leads there is told by JOURNAL_STREAM,
 * "DEVICE:INODE" of it (systemd.exec(5)), which children inherit that have
 * another one: so it is compared. */
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log_out.h"
#include "common/log_repeat.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/timefmt.h"
#include "common/units.h"

enum { STAMP_MILLISECONDS = 20 }; /* where they are in a time of timefmt.h */

static struct {
	enum log_level threshold;
	enum log_format wanted; /* as set up */
	enum log_format format; /* text, json or journal */
	bool has_priorities;
	struct strbuf origin;	/* program and pid, as JSON's members */
	struct strbuf message;	/* as formatted, before it is escaped */
	struct strbuf kind;	/* of it; see log_repeat.h */
	struct strbuf gathered; /* whole lines, not yet written */
	int stray_error;	/* the file can't be opened anew: to be said */
	const char *stray_reason;
	bool has_stamp;
	int64_t stamp_second;
	char stamp[TIMEFMT_MAX]; /* that second, in this format */
} state = {.threshold = LOG_INFO, .format = LOG_TEXT};

/* --- setting up ----------------------------------------------------------- */

static bool
is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char expected[64];
	struct stat st;

	if (stream == NULL || fstat(fd, &st) < 0)
		return false;
	/* Two numbers of 20 digits at most. */
	(void)snprintf(expected, sizeof expected, "%ju:%ju",
	    (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, expected) == 0;
}

/* For where lines go now. */
static void
choose_format(void)
{
	bool journal = log_out_file() == NULL && is_journal(STDERR_FILENO);

	state.format = state.wanted;
	if (state.format == LOG_AUTO)
		state.format = journal ? LOG_JOURNAL : LOG_TEXT;
	state.has_priorities = journal || state.format == LOG_JOURNAL;
	state.has_stamp = false;
}

void
log_setup(const struct log_options *options)
{
	int threshold = (int)options->level;
	int verbosity = options->verbosity;

	/* A step at a time: no overflow, whatever was typed. */
	for (; verbosity > 0 && threshold > (int)LOG_DEBUG; verbosity--)
		threshold--;
	for (; verbosity < 0 && threshold < (int)LOG_ERROR; verbosity++)
		threshold++;
	state.threshold = (enum log_level)threshold;
	state.wanted = options->format;
	strbuf_reset(&state.origin);
	if (options->format == LOG_JSON)
		strbuf_printf(&state.origin, ",\"program\":\"%s\",\"pid\":%jd",
		    options->program, (intmax_t)getpid());
	choose_format();
}

int
log_open(const char *file, char **ret_error)
{
	const char *reason = "";
	int rc;

	log_flush();
	rc = log_out_open(file, &reason);
	if (rc == 0)
		choose_format();
	else
		*ret_error = mem_format(
		    "Cannot log to '%s': %s; logging here", file, reason);
	return rc;
}

const char *
log_file(void)
{
	return log_out_file();
}

bool
log_wants(enum log_level level)
{
	return level >= state.threshold;
}

/* --- escaping ------------------------------------------------------------- */

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

/* Whether TEXT begins with a character that may make what stands around it be
 * shown in another order or on another line: U+061C, U+200E, U+200F, U+2028 to
 * U+202E, U+2066 to U+2069 (Unicode's Bidi_Control, and its separators). */
static bool
disguises(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;

	if (byte[0] == 0xd8)
		return byte[1] == 0x9c;
	if (byte[0] != 0xe2)
		return false;
	if (byte[1] == 0x80)
		return byte[2] == 0x8e || byte[2] == 0x8f ||
		       (byte[2] >= 0xa8 && byte[2] <= 0xae);
	return byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9;
}

/* The length of what TEXT begins with and needs no escape. */
static size_t
plain_length(const char *text, bool json)
{
	const char *end = text;

	for (;;) {
		size_t length = printable_length(end);

		if (length == 0 || *end == '\\' ||
		    (json ? *end == '"' : disguises(end)))
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
		/* What follows the first byte then shows as invalid alone. */
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

/* --- a line --------------------------------------------------------------- */

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
	} else {
		if ((size_t)length >= message->capacity) {
			(void)strbuf_reserve(message, (size_t)length);
			/* The same as before, now with room. */
			(void)vsnprintf(
			    message->data, message->capacity, format, again);
		}
		message->length = (size_t)length;
	}
	va_end(again);
}

static void
put_json_field(struct strbuf *buf, const struct log_field *field)
{
	char number[32];

	strbuf_puts(buf, ",\"");
	strbuf_puts(buf, field->name);
	strbuf_puts(buf, "\":");
	if (field->text != NULL) {
		strbuf_putc(buf, '"');
		log_escape_json(buf, field->text);
		strbuf_putc(buf, '"');
		return;
	}
	/* 20 digits at most. */
	(void)snprintf(number, sizeof number, "%" PRId64, field->number);
	strbuf_puts(buf, number);
}

static void
put_json(struct strbuf *buf, enum log_level level, const char *message,
    const struct log_field *field)
{
	static const char *const names[] = {
	    "debug", "info", "warning", "error"};

	strbuf_puts(buf, "{\"time\":\"");
	strbuf_puts(buf, stamp());
	strbuf_puts(buf, "\",\"level\":\"");
	strbuf_puts(buf, names[level]);
	strbuf_puts(buf, "\",\"message\":\"");
	log_escape_json(buf, message);
	strbuf_putc(buf, '"');
	strbuf_puts(buf, strbuf_text(&state.origin));
	for (; field != NULL && field->name != NULL; field++)
		if (field->text == NULL || *field->text != '\0')
			put_json_field(buf, field);
	strbuf_putc(buf, '}');
}

static void
append_line(
    enum log_level level, const char *message, const struct log_field *fields)
{
	static const char *const names[] = {
	    " -  DEBUG - ", " -   INFO - ", " - WARNING - ", " -  ERROR - "};
	static const char *const priorities[] = {"<7>", "<6>", "<4>", "<3>"};
	struct strbuf *buf = &state.gathered;

	if (state.has_priorities)
		strbuf_puts(buf, priorities[level]);
	if (state.format == LOG_JSON) {
		put_json(buf, level, message, fields);
	} else {
		if (state.format == LOG_TEXT) {
			strbuf_puts(buf, stamp());
			strbuf_puts(buf, names[level]);
		}
		log_escape(buf, message);
	}
	strbuf_putc(buf, '\n');
}

/* --- writing -------------------------------------------------------------- */

/* Writes the first LENGTH bytes of what was gathered. */
static void
write_gathered(size_t length)
{
	struct strbuf *gathered = &state.gathered;
	size_t rest = gathered->length - length;
	int rc;

	if (length > 0 || log_out_is_hung_up()) {
		rc = log_out_follow(&state.stray_reason);
		if (rc < 0)
			state.stray_error = rc;
	}
	if (length == 0)
		return;
	log_out_write(gathered->data, length);
	memmove(gathered->data, gathered->data + length, rest);
	strbuf_truncate(gathered, rest);
}

/* Adds a line, and writes what is due. */
static void
add_line(
    enum log_level level, const char *message, const struct log_field *fields)
{
	struct strbuf *gathered = &state.gathered;
	size_t before = gathered->length;

	append_line(level, message, fields);
	if (gathered->length > PIPE_BUF && before > 0)
		write_gathered(before);
	if (gathered->length > PIPE_BUF || level >= LOG_WARNING)
		write_gathered(gathered->length);
}

/* Says of what was hidden how much it was; ALL: of what may go on, too. */
static void
tell_hidden(bool all)
{
	struct strbuf last = {0};
	enum log_level level;
	uint64_t count;

	if (!log_repeat_is_hiding())
		return;
	while (
	    log_repeat_take(all, clock_monotonic_ns(), &level, &count, &last)) {
		const struct log_field fields[] = {
		    {.name = "repeated", .number = (int64_t)count}, {0}};
		char number[UNITS_TEXT_MAX];
		char *text;

		if (count == 1) {
			add_line(level, strbuf_text(&last), NULL);
			continue;
		}
		text = mem_format("and %s more like this: %s",
		    units_format_count(count, number), strbuf_text(&last));
		add_line(level, text, fields);
		free(text);
	}
	strbuf_done(&last);
}

static void
tell_stray(void)
{
	char *text;

	if (state.stray_error == 0)
		return;
	state.stray_error = 0;
	text = mem_format("Cannot open the log '%s' anew: %s; going on with "
			  "the old file",
	    log_out_file(), state.stray_reason);
	add_line(LOG_WARNING, text, NULL);
	free(text);
}

void
log_catch_up(void)
{
	tell_hidden(true);
}

void
log_flush(void)
{
	int saved = errno;

	tell_hidden(false);
	write_gathered(state.gathered.length);
	tell_stray();
	errno = saved;
}

void
log_end(void)
{
	tell_hidden(true);
	log_flush();
	log_out_close();
	log_repeat_done();
	strbuf_done(&state.origin);
	strbuf_done(&state.message);
	strbuf_done(&state.kind);
	strbuf_done(&state.gathered);
	choose_format();
}

void
log_show(const char *text)
{
	log_out_show(text);
}

/* --- messages ------------------------------------------------------------- */

/* The length of the longest of the names in FIELDS that TEXT begins with. */
static size_t
name_length(const char *text, const struct log_field *field)
{
	size_t longest = 0;

	for (; field->name != NULL; field++) {
		size_t length = field->is_name ? strlen(field->text) : 0;

		if (length > longest && strncmp(text, field->text, length) == 0)
			longest = length;
	}
	return longest;
}

/* Sets state.kind: the message, with a NUL in place of each name. */
static void
find_kind(const struct log_field *fields)
{
	const char *text = strbuf_text(&state.message);

	strbuf_reset(&state.kind);
	while (*text != '\0') {
		size_t length = fields != NULL ? name_length(text, fields) : 0;

		strbuf_putc(&state.kind, length > 0 ? '\0' : *text);
		text += length > 0 ? length : 1;
	}
}

static void __attribute__((format(printf, 3, 0))) emit(enum log_level level,
    const struct log_field *fields, const char *format, va_list args)
{
	int saved = errno;

	if (!log_wants(level))
		return;
	format_message(format, args);
	tell_hidden(false);
	if (level >= LOG_WARNING && state.threshold > LOG_DEBUG) {
		find_kind(fields);
		if (log_repeat_hides(level, &state.kind, &state.message,
			clock_monotonic_ns())) {
			errno = saved;
			return;
		}
	}
	add_line(level, strbuf_text(&state.message), fields);
	tell_stray();
	errno = saved;
}

void
log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_DEBUG, NULL, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_INFO, NULL, format, args);
	va_end(args);
}

void
log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_WARNING, NULL, format, args);
	va_end(args);
}

void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_ERROR, NULL, format, args);
	va_end(args);
}

void
log_about(enum log_level level, const struct log_field *fields,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(level, fields, format, args);
	va_end(args);
}
