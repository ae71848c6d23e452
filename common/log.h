/* The log on stderr: a line an event, as text or JSON.
 *
 *   2020-11-15 20:31:40,717 -   INFO - /base/x.dat has been uploaded to b.
 *   {"time":"2020-11-15T20:31:40.717Z","level":"info","message":"..."}
 *
 * Names come from producers and stores, so control characters, backslashes
 * and invalid UTF-8 are written as \xNN (JSON: escaped as JSON does). Whole
 * lines are gathered and written PIPE_BUF bytes at a time, so that programs
 * that share a pipe or a file don't mix theirs; warnings go out at once. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

#include "common/config.h"
#include "common/strbuf.h"

/* Sets level and format; VERBOSITY moves the level (-1 for each -q, +1 for
 * each -v). Before the first call the level is info and the format text. */
void log_setup(enum log_level level, enum log_format format, int verbosity);
/* Whether a message of LEVEL would be written: spares building it. */
bool log_wants(enum log_level level);
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes what was gathered. Call it before waiting and before exiting. */
void log_flush(void);
/* Appends TEXT as the text log shows it: for other lines that a person or a
 * line-based script reads. */
void log_escape(struct strbuf *buf, const char *text);
/* Appends TEXT as the inside of a JSON string. */
void log_escape_json(struct strbuf *buf, const char *text);

#endif
