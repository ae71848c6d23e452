/* How many transfers at once, against simulated stores: each answers one
 * request after the other, so many a second, and all of them so much later. */
#include "uploader/concurrency.h"

#include <check.h>
#include <stdlib.h>

#include "common/clock.h"

enum { MOST = 256, FEW = 18 /* what a near store ends with, at most */ };

struct store {
	int64_t latency_ns;
	int64_t service_ns;
	int noise_percent; /* of both: the most that is added or taken away */
	int connect_trips; /* round trips that a new connection costs */
	int64_t free_ns;   /* when the next one's turn comes */
	unsigned chance;
};

struct slot {
	int64_t begun_ns, answer_ns; /* 0: nothing under way */
	bool is_warm;
};

struct simulation {
	struct store store;
	struct concurrency concurrency;
	struct slot slots[MOST];
	int limit;    /* what it is to be, or 0: as the concurrency says */
	bool is_busy; /* the program itself */
	int active, connections;
	int64_t now_ns;
};

static int64_t
noisy(struct store *store, int64_t ns)
{
	int64_t spread = ns * store->noise_percent / 100;

	store->chance = store->chance * 1103515245U + 12345;
	return ns - spread +
	       2 * spread * (int64_t)(store->chance >> 16 & 1023) / 1023;
}

static struct simulation
simulate(double latency_ms, int a_second, int noise_percent, int limit)
{
	struct simulation s = {.limit = limit,
	    .store = {.latency_ns = (int64_t)(latency_ms * 1e6),
		.service_ns = CLOCK_NS_PER_S / a_second,
		.noise_percent = noise_percent,
		.connect_trips = 2, /* TCP, TLS */
		.chance = 1},
	    .now_ns = CLOCK_NS_PER_S};

	concurrency_init(&s.concurrency, MOST, s.now_ns);
	return s;
}

static void
begin(struct simulation *s, struct slot *slot)
{
	struct store *store = &s->store;
	int64_t turn_ns = s->now_ns;

	s->active++;
	if (!slot->is_warm) {
		s->connections++;
		turn_ns += store->connect_trips * store->latency_ns;
	}
	if (store->free_ns < s->now_ns)
		store->free_ns = s->now_ns;
	store->free_ns += noisy(store, store->service_ns);
	if (turn_ns < store->free_ns)
		turn_ns = store->free_ns;
	slot->begun_ns = s->now_ns;
	slot->answer_ns = turn_ns + noisy(store, store->latency_ns);
}

static int64_t
waited_ns(const struct simulation *s)
{
	int64_t all_ns = s->now_ns - CLOCK_NS_PER_S;

	return s->is_busy ? all_ns / 20 : all_ns;
}

static void
fill(struct simulation *s, int files)
{
	int limit = s->limit > 0 ? s->limit : s->concurrency.limit;

	for (int i = 0; i < MOST && s->active < limit && s->active < files; i++)
		if (s->slots[i].answer_ns == 0)
			begin(s, &s->slots[i]);
	if (s->active < limit)
		concurrency_starved(&s->concurrency, waited_ns(s), s->now_ns);
}

/* Sends FILES; returns how many nanoseconds it took. */
static int64_t
send_files(struct simulation *s, int files)
{
	int64_t start_ns = s->now_ns;

	while (files > 0) {
		struct slot *next = NULL;

		fill(s, files);
		for (int i = 0; i < MOST; i++)
			if (s->slots[i].answer_ns > 0 &&
			    (next == NULL ||
				s->slots[i].answer_ns < next->answer_ns))
				next = &s->slots[i];
		s->now_ns = next->answer_ns;
		next->answer_ns = 0;
		s->active--;
		files--;
		if (next->is_warm)
			concurrency_answered(&s->concurrency, 4096,
			    next->begun_ns, waited_ns(s), s->now_ns);
		next->is_warm = true;
	}
	return s->now_ns - start_ns;
}

/* The most that any number of connections gets out of the store. */
static double
best_rate(const struct store *store)
{
	double most = 1e9 / (double)store->service_ns;
	double all = MOST * 1e9 /
		     (double)(store->latency_ns + store->service_ns);

	return most < all ? most : all;
}

static void
expect_best(struct simulation *s, double seconds)
{
	int files = (int)(best_rate(&s->store) * seconds);
	int64_t took_ns = send_files(s, files);
	double rate = files * 1e9 / (double)took_ns;

	ck_assert_msg(rate >= .9 * best_rate(&s->store),
	    "latency %lld us, %lld us each: %.0f of %.0f a second, limit %d",
	    (long long)s->store.latency_ns / 1000,
	    (long long)s->store.service_ns / 1000, rate, best_rate(&s->store),
	    s->concurrency.limit);
}

