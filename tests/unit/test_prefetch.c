/* Running ahead: each file once, as it is, and none kept for which there is no
 * use. */
#include "uploader/prefetch.h"

#include <poll.h>

#include "tests/unit/scratch.h"
#include "uploader/pathset.h"

enum {
	SMALL = 16, /* what is read whole */
	HOURS = 200,
	MANY = 2000
};

struct uploader {
	struct spool *spool;
	struct pick *pick;
	struct prefetch *prefetch;
	struct prefetch_plan plan;
	struct commit *commit;
	struct pathset seen;
	size_t given_back;
};

static void
begin(struct uploader *up, size_t ahead)
{
	struct run *run = NULL;

	*up = (struct uploader){
	    .spool = scratch_spool(),
	    .plan = {.ahead = ahead,
		.expects_small = true,
		.size_most = SMALL,
		.digests = DIGEST_CRC32C | DIGEST_MD5,
		.settle_check = SETTLE_AUTO},
	};
	pathset_init(&up->seen);
	ck_assert_int_eq(run_start(up->spool, &run), 0);
	up->commit = commit_new(run, NULL);
	up->pick = pick_new(up->spool, 0);
	up->prefetch = prefetch_new(up->pick);
	ck_assert_ptr_nonnull(up->prefetch);
}

static void
end(struct uploader *up)
{
	prefetch_free(up->prefetch);
	pick_free(up->pick);
	commit_free(up->commit, up->spool);
	spool_close(up->spool);
	pathset_done(&up->seen);
}

static void
claim(const char *path, const char *text)
{
	char name[256];

	(void)snprintf(name, sizeof name, SPOOL "claimed/%s", path);
	scratch_write(name, text);
}

static void
claim_many(int count)
{
	char path[64];

	scratch_make_dirs(SPOOL "claimed/b/2020/11/15/20");
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof path, "b/2020/11/15/20/%04d", i);
		claim(path, path + 16);
	}
}

/* Files in ROOM, all of them in one directory. */
static size_t
count(int room)
{
	struct dirent *entry;
	struct fsio_dir *dir;
	size_t number = 0;
	int rc = fsio_open_dir(room, "b/2020/11/15/20", &dir);

	if (rc == -ENOENT)
		return 0;
	ck_assert_int_eq(rc, 0);
	while ((rc = fsio_read_dir(dir, &entry)) > 0)
		number++;
	ck_assert_int_eq(rc, 0);
	fsio_close_dir(dir);
	return number;
}

/* The next file, which is no other's, and of which all is known. */
static struct prefetched *
next(struct uploader *up)
{
	struct prefetched *file = NULL;
	int rc = prefetch_next(
	    up->prefetch, up->commit, &up->plan, true, &file);
	const char *path;
	struct stat st;

	ck_assert_int_ge(rc, 0);
	if (rc == 0)
		return NULL;
	path = strbuf_text(&file->claim.path);
	ck_assert_msg(!pathset_has(&up->seen, path), "%s twice", path);
	pathset_add(&up->seen, path);
	ck_assert_ptr_eq(file->commit, up->commit);
	ck_assert_int_eq(
	    fstatat(up->commit->run->uploading.fd, path, &st, 0), 0);
	ck_assert_uint_eq(st.st_ino, file->claim.inode);
	return file;
}

/* The next file, which wasn't taken ahead, opened. */
static struct prefetched *
next_opened(struct uploader *up)
{
	struct prefetched *file = next(up);

	ck_assert(!file->is_opened);
	prefetch_open(file, &up->plan);
	ck_assert(file->is_opened);
	ck_assert_int_eq(file->error, 0);
	ck_assert_int_eq(file->stat_error, 0);
	return file;
}

