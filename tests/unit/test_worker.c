/* Batches of receipts, written by a worker: durable before their files move,
 * written while others are gathered, what has changed meanwhile, and what
 * fails. */
#include "uploader/worker.h"

#include "tests/unit/scratch.h"
#include "uploader/commit.h"

/* A run of its own, whose rooms hold FILE in uploading/. */
static struct commit *
begin(struct spool *spool, const char *file)
{
	struct run *run = NULL;
	int fd;

	ck_assert_int_eq(run_start(spool, &run), 0);
	fd = openat(run->uploading.fd, file, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	run->held = 1;
	return commit_new(run, NULL);
}

static ino_t
inode_in(const struct spool_room *room, const char *file)
{
	struct stat st;

	return fstatat(room->fd, file, &st, 0) == 0 ? st.st_ino : 0;
}

static void
add(struct commit *commit, const char *file)
{
	struct stat was;

	ck_assert_int_eq(fstatat(commit->run->uploading.fd, file, &was, 0), 0);
	commit_add_receipt(commit,
	    &(struct commit_stored){file, was.st_ino, &was, "a line\n", -1});
}

static void
write_batch(void *spool, void *commit)
{
	commit_write(commit, spool);
}

START_TEST(writes)
{
	struct spool *spool = scratch_spool();
	struct worker *committer = worker_new(write_batch, spool);
	struct commit *commit = begin(spool, "file");
	struct run *run = commit->run;
	struct strbuf path = {0};

	ck_assert_ptr_nonnull(committer);
	ck_assert(!worker_is_busy(committer));
	ck_assert_ptr_null(worker_take(committer, true));
	add(commit, "file");
	ck_assert_uint_eq(commit->waiting.count, 1);
	commit_begin(commit);
	ck_assert_uint_eq(commit->waiting.count, 0);
	worker_start(committer, commit);
	ck_assert(worker_is_busy(committer));
	ck_assert_ptr_eq(worker_take(committer, true), commit);
	ck_assert(!worker_is_busy(committer));
	ck_assert_int_eq(commit->error, 0);
	ck_assert_uint_eq(inode_in(&run->uploading, "file"), 0);
	ck_assert_uint_ne(inode_in(&run->confirmed, "file"), 0);
	strbuf_printf(&path, SPOOL "runs/%s.tsv", run->name);
	scratch_check(strbuf_text(&path), RECEIPT_HEADER "a line\n");
	strbuf_done(&path);
	worker_free(committer);
	worker_free(NULL);
	commit_free(commit, spool);
	spool_close(spool);
}
END_TEST

/* The run's file becomes the pipe, full and then read by us: to write to it
 * takes as long as we like. */
START_TEST(writes_meanwhile)
{
	static const char filler[4096];
	struct spool *spool = scratch_spool();
	struct worker *committer = worker_new(write_batch, spool);
	struct commit *commit = begin(spool, "file");
	struct run *run = commit->run;
	char buffer[sizeof filler];
	int ends[2], flags;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	flags = fcntl(ends[1], F_GETFL);
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK), 0);
	while (write(ends[1], filler, sizeof filler) > 0)
		continue;
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, flags), 0);
	ck_assert_int_eq(dup2(ends[1], run->fd), run->fd);
	ck_assert_int_eq(close(ends[1]), 0);
	add(commit, "file");
	commit_begin(commit);
	worker_start(committer, commit);
	ck_assert_ptr_null(worker_take(committer, false));
	/* Others are gathered. */
	add(commit, "file");
	ck_assert_uint_eq(commit->waiting.count, 1);
	ck_assert(worker_is_busy(committer));
	ck_assert_ptr_null(worker_take(committer, false));
	ck_assert_int_gt(read(ends[0], buffer, sizeof buffer), 0);
	ck_assert_ptr_eq(worker_take(committer, true), commit);
	/* A pipe can't be synced, so nothing was moved. */
	ck_assert_int_eq(commit->error, -EINVAL);
	ck_assert_uint_ne(inode_in(&run->uploading, "file"), 0);
	ck_assert_uint_eq(inode_in(&run->confirmed, "file"), 0);
	worker_free(committer);
	commit_free(commit, spool);
	ck_assert_int_eq(close(ends[0]), 0);
	spool_close(spool);
}
END_TEST

