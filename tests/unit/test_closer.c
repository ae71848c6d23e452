/* Descriptors that are closed together: all that were given, and no other. */
#include "common/closer.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/thread.h"
#include "tests/unit/scratch.h"

enum { FDS = 100, THREADS = 4 };

static void
check(const int fds[FDS], const bool goes[FDS])
{
	for (int i = 0; i < FDS; i++) {
		ck_assert_int_eq(fcntl(fds[i], F_GETFD) < 0, goes[i]);
		if (!goes[i])
			ck_assert_int_eq(close(fds[i]), 0);
	}
}

/* Whatever their numbers and order. */
START_TEST(closes_together)
{
	for (int step = 1; step <= 7; step++) {
		struct closer closer;
		bool goes[FDS] = {false};
		int fds[FDS];

		closer_init(&closer);
		for (int i = 0; i < FDS; i++) {
			fds[i] = dup(0);
			ck_assert_int_ge(fds[i], 0);
		}
		/* Backwards every second, third ... */
		for (int i = FDS - 1; i >= 0; i -= step) {
			closer_add(&closer, fds[i]);
			goes[i] = true;
		}
		if (step % 2 == 0)
			closer_flush(&closer);
		else
			closer_done(&closer);
		check(fds, goes);
		if (step % 2 == 0)
			closer_done(&closer);
	}
}
END_TEST

struct giver {
	struct closer *closer;
	const int *fds;
	int first;
};

static void *
give(void *data)
{
	const struct giver *giver = data;

	for (int i = giver->first; i < FDS; i += THREADS)
		closer_add(giver->closer, giver->fds[i]);
	return NULL;
}

START_TEST(takes_from_many_threads)
{
	struct giver givers[THREADS];
	pthread_t threads[THREADS];
	struct closer closer;
	bool goes[FDS];
	int fds[FDS];

	closer_init(&closer);
	for (int i = 0; i < FDS; i++) {
		goes[i] = true;
		fds[i] = dup(0);
		ck_assert_int_ge(fds[i], 0);
	}
	for (int i = 0; i < THREADS; i++) {
		givers[i] = (struct giver){&closer, fds, i};
		ck_assert_int_eq(
		    thread_start(&threads[i], give, &givers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	closer_done(&closer);
	check(fds, goes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("closer");
	TCase *tcase = tcase_create("closer");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, closes_together);
	tcase_add_test(tcase, takes_from_many_threads);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
