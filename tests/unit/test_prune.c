/* Which empty directory goes, and when: each row is a directory, what it holds
 * and when it was changed. It is noon of 17 November 2020. */
#include "reaper/prune.h"

#include "common/run.h"
#include "tests/unit/scratch.h"

#define NOW "2020-11-17T12:00:00Z"
#define LONG_AGO "2020-01-01T00:00:00Z"

static char pattern[] = "*/[0-9]*/[0-9]*/[0-9]*/[0-9]*/[0-9]*-*.dat";
static char any_pattern[] = "*/*/*.dat";

enum { HOURS_26 = 26 * 3600, AT_ONCE = 0 };

static void
prune_with(struct spool *spool, int64_t seconds, char *one_pattern)
{
	char base[] = "base", dir[] = "base/.spool";
	char *patterns[] = {one_pattern};
	struct config config = {
	    .base_dir = base,
	    .spool_dir = dir,
	    .patterns = {patterns, 1},
	    .prune_after_seconds = seconds,
	};
	struct reaper reaper = {
	    .stage = {.config = &config, .spool = spool},
	    .fs_clock = {scratch_time(NOW), clock_monotonic_ns()},
	};

	prune_all(&reaper);
	ck_assert_int_eq(reaper.stage.status, STAGE_OK);
}

static void
prune_after(struct spool *spool, int64_t seconds)
{
	prune_with(spool, seconds, pattern);
}

/* Below base_dir; every directory above was changed long ago. */
static const struct row {
	const char *path;
	const char *changed;
	bool stays;		/* with prune_after: 26h */
	bool stays_at_once;	/* with prune_after: 0 */
	const char *gone_up_to; /* the highest directory that goes with it */
} rows[] = {
    /* Its hour ended at 10:00 of the day before: 26 hours ago to the
     * second. */
    {"b/2020/11/16/09", LONG_AGO, false, false, NULL},
    {"b/2020/11/16/9", LONG_AGO, false, false, NULL},
    {"b/2020/11/16/10", LONG_AGO, true, false, NULL},
    {"b/2020/11/15/20", LONG_AGO, false, false, "b/2020/11/15"},
    {"b/2019/12/31/23", LONG_AGO, false, false, "b/2019"},
    /* The live hour, and hours to come. */
    {"b/2020/11/17/11", LONG_AGO, true, false, NULL},
    {"b/2020/11/17/12", LONG_AGO, true, false, NULL},
    {"b/2020/11/17/13", LONG_AGO, true, false, NULL},
    {"b/2021/01/01/00", LONG_AGO, true, false, NULL},
    /* Changed within the last hour by somebody. */
    {"b/2020/11/15/20", "2020-11-17T11:00:00Z", false, false, NULL},
    {"b/2020/11/15/20", "2020-11-17T11:00:30Z", true, false, NULL},
    {"b/2020/11/15/20", "2020-11-17T12:00:00Z", true, false, NULL},
    {"b/2020/11/15/20", "2020-11-18T12:00:00Z", true, false, NULL},
    /* Days, months and years that nothing is in. */
    {"b/2020/11/15", LONG_AGO, false, false, NULL},
    {"b/2020/11/16", LONG_AGO, true, false, NULL},
    {"b/2020/10", LONG_AGO, false, false, NULL},
    {"b/2020/11", LONG_AGO, true, false, NULL},
    {"b/2019", LONG_AGO, false, false, NULL},
    {"b/2020", LONG_AGO, true, false, NULL},
    /* No date, or none that there is: by their own age. */
    {"b/2020/13/29/20", "2020-11-16T10:00:00Z", false, false, "b/2020/13"},
    {"b/2020/13/29/20", "2020-11-16T10:00:30Z", true, false, NULL},
    {"b/2021/02/29/00", LONG_AGO, false, false, "b/2021/02/29"},
    {"b/2020/11/15/24", "2020-11-16T10:00:30Z", true, false, NULL},
    {"b/20201115", LONG_AGO, false, false, NULL},
    {"b/20201115", "2020-11-16T10:00:30Z", true, false, NULL},
    /* Never the location itself, nor what no pattern leads through. */
    {"b", LONG_AGO, true, true, NULL},
    {"other", LONG_AGO, true, true, NULL},
    {"b/notes", LONG_AGO, true, true, NULL},
    {"b/notes/2019", LONG_AGO, true, true, NULL},
    {"b/.2019/01", LONG_AGO, true, true, NULL},
    {".hidden/2019/01/01/00", LONG_AGO, true, true, NULL},
    {"b/2019/12/31/23/deeper", LONG_AGO, true, true, NULL},
};

