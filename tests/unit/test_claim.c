/* What becomes of one candidate, where that depends on more than its times. */
#include "scanner/claim.h"

#include <dirent.h>
#include <unistd.h>

#include "tests/unit/scratch.h"

#define HOUR "b/2020/11/15/20"
#define PATH HOUR "/46-topic.dat"

enum { DAY = 86400 };

struct tried {
	struct claim_report report;
	struct stat before, after; /* before: as it was, after: as it is */
};

/* Looks at base/PATH as a scan does, whose file system's clock is BEHIND_S
 * behind that of this host. */
static void
try(struct spool *spool, int64_t behind_s, bool look_only, struct tried *ret)
{
	char base[] = "base", spool_dir[] = "base/.spool";
	const struct config config = {
	    .base_dir = base,
	    .spool_dir = spool_dir,
	    .settle_check = SETTLE_AUTO,
	    .settle_seconds = 60,
	};
	struct claim claim = {
	    .config = &config, .spool = spool, .look_only = look_only};
	struct walk_dir dir = {.changed_ns = clock_realtime_ns()};
	const struct walk_entry entry = {&dir, "46-topic.dat", PATH, DT_REG};
	struct closer claimed;

	clock_fs_guess(&claim.fs_clock);
	claim.fs_clock.fs_ns -= behind_s * CLOCK_NS_PER_S;
	dir.fd = open("base/" HOUR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir.fd, 0);
	ck_assert_int_eq(stat("base/" PATH, &ret->before), 0);
	closer_init(&claimed);
	claim_file(&claim, &entry, &claimed, &ret->report);
	closer_done(&claimed);
	ck_assert_int_eq(close(dir.fd), 0);
	if (stat("base/" PATH, &ret->after) < 0)
		ret->after = (struct stat){0};
}

/* Not before its change time is the host's now, and old enough. */
START_TEST(dates_the_future_anew)
{
	struct spool *spool = scratch_spool();
	struct tried tried;

	scratch_write("base/" PATH, "text");
	scratch_touch("base/" PATH, scratch_time("2020-11-15T20:46:30Z"));
	/* Who only looks changes nothing. */
	try(spool, DAY, true, &tried);
	ck_assert_int_eq(tried.report.outcome, CLAIM_DEFERRED);
	ck_assert_ptr_nonnull(strstr(tried.report.reason, "future"));
	ck_assert_int_eq(clock_from_timespec(&tried.after.st_ctim),
	    clock_from_timespec(&tried.before.st_ctim));
	/* File times lag behind. */
	ck_assert_int_eq(usleep(50000), 0);
	try(spool, DAY, false, &tried);
	ck_assert_int_eq(tried.report.outcome, CLAIM_DEFERRED);
	ck_assert_ptr_nonnull(strstr(tried.report.reason, "dated anew"));
	ck_assert_int_gt(clock_from_timespec(&tried.after.st_ctim),
	    clock_from_timespec(&tried.before.st_ctim));
	ck_assert_int_eq(clock_from_timespec(&tried.after.st_mtim),
	    clock_from_timespec(&tried.before.st_mtim));
	/* Today's is no future, but too young, and then settled. */
	try(spool, 0, false, &tried);
	ck_assert_int_eq(tried.report.outcome, CLAIM_DEFERRED);
	ck_assert_ptr_null(strstr(tried.report.reason, "future"));
	try(spool, -61, false, &tried);
	ck_assert_int_eq(tried.report.outcome, CLAIM_CLAIMED);
	ck_assert(tried.after.st_ino == 0);
	scratch_check(SPOOL "claimed/" PATH, "text");
	spool_close(spool);
}
END_TEST

/* Where it isn't ours to date, that is said, and not for a debugger alone. */
START_TEST(cannot_date_anew)
{
	struct spool *spool = scratch_spool();
	struct tried tried;

	if (geteuid() != 0)
		return; /* only root can give a file away */
	scratch_write("base/" PATH, "text");
	ck_assert_int_eq(chmod(".", 0755), 0);
	ck_assert_int_eq(chmod("base/" PATH, 0644), 0);
	ck_assert_int_eq(seteuid(65534), 0);
	try(spool, DAY, false, &tried);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(tried.report.outcome, CLAIM_REFUSED);
	ck_assert_int_eq(tried.report.error, -EPERM);
	ck_assert_ptr_nonnull(strstr(tried.report.reason, "owner"));
	spool_close(spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("claim");
	TCase *tcase = tcase_create("claim");

	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, dates_the_future_anew);
	tcase_add_test(tcase, cannot_date_anew);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
