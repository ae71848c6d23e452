/* The line about how far a run is: its words, and the speed in it. Whether and
 * where it is shown needs a terminal: tests/e2e. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/progress.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MIB INT64_C(1048576)

static const struct line {
	struct progress progress;
	struct progress_count count;
	const char *line;
} lines[] = {
    /* at once: no speed, so no time */
    {{.speed = 0}, {NULL, 0, 5678, 0, 4 * MIB, false},
	"0 of 5,678 files, 0 B of 4.0 MiB"},
    /* on the way */
    {{.speed = 65536, .has_speed = true},
	{NULL, 1234, 5678, MIB, 4 * MIB, false},
	"1,234 of 5,678 files, 1.0 MiB of 4.0 MiB, 64.0 KiB/s, "
	"48 s left"},
    /* all is sent, and not yet recorded */
    {{.speed = 65536, .has_speed = true},
	{NULL, 5677, 5678, 4 * MIB, 4 * MIB, false},
	"5,677 of 5,678 files, 4.0 MiB of 4.0 MiB, 64.0 KiB/s"},
    /* more files have come */
    {{.speed = 65536, .has_speed = true},
	{NULL, 5679, 5678, 5 * MIB, 4 * MIB, false},
	"5,679 files, 5.0 MiB, 64.0 KiB/s"},
    /* larger ones have come */
    {{.speed = 65536, .has_speed = true},
	{NULL, 1234, 5678, 5 * MIB, 4 * MIB, false},
	"1,234 files, 5.0 MiB, 64.0 KiB/s"},
    /* they weren't counted */
    {{.speed = 65536, .has_speed = true}, {NULL, 1234, 0, MIB, 0, false},
	"1,234 files, 1.0 MiB, 64.0 KiB/s"},
    /* nothing moves */
    {{.speed = 0, .has_speed = true}, {NULL, 1234, 5678, MIB, 4 * MIB, false},
	"1,234 of 5,678 files, 1.0 MiB of 4.0 MiB, 0 B/s"},
    /* or so little that the end is nowhere */
    {{.speed = 1, .has_speed = true}, {NULL, 1, 2, 0, 1000 * 1000 * MIB, false},
	"1 of 2 files, 0 B of 976.6 GiB, 1 B/s"},
    /* what counts files has no time left */
    {{.speed = 1999.6, .has_speed = true}, {"deleted", 4321, 0, MIB, 0, true},
	"4,321 files deleted, 1.0 MiB, 2,000 files/s"},
};

START_TEST(says_it)
{
	const struct line *row = &lines[_i];
	struct strbuf line = {0};

	progress_describe(&row->progress, &row->count, &line);
	ck_assert_str_eq(strbuf_text(&line), row->line);
	strbuf_done(&line);
}
END_TEST

static void
note(struct progress *progress, int64_t bytes, int64_t ms)
{
	const struct progress_count count = {.bytes = bytes};

	progress_note(progress, &count, ms * CLOCK_NS_PER_MS);
}

START_TEST(knows_the_speed)
{
	struct progress progress = {.last_ns = 0};

	note(&progress, 5000, 0); /* no time has passed */
	ck_assert(!progress.has_speed);
	note(&progress, 1000, 1000);
	ck_assert(progress.has_speed);
	ck_assert_double_eq_tol(progress.speed, 1000, 0.01);
	/* Steady is steady. */
	for (int64_t ms = 1250; ms <= 11000; ms += 250)
		note(&progress, ms, ms);
	ck_assert_double_eq_tol(progress.speed, 1000, 0.01);
	/* A pause: less and less, and next to nothing in the end. */
	note(&progress, 11000, 11250);
	ck_assert_double_lt(progress.speed, 990);
	ck_assert_double_gt(progress.speed, 900);
	for (int64_t ms = 11500; ms <= 71000; ms += 250)
		note(&progress, 11000, ms);
	ck_assert_double_lt(progress.speed, 1);
	/* What a retry takes back is no negative speed, and counts once. */
	note(&progress, 1000, 72000);
	ck_assert_double_ge(progress.speed, 0);
	ck_assert_int_eq(progress.last, 11000);
}
END_TEST

START_TEST(is_off_unless_there_is_a_terminal)
{
	struct progress progress;
	const struct options options = {.verbosity = 0};

	ck_assert_int_eq(setenv("TERM", "xterm", 1), 0);
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	progress_begin(&progress, &options);
	ck_assert(!progress.is_on);
	progress.due_ns = 0;
	ck_assert(!progress_is_due(&progress));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("progress");
	TCase *tcase = tcase_create("progress");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, says_it, 0, LENGTH(lines));
	tcase_add_test(tcase, knows_the_speed);
	tcase_add_test(tcase, is_off_unless_there_is_a_terminal);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
