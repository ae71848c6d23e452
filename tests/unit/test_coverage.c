/* What is missing of a location, and what isn't expected of it. */
#include "reaper/coverage.h"

#include "tests/unit/scratch.h"

#define UPLOADED "2024-03-31"

static void
add(struct coverage *coverage, const char *path)
{
	coverage_add(coverage, path, scratch_time(UPLOADED), 10);
}

/* A file of LOCATION in the hours FROM to TO (not included), counted from
 * 2024-03-01, but every STEPth only. */
static void
add_hours(
    struct coverage *coverage, const char *location, int from, int to, int step)
{
	char path[64];

	for (int hour = from; hour < to; hour += step) {
		(void)snprintf(path, sizeof path, "%s/2024/03/%02d/%02d/00-t",
		    location, 1 + hour / 24, hour % 24); /* fits */
		add(coverage, path);
	}
}

static void
check_location(const struct coverage *coverage, size_t place, const char *name,
    int64_t seen, int64_t gaps, int64_t missing)
{
	const struct location *location = coverage->locations[place];

	ck_assert_str_eq(location->name, name);
	ck_assert_msg(location->seen == seen, "%s: %lld seen", name,
	    (long long)location->seen);
	ck_assert_msg(location->gaps == gaps, "%s: %lld gaps", name,
	    (long long)location->gaps);
	ck_assert_msg(location->missing == missing, "%s: %lld missing", name,
	    (long long)location->missing);
}

static void
check_gap(const struct coverage *coverage, size_t place, const char *name,
    const char *first, int32_t count)
{
	const struct gap *gap = &coverage->gaps[place];
	char text[CALENDAR_TEXT_MAX];

	ck_assert_str_eq(gap->location->name, name);
	ck_assert_str_eq(
	    calendar_text(coverage->unit, gap->first, text), first);
	ck_assert_int_eq(gap->count, count);
}

START_TEST(finds_gaps)
{
	struct coverage coverage;
	char text[CALENDAR_TEXT_MAX];

	coverage_init(&coverage, 1000);
	add_hours(&coverage, "b", 5, 10, 1);
	add_hours(&coverage, "b", 12, 60, 1);
	add_hours(&coverage, "b", 61, 62, 1);
	add_hours(&coverage, "a", 100, 103, 2);
	add(&coverage, "a/2024/03/05/06/01-later-in-the-same-hour");
	add_hours(&coverage, "c", 0, 1, 1);
	coverage_finish(&coverage, 10);
	ck_assert_uint_eq(coverage.count, 3);
	check_location(&coverage, 0, "a", 2, 1, 1);
	check_location(&coverage, 1, "b", 54, 2, 3);
	check_location(&coverage, 2, "c", 1, 0, 0);
	ck_assert_int_eq(coverage.locations[0]->files, 3);
	ck_assert_int_eq(coverage.locations[0]->bytes, 30);
	ck_assert_int_eq(coverage.gap_count, 3);
	ck_assert_int_eq(coverage.missing, 4);
	ck_assert_uint_eq(coverage.gaps_shown, 3);
	check_gap(&coverage, 0, "a", "2024-03-05 05 h", 1);
	check_gap(&coverage, 1, "b", "2024-03-03 12 h", 1);
	check_gap(&coverage, 2, "b", "2024-03-01 10 h", 2);
	ck_assert_str_eq(calendar_text(coverage.unit, coverage.end, text),
	    "2024-03-05 06 h");
	coverage_done(&coverage);
}
END_TEST

START_TEST(keeps_the_longest)
{
	struct coverage coverage;

	coverage_init(&coverage, 1000);
	add_hours(&coverage, "a", 0, 100, 2);
	add_hours(&coverage, "a", 110, 200, 2);
	add_hours(&coverage, "a", 205, 300, 2);
	coverage_finish(&coverage, 2);
	ck_assert_int_eq(coverage.gap_count, 49 + 1 + 44 + 1 + 47);
	ck_assert_uint_eq(coverage.gaps_shown, 2);
	check_gap(&coverage, 0, "a", "2024-03-09 07 h", 6);
	check_gap(&coverage, 1, "a", "2024-03-05 03 h", 11);
	coverage_done(&coverage);
}
END_TEST