/* The second of three, after it was sent: its receipt isn't written, and it
 * stays. */
START_TEST(leaves_out_what_has_changed)
{
	struct spool *spool = scratch_spool();
	struct commit *commit = begin(spool, "1");
	struct run *run = commit->run;
	struct strbuf path = {0};
	int fd;

	for (int i = 0; i < 3; i++) {
		const char name[] = {(char)('1' + i), '\0'};
		struct commit_stored stored = {
		    .path = name, .line = i == 1 ? "a long line\n" : "line\n"};
		struct stat was;

		fd = openat(run->uploading.fd, name, O_WRONLY | O_CREAT, 0600);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fstat(fd, &was), 0);
		stored.inode = was.st_ino;
		stored.was = &was;
		stored.key_hash = -1;
		commit_add_receipt(commit, &stored);
		if (i == 1)
			ck_assert_int_eq(write(fd, "x", 1), 1);
		ck_assert_int_eq(close(fd), 0);
	}
	commit_begin(commit);
	commit_write(commit, spool);
	ck_assert_int_eq(commit->error, 0);
	ck_assert_uint_eq(run->receipts, 2);
	strbuf_printf(&path, SPOOL "runs/%s.tsv", run->name);
	scratch_check(strbuf_text(&path), RECEIPT_HEADER "line\nline\n");
	ck_assert_uint_ne(inode_in(&run->confirmed, "1"), 0);
	ck_assert_uint_eq(inode_in(&run->confirmed, "2"), 0);
	ck_assert_uint_ne(inode_in(&run->uploading, "2"), 0);
	ck_assert_uint_ne(inode_in(&run->confirmed, "3"), 0);
	strbuf_done(&path);
	commit_free(commit, spool);
	spool_close(spool);
}
END_TEST

/* What has waited longest comes first, whichever run it is in: a new one never
 * keeps those before it waiting. */
START_TEST(finds_due)
{
	const int64_t late_ns = INT64_MAX - 1;
	struct spool *spool = scratch_spool();
	struct commit *old = begin(spool, "old"), *new = begin(spool, "new");
	int64_t next_ns;

	new->older = old;
	ck_assert_ptr_null(commit_find_due(new, INT64_MAX, &next_ns));
	ck_assert_int_eq(next_ns, INT64_MAX);
	add(old, "old");
	add(new, "new");
	ck_assert_int_ge(new->waiting.first_ns, old->waiting.first_ns);
	new->waiting.first_ns++; /* the clock may be coarse */
	ck_assert_ptr_null(
	    commit_find_due(new, old->waiting.first_ns, &next_ns));
	ck_assert_int_gt(next_ns, old->waiting.first_ns);
	ck_assert_ptr_null(commit_find_due(new, next_ns - 1, &next_ns));
	ck_assert_ptr_eq(commit_find_due(new, next_ns, &next_ns), old);
	ck_assert_ptr_eq(commit_find_due(new, late_ns, &next_ns), old);
	ck_assert_ptr_eq(commit_find_due(new, INT64_MAX, &next_ns), old);
	commit_begin(old);
	ck_assert_ptr_eq(commit_find_due(new, late_ns, &next_ns), new);
	commit_free(new, spool);
	commit_free(old, spool);
	spool_close(spool);
}
END_TEST

/* The end waits for what is being written. */
START_TEST(ends)
{
	struct spool *spool = scratch_spool();
	struct worker *committer = worker_new(write_batch, spool);
	struct commit *commit = begin(spool, "file");

	add(commit, "file");
	commit_begin(commit);
	worker_start(committer, commit);
	worker_free(committer);
	ck_assert_int_eq(commit->error, 0);
	ck_assert_uint_ne(inode_in(&commit->run->confirmed, "file"), 0);
	commit_free(commit, spool);
	spool_close(spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tcase = tcase_create("worker");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, writes);
	tcase_add_test(tcase, writes_meanwhile);
	tcase_add_test(tcase, leaves_out_what_has_changed);
	tcase_add_test(tcase, finds_due);
	tcase_add_test(tcase, ends);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