static void
touch_tree(const char *path, const char *changed)
{
	char name[256];

	(void)snprintf(name, sizeof name, "base/%s", path);
	scratch_touch(name, scratch_time(changed));
	for (char *slash; (slash = strrchr(name, '/')) != NULL;) {
		*slash = '\0';
		scratch_touch(name, scratch_time(LONG_AGO));
	}
}

static void
check_row(int64_t seconds, const struct row *row, bool stays)
{
	struct spool *spool = scratch_spool();
	char path[256];

	(void)snprintf(path, sizeof path, "base/%s", row->path);
	scratch_make_dirs(path);
	touch_tree(row->path, row->changed);
	prune_after(spool, seconds);
	ck_assert_int_eq(scratch_exists(path), stays);
	if (row->gone_up_to != NULL) {
		(void)snprintf(path, sizeof path, "base/%s", row->gone_up_to);
		ck_assert(!scratch_exists(path));
		*strrchr(path, '/') = '\0';
		ck_assert_int_eq(scratch_exists(path),
		    seconds != 0 || strchr(path + 5, '/') == NULL);
	}
	if (*row->path == 'b')
		ck_assert(scratch_exists("base/b"));
	/* What a pass leaves, the next one leaves at the same time. */
	prune_after(spool, seconds);
	(void)snprintf(path, sizeof path, "base/%s", row->path);
	ck_assert_int_eq(scratch_exists(path), stays);
	spool_close(spool);
}

START_TEST(after_26_hours)
{
	check_row(HOURS_26, &rows[_i], rows[_i].stays);
}
END_TEST

START_TEST(at_once)
{
	check_row(AT_ONCE, &rows[_i], rows[_i].stays_at_once);
}
END_TEST

/* A file of any kind keeps all directories above it. */
START_TEST(keeps_files)
{
	struct spool *spool = scratch_spool();

	scratch_write("base/b/2019/01/01/00/1-t.dat", "text");
	scratch_write("base/b/2019/02/01/.hidden", "text");
	scratch_make_dirs("base/b/2019/03/01/00");
	scratch_make_dirs("outside/2018");
	ck_assert_int_eq(symlink("nowhere", "base/b/2019/03/01/link"), 0);
	/* Links to directories are files, and nobody follows them. */
	ck_assert_int_eq(symlink("../../outside", "base/b/2018"), 0);
	ck_assert_int_eq(symlink("../outside", "base/linked"), 0);
	prune_after(spool, AT_ONCE);
	scratch_check("base/b/2019/01/01/00/1-t.dat", "text");
	scratch_check("base/b/2019/02/01/.hidden", "text");
	ck_assert(scratch_exists("base/b/2019/03/01/link"));
	ck_assert(!scratch_exists("base/b/2019/03/01/00"));
	ck_assert(scratch_exists("base/b/2018"));
	ck_assert(scratch_exists("outside/2018"));
	spool_close(spool);
}
END_TEST

/* The spool's own parts stay, though they are empty and lie in base_dir, even
 * where a pattern leads through them. */
