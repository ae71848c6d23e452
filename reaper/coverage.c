/* The cells are told apart by the number of their location. What is known of
 * the smaller units of larger cells (their parts) is as exact as of hours, so
 * that gaps are hours even where the cells are days. See coverage.h. */
#include "reaper/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/keypath.h"
#include "common/mem.h"
#include "common/units.h"

enum {
	HOURS = 24,
	/* A usual day with fewer hours than these is of a location that isn't
	 * hourly; so many days it takes to know one. */
	HOURLY_HOURS = 6,
	USUAL_DAYS = 3
};

void
coverage_init(struct coverage *coverage, size_t cells_limit)
{
	*coverage = (struct coverage){
	    .first_upload_ns = INT64_MAX, .last_upload_ns = INT64_MIN};
	cells_init(&coverage->cells, cells_limit);
}

void
coverage_done(struct coverage *coverage)
{
	for (size_t i = 0; i < coverage->count; i++) {
		free(coverage->locations[i]->name);
		free(coverage->locations[i]);
	}
	free(coverage->locations);
	free(coverage->gaps);
	cells_done(&coverage->cells);
	*coverage = (struct coverage){0};
}

/* The first of the locations, which are sorted, that isn't before NAME. */
static size_t
find_place(const struct coverage *coverage, const char *name)
{
	size_t low = 0, high = coverage->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(coverage->locations[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Takes NAME over. */
static struct location *
add_location(struct coverage *coverage, size_t place, char *name)
{
	struct location *location = mem_zero(1, sizeof *location);

	location->name = name;
	location->row = (uint32_t)coverage->count;
	coverage->locations = mem_grow(coverage->locations, coverage->count + 1,
	    sizeof *coverage->locations);
	memmove(coverage->locations + place + 1, coverage->locations + place,
	    (coverage->count - place) * sizeof *coverage->locations);
	coverage->locations[place] = location;
	coverage->count++;
	return location;
}

static struct location *
find_location(struct coverage *coverage, const char *path)
{
	size_t length = strcspn(path, "/"), place;
	struct location *location = coverage->latest;
	char *name;

	if (location != NULL && strncmp(location->name, path, length) == 0 &&
	    location->name[length] == '\0')
		return location;
	name = mem_copy_n(path, length);
	place = find_place(coverage, name);
	if (place < coverage->count &&
	    strcmp(coverage->locations[place]->name, name) == 0) {
		location = coverage->locations[place];
		free(name);
	} else if (coverage->count < COVERAGE_LOCATIONS_MAX) {
		location = add_location(coverage, place, name);
	} else {
		free(name);
		return &coverage->further;
	}
	coverage->latest = location;
	return location;
}

void
coverage_add(struct coverage *coverage, const char *path,
    int64_t uploaded_at_ns, int64_t bytes)
{
	struct location *location = find_location(coverage, path);
	int64_t hour_ns;

	coverage->files++;
	coverage->bytes = units_add_sizes(coverage->bytes, bytes);
	if (uploaded_at_ns < coverage->first_upload_ns)
		coverage->first_upload_ns = uploaded_at_ns;
	if (uploaded_at_ns > coverage->last_upload_ns)
		coverage->last_upload_ns = uploaded_at_ns;
	location->files++;
	location->bytes = units_add_sizes(location->bytes, bytes);
	if (!keypath_hour(path, &hour_ns) || !calendar_knows(hour_ns))
		location->undated++;
	else if (location != &coverage->further)
		cells_add(&coverage->cells, location->row, hour_ns, bytes);
}

int32_t
coverage_index(
    const struct coverage *coverage, int32_t index, enum calendar_unit unit)
{
	unsigned part;

	for (int u = (int)coverage->unit; u < (int)unit; u++)
		index = calendar_up((enum calendar_unit)u, index, &part);
	return index;
}

void
coverage_place(struct coverage *coverage)
{
	struct location *by_row[COVERAGE_LOCATIONS_MAX];

	for (size_t i = 0; i < coverage->count; i++) {
		by_row[coverage->locations[i]->row] = coverage->locations[i];
		coverage->locations[i]->cells = 0;
	}
	for (size_t i = 0; i < coverage->cells.count; i++) {
		struct location *location = by_row[coverage->cells.cell[i].row];

		if (location->cells++ == 0)
			location->cell = i;
	}
}

/* The units of which a location has files, in turn. */
struct presence {
	const struct coverage *coverage;
	const struct cell *cell, *end;
	uint32_t parts; /* of the cell, those to come */
};

static struct presence
begin_presence(const struct coverage *coverage, const struct location *location)
{
	const struct cell *cell = coverage->cells.cell + location->cell;
	const struct cell *end = cell + location->cells;

	return (struct presence){
	    coverage, cell, end, cell < end ? cell->parts : 0};
}

static bool
next_present(struct presence *presence, int32_t *ret_index)
{
	enum calendar_unit unit = presence->coverage->cells.unit;

	while (presence->cell < presence->end && presence->parts == 0)
		if (++presence->cell < presence->end)
			presence->parts = presence->cell->parts;
	if (presence->cell == presence->end)
		return false;
	*ret_index = calendar_down(unit, presence->cell->index) +
		     (unit == CALENDAR_HOUR ? 0
					    : __builtin_ctz(presence->parts));
	presence->parts &= presence->parts - 1;
	return true;
}

/* The middle of what the counts, of which COUNT[n] are n, are. */
static unsigned
median(const size_t count[HOURS + 1])
{
	size_t sum = 0, half = 0;
	unsigned value = 0;

	for (unsigned n = 0; n <= HOURS; n++)
		sum += count[n];
	while (value < HOURS && (half += count[value]) * 2 < sum)
		value++;
	return value;
}

/* Judges by the days between its first and last, which may be cut. */
static bool
is_sparse(const struct coverage *coverage, const struct location *location)
{
	struct presence presence = begin_presence(coverage, location);
	size_t days_of[HOURS + 1] = {0}, days = 0;
	int32_t index, day = INT32_MIN;
	bool is_first = true;
	unsigned hours = 0;

	if (coverage->unit != CALENDAR_HOUR)
		return false;
	while (next_present(&presence, &index)) {
		int32_t its_day = coverage_index(coverage, index, CALENDAR_DAY);

		if (its_day != day && day != INT32_MIN) {
			if (!is_first) {
				days_of[hours]++;
				days++;
			}
			is_first = false;
			hours = 0;
		}
		day = its_day;
		hours++;
	}
	return days >= USUAL_DAYS && median(days_of) < HOURLY_HOURS;
}

static int
compare_counts(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int64_t
typical_files(const struct coverage *coverage, const struct location *location)
{
	int64_t *files, middle;

	if (coverage->cells.unit != CALENDAR_HOUR || location->cells == 0)
		return 0;
	files = mem_zero(location->cells, sizeof *files);
	for (size_t i = 0; i < location->cells; i++)
		files[i] = coverage->cells.cell[location->cell + i].files;
	qsort(files, location->cells, sizeof *files, compare_counts);
	middle = files[location->cells / 2];
	free(files);
	return middle;
}

static int
compare_lengths(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return (x->first < y->first) - (x->first > y->first);
}

static int
compare_ends(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;
	int32_t x_end = x->first + x->count, y_end = y->first + y->count;

	if (x_end != y_end)
		return x_end > y_end ? -1 : 1;
	return strcmp(x->location->name, y->location->name);
}

static void
sort_gaps(struct coverage *coverage, int (*order)(const void *a, const void *b),
    size_t max)
{
	if (coverage->gaps_shown > 0)
		qsort(coverage->gaps, coverage->gaps_shown,
		    sizeof *coverage->gaps, order);
	if (coverage->gaps_shown > max)
		coverage->gaps_shown = max;
}

/* Of the gaps only the longest are kept: whenever there are twice as many as
 * wanted, the shorter half goes. */
static void
add_gap(struct coverage *coverage, struct location *location, int32_t first,
    int32_t count, size_t max)
{
	location->gaps++;
	location->missing += count;
	if (coverage->gaps_shown == 2 * max)
		sort_gaps(coverage, compare_lengths, max);
	coverage->gaps[coverage->gaps_shown++] = (struct gap){
	    location, first, count};
}

static void
look_at(struct coverage *coverage, struct location *location, size_t gaps_max)
{
	struct presence presence;
	int32_t index;

	location->is_sparse = is_sparse(coverage, location);
	location->typical = typical_files(coverage, location);
	presence = begin_presence(coverage, location);
	while (next_present(&presence, &index)) {
		int32_t from = location->last + 1, to = index;

		if (location->is_sparse) {
			unsigned part;

			/* The whole days between the two. */
			from = calendar_down(CALENDAR_DAY,
			    calendar_up(CALENDAR_HOUR, location->last, &part) +
				1);
			to = calendar_down(CALENDAR_DAY,
			    calendar_up(CALENDAR_HOUR, index, &part));
		}
		if (location->seen++ == 0)
			location->first = index;
		else if (from < to)
			add_gap(coverage, location, from, to - from, gaps_max);
		location->last = index;
	}
	coverage->gap_count += location->gaps;
	coverage->missing += location->missing;
}

static void
find_end(struct coverage *coverage)
{
	/* A path may name the hour of a time zone that is ahead. */
	const int64_t ahead_ns = INT64_C(14) * 3600 * CLOCK_NS_PER_S;
	int32_t newest = INT32_MIN, limit;

	if (coverage->files == 0)
		return;
	limit = calendar_index(
	    coverage->unit, coverage->last_upload_ns > INT64_MAX - ahead_ns
				? INT64_MAX
				: coverage->last_upload_ns + ahead_ns);
	for (size_t i = 0; i < coverage->count; i++) {
		const struct location *location = coverage->locations[i];
		struct presence presence = begin_presence(coverage, location);
		int32_t index;

		while (next_present(&presence, &index) && index <= limit)
			if (index > newest)
				newest = index;
	}
	/* All may be of a clock that runs ahead, or of no hour. */
	coverage->end = newest == INT32_MIN ? limit : newest;
}

void
coverage_finish(struct coverage *coverage, size_t gaps_max)
{
	struct cells *cells = &coverage->cells;

	cells_settle(cells);
	coverage_place(coverage);
	/* What the cells' parts are. */
	coverage->unit = cells->unit == CALENDAR_HOUR
			     ? CALENDAR_HOUR
			     : (enum calendar_unit)(cells->unit - 1);
	coverage->gaps = mem_zero(2 * gaps_max, sizeof *coverage->gaps);
	for (size_t i = 0; i < coverage->count; i++)
		look_at(coverage, coverage->locations[i], gaps_max);
	sort_gaps(coverage, compare_lengths, gaps_max);
	sort_gaps(coverage, compare_ends, gaps_max);
	find_end(coverage);
}
