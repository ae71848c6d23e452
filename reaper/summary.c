/* The rows are few, a location's day each, and most receipts are about the row
 * of the one before: it is asked first, and the others in turn. See summary.h.
 */
#include "reaper/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/timefmt.h"

static const int64_t day_ns = 86400 * CLOCK_NS_PER_S;

struct row {
	int64_t day; /* since 1970 */
	char *location;
	int64_t files, bytes, first_ns, last_ns;
};

struct summary {
	struct row *rows;
	size_t count, capacity, latest;
};

struct summary *
summary_new(void)
{
	return mem_zero(1, sizeof(struct summary));
}

void
summary_free(struct summary *summary)
{
	if (summary == NULL)
		return;
	for (size_t i = 0; i < summary->count; i++)
		free(summary->rows[i].location);
	free(summary->rows);
	free(summary);
}

static bool
is_row(const struct row *row, int64_t day, const char *location, size_t length)
{
	return row->day == day &&
	       strncmp(row->location, location, length) == 0 &&
	       row->location[length] == '\0';
}

static struct row *
find_row(
    struct summary *summary, int64_t day, const char *location, size_t length)
{
	size_t i = summary->latest;

	if (i < summary->count &&
	    is_row(&summary->rows[i], day, location, length))
		return &summary->rows[i];
	for (i = 0; i < summary->count; i++)
		if (is_row(&summary->rows[i], day, location, length))
			break;
	summary->latest = i;
	if (i < summary->count)
		return &summary->rows[i];
	if (summary->count == summary->capacity) {
		summary->capacity = summary->capacity * 2 + 16;
		summary->rows = mem_grow(
		    summary->rows, summary->capacity, sizeof *summary->rows);
	}
	summary->rows[summary->count++] = (struct row){
	    .day = day,
	    .location = mem_copy_n(location, length),
	    .first_ns = INT64_MAX,
	    .last_ns = INT64_MIN,
	};
	return &summary->rows[i];
}

void
summary_add(struct summary *summary, const char *path, int64_t uploaded_at_ns,
    int64_t size_bytes)
{
	int64_t day = uploaded_at_ns / day_ns - (uploaded_at_ns % day_ns < 0);
	struct row *row = find_row(summary, day, path, strcspn(path, "/"));

	row->files++;
	row->bytes += size_bytes;
	if (uploaded_at_ns < row->first_ns)
		row->first_ns = uploaded_at_ns;
	if (uploaded_at_ns > row->last_ns)
		row->last_ns = uploaded_at_ns;
}

static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return strcmp(x->location, y->location);
}

static void
format_json(const struct row *row, struct strbuf *lines)
{
	struct strbuf json = {0};
	char when[TIMEFMT_MAX];

	json_open(&json, NULL, '{');
	json_text(&json, "day", timefmt_day(row->first_ns, when));
	json_text(&json, "location", row->location);
	json_number(&json, "files", row->files);
	json_number(&json, "bytes", row->bytes);
	json_text(&json, "first", timefmt_rfc3339(row->first_ns, when));
	json_text(&json, "last", timefmt_rfc3339(row->last_ns, when));
	json_close(&json, '}');
	strbuf_add(lines, json.data, json.length);
	strbuf_done(&json);
}

static void
format_text(const struct row *row, struct strbuf *lines)
{
	char when[TIMEFMT_MAX];

	strbuf_printf(lines, "%s\t", timefmt_day(row->first_ns, when));
	percent_encode_path(lines, row->location);
	strbuf_printf(lines, "\t%" PRId64 "\t%" PRId64 "\t%s", row->files,
	    row->bytes, timefmt_rfc3339(row->first_ns, when));
	strbuf_printf(lines, "\t%s", timefmt_rfc3339(row->last_ns, when));
}

void
summary_format(struct summary *summary, bool as_json, struct strbuf *lines)
{
	if (summary->count > 0)
		qsort(summary->rows, summary->count, sizeof *summary->rows,
		    compare);
	summary->latest = 0;
	for (size_t i = 0; i < summary->count; i++) {
		if (as_json)
			format_json(&summary->rows[i], lines);
		else
			format_text(&summary->rows[i], lines);
		strbuf_putc(lines, '\n');
	}
}