/* Larger cells know of the hours in them. */
START_TEST(is_exact_with_days)
{
	struct coverage coverage;

	coverage_init(&coverage, 100);
	for (int i = 0; i < 50; i++) {
		add_hours(&coverage, "a", 0, 50, 1);
		add_hours(&coverage, "a", 51, 300, 1);
	}
	coverage_finish(&coverage, 10);
	ck_assert_int_eq(coverage.cells.unit, CALENDAR_DAY);
	ck_assert_int_eq(coverage.unit, CALENDAR_HOUR);
	check_location(&coverage, 0, "a", 299, 1, 1);
	check_gap(&coverage, 0, "a", "2024-03-03 02 h", 1);
	coverage_done(&coverage);
}
END_TEST

START_TEST(expects_no_more_than_usual)
{
	struct coverage coverage;

	coverage_init(&coverage, 1000);
	/* Once a day, one day missing. */
	add_hours(&coverage, "daily", 6, 240, 24);
	add_hours(&coverage, "daily", 270, 480, 24);
	/* Too few days to tell. */
	add_hours(&coverage, "new", 6, 60, 24);
	coverage_finish(&coverage, 10);
	ck_assert(coverage.locations[0]->is_sparse);
	check_location(&coverage, 0, "daily", 19, 1, 24);
	check_gap(&coverage, 0, "daily", "2024-03-11 00 h", 24);
	ck_assert(!coverage.locations[1]->is_sparse);
	check_location(&coverage, 1, "new", 3, 2, 46);
	coverage_done(&coverage);
}
END_TEST

START_TEST(leaves_nonsense_aside)
{
	struct coverage coverage;
	char text[CALENDAR_TEXT_MAX];

	coverage_init(&coverage, 1000);
	add_hours(&coverage, "a", 0, 2, 1);
	add(&coverage, "a/2024/13/29/06/00-t");
	add(&coverage, "a/x");
	add(&coverage, "");
	/* A clock that runs ahead is no reason to call the others silent. */
	add(&coverage, "b/2199/01/01/00/00-t");
	coverage_finish(&coverage, 10);
	check_location(&coverage, 0, "", 0, 0, 0);
	check_location(&coverage, 1, "a", 2, 0, 0);
	ck_assert_int_eq(coverage.locations[1]->undated, 2);
	ck_assert_int_eq(coverage.files, 6);
	ck_assert_str_eq(calendar_text(coverage.unit, coverage.end, text),
	    "2024-03-01 01 h");
	coverage_done(&coverage);
}
END_TEST

/* Then the end is the last upload's, by the clock that is furthest ahead. */
START_TEST(has_an_end)
{
	struct coverage coverage;
	char text[CALENDAR_TEXT_MAX];

	coverage_init(&coverage, 1000);
	add(&coverage, "a/x");
	add(&coverage, "b/2199/01/01/00/00-t");
	coverage_finish(&coverage, 10);
	ck_assert_str_eq(calendar_text(coverage.unit, coverage.end, text),
	    "2024-03-31 14 h");
	coverage_done(&coverage);
}
END_TEST

START_TEST(limits_locations)
{
	struct coverage coverage;
	char path[64];

	coverage_init(&coverage, 100000);
	for (int i = 0; i < COVERAGE_LOCATIONS_MAX + 7; i++) {
		(void)snprintf(path, sizeof path, "%d/2024/03/01/00/t",
		    (i * 7919) % 100003); /* fits */
		add(&coverage, path);
		add(&coverage, path);
	}
	coverage_finish(&coverage, 10);
	ck_assert_uint_eq(coverage.count, COVERAGE_LOCATIONS_MAX);
	ck_assert_int_eq(coverage.further.files, 14);
	for (size_t i = 0; i < coverage.count; i++) {
		ck_assert_int_eq(coverage.locations[i]->files, 2);
		ck_assert_uint_eq(coverage.locations[i]->cells, 1);
		ck_assert(i == 0 || strcmp(coverage.locations[i - 1]->name,
					coverage.locations[i]->name) < 0);
	}
	coverage_done(&coverage);
}
END_TEST

START_TEST(takes_nothing)
{
	struct coverage coverage;

	coverage_init(&coverage, 10);
	coverage_finish(&coverage, 10);
	ck_assert_uint_eq(coverage.count, 0);
	ck_assert_uint_eq(coverage.gaps_shown, 0);
	coverage_done(&coverage);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("coverage");
	TCase *tcase = tcase_create("coverage");

	tcase_add_test(tcase, finds_gaps);
	tcase_add_test(tcase, keeps_the_longest);
	tcase_add_test(tcase, is_exact_with_days);
	tcase_add_test(tcase, expects_no_more_than_usual);
	tcase_add_test(tcase, leaves_nonsense_aside);
	tcase_add_test(tcase, has_an_end);
	tcase_add_test(tcase, limits_locations);
	tcase_add_test(tcase, takes_nothing);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
