/* Runs: alive while their process is, dead whatever happens to it; receipts
 * whole or not at all; traces left only of what came of them. */
#include "common/run.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"

static struct run *
start(struct spool *spool)
{
	struct run *run = NULL;

	ck_assert_int_eq(run_start(spool, &run), 0);
	return run;
}

/* DIRECTORY/NAME SUFFIX in the spool; the caller frees it. */
static char *
trace(const char *directory, const char *name, const char *suffix)
{
	struct strbuf path = {0};

	strbuf_printf(&path, SPOOL "%s/%s%s", directory, name, suffix);
	return strbuf_take(&path);
}

static bool
has_trace(const char *directory, const char *name, const char *suffix)
{
	char *path = trace(directory, name, suffix);
	bool exists = scratch_exists(path);

	free(path);
	return exists;
}

static void
write_trace(const char *directory, const char *name, const char *suffix)
{
	char *path = trace(directory, name, suffix);

	scratch_write(path, "text");
	free(path);
}

START_TEST(starts)
{
	struct spool *spool = scratch_spool();
	struct run *run = start(spool), *other = start(spool);
	struct strbuf pid = {0};
	char *file;

	ck_assert_str_ne(run->name, other->name);
	ck_assert_ptr_null(strchr(run->name, '/'));
	strbuf_printf(&pid, ".%ld.", (long)getpid());
	ck_assert_ptr_nonnull(strstr(run->name, strbuf_text(&pid)));
	strbuf_done(&pid);
	file = trace("runs", run->name, ".tsv");
	scratch_check(file, RECEIPT_HEADER);
	free(file);
	ck_assert(!has_trace("tmp", run->name, ".tsv"));
	ck_assert(has_trace("uploading", run->name, ""));
	ck_assert(has_trace("confirmed", run->name, ""));
	ck_assert(!has_trace("failed", run->name, ""));
	ck_assert(run->uploading.is_private && run->confirmed.is_private);
	ck_assert_int_eq(run->failed.fd, -1);
	ck_assert_int_eq(run->reasons_fd, -1);
	ck_assert_uint_eq(run->receipts, 0);
	ck_assert_int_gt(run->fs_clock.fs_ns, 0);
	run_end(spool, run);
	run_end(spool, other);
	run_end(spool, NULL);
	spool_close(spool);
}
END_TEST

START_TEST(start_fails)
{
	struct spool *spool = scratch_spool();
	struct run *run = NULL;

	ck_assert_int_eq(rmdir(SPOOL "uploading"), 0);
	ck_assert_int_lt(run_start(spool, &run), 0);
	ck_assert_ptr_null(run);
	ck_assert_int_eq(rmdir(SPOOL "tmp"), 0);
	ck_assert_int_lt(run_start(spool, &run), 0);
	ck_assert_ptr_null(run);
	spool_close(spool);
}
END_TEST

START_TEST(is_alive)
{
	struct spool *spool = scratch_spool();
	struct run *run = start(spool);
	int fd = -7;

	ck_assert_int_eq(run_is_dead(spool, run->name), 0);
	ck_assert_int_eq(run_lock_dead(spool, run->name, &fd), -EAGAIN);
	ck_assert_int_eq(fd, -7);
	/* Asking leaves it as it was. */
	ck_assert_int_eq(run_is_dead(spool, run->name), 0);
	run_end(spool, run);
	spool_close(spool);
}
END_TEST

START_TEST(is_dead)
{
	struct spool *spool = scratch_spool();
	int fd = -7, other = -7;
	char byte;

	/* A file that nobody holds. */
	scratch_write(SPOOL "runs/host.1.a.tsv", "text");
	ck_assert_int_eq(run_is_dead(spool, "host.1.a"), 1);
	ck_assert_int_eq(run_lock_dead(spool, "host.1.a", &fd), 0);
	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	/* Whoever has the lock keeps the others out. */
	ck_assert_int_eq(run_is_dead(spool, "host.1.a"), 0);
	ck_assert_int_eq(run_lock_dead(spool, "host.1.a", &other), -EAGAIN);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(run_lock_dead(spool, "host.1.a", &other), 0);
	ck_assert_int_eq(close(other), 0);
	/* No file: there is nothing that could live. */
	ck_assert_int_eq(run_is_dead(spool, "host.1.b"), 1);
	ck_assert_int_eq(run_lock_dead(spool, "host.1.b", &fd), 0);
	ck_assert_int_eq(fd, -1);
	/* No file of ours. */
	fd = -7;
	ck_assert_int_eq(symlink("host.1.a.tsv", SPOOL "runs/link.tsv"), 0);
	ck_assert_int_eq(run_lock_dead(spool, "link", &fd), -ELOOP);
	ck_assert_int_eq(run_is_dead(spool, "link"), -ELOOP);
	ck_assert_int_eq(fd, -7);
	spool_close(spool);
}
END_TEST

