/* Uploads counted by time: units of the calendar, and cells that become larger
 * ones instead of too many. */
#include "reaper/cells.h"

#include "tests/unit/scratch.h"

static const struct unit {
	enum calendar_unit unit;
	const char *time, *text;
	unsigned part, parts; /* which of the next larger, and its own */
} units[] = {
    {CALENDAR_HOUR, "2024-02-29T23:59:59Z", "2024-02-29 23 h", 23, 0},
    {CALENDAR_HOUR, "1969-12-31T00:00:00Z", "1969-12-31 00 h", 0, 0},
    {CALENDAR_DAY, "2024-02-29", "2024-02-29", 28, 24},
    {CALENDAR_DAY, "1969-12-31", "1969-12-31", 30, 24},
    {CALENDAR_MONTH, "2024-02-29", "2024-02", 1, 29},
    {CALENDAR_MONTH, "2023-02-01", "2023-02", 1, 28},
    {CALENDAR_MONTH, "2023-12-31", "2023-12", 11, 31},
    {CALENDAR_YEAR, "2024-07-01", "2024", 4, 12},
    {CALENDAR_DECADE, "1999-12-31", "1990s", 0, 10},
    {CALENDAR_DAY, "1600-01-01", "1700-01-01", 0, 24},	/* the first known */
    {CALENDAR_DAY, "2222-01-01", "2199-12-31", 30, 24}, /* the last */
};

START_TEST(counts_units)
{
	const struct unit *row = &units[_i];
	int32_t index = calendar_index(row->unit, scratch_time(row->time));
	char text[CALENDAR_TEXT_MAX];
	unsigned part;

	ck_assert_str_eq(calendar_text(row->unit, index, text), row->text);
	if (row->unit != CALENDAR_HOUR)
		ck_assert_uint_eq(calendar_parts(row->unit, index), row->parts);
	if (row->unit != CALENDAR_DECADE) {
		int32_t up = calendar_up(row->unit, index, &part);

		ck_assert_uint_eq(part, row->part);
		/* And down again. */
		ck_assert_int_eq(
		    calendar_down(row->unit + 1, up) + (int32_t)part, index);
	}
}
END_TEST

START_TEST(knows_its_limits)
{
	ck_assert(!calendar_knows(INT64_MIN));
	ck_assert(!calendar_knows(scratch_time("1699-12-31T23:59:59Z")));
	ck_assert(calendar_knows(scratch_time("1700-01-01")));
	ck_assert(calendar_knows(scratch_time("2199-12-31T23:59:59Z")));
	ck_assert(!calendar_knows(scratch_time("2200-01-01")));
	ck_assert(!calendar_knows(INT64_MAX));
}
END_TEST

/* A file in every hour of COUNT, the last ones first, in two rows. */
static void
fill(struct cells *cells, int count)
{
	int64_t begin_ns = scratch_time("2024-02-28");

	for (int i = count; i-- > 0;)
		for (uint32_t row = 2; row-- > 0;)
			cells_add(cells, row,
			    begin_ns + i * 3600 * CLOCK_NS_PER_S, row + 1);
	cells_settle(cells);
}

START_TEST(sorts_and_merges)
{
	struct cells cells;

	cells_init(&cells, 100000);
	cells_settle(&cells);
	ck_assert_uint_eq(cells.count, 0);
	fill(&cells, 3000);
	fill(&cells, 3000);
	ck_assert_int_eq(cells.unit, CALENDAR_HOUR);
	ck_assert_uint_eq(cells.count, 6000);
	for (size_t i = 0; i < cells.count; i++) {
		const struct cell *cell = &cells.cell[i];

		ck_assert_uint_eq(cell->row, i / 3000);
		ck_assert_int_eq(
		    cell->index, cells.cell[0].index + (int32_t)(i % 3000));
		ck_assert_int_eq(cell->files, 2);
		ck_assert_int_eq(cell->bytes, 2 * (cell->row + 1));
		ck_assert_uint_eq(cell->parts, 1);
	}
	cells_done(&cells);
	cells_done(&cells);
}
END_TEST

START_TEST(coarsens)
{
	struct cells cells;

	/* 28 and 29 February, and six hours. */
	cells_init(&cells, 1000);
	fill(&cells, 54);
	cells_coarsen(&cells);
	ck_assert_int_eq(cells.unit, CALENDAR_DAY);
	ck_assert_uint_eq(cells.count, 6);
	ck_assert_uint_eq(cells.cell[0].parts, 0xffffff);
	ck_assert_int_eq(cells.cell[0].files, 24);
	ck_assert_uint_eq(cells.cell[2].parts, 0x3f);
	cells_coarsen(&cells);
	ck_assert_uint_eq(cells.count, 4);
	ck_assert_uint_eq(cells.cell[0].parts, 3U << 27);
	ck_assert_uint_eq(cells.cell[1].parts, 1);
	ck_assert_int_eq(cells.cell[0].files, 48);
	cells_coarsen(&cells);
	ck_assert_uint_eq(cells.count, 2);
	ck_assert_uint_eq(cells.cell[1].parts, 6);
	ck_assert_int_eq(cells.cell[1].bytes, 54 * 2);
	cells_done(&cells);
}
END_TEST

START_TEST(stays_within_its_limit)
{
	static const struct {
		size_t limit;
		enum calendar_unit unit;
		size_t count;
	} rows[] = {
	    {20000, CALENDAR_HOUR, 2 * 9600}, {1500, CALENDAR_DAY, 2 * 400},
	    {500, CALENDAR_MONTH, 2 * 15}, {20, CALENDAR_YEAR, 2 * 2},
	    {1, CALENDAR_YEAR, 2 * 2}, /* there are no larger ones */
	};
	struct cells cells;

	for (int i = 0; i < LENGTH(rows); i++) {
		int64_t files = 0, bytes = 0;

		cells_init(&cells, rows[i].limit);
		fill(&cells, 9600);
		ck_assert_int_eq(cells.unit, rows[i].unit);
		ck_assert_uint_eq(cells.count, rows[i].count);
		for (size_t j = 0; j < cells.count; j++) {
			files += cells.cell[j].files;
			bytes += cells.cell[j].bytes;
		}
		ck_assert_int_eq(files, 2 * 9600);
		ck_assert_int_eq(bytes, 3 * 9600);
		cells_done(&cells);
	}
}
END_TEST

START_TEST(believes_no_sum)
{
	struct cells cells;

	cells_init(&cells, 10);
	for (int i = 0; i < 3; i++)
		cells_add(&cells, 0, 0, INT64_MAX - 1);
	cells_settle(&cells);
	ck_assert_int_eq(cells.cell[0].bytes, INT64_MAX);
	cells_done(&cells);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cells");
	TCase *tcase = tcase_create("cells");

	tcase_add_loop_test(tcase, counts_units, 0, LENGTH(units));
	tcase_add_test(tcase, knows_its_limits);
	tcase_add_test(tcase, sorts_and_merges);
	tcase_add_test(tcase, coarsens);
	tcase_add_test(tcase, stays_within_its_limit);
	tcase_add_test(tcase, believes_no_sum);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