START_TEST(reads_what_is_small)
{
	struct uploader up;
	struct prefetched *file;
	char byte;

	begin(&up, 0);
	claim("1", "0123456789abcdef");
	file = next_opened(&up);
	ck_assert_int_eq(file->lease, LEASE_HELD);
	ck_assert_int_eq(file->st.st_size, SMALL);
	ck_assert_int_eq(file->fd, -1);
	ck_assert_int_eq(file->length, SMALL);
	ck_assert_mem_eq(file->body, "0123456789abcdef", SMALL);
	ck_assert_uint_eq(file->digest.have, up.plan.digests);
	ck_assert_str_eq(
	    file->digest.md5_hex, "4032af8d61035123906e58e067140cc5");
	prefetch_forget(file);
	ck_assert(!file->is_opened);
	ck_assert_ptr_null(file->body);
	ck_assert_ptr_null(next(&up));
	/* Nothing of it is left in what comes next. */
	claim("2", "0123456789abcdefg");
	file = next_opened(&up);
	ck_assert_int_eq(file->st.st_size, SMALL + 1);
	ck_assert_ptr_null(file->body);
	ck_assert_uint_eq(file->digest.have, 0);
	ck_assert_int_eq(read(file->fd, &byte, 1), 1);
	ck_assert_int_eq(byte, '0');
	ck_assert_int_eq(fcntl(file->fd, F_GETLEASE), F_RDLCK);
	ck_assert_ptr_null(next(&up));
	claim("3", "");
	file = next_opened(&up);
	ck_assert_ptr_nonnull(file->body);
	ck_assert_int_eq(file->length, 0);
	ck_assert_uint_eq(up.commit->run->held, 3);
	end(&up);
}
END_TEST

