/* ledger_retention: what is old goes, and no clock makes anything old. */
#include "reaper/forget.h"

#include "tests/unit/scratch.h"

#define FAR "9999-12-31"

static const struct row {
	const char *days; /* in the ledger: "DAY.tsv" merged, "DAY" in pieces */
	const char *now;
	int retention_days;
	size_t removed;
	const char *last;
} rows[] = {
    {"", FAR, 1, 0, ""},
    {"2020-01-01.tsv", FAR, 1, 0, ""},
    /* Whole days before the newest one's end. */
    {"2020-01-01.tsv 2020-01-02.tsv", FAR, 1, 1, "2020-01-01"},
    {"2020-01-01.tsv 2020-01-02.tsv", FAR, 2, 0, ""},
    {"2020-01-01.tsv 2020-01-05.tsv 2020-01-09.tsv", FAR, 5, 1, "2020-01-01"},
    /* The newest may be in pieces yet; an old one in pieces is kept. */
    {"2020-01-01.tsv 2020-01-02", FAR, 1, 1, "2020-01-01"},
    {"2020-01-01.tsv 2020-01-01 2020-01-02", FAR, 1, 0, ""},
    {"2020-01-01 2020-01-02.tsv 2020-01-03.tsv", FAR, 1, 1, "2020-01-02"},
    /* By the clock, where that is earlier. */
    {"2020-01-01.tsv 2020-01-02.tsv", "2020-01-02T23:59:59Z", 1, 0, ""},
    {"2020-01-01.tsv 2020-01-05.tsv", "2020-01-04", 3, 0, ""},
    {"2020-01-01.tsv 2020-01-05.tsv", "2020-01-05", 3, 1, "2020-01-01"},
    {"2020-01-01.tsv 2020-01-05.tsv", "1970-01-01", 1, 0, ""},
    /* A clock that was wrong for one day, or for two, and is right again. */
    {"2020-01-01.tsv 2020-01-02.tsv 2030-01-01.tsv", FAR, 365, 0, ""},
    {"2020-01-01.tsv 2020-01-02.tsv 2030-01-01", FAR, 3, 0, ""},
    {"2020-01-01.tsv 2020-01-02.tsv 2030-01-01.tsv", FAR, 2, 1, "2020-01-01"},
    {"2020-01-01.tsv 2020-01-02.tsv 2030-01-01.tsv 2030-01-02.tsv", FAR, 3, 1,
	"2020-01-01"},
    {"2020-01-01.tsv 2020-01-02.tsv 2030-01-01.tsv", "2020-01-03", 2, 0, ""},
    {"2020-01-01.tsv 2020-01-02.tsv 2030-01-01.tsv", "2020-01-04", 2, 1,
	"2020-01-01"},
    /* Twice wrong. */
    {"2020-01-01.tsv 2030-01-01.tsv 2040-01-01.tsv", FAR, 3, 0, ""},
    {"2020-01-01.tsv 2030-01-01.tsv 2040-01-01.tsv", FAR, 1, 2, "2030-01-01"},
    /* It was right, and nothing was uploaded for long: nothing stays for
     * ever. */
    {"2020-01-01.tsv 2020-01-02.tsv 2020-07-01.tsv 2020-07-02.tsv "
     "2020-07-03.tsv",
	FAR, 3, 2, "2020-01-02"},
};

START_TEST(forgets)
{
	const struct row *row = &rows[_i];
	const int64_t day_ns = 86400 * CLOCK_NS_PER_S;
	struct spool *spool = scratch_spool();
	char *days = strdup(row->days), *rest = days, *day;
	struct forgotten forgotten;
	char last[TIMEFMT_MAX];

	ck_assert_ptr_nonnull(days);
	while ((day = strtok_r(rest, " ", &rest)) != NULL) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof path, SPOOL "ledger/%s%s", day,
		    strchr(day, '.') != NULL ? "" : "/r.tsv"); /* fits */
		scratch_write(path, "");
	}
	free(days);
	/* First it is only counted; then done; then there is nothing more. */
	for (int pass = 0; pass < 3; pass++) {
		ck_assert_int_eq(
		    forget_days(spool, scratch_time(row->now),
			row->retention_days * day_ns, pass == 0, &forgotten),
		    0);
		ck_assert_uint_eq(forgotten.days, pass == 2 ? 0 : row->removed);
		ck_assert_str_eq(forgotten.last, pass == 2 ? "" : row->last);
		ck_assert_int_eq(forget_last(spool, last), 0);
		ck_assert_str_eq(last, pass == 0 ? "" : row->last);
	}
	spool_close(spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("forget");
	TCase *tcase = tcase_create("forget");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_loop_test(tcase, forgets, 0, LENGTH(rows));
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