/* A process that is killed in the middle leaves a run that is dead. */
START_TEST(dies)
{
	struct spool *spool = scratch_spool();
	int ready[2], fd = -1;
	char name[256] = "";
	pid_t child;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct run *run = NULL;

		if (run_start(spool, &run) == 0 &&
		    fsio_write_all(ready[1], run->name, strlen(run->name)) == 0)
			(void)pause(); /* until it is killed */
		_exit(1);
	}
	ck_assert_int_gt(read(ready[0], name, sizeof name - 1), 0);
	ck_assert_int_eq(run_is_dead(spool, name), 0);
	ck_assert_int_eq(run_lock_dead(spool, name, &fd), -EAGAIN);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(run_is_dead(spool, name), 1);
	ck_assert_int_eq(run_lock_dead(spool, name, &fd), 0);
	ck_assert_int_ge(fd, 0);
	ck_assert(has_trace("uploading", name, ""));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(close(ready[0]), 0);
	ck_assert_int_eq(close(ready[1]), 0);
	spool_close(spool);
}
END_TEST

struct seen {
	struct strbuf names;
	const char *stop_at;
};

static int
see(void *context, const char *name)
{
	struct seen *seen = context;

	strbuf_printf(&seen->names, "%s,", name);
	return seen->stop_at != NULL && strcmp(name, seen->stop_at) == 0
		   ? -ECANCELED
		   : 0;
}

START_TEST(each)
{
	struct spool *spool = scratch_spool();
	struct seen seen = {0};

	ck_assert_int_eq(run_each(spool, -1, see, &seen), 0);
	ck_assert_str_eq(strbuf_text(&seen.names), "");
	scratch_write(SPOOL "runs/c.tsv", "");
	scratch_write(SPOOL "runs/a.tsv", "");
	scratch_write(SPOOL "runs/.tsv", "");	/* no name */
	scratch_write(SPOOL "runs/d.tsv~", ""); /* another's */
	scratch_write(SPOOL "runs/e", "");	/* another's */
	scratch_make_dirs(SPOOL "confirmed/b"); /* a room alone */
	scratch_make_dirs(SPOOL "confirmed/c"); /* both */
	scratch_make_dirs(SPOOL "uploading/z"); /* not asked for */
	ck_assert_int_eq(run_each(spool, -1, see, &seen), 0);
	ck_assert_str_eq(strbuf_text(&seen.names), "a,c,");
	strbuf_reset(&seen.names);
	ck_assert_int_eq(run_each(spool, spool->confirmed_fd, see, &seen), 0);
	ck_assert_str_eq(strbuf_text(&seen.names), "a,b,c,");
	strbuf_reset(&seen.names);
	seen.stop_at = "b";
	ck_assert_int_eq(
	    run_each(spool, spool->confirmed_fd, see, &seen), -ECANCELED);
	ck_assert_str_eq(strbuf_text(&seen.names), "a,b,");
	strbuf_done(&seen.names);
	spool_close(spool);
}
END_TEST

START_TEST(appends)
{
	struct spool *spool = scratch_spool();
	struct run *run = start(spool);
	char *file = trace("runs", run->name, ".tsv");

	ck_assert_int_eq(run_append(run, "one\n", 4, 1), 0);
	ck_assert_int_eq(run_append(run, "two\nthree\n", 10, 2), 0);
	ck_assert_uint_eq(run->receipts, 3);
	scratch_check(file, RECEIPT_HEADER "one\ntwo\nthree\n");
	ck_assert_int_eq(run->good_bytes,
	    (int64_t)strlen(RECEIPT_HEADER "one\ntwo\nthree\n"));
	free(file);
	run_end(spool, run);
	spool_close(spool);
}
END_TEST

/* No space at any byte of a batch: what was durable stays, and nothing of the
 * batch does. */
