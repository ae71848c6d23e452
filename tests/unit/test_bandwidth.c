/* The bucket of bytes: never more than the rate, all of it, and in turns. */
#include "uploader/bandwidth.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/clock.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static const int64_t start_ns = INT64_C(123456789012345);

static const int64_t rates[] = {1, 2, 63, 64, 65, 1000, 1024, 100000, 2 << 20,
    1000000007, INT64_C(1) << 40};

/* Asked again and again, by few or many, with large wants or small ones. */
START_TEST(keeps_the_rate)
{
	int64_t rate = rates[_i];

	for (size_t others = 0; others < 40; others += 13) {
		for (size_t want = 1; want < 1 << 20; want = want * 7 + 1) {
			struct bandwidth b;
			int64_t now_ns = start_ns;
			int64_t end_ns = start_ns + 8 * CLOCK_NS_PER_S;
			double sent = 0, most = 8.0 * (double)rate;
			bool modest = true;

			bandwidth_init(&b, rate, now_ns);
			while (now_ns < end_ns) {
				size_t got = bandwidth_take(
				    &b, want, others, now_ns);

				modest = modest && got <= want;
				sent += (double)got;
				/* An uneven step, finer than the bucket. */
				now_ns += 1234567;
			}
			/* Each assertion that holds is a write: not above. */
			ck_assert(modest);
			/* And what the bucket held at the beginning. */
			ck_assert_double_le(sent, most + (double)rate / 4 + 1);
			/* All of it, where enough was asked for. */
			if ((double)want * 6000 > most * 2)
				ck_assert_double_ge(sent, most * 0.98 - 1);
		}
	}
}
END_TEST

/* Who waits as long as it is told gets something, whatever the rate. */
START_TEST(tells_how_long)
{
	struct bandwidth b;
	int64_t now_ns = start_ns;

	bandwidth_init(&b, rates[_i], now_ns);
	while (bandwidth_take(&b, SIZE_MAX / 2, 0, now_ns) > 0)
		;
	for (int i = 0; i < 1000; i++) {
		int64_t wait_ns = bandwidth_wait_ns(&b, now_ns);

		ck_assert_int_ge(wait_ns, 0);
		ck_assert_int_le(wait_ns, CLOCK_NS_PER_S + 1000);
		if (wait_ns > 1000)
			ck_assert_uint_eq(bandwidth_take(&b, SIZE_MAX / 2, 0,
					      now_ns + wait_ns - 1000),
			    0);
		now_ns += wait_ns;
		ck_assert_uint_ge(bandwidth_turns(&b, now_ns), 1);
		ck_assert_uint_gt(
		    bandwidth_take(&b, SIZE_MAX / 2, 0, now_ns), 0);
	}
}
END_TEST

START_TEST(shares)
{
	struct bandwidth b;
	size_t first, second;

	/* A quarter of a second's bytes, 256 KiB, is there at once. */
	bandwidth_init(&b, 1 << 20, start_ns);
	ck_assert_uint_eq(bandwidth_turns(&b, start_ns), 16);
	first = bandwidth_take(&b, 1 << 20, 3, start_ns);
	ck_assert_uint_eq(first, 64 << 10);
	/* Never less than a turn, though many wait. */
	second = bandwidth_take(&b, 1 << 20, 1000, start_ns);
	ck_assert_uint_eq(second, 16 << 10);
	/* Nobody waits: all that is left, and then nothing. */
	ck_assert_uint_eq(bandwidth_take(&b, 1 << 20, 0, start_ns),
	    ((size_t)256 << 10) - first - second);
	ck_assert_uint_eq(bandwidth_take(&b, 1, 0, start_ns), 0);
	/* A small rest is not kept from who wants no more. */
	ck_assert_uint_eq(
	    bandwidth_take(&b, 100, 5, start_ns + CLOCK_NS_PER_MS), 100);
	ck_assert_uint_eq(
	    bandwidth_take(&b, 4096, 5, start_ns + CLOCK_NS_PER_MS), 0);
	/* A long rest fills it, not more. */
	ck_assert_uint_eq(
	    bandwidth_take(&b, 1 << 30, 0, start_ns + 1000000 * CLOCK_NS_PER_S),
	    256 << 10);
}
END_TEST

START_TEST(without_limit)
{
	struct bandwidth b;

	bandwidth_init(&b, 0, start_ns);
	ck_assert_uint_eq(bandwidth_take(&b, 12345, 9, start_ns), 12345);
	ck_assert_uint_eq(bandwidth_turns(&b, start_ns), SIZE_MAX);
	ck_assert_int_eq(bandwidth_wait_ns(&b, start_ns), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bandwidth");
	TCase *tcase = tcase_create("bandwidth");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, keeps_the_rate, 0, LENGTH(rates));
	tcase_add_loop_test(tcase, tells_how_long, 0, LENGTH(rates));
	tcase_add_test(tcase, shares);
	tcase_add_test(tcase, without_limit);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
