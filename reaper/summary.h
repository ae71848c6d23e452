/* The record summed up: for each location and day of upload how many files, how
 * many bytes, the first and the last. */
#ifndef REAPER_SUMMARY_H
#define REAPER_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"

/* "day\tlocation\tfiles\tbytes\tfirst\tlast" */
#define SUMMARY_COLUMNS "day\tlocation\tfiles\tbytes\tfirst\tlast"

struct summary;

struct summary *summary_new(void);
void summary_free(struct summary *summary);
/* Counts an upload of PATH, whose first component is its location. */
void summary_add(struct summary *summary, const char *path,
    int64_t uploaded_at_ns, int64_t size_bytes);
/* Appends a line for each day and location, sorted: tab-separated, locations
 * percent-encoded, or a JSON object. */
void summary_format(
    const struct summary *summary, bool as_json, struct strbuf *lines);

#endif
