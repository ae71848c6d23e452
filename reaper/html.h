/* What pages are made of: texts that may be anything, numbers, head and style.
 */
#ifndef REAPER_HTML_H
#define REAPER_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

/* Appends TEXT as text or as the value of an attribute in quotes: no byte of
 * it is markup, and what isn't printable shows as in the log (\xNN). */
void html_text(struct strbuf *page, const char *text);
/* The same of MAX characters; an ellipsis stands for the rest. */
void html_clip(struct strbuf *page, const char *text, size_t max);
/* "1,234,567" */
void html_number(struct strbuf *page, int64_t number);
/* "1 file", "2,000 files": THING and its plural. */
void html_count(struct strbuf *page, int64_t number, const char *thing);
/* "2024-03-01 05:20 UTC" */
void html_time(struct strbuf *page, int64_t time_ns);

/* Everything before the first element: it allows no script, and nothing to be
 * loaded. */
void html_begin(struct strbuf *page, const char *title);
void html_end(struct strbuf *page);
/* Begins a table that scrolls by itself where it is too wide: what it is, and
 * its columns, parted by '|'; those that begin with '#' are of numbers. */
void html_open_table(
    struct strbuf *page, const char *caption, const char *columns);
void html_close_table(struct strbuf *page);

#endif
