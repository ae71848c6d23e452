/* Delays and the budget at their edges. */
#include "uploader/retry.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>

static const struct delay {
	int attempt;
	uint32_t random;
	int64_t retry_after_ms, wanted_ms;
} delays[] = {
    {1, 0, -1, 0},		     /* full jitter begins at nothing */
    {1, UINT32_MAX, -1, 999},	     /* ... and ends just below */
    {1, UINT32_C(1) << 31, -1, 500}, /* the middle */
    {2, UINT32_MAX, -1, 1999},	     /* doubles */
    {3, UINT32_MAX, -1, 3999},
    {4, UINT32_MAX, -1, 7999},
    {5, UINT32_MAX, -1, 15999},
    {6, UINT32_MAX, -1, 19999}, /* the cap */
    {7, UINT32_MAX, -1, 19999},
    {100, UINT32_MAX, -1, 19999},
    {INT_MAX, UINT32_MAX, -1, 19999}, /* nothing overflows */
    {INT_MAX, UINT32_C(1) << 31, -1, 10000},
    {0, UINT32_MAX, -1, 999},	     /* no such attempt: as the first */
    {1, 0, 0, 0},		     /* the store says: at once */
    {1, 0, 3000, 3000},		     /* the store asks for more */
    {5, UINT32_MAX, 3000, 15999},    /* ... and for less than we wait */
    {1, UINT32_MAX, 300000, 300000}, /* five minutes */
    {1, UINT32_MAX, 300001, 300000}, /* ... at most */
    {1, UINT32_MAX, INT64_MAX, 300000},
};

enum { DELAY_COUNT = sizeof delays / sizeof *delays };

START_TEST(delay)
{
	const struct delay *row = &delays[_i];

	ck_assert_int_eq(
	    retry_delay_ms(row->attempt, row->random, row->retry_after_ms),
	    row->wanted_ms);
}
END_TEST

START_TEST(budget_runs_out)
{
	struct retry_budget budget;

	retry_budget_init(&budget);
	for (int i = 0; i < 100; i++)
		ck_assert(retry_budget_take(&budget, false));
	ck_assert_int_eq(budget.tokens, 0);
	ck_assert(!retry_budget_take(&budget, false));
	ck_assert_int_eq(budget.tokens, 0); /* nothing was taken */
	/* Five successes pay for one retry. */
	for (int i = 0; i < 5; i++) {
		ck_assert(!retry_budget_take(&budget, false));
		retry_budget_return(&budget, false, false);
	}
	ck_assert(!retry_budget_take(&budget, true)); /* it costs 10 */
	ck_assert(retry_budget_take(&budget, false));
	ck_assert_int_eq(budget.tokens, 0);
}
END_TEST

START_TEST(timeouts_cost_double)
{
	struct retry_budget budget;

	retry_budget_init(&budget);
	for (int i = 0; i < 50; i++)
		ck_assert(retry_budget_take(&budget, true));
	ck_assert(!retry_budget_take(&budget, true));
	retry_budget_return(&budget, true, true);
	ck_assert(retry_budget_take(&budget, true));
	retry_budget_return(&budget, true, false);
	ck_assert_int_eq(budget.tokens, 5);
}
END_TEST

START_TEST(budget_never_grows)
{
	struct retry_budget budget;
	int full;

	retry_budget_init(&budget);
	full = budget.tokens;
	ck_assert_int_eq(full, 500);
	retry_budget_return(&budget, false, false);
	retry_budget_return(&budget, true, true);
	ck_assert_int_eq(budget.tokens, full);
	ck_assert(retry_budget_take(&budget, false));
	retry_budget_return(&budget, true, true);
	ck_assert_int_eq(budget.tokens, full);
}
END_TEST

/* Halved once for all complaints about requests of the same round, then one
 * more for each round of successes, up to what it was. */
START_TEST(throttle)
{
	struct throttle t;

	throttle_init(&t, 8);
	throttle_slow_down(&t, 100, 200);
	ck_assert_int_eq(t.limit, 4);
	throttle_slow_down(&t, 150, 210); /* sent before the halving */
	ck_assert_int_eq(t.limit, 4);
	throttle_slow_down(&t, 201, 300);
	throttle_slow_down(&t, 301, 400);
	throttle_slow_down(&t, 401, 500); /* never less than one */
	ck_assert_int_eq(t.limit, 1);
	throttle_success(&t);
	ck_assert_int_eq(t.limit, 2);
	throttle_success(&t);
	ck_assert_int_eq(t.limit, 2);
	throttle_success(&t);
	ck_assert_int_eq(t.limit, 3);
	for (int i = 0; i < 100; i++)
		throttle_success(&t);
	ck_assert_int_eq(t.limit, 8);
}
END_TEST

/* What is allowed is taken at once, unless the store has asked for fewer. */
START_TEST(allows)
{
	struct throttle t;

	throttle_init(&t, 8);
	throttle_allow(&t, 16);
	ck_assert_int_eq(t.limit, 16);
	throttle_allow(&t, 12);
	ck_assert_int_eq(t.limit, 12);
	throttle_slow_down(&t, 100, 200);
	throttle_allow(&t, 24);
	ck_assert_int_eq(t.limit, 6);
	for (int i = 0; i < 1000; i++)
		throttle_success(&t);
	ck_assert_int_eq(t.limit, 24);
	throttle_slow_down(&t, 300, 400);
	throttle_allow(&t, 3);
	ck_assert_int_eq(t.limit, 3);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("retry");
	TCase *tests = tcase_create("retry");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tests, delay, 0, DELAY_COUNT);
	tcase_add_test(tests, budget_runs_out);
	tcase_add_test(tests, timeouts_cost_double);
	tcase_add_test(tests, budget_never_grows);
	tcase_add_test(tests, throttle);
	tcase_add_test(tests, allows);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
