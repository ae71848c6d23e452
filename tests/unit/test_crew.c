/* Sharing out: each task once, by as many hands as are wanted, and in no
 * thread but the caller's where that is enough. */
#include "common/crew.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/scratch.h"

enum { TASKS = 300 };

struct tally {
	atomic_int times[TASKS];
	atomic_int by_hand[CREW_MAX];
	atomic_int in_others; /* threads than the caller's */
	pthread_t caller;
	/* Every hand waits, in its first task, for so many others to begin
	 * theirs. */
	pthread_barrier_t *together;
};

static void
task(void *context, size_t hand, size_t index)
{
	struct tally *tally = context;

	ck_assert_uint_lt(hand, CREW_MAX);
	atomic_fetch_add(&tally->times[index], 1);
	if (!pthread_equal(pthread_self(), tally->caller)) {
		ck_assert_uint_ne(hand, 0);
		atomic_fetch_add(&tally->in_others, 1);
	}
	if (atomic_fetch_add(&tally->by_hand[hand], 1) == 0 &&
	    tally->together != NULL)
		(void)pthread_barrier_wait(tally->together);
}

static void
check(const struct tally *tally, int count)
{
	for (int i = 0; i < TASKS; i++)
		ck_assert_int_eq(
		    atomic_load(&tally->times[i]), i < count ? 1 : 0);
}

static const struct batch {
	size_t hands, count, share;
} batches[] = {{1, 1, 1}, {1, TASKS, 1}, {1, TASKS, 7}, {2, 0, 1}, {2, 1, 1},
    {2, 1, 9}, {2, 2, 1}, {2, TASKS, TASKS}, {3, TASKS, 1}, {3, TASKS, 101},
    {4, 3, 1}, {4, 3, 2}, {4, TASKS, 7}, {99, TASKS, 1}};

START_TEST(does_each_once)
{
	const struct batch *row = &batches[_i];
	struct crew *crew = crew_new();

	/* Again and again, by the same threads. */
	for (int i = 0; i < 20; i++) {
		struct tally tally = {.caller = pthread_self()};

		crew_run(crew, &(struct crew_work){row->hands, row->count,
				   row->share, task, &tally});
		check(&tally, (int)row->count);
		if (row->hands == 1)
			ck_assert_int_eq(atomic_load(&tally.in_others), 0);
		for (size_t hand = row->hands; hand < CREW_MAX; hand++)
			ck_assert_int_eq(atomic_load(&tally.by_hand[hand]), 0);
	}
	crew_free(crew);
}
END_TEST

/* All hands are at work at the same time, or the barrier never opens. */
START_TEST(works_together)
{
	struct crew *crew = crew_new();

	for (unsigned hands = 2; hands <= CREW_MAX; hands++) {
		pthread_barrier_t together;
		struct tally tally = {
		    .caller = pthread_self(), .together = &together};

		ck_assert_int_eq(
		    pthread_barrier_init(&together, NULL, hands), 0);
		crew_run(
		    crew, &(struct crew_work){hands, TASKS, 7, task, &tally});
		check(&tally, TASKS);
		for (unsigned hand = 0; hand < hands; hand++)
			ck_assert_int_gt(atomic_load(&tally.by_hand[hand]), 0);
		ck_assert_int_eq(pthread_barrier_destroy(&together), 0);
	}
	crew_free(crew);
}
END_TEST

START_TEST(comes_and_goes)
{
	ck_assert_uint_ge(crew_cores(), 1);
	ck_assert_uint_le(crew_cores(), CREW_MAX);
	crew_free(crew_new());
	crew_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crew");
	TCase *tcase = tcase_create("crew");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, does_each_once, 0, LENGTH(batches));
	tcase_add_test(tcase, works_together);
	tcase_add_test(tcase, comes_and_goes);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