START_TEST(judges_nothing)
{
	struct uploader up;
	struct prefetched *file;
	int fd;

	begin(&up, 0);
	claim("written", "x");
	fd = open(SPOOL "claimed/written", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	file = next_opened(&up);
	ck_assert_int_eq(file->lease, LEASE_WRITER);
	ck_assert_ptr_null(file->body);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_ptr_null(next(&up));

	claim("linked", "x");
	ck_assert_int_eq(link(SPOOL "claimed/linked", "other"), 0);
	file = next_opened(&up);
	ck_assert_uint_eq(file->st.st_nlink, 2);
	ck_assert_ptr_null(file->body);
	ck_assert_ptr_null(next(&up));

	claim("gone", "x");
	file = next(&up);
	ck_assert_int_eq(unlinkat(up.commit->run->uploading.fd, "gone", 0), 0);
	prefetch_open(file, &up.plan);
	ck_assert(file->is_opened);
	ck_assert_int_eq(file->fd, -1);
	ck_assert_int_eq(file->error, ENOENT);
	end(&up);
}
END_TEST

START_TEST(takes_one_at_a_time)
{
	struct uploader up;

	begin(&up, 0);
	claim_many(MANY);
	for (size_t i = 1; next(&up) != NULL; i++) {
		ck_assert_uint_eq(up.commit->run->held, i);
		ck_assert_int_eq(prefetch_stale_ns(up.prefetch), INT64_MAX);
		if (i % 100 == 0)
			ck_assert_uint_eq(
			    count(up.commit->run->uploading.fd), i);
	}
	ck_assert_uint_eq(pathset_count(&up.seen), MANY);
	end(&up);
}
END_TEST

START_TEST(runs_ahead)
{
	struct uploader up;
	struct pollfd ready;
	struct prefetched *file;
	size_t opened = 0;

	begin(&up, MANY);
	claim_many(MANY);
	while ((file = next(&up)) != NULL) {
		ck_assert(file->is_opened);
		ck_assert_int_eq(file->fd, -1);
		ck_assert_int_eq(file->length, file->st.st_size);
		ck_assert_mem_eq(
		    file->body, strbuf_text(&file->claim.path) + 16, 4);
		ck_assert_uint_eq(file->digest.have, up.plan.digests);
		if (++opened == 1)
			ck_assert_int_ne(
			    prefetch_stale_ns(up.prefetch), INT64_MAX);
	}
	ck_assert_uint_eq(opened, MANY);
	ck_assert_uint_eq(up.commit->run->held, MANY);
	ck_assert_int_eq(prefetch_stale_ns(up.prefetch), INT64_MAX);
	ck_assert_uint_eq(count(up.spool->claimed_fd), 0);
	ready = (struct pollfd){prefetch_fd(up.prefetch), POLLIN, 0};
	ck_assert_int_eq(poll(&ready, 1, 0), 1);
	prefetch_heed(up.prefetch);
	ck_assert_int_eq(poll(&ready, 1, 0), 0);
	end(&up);
}
END_TEST

/* What is odd, or large, is but taken. */
START_TEST(opens_what_is_small)
{
	struct uploader up;
	struct prefetched *file;
	size_t odd = 0;
	int fd;

	begin(&up, MANY);
	claim_many(100);
	claim("b/2020/11/15/20/large", "0123456789abcdefg");
	claim("b/2020/11/15/20/written", "x");
	fd = open(
	    SPOOL "claimed/b/2020/11/15/20/written", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mkfifo(SPOOL "claimed/b/2020/11/15/20/fifo", 0600), 0);
	while ((file = next(&up)) != NULL) {
		const char *name = strbuf_text(&file->claim.path) + 16;
		bool is_odd = *name != '0';

		ck_assert_msg(file->is_opened == !is_odd, "%s", name);
		ck_assert_int_eq(file->fd, -1);
		ck_assert((file->body != NULL) == !is_odd);
		odd += is_odd;
	}
	ck_assert_uint_eq(odd, 3);
	ck_assert_int_eq(close(fd), 0);
	end(&up);
}
END_TEST

START_TEST(opens_nothing_large)
{
	struct uploader up;
	struct prefetched *file;

	begin(&up, MANY);
	up.plan.expects_small = false;
	claim_many(100);
	while ((file = next(&up)) != NULL)
		ck_assert(!file->is_opened);
	ck_assert_uint_eq(pathset_count(&up.seen), 100);
	end(&up);
}
END_TEST

static void
give_back(void *context, struct prefetched *file)
{
	struct uploader *up = context;
	const char *path = strbuf_text(&file->claim.path);

	ck_assert_int_eq(file->fd, -1);
	ck_assert_ptr_null(file->body);
	ck_assert(!pathset_has(&up->seen, path));
	ck_assert_int_eq(
	    spool_give_back(up->spool, &file->commit->run->uploading, path,
		file->claim.inode),
	    0);
	file->commit->run->held--;
	up->given_back++;
}

/* An hour after the other: what goes back is the next again. */
START_TEST(gives_back)
{
	struct uploader up;
	struct prefetched *file;
	char path[64];

	begin(&up, MANY);
	/* More than are taken ahead. */
	for (size_t i = 0; i < HOURS; i++) {
		(void)snprintf(path, sizeof path,
		    SPOOL "claimed/b/2020/11/%02zu/%02zu", 1 + i / 24, i % 24);
		scratch_make_dirs(path);
		(void)snprintf(path, sizeof path, "b/2020/11/%02zu/%02zu/x",
		    1 + i / 24, i % 24);
		claim(path, "x");
	}
	for (size_t i = 0; i < HOURS; i++) {
		if (i % 3 == 2) {
			up.given_back = 0;
			prefetch_give_back(up.prefetch, true, give_back, &up);
			/* As many as there was time for. */
			ck_assert_uint_gt(up.given_back, 0);
			ck_assert_uint_le(up.given_back, HOURS - i);
			ck_assert_int_eq(
			    prefetch_stale_ns(up.prefetch), INT64_MAX);
			ck_assert_uint_eq(up.commit->run->held, i);
		}
		file = next(&up);
		ck_assert_ptr_nonnull(file);
		(void)snprintf(path, sizeof path, "b/2020/11/%02zu/%02zu/x",
		    1 + i / 24, i % 24);
		ck_assert_str_eq(strbuf_text(&file->claim.path), path);
	}
	prefetch_give_back(up.prefetch, true, give_back, &up);
	ck_assert_ptr_null(next(&up));
	end(&up);
}
END_TEST

/* A run lives as long as it may come to hold more. */
START_TEST(holds_its_run)
{
	struct uploader up;
	struct prefetched *file = NULL;
	size_t taken = 0;
	int rc;

	begin(&up, MANY);
	claim_many(MANY);
	do {
		rc = prefetch_next(
		    up.prefetch, up.commit, &up.plan, false, &file);
		if (rc == -EINPROGRESS)
			ck_assert_uint_gt(up.commit->run->held, taken);
		taken += rc == 1;
		ck_assert_uint_ge(up.commit->run->held, taken);
	} while (rc == 1 || rc == -EINPROGRESS);
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(taken, MANY);
	ck_assert_uint_eq(up.commit->run->held, MANY);
	end(&up);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("prefetch");
	TCase *tcase = tcase_create("prefetch");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, reads_what_is_small);
	tcase_add_test(tcase, judges_nothing);
	tcase_add_test(tcase, takes_one_at_a_time);
	tcase_add_test(tcase, runs_ahead);
	tcase_add_test(tcase, opens_what_is_small);
	tcase_add_test(tcase, opens_nothing_large);
	tcase_add_test(tcase, gives_back);
	tcase_add_test(tcase, holds_its_run);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