START_TEST(keeps_the_spool)
{
	static const char *const parts[] = {"claimed", "uploading", "confirmed",
	    "failed", "runs", "ledger", "locks", "tmp"};
	char base[] = "base", dir[] = "base/spool";
	const struct config config = {.base_dir = base, .spool_dir = dir};
	struct spool *spool = NULL;
	char *error = NULL;
	char path[64];

	scratch_make_dirs("base/b/20201115");
	ck_assert_int_eq(spool_open(&config, SPOOL_CREATE, &spool, &error), 0);
	scratch_make_dirs("base/spool/2019");
	prune_with(spool, AT_ONCE, any_pattern);
	ck_assert(!scratch_exists("base/b/20201115"));
	ck_assert(scratch_exists("base/spool/2019"));
	for (int i = 0; i < LENGTH(parts); i++) {
		(void)snprintf(path, sizeof path, "base/spool/%s", parts[i]);
		ck_assert(scratch_exists(path));
	}
	spool_close(spool);
}
END_TEST

/* What names no time is where a producer goes on to write. */
START_TEST(keeps_what_names_no_time)
{
	static const int64_t after[] = {HOURS_26, AT_ONCE};
	struct spool *spool = scratch_spool();

	scratch_make_dirs("base/b/upload");
	scratch_make_dirs("base/4/upload");
	scratch_make_dirs("base/b/d4");
	scratch_touch("base/b/upload", scratch_time(LONG_AGO));
	scratch_touch("base/4/upload", scratch_time(LONG_AGO));
	scratch_touch("base/b/d4", scratch_time(LONG_AGO));
	prune_with(spool, after[_i], any_pattern);
	ck_assert(scratch_exists("base/b/upload"));
	ck_assert(scratch_exists("base/4/upload"));
	ck_assert(!scratch_exists("base/b/d4"));
	spool_close(spool);
}
END_TEST

/* In claimed/ the same rules hold, since scripts make directories there, too;
 * and locations go. */
START_TEST(prunes_claimed)
{
	struct spool *spool = scratch_spool();

	scratch_make_dirs(SPOOL "claimed/b/2020/11/15/20");
	scratch_make_dirs(SPOOL "claimed/b/2020/11/17/12");
	scratch_make_dirs(SPOOL "claimed/old");
	scratch_make_dirs(SPOOL "claimed/young");
	scratch_write(SPOOL "claimed/b/2020/11/14/20/1-t.dat", "text");
	scratch_make_dirs(SPOOL "claimed/b/2020/11/13/20");
	scratch_touch(SPOOL "claimed/b/2020/11/15/20", scratch_time(LONG_AGO));
	scratch_touch(SPOOL "claimed/b/2020/11/15", scratch_time(LONG_AGO));
	scratch_touch(SPOOL "claimed/b/2020/11/13/20", scratch_time(NOW));
	scratch_touch(SPOOL "claimed/b/2020/11/13", scratch_time(LONG_AGO));
	scratch_touch(SPOOL "claimed/old", scratch_time(LONG_AGO));
	scratch_touch(SPOOL "claimed/young", scratch_time(NOW));
	prune_after(spool, HOURS_26);
	ck_assert(!scratch_exists(SPOOL "claimed/b/2020/11/15"));
	ck_assert(scratch_exists(SPOOL "claimed/b/2020/11/13/20"));
	ck_assert(scratch_exists(SPOOL "claimed/b/2020/11/17/12"));
	ck_assert(!scratch_exists(SPOOL "claimed/old"));
	ck_assert(scratch_exists(SPOOL "claimed/young"));
	scratch_check(SPOOL "claimed/b/2020/11/14/20/1-t.dat", "text");
	ck_assert_int_eq(unlink(SPOOL "claimed/b/2020/11/14/20/1-t.dat"), 0);
	prune_after(spool, AT_ONCE);
	ck_assert(!scratch_exists(SPOOL "claimed/b"));
	ck_assert(scratch_exists(SPOOL "claimed"));
	spool_close(spool);
}
END_TEST

