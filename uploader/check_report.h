/* The report of a check on stdout: a line an item, "GRADE  ITEM  FINDING". */
#ifndef UPLOADER_CHECK_REPORT_H
#define UPLOADER_CHECK_REPORT_H

#include "common/stage.h"

/* ITEM is one word or two; the rest is what was found, with a hint where a
 * person can act. Never a secret. Control characters in it are escaped. Each
 * line goes out at once, as the next item may take its time. */
void check_ok(const char *item, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void check_warn(const char *item, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* STATUS is the exit status that it means. */
void check_fail(struct stage *stage, int status, const char *item,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
