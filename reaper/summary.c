/* The rows, a location's day each, are kept sorted. Most receipts are about the
 * row of the one before, which is asked first, and new rows come at the end,
 * for the record is read by days. See summary.h. */
#include "reaper/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/timefmt.h"
#include "common/units.h"

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

/* How ROW is ordered to the one of DAY and the LENGTH bytes of LOCATION: by
 * day, then by location. */
static int
compare(const struct row *row, int64_t day, const char *location, size_t length)
{
	int order;

	if (row->day != day)
		return row->day < day ? -1 : 1;
	order = strncmp(row->location, location, length);
	return order != 0 ? order : row->location[length] != '\0';
}

/* The first row that isn't before that. */
static size_t
find_place(const struct summary *summary, int64_t day, const char *location,
    size_t length)
{
	size_t low = 0, high = summary->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(&summary->rows[middle], day, location, length) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct row *
find_row(
    struct summary *summary, int64_t day, const char *location, size_t length)
{
	size_t i = summary->latest;

	if (i < summary->count &&
	    compare(&summary->rows[i], day, location, length) == 0)
		return &summary->rows[i];
	i = find_place(summary, day, location, length);
	summary->latest = i;
	if (i < summary->count &&
	    compare(&summary->rows[i], day, location, length) == 0)
		return &summary->rows[i];
	if (summary->count == summary->capacity) {
		summary->capacity = summary->capacity * 2 + 16;
		summary->rows = mem_grow(
		    summary->rows, summary->capacity, sizeof *summary->rows);
	}
	memmove(summary->rows + i + 1, summary->rows + i,
	    (summary->count - i) * sizeof *summary->rows);
	summary->count++;
	summary->rows[i] = (struct row){
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
	row->bytes = units_add_sizes(row->bytes, size_bytes);
	if (uploaded_at_ns < row->first_ns)
		row->first_ns = uploaded_at_ns;
	if (uploaded_at_ns > row->last_ns)
		row->last_ns = uploaded_at_ns;
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
summary_format(
    const struct summary *summary, bool as_json, struct strbuf *lines)
{
	for (size_t i = 0; i < summary->count; i++) {
		if (as_json)
			format_json(&summary->rows[i], lines);
		else
			format_text(&summary->rows[i], lines);
		strbuf_putc(lines, '\n');
	}
}
