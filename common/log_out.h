/* Where log lines go, for log.c: standard error, or a file; and the one line
 * below them on a terminal that says how far it is.
 *
 * The file is the one of its name, always: when that has been renamed, as
 * logrotate does, or at SIGHUP, it is opened anew. */
#ifndef COMMON_LOG_OUT_H
#define COMMON_LOG_OUT_H

#include <stdbool.h>
#include <stddef.h>

/* From now on lines go to FILE, which is made (0600) if it isn't there; SIGHUP
 * has it opened anew and does nothing else. Returns 0, or a negative errno and
 * *ret_reason, which needn't be freed: then nothing has changed. */
int log_out_open(const char *file, const char **ret_reason);
/* The file's name, or NULL: standard error. */
const char *log_out_file(void);
/* Whether there was a SIGHUP that nobody has heeded yet. */
bool log_out_is_hung_up(void);
/* Opens the file anew where that is due. Returns 0, or, once until it works
 * again, a negative errno and *ret_reason: lines go where they went. */
int log_out_follow(const char **ret_reason);
/* Writes whole lines. Errors are nowhere to be told: the work goes on. */
void log_out_write(const char *text, size_t length);
/* Shows TEXT, without a newline, below all lines on the terminal that standard
 * error must be; NULL or "": nothing any more. */
void log_out_show(const char *text);
/* Back to standard error, with nothing shown. */
void log_out_close(void);

#endif
