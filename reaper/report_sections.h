/* The sections of the report, each appended to the page. */
#ifndef REAPER_REPORT_SECTIONS_H
#define REAPER_REPORT_SECTIONS_H

#include <stdint.h>

#include "common/stage.h"
#include "common/strbuf.h"
#include "reaper/coverage.h"
#include "reaper/selection.h"

/* How many characters of a name are shown in a heading or table, and in what
 * there are many of. */
enum { REPORT_NAME_MAX = 80, REPORT_TITLE_MAX = 30 };

/* The pictures of all locations, of the smallest unit of time with which they
 * aren't too large. Changes COVERAGE's cells to that. */
void report_pictures(struct strbuf *page, struct coverage *coverage);
/* The same as tables: gaps, and locations. */
void report_gaps(struct strbuf *page, const struct coverage *coverage);
void report_locations(struct strbuf *page, const struct coverage *coverage);
/* Uploads over time. Changes UPLOADS, which are of row 0. */
void report_uploads(struct strbuf *page, struct cells *uploads);
/* What lies in failed/ of what is selected, and why. Returns how many files, or
 * a negative errno. */
int64_t report_failures(struct strbuf *page, const struct stage *stage,
    const struct selection *selection);

#endif