static const struct {
	double latency_ms;
	int a_second;
} stores[] = {
    {.2, 500},
    {.2, 10000},
    {.2, 40000},
    {5, 200},
    {5, 2000},
    {5, 30000},
    {20, 100},
    {20, 1000},
    {20, 5000},
    {20, 20000},
    {100, 100},
    {100, 1000},
    {100, 10000},
    {300, 100},
    {300, 500},
    {300, 5000},
};
enum { STORES = sizeof stores / sizeof *stores, NOISES = 3 };

/* Half a minute, and then another one, in which nothing drifts away. */
START_TEST(finds_the_best)
{
	double latency_ms = stores[_i / NOISES].latency_ms;
	int a_second = stores[_i / NOISES].a_second;
	struct simulation s = simulate(
	    latency_ms, a_second, _i % NOISES * 20, 0);
	double needed = best_rate(&s.store) *
			(latency_ms / 1e3 + 1. / a_second);

	(void)send_files(&s, (int)best_rate(&s.store) * 5);
	expect_best(&s, 10);
	expect_best(&s, 30);
	if (needed < FEW)
		needed = FEW;
	ck_assert_int_le(s.concurrency.limit, (int)(needed * 2));
	/* A doubling has to be tried to see that it doesn't pay. */
	ck_assert_int_le(s.connections, (int)(needed * 3.5));
}
END_TEST

/* A backlog of some seconds leaves no time to look for the best. */
START_TEST(is_quick)
{
	struct simulation s = simulate(20, 14000, _i * 20, 0);
	struct simulation fixed = simulate(20, 14000, _i * 20, MOST);
	double took, best;

	s.store.connect_trips = fixed.store.connect_trips = 1;
	took = (double)send_files(&s, 20000);
	best = (double)send_files(&fixed, 20000);
	ck_assert_msg(took <= 1.1 * best, "%.3f s instead of %.3f s, limit %d",
	    took / 1e9, best / 1e9, s.concurrency.limit);
}
END_TEST

/* Where the program itself has no time left, more connections are no use. */
START_TEST(stays_small_when_busy)
{
	struct simulation s = simulate(20, 5000, 0, 0);

	s.is_busy = true;
	(void)send_files(&s, 100000);
	ck_assert_int_eq(s.connections, 16);
}
END_TEST

START_TEST(opens_no_more_than_there_are_files)
{
	struct simulation s = simulate(100, 1000, 0, 0);

	for (int i = 0; i < 20; i++)
		(void)send_files(&s, 5);
	ck_assert_int_eq(s.connections, 5);
	ck_assert_int_eq(s.concurrency.limit, 16);
}
END_TEST

START_TEST(follows_the_store)
{
	struct simulation s = simulate(5, 2000, 10, 0);

	expect_best(&s, 20);
	s.store.latency_ns = 60 * CLOCK_NS_PER_MS; /* further away */
	(void)send_files(&s, 2000 * 90);
	expect_best(&s, 20);
	ck_assert_int_ge(s.concurrency.limit, 120);
	s.store.service_ns *= 2; /* and half as able */
	(void)send_files(&s, 1000 * 120);
	expect_best(&s, 20);
	ck_assert_int_le(s.concurrency.limit, 100);
}
END_TEST

/* After a complaint it is what it was before it was doubled, for a while. */
START_TEST(heeds_complaints)
{
	struct simulation s = simulate(20, 20000, 0, 0);

	while (s.concurrency.limit < 64)
		(void)send_files(&s, 100);
	concurrency_slowed(&s.concurrency, s.now_ns);
	ck_assert_int_eq(s.concurrency.limit, 32);
	concurrency_slowed(&s.concurrency, s.now_ns); /* of the same round */
	(void)send_files(&s, 2000);
	ck_assert_int_eq(s.concurrency.limit, 32);
	(void)send_files(&s, 400000);
	ck_assert_int_gt(s.concurrency.limit, 64);
}
END_TEST

/* Whatever is asked of it. */
START_TEST(keeps_its_bounds)
{
	for (int most = 1; most <= 40; most++) {
		struct simulation s = simulate(300, 5000, 20, 0);

		concurrency_init(&s.concurrency, most, s.now_ns);
		for (int i = 0; i < 200; i++) {
			(void)send_files(&s, 50);
			ck_assert_int_ge(s.concurrency.limit, 1);
			ck_assert_int_le(s.concurrency.limit, most);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("concurrency");
	TCase *tests = tcase_create("concurrency");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, finds_the_best, 0, STORES * NOISES);
	tcase_add_loop_test(tests, is_quick, 0, NOISES);
	tcase_add_test(tests, stays_small_when_busy);
	tcase_add_test(tests, opens_no_more_than_there_are_files);
	tcase_add_test(tests, follows_the_store);
	tcase_add_test(tests, heeds_complaints);
	tcase_add_test(tests, keeps_its_bounds);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