START_TEST(short_appends)
{
	static const char before[] = RECEIPT_HEADER "one\n";
	struct spool *spool = scratch_spool();
	struct run *run = start(spool);
	char *file = trace("runs", run->name, ".tsv");
	struct rlimit old, limit;

	(void)signal(SIGXFSZ, SIG_IGN); /* as the programs do */
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	ck_assert_int_eq(run_append(run, "one\n", 4, 1), 0);
	for (rlim_t part = 0; part < 10; part++) {
		limit = old;
		limit.rlim_cur = sizeof before - 1 + part;
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
		ck_assert_int_eq(
		    run_append(run, "two\nthree\n", 10, 2), -EFBIG);
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
		ck_assert_uint_eq(run->receipts, 1);
		scratch_check(file, before);
	}
	/* Its file is good for whoever comes next. */
	ck_assert_int_eq(run_append(run, "two\n", 4, 1), 0);
	scratch_check(file, RECEIPT_HEADER "one\ntwo\n");
	free(file);
	run_end(spool, run);
	spool_close(spool);
}
END_TEST

START_TEST(gives_reasons)
{
	struct spool *spool = scratch_spool();
	struct run *run = start(spool);
	char *file = trace("failed", run->name, ".tsv");

	ck_assert_int_eq(run_append_reasons(spool, run, "one\n", 4), 0);
	ck_assert_int_ge(run->failed.fd, 0);
	ck_assert(has_trace("failed", run->name, ""));
	ck_assert_int_eq(run_append_reasons(spool, run, "two\n", 4), 0);
	scratch_check(file, "one\ntwo\n");
	/* They outlive the run. */
	run_end(spool, run);
	scratch_check(file, "one\ntwo\n");
	free(file);
	spool_close(spool);
}
END_TEST

/* What a run had when it ended, and what is left of it then. Where there are
 * receipts the reaper looks after the rest. */
static const struct end {
	bool receipts, uploading, confirmed, dirs;
	bool file_stays, uploading_stays, confirmed_stays;
} ends[] = {
    {false, false, false, false, false, false, false}, /* nothing */
    {false, false, false, true, false, false, false},  /* empty directories */
    {true, false, false, false, true, false, true},    /* receipts */
    {true, false, true, true, true, false, true},      /* confirmed files */
    {true, true, true, true, true, true, true},	       /* killed, nearly */
    {false, true, false, false, true, true, false},    /* a file it keeps */
    {true, true, false, true, true, true, true},       /* both */
};

START_TEST(ends_well)
{
	const struct end *row = &ends[_i];
	struct spool *spool = scratch_spool();
	struct run *run = start(spool);
	char *name = strdup(run->name);

	if (row->receipts)
		ck_assert_int_eq(run_append(run, "one\n", 4, 1), 0);
	if (row->dirs) {
		ck_assert_int_eq(fsio_make_dirs(run->uploading.fd, "b/1"), 0);
		ck_assert_int_eq(fsio_make_dirs(run->confirmed.fd, "b/1"), 0);
	}
	if (row->uploading)
		write_trace("uploading", name, "/b/2/file");
	if (row->confirmed)
		write_trace("confirmed", name, "/b/2/file");
	run_end(spool, run);
	ck_assert_int_eq(has_trace("runs", name, ".tsv"), row->file_stays);
	ck_assert_int_eq(
	    has_trace("uploading", name, ""), row->uploading_stays);
	ck_assert_int_eq(
	    has_trace("uploading", name, "/b/2/file"), row->uploading_stays);
	ck_assert_int_eq(
	    has_trace("confirmed", name, ""), row->confirmed_stays);
	ck_assert_int_eq(
	    has_trace("confirmed", name, "/b/2/file"), row->confirmed);
	ck_assert(!has_trace("uploading", name, "/b/1"));
	/* Whatever is left is anybody's. */
	ck_assert_int_eq(run_is_dead(spool, name), 1);
	free(name);
	spool_close(spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("run");
	TCase *tcase = tcase_create("run");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, starts);
	tcase_add_test(tcase, start_fails);
	tcase_add_test(tcase, is_alive);
	tcase_add_test(tcase, is_dead);
	tcase_add_test(tcase, dies);
	tcase_add_test(tcase, each);
	tcase_add_test(tcase, appends);
	tcase_add_test(tcase, short_appends);
	tcase_add_test(tcase, gives_reasons);
	tcase_add_loop_test(tcase, ends_well, 0, LENGTH(ends));
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
