/* Claiming candidates in several threads: each once, reported in order. */
#include "scanner/batch.h"

#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/scratch.h"

enum { FILES = 20, HOURS = 5, ALL = 2500 /* in 25 days */ };

struct scan {
	struct spool *spool;
	struct config config;
	struct claim claim;
	struct batch batch;
	struct strbuf added, reported; /* paths, each with a blank */
	size_t outcomes[CLAIM_ERROR + 1];
	size_t count; /* of reports */
	/* The answer to the report ANSWERED, counted from 1; 0: to all. */
	size_t answered;
	enum walk_result answer;
	useconds_t slowness;   /* of each directory */
	size_t entered;	       /* directories */
	size_t early;	       /* reports before the last of them */
	const char *meanwhile; /* a file that comes between walk and end */
};

static enum walk_result
on_judged(void *context, const struct walk_entry *entry,
    const struct claim_report *report)
{
	struct scan *scan = context;
	struct stat st;

	strbuf_printf(&scan->reported, "%s ", entry->path);
	scan->outcomes[report->outcome]++;
	scan->count++;
	/* The directory is open still. */
	ck_assert_int_eq(fstat(entry->dir->fd, &st), 0);
	ck_assert_int_eq(
	    fstatat(entry->dir->fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0,
	    report->outcome == CLAIM_CLAIMED);
	if (report->outcome == CLAIM_CLAIMED)
		entry->dir->moved = true;
	return scan->answered == 0 || scan->answered == scan->count
		   ? scan->answer
		   : WALK_ON;
}

static enum walk_result
on_candidate(void *context, const struct walk_entry *entry)
{
	struct scan *scan = context;

	strbuf_printf(&scan->added, "%s ", entry->path);
	return batch_add(&scan->batch, entry);
}

static bool
on_enter(void *context)
{
	struct scan *scan = context;

	scan->entered++;
	(void)usleep(scan->slowness);
	scan->early = scan->count;
	return batch_heed(&scan->batch);
}

static void
on_problem(void *context, const char *path, int error)
{
	(void)context;
	ck_abort_msg("%s: %s", path, strerror(-error));
}

static void
file_name(char name[64], const char *location, int i)
{
	(void)snprintf(name, 64, "%s/2020/11/%02d/%02d/%02d-t.dat", location,
	    1 + i / FILES / HOURS, i / FILES % HOURS, i % FILES);
}

static void
make_files(const char *location, int count)
{
	char name[64], path[96];

	for (int i = 0; i < count; i++) {
		file_name(name, location, i);
		(void)snprintf(path, sizeof path, "base/%s", name);
		scratch_write(path, "text");
	}
}

/* One scan of base with HANDS threads. */
static void
run_scan(struct scan *scan, size_t hands)
{
	static char base[] = "base", spool_dir[] = "base/.spool";
	static char pattern[] = "*/[0-9]*/[0-9]*/[0-9]*/[0-9]*/[0-9]*-*.dat";
	static char *patterns[] = {pattern};
	const struct walk walk = {
	    .config = &scan->config,
	    .now_ns = clock_realtime_ns(),
	    .base_fd = scan->spool->base_fd,
	    .skip_device = scan->spool->device,
	    .skip_inode = scan->spool->inode,
	    .context = scan,
	    .enter = on_enter,
	    .candidate = on_candidate,
	    .problem = on_problem,
	};

	scan->config = (struct config){
	    .base_dir = base,
	    .spool_dir = spool_dir,
	    .patterns = {patterns, LENGTH(patterns)},
	    .settle_check = SETTLE_AUTO,
	    .prune_after_seconds = 93600,
	};
	scan->claim = (struct claim){
	    .config = &scan->config,
	    .spool = scan->spool,
	};
	clock_fs_guess(&scan->claim.fs_clock);
	scan->batch = (struct batch){
	    .claim = &scan->claim,
	    .hands = hands,
	    .done = on_judged,
	    .context = scan,
	};
	strbuf_reset(&scan->added);
	strbuf_reset(&scan->reported);
	memset(scan->outcomes, 0, sizeof scan->outcomes);
	scan->count = scan->entered = 0;
	batch_begin(&scan->batch);
	walk_base(&walk);
	if (scan->meanwhile != NULL)
		scratch_write(scan->meanwhile, "text");
	batch_end(&scan->batch);
}

static void
scan_done(struct scan *scan)
{
	spool_close(scan->spool);
	strbuf_done(&scan->added);
	strbuf_done(&scan->reported);
}

static const size_t hands[] = {1, 2, 4};

START_TEST(claims_each_once)
{
	const int64_t then_ns = INT64_C(1605472290123456789);
	struct scan scan = {.spool = scratch_spool(), .answer = WALK_ON};
	char name[64], path[96];
	struct stat st;
	int writer;

	make_files("a", ALL);
	ck_assert_int_eq(link("base/a/2020/11/03/04/05-t.dat", "other"), 0);
	writer = open("base/a/2020/11/13/02/00-t.dat", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(writer, 0);
	scratch_touch("base/a/2020/11/25/04", then_ns);
	run_scan(&scan, hands[_i]);
	ck_assert_str_eq(strbuf_text(&scan.reported), strbuf_text(&scan.added));
	ck_assert_uint_eq(scan.count, ALL);
	ck_assert_uint_eq(scan.outcomes[CLAIM_REFUSED], 1);
	ck_assert_uint_eq(scan.outcomes[CLAIM_DEFERRED], 1);
	ck_assert_uint_eq(scan.outcomes[CLAIM_CLAIMED], ALL - 2);
	for (int i = 0; i < ALL; i++) {
		bool stays;

		file_name(name, "a", i);
		stays = strcmp(name, "a/2020/11/03/04/05-t.dat") == 0 ||
			strcmp(name, "a/2020/11/13/02/00-t.dat") == 0;
		(void)snprintf(path, sizeof path, SPOOL "claimed/%s", name);
		ck_assert_msg(scratch_exists(path) == !stays, "%s", path);
	}
	/* Its time is what it was, though it was kept. */
	ck_assert_int_eq(stat("base/a/2020/11/25/04", &st), 0);
	ck_assert_int_eq(clock_from_timespec(&st.st_mtim), then_ns);
	/* No lease is left. */
	ck_assert_int_eq(close(writer), 0);
	writer = open(SPOOL "claimed/a/2020/11/01/00/00-t.dat",
	    O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(writer, 0);
	ck_assert_int_eq(close(writer), 0);
	scan_done(&scan);
}
END_TEST

/* What is known of one candidate by the time that others are being gathered
 * holds for these, too. */
START_TEST(leaves_a_location)
{
	struct scan scan = {
	    .spool = scratch_spool(), .answered = 1, .answer = WALK_LEAVE};

	make_files("a", ALL);
	make_files("b", ALL);
	run_scan(&scan, hands[_i]);
	ck_assert_str_eq(strbuf_text(&scan.reported), strbuf_text(&scan.added));
	/* The rest of one location, and no more, is for another scan. */
	ck_assert_uint_gt(scan.count, ALL);
	ck_assert_uint_lt(scan.count - ALL, ALL);
	scan.answer = WALK_ON;
	run_scan(&scan, hands[_i]);
	ck_assert_uint_gt(scan.count, 0);
	run_scan(&scan, hands[_i]);
	ck_assert_uint_eq(scan.count, 0);
	scan_done(&scan);
}
END_TEST

START_TEST(stops)
{
	struct scan scan = {
	    .spool = scratch_spool(), .answered = 3, .answer = WALK_STOP};

	make_files("a", ALL);
	run_scan(&scan, hands[_i]);
	ck_assert_str_eq(strbuf_text(&scan.reported), strbuf_text(&scan.added));
	ck_assert_uint_ge(scan.count, 3);
	ck_assert_uint_lt(scan.count, ALL);
	scan_done(&scan);
}
END_TEST

/* One that can't be made room for stops all, and is said of once. */
START_TEST(says_it_once)
{
	struct scan scan = {.spool = scratch_spool(), .answer = WALK_STOP};

	make_files("a", ALL);
	/* Nothing can be claimed into what is no directory. */
	scratch_write(SPOOL "claimed/a", "text");
	run_scan(&scan, hands[_i]);
	ck_assert_uint_eq(scan.count, 1);
	ck_assert_uint_eq(scan.outcomes[CLAIM_ERROR], 1);
	scan_done(&scan);
}
END_TEST

/* Where there are few candidates, these are claimed all the same, before all
 * has been walked. */
START_TEST(claims_what_waits)
{
	struct scan scan = {
	    .spool = scratch_spool(), .answer = WALK_ON, .slowness = 100000};

	for (int i = 0; i < 4; i++) {
		char path[64];

		(void)snprintf(
		    path, sizeof path, "base/a/2020/11/01/%02d/1-t.dat", i);
		scratch_write(path, "text");
	}
	run_scan(&scan, hands[_i]);
	ck_assert_uint_eq(scan.count, 4);
	ck_assert_uint_ge(scan.early, 1);
	ck_assert_uint_gt(scan.entered, 4);
	scan_done(&scan);
}
END_TEST

/* A directory that is used meanwhile doesn't look as if it weren't. */
START_TEST(keeps_the_time_of_others)
{
	const int64_t then_ns = INT64_C(1605472290123456789);
	struct scan scan = {.spool = scratch_spool(),
	    .answer = WALK_ON,
	    .meanwhile = "base/a/2020/11/01/00/new.tmp"};
	struct stat st;

	make_files("a", 1);
	scratch_touch("base/a/2020/11/01/00", then_ns);
	run_scan(&scan, hands[_i]);
	ck_assert_uint_eq(scan.outcomes[CLAIM_CLAIMED], 1);
	ck_assert_int_eq(stat("base/a/2020/11/01/00", &st), 0);
	ck_assert_int_gt(clock_from_timespec(&st.st_mtim), then_ns);
	scan_done(&scan);
}
END_TEST

/* Neither directories nor claimed files are open without bound. */
START_TEST(few_descriptors)
{
	const struct rlimit few = {160, 160}, more = {512, 512};
	struct scan scan = {.spool = scratch_spool(), .answer = WALK_ON};

	for (int i = 0; i < 500; i++) {
		char path[64];

		(void)snprintf(path, sizeof path,
		    "base/a/2020/%02d/%02d/00/%03d-t.dat", 1 + i / 28,
		    1 + i % 28, i);
		scratch_write(path, "text");
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &more), 0);
	ck_assert_uint_eq(batch_hands(), crew_cores());
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	ck_assert_uint_eq(batch_hands(), 1);
	run_scan(&scan, hands[_i]);
	ck_assert_uint_eq(scan.outcomes[CLAIM_CLAIMED], 500);
	scan_done(&scan);
}
END_TEST

START_TEST(nothing_to_claim)
{
	struct scan scan = {.spool = scratch_spool()};

	run_scan(&scan, hands[_i]);
	ck_assert_uint_eq(scan.count, 0);
	scan_done(&scan);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("batch");
	TCase *tcase = tcase_create("batch");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_loop_test(tcase, claims_each_once, 0, LENGTH(hands));
	tcase_add_loop_test(tcase, leaves_a_location, 0, LENGTH(hands));
	tcase_add_loop_test(tcase, stops, 0, LENGTH(hands));
	tcase_add_loop_test(tcase, says_it_once, 0, LENGTH(hands));
	tcase_add_loop_test(tcase, claims_what_waits, 0, LENGTH(hands));
	tcase_add_loop_test(tcase, keeps_the_time_of_others, 0, LENGTH(hands));
	tcase_add_loop_test(tcase, few_descriptors, 0, LENGTH(hands));
	tcase_add_loop_test(tcase, nothing_to_claim, 0, LENGTH(hands));
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