/* Rooms of dead runs, once nothing is in them; of live ones never. */
START_TEST(prunes_rooms)
{
	struct spool *spool = scratch_spool();
	struct run *run = NULL;
	struct strbuf live = {0};

	ck_assert_int_eq(run_start(spool, &run), 0);
	strbuf_printf(&live, SPOOL "uploading/%s/b/2019", run->name);
	scratch_make_dirs(strbuf_text(&live));
	scratch_write(SPOOL "runs/dead.tsv", "");
	scratch_make_dirs(SPOOL "uploading/dead/b/2020/11/17/12");
	scratch_make_dirs(SPOOL "uploading/nofile/b");
	scratch_write(SPOOL "uploading/full/b/file", "text");
	scratch_make_dirs(SPOOL "uploading/full/c");
	scratch_make_dirs(SPOOL "failed/dead/b");
	scratch_write(SPOOL "failed/dead.tsv", "why");
	scratch_write(SPOOL "failed/full/b/file", "text");
	scratch_write(SPOOL "failed/full.tsv", "why");
	scratch_write(SPOOL "failed/alone.tsv", "why");
	prune_after(spool, HOURS_26);
	ck_assert(scratch_exists(strbuf_text(&live)));
	ck_assert(!scratch_exists(SPOOL "uploading/dead"));
	ck_assert(!scratch_exists(SPOOL "uploading/nofile"));
	scratch_check(SPOOL "uploading/full/b/file", "text");
	ck_assert(!scratch_exists(SPOOL "uploading/full/c"));
	ck_assert(!scratch_exists(SPOOL "failed/dead"));
	ck_assert(!scratch_exists(SPOOL "failed/dead.tsv"));
	scratch_check(SPOOL "failed/full/b/file", "text");
	scratch_check(SPOOL "failed/full.tsv", "why");
	ck_assert(!scratch_exists(SPOOL "failed/alone.tsv"));
	/* The run's own file is the reaper's, not ours. */
	ck_assert(scratch_exists(SPOOL "runs/dead.tsv"));
	strbuf_done(&live);
	run_end(spool, run);
	spool_close(spool);
}
END_TEST

/* Day-old files in tmp/ that nobody has locked. */
START_TEST(prunes_litter)
{
	struct spool *spool = scratch_spool();
	int fd;

	scratch_write(SPOOL "tmp/old", "text");
	scratch_write(SPOOL "tmp/young", "text");
	scratch_write(SPOOL "tmp/locked", "text");
	ck_assert_int_eq(symlink("young", SPOOL "tmp/link"), 0);
	scratch_touch(SPOOL "tmp/old", scratch_time("2020-11-16T11:59:59Z"));
	scratch_touch(SPOOL "tmp/young", scratch_time("2020-11-16T12:01:00Z"));
	scratch_touch(SPOOL "tmp/locked", scratch_time(LONG_AGO));
	fd = open(SPOOL "tmp/locked", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(fsio_lock(fd, 0, 0), 0);
	prune_after(spool, HOURS_26);
	ck_assert(!scratch_exists(SPOOL "tmp/old"));
	ck_assert(scratch_exists(SPOOL "tmp/young"));
	ck_assert(scratch_exists(SPOOL "tmp/locked"));
	ck_assert_int_eq(close(fd), 0);
	prune_after(spool, HOURS_26);
	ck_assert(!scratch_exists(SPOOL "tmp/locked"));
	spool_close(spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("prune");
	TCase *tcase = tcase_create("prune");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_loop_test(tcase, after_26_hours, 0, LENGTH(rows));
	tcase_add_loop_test(tcase, at_once, 0, LENGTH(rows));
	tcase_add_test(tcase, keeps_files);
	tcase_add_test(tcase, keeps_the_spool);
	tcase_add_loop_test(tcase, keeps_what_names_no_time, 0, 2);
	tcase_add_test(tcase, prunes_claimed);
	tcase_add_test(tcase, prunes_rooms);
	tcase_add_test(tcase, prunes_litter);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
