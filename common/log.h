/* The log: a line an event, as text, as JSON, or as the journal likes it; on
 * stderr, or in a file.
 *
 *   2020-11-15 20:31:40,717 -   INFO - /base/x.dat has been uploaded to b.
 *   {"time":"2020-11-15T20:31:40.717Z","level":"info","message":"...",
 *    "program":"s3spool-upload","pid":4242,"path":"x.dat","bytes":512}
 *   <6>/base/x.dat has been uploaded to b.
 *
 * Names come from producers and stores, so control characters, backslashes
 * and invalid UTF-8 are written as \xNN (JSON: escaped as JSON does). Whole
 * lines are gathered and written PIPE_BUF bytes at a time, so that programs
 * that share a pipe or a file don't mix theirs; warnings go out at once. Of
 * many warnings that differ in nothing but the file's name a hundred a minute
 * are written, and how many more there were, unless debug messages are wanted.
 * One thread logs. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/strbuf.h"

struct log_options {
	const char *program; /* must outlive the log */
	enum log_level level;
	enum log_format format;
	int verbosity; /* moves the level: -1 for each -q, +1 for each -v */
};

/* What a message is about, for who reads JSON. */
struct log_field {
	const char *name; /* a plain word; NULL: the end of the fields */
	const char *text; /* "": left out; NULL: it is the number */
	int64_t number;
	bool is_name; /* of the one file that the message is about: those that
			 differ in nothing else are of a kind */
};

/* Before the first call the level is info and the format text. */
void log_setup(const struct log_options *options);
/* Has lines go to FILE, which is made (0600) if it isn't there, and is opened
 * anew when it was renamed, and at SIGHUP. Returns 0, or a negative errno and
 * one line for the user, the caller's to free: then they go to stderr. */
int log_open(const char *file, char **ret_error);
/* The file, or NULL; then SIGHUP isn't ours. */
const char *log_file(void);
/* Whether a message of LEVEL would be written: spares building it. */
bool log_wants(enum log_level level);
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A message with FIELDS, ended by one without a name. */
void log_about(enum log_level level, const struct log_field *fields,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The fields of a message about one file, by its path, or by its key, alone. */
#define LOG_PATH(value) LOG_NAME("path", value)
#define LOG_KEY(value) LOG_NAME("key", value)
#define LOG_NAME(word, value) \
	((const struct log_field[]){ \
	    {.name = (word), .text = (value), .is_name = true}, {0}})
/* Shows TEXT, without a newline, below all lines of the terminal that stderr
 * must be; NULL or "": nothing any more. */
void log_show(const char *text);
/* Says how much was left out until now: before a sum. */
void log_catch_up(void);
/* Writes what was gathered. Call it before waiting. */
void log_flush(void);
/* Writes what is left to write, and closes what is open. */
void log_end(void);
/* Appends TEXT as the text log shows it: for other lines that a person or a
 * line-based script reads. */
void log_escape(struct strbuf *buf, const char *text);
/* Appends TEXT as the inside of a JSON string. */
void log_escape_json(struct strbuf *buf, const char *text);

#endif
