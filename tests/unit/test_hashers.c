/* Digests by threads: the same as without, whatever happens to the files, and
 * nothing is touched any more once a task has been taken back. */
#include "uploader/hashers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/unit/scratch.h"

#define ALL \
	(DIGEST_CRC32C | DIGEST_SHA256 | DIGEST_MD5 | DIGEST_CRC64NVME | \
	    DIGEST_MD5_PARTS)

enum { BLOCK = 256 * 1024, MANY = 100 };

/* Of holes, so that it takes no room, and no thread comes to its end. */
static const int64_t endless = INT64_C(1) << 40;

/* One that differs everywhere. */
static int
make_file(size_t length)
{
	unsigned char *bytes = mem_alloc(length);
	uint32_t value = 1;

	for (size_t i = 0; i < length; i++) {
		value = value * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(value >> 24);
	}
	scratch_write_bytes("file", bytes, length);
	free(bytes);
	return open("file", O_RDONLY | O_CLOEXEC);
}

static int
make_endless(void)
{
	int fd = open("endless", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(ftruncate(fd, endless), 0);
	return fd;
}

static void
begin(struct hashers_task *task, struct digest *digest, int fd, int64_t offset,
    int64_t length)
{
	digest_reset(digest);
	digest->part_size = 100000;
	digest_begin(digest, ALL);
	task->fd = fd;
	task->offset = offset;
	task->length = length;
	task->digest = digest;
}

static int64_t
wait_for(struct hashers *hashers, struct hashers_task *task)
{
	struct pollfd ended = {.fd = hashers_fd(hashers), .events = POLLIN};
	int64_t result;

	while (!hashers_take(hashers, task, &result)) {
		ck_assert_int_eq(poll(&ended, 1, -1), 1);
		hashers_heed(hashers);
	}
	return result;
}

/* Time enough for threads to begin; none of the tests needs them to have. */
static void
let_them_work(void)
{
	const struct timespec a_while = {.tv_nsec = 20 * CLOCK_NS_PER_MS};

	(void)nanosleep(&a_while, NULL);
}

static int
count_threads(void)
{
	struct stat st;

	ck_assert_int_eq(stat("/proc/self/task", &st), 0);
	return (int)st.st_nlink - 2;
}

static void
check_same(struct digest *digest, int fd, int64_t offset, int64_t length)
{
	struct digest expected = {.part_size = 100000};
	unsigned char *bytes = mem_alloc((size_t)length);

	ck_assert_int_eq(
	    fsio_pread_all(fd, bytes, (size_t)length, offset), length);
	digest_begin(&expected, ALL);
	digest_update(&expected, bytes, (size_t)length);
	digest_finish(&expected);
	digest_finish(digest);
	ck_assert_uint_eq(digest->have, ALL);
	ck_assert_uint_eq(digest->crc32c, expected.crc32c);
	ck_assert_uint_eq(digest->crc64nvme, expected.crc64nvme);
	ck_assert_str_eq(digest->sha256_hex, expected.sha256_hex);
	ck_assert_str_eq(digest->md5_hex, expected.md5_hex);
	ck_assert_str_eq(digest->parts_etag, expected.parts_etag);
	digest_done(&expected);
	free(bytes);
}

static const struct {
	int64_t offset, length;
} stretches[] = {
    {0, 1},
    {0, BLOCK},
    {0, BLOCK + 1},
    {BLOCK - 1, BLOCK},
    {17, 3 * BLOCK + 5},
    {4 * BLOCK, 0},
};

START_TEST(gives_the_same)
{
	struct hashers *hashers = hashers_new();
	struct hashers_task task = {0};
	struct digest digest = {0};
	int fd = make_file(4 * BLOCK);

	/* One after another, with what the one before has left. */
	for (int i = 0; i < LENGTH(stretches); i++) {
		int64_t offset = stretches[i].offset;
		int64_t length = stretches[i].length;

		begin(&task, &digest, fd, offset, length);
		ck_assert_int_eq(hashers_start(hashers, &task), 0);
		ck_assert_int_eq(wait_for(hashers, &task), length);
		check_same(&digest, fd, offset, length);
	}
	hashers_free(hashers);
	digest_done(&digest);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(does_many_at_once)
{
	static struct hashers_task tasks[MANY];
	static struct digest digests[MANY];
	struct hashers *hashers = hashers_new();
	int fd = make_file(4 * BLOCK);

	for (int i = 0; i < MANY; i++) {
		begin(&tasks[i], &digests[i], fd, i, (MANY - i) * 9000);
		ck_assert_int_eq(hashers_start(hashers, &tasks[i]), 0);
	}
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(
		    wait_for(hashers, &tasks[i]), (MANY - i) * 9000);
		check_same(&digests[i], fd, i, (MANY - i) * 9000);
		digest_done(&digests[i]);
	}
	hashers_free(hashers);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* None without a task, none for a second one that comes after the first, and
 * never more than there are cores. */
START_TEST(starts_no_more_threads_than_needed)
{
	static struct hashers_task tasks[MANY];
	static struct digest digests[MANY];
	int before = count_threads(), with_one = 0, kept = 0;
	struct hashers *hashers;
	int fd = make_endless();
	cpu_set_t cores;

	ck_assert_int_eq(sched_getaffinity(0, sizeof cores, &cores), 0);
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &cores) && kept++ >= _i)
			CPU_CLR(i, &cores);
	ck_assert_int_eq(sched_setaffinity(0, sizeof cores, &cores), 0);
	hashers = hashers_new();
	ck_assert_int_eq(count_threads(), before);
	for (int i = 0; i < 3; i++) {
		begin(&tasks[0], &digests[0], fd, 0, BLOCK);
		ck_assert_int_eq(hashers_start(hashers, &tasks[0]), 0);
		ck_assert_int_eq(wait_for(hashers, &tasks[0]), BLOCK);
		/* A sanitizer may have begun one of its own with the first. */
		if (i == 0)
			with_one = count_threads();
		ck_assert_int_gt(with_one, before);
		ck_assert_int_eq(count_threads(), with_one);
	}
	for (int i = 0; i < MANY; i++) {
		begin(&tasks[i], &digests[i], fd, 0, endless);
		ck_assert_int_eq(hashers_start(hashers, &tasks[i]), 0);
	}
	ck_assert_int_eq(count_threads(), with_one - 1 + CPU_COUNT(&cores));
	hashers_free(hashers);
	for (int i = 0; i < MANY; i++)
		digest_done(&digests[i]);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* Those at work, those that wait for their turn in whatever order, and those
 * that have ended; and then their slots serve for others. */
START_TEST(cancels)
{
	static struct hashers_task tasks[MANY];
	static struct digest digests[MANY];
	struct hashers *hashers = hashers_new();
	int fd = make_endless(), other;

	for (int i = 0; i < MANY; i++) {
		begin(&tasks[i], &digests[i], fd, 0, i % 10 == 9 ? 1 : endless);
		ck_assert_int_eq(hashers_start(hashers, &tasks[i]), 0);
	}
	let_them_work();
	for (int i = MANY - 1; i >= 0; i -= 2)
		hashers_cancel(hashers, &tasks[i]);
	for (int i = 0; i < MANY; i++) /* some of them again */
		hashers_cancel(hashers, &tasks[i]);
	/* Whoever still read would read something else now. */
	ck_assert_int_eq(close(fd), 0);
	other = make_file(BLOCK);
	for (int i = 0; i < MANY; i++) {
		begin(&tasks[i], &digests[i], other, i, BLOCK / 2);
		ck_assert_int_eq(hashers_start(hashers, &tasks[i]), 0);
	}
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(wait_for(hashers, &tasks[i]), BLOCK / 2);
		check_same(&digests[i], other, i, BLOCK / 2);
		digest_done(&digests[i]);
	}
	hashers_free(hashers);
	ck_assert_int_eq(close(other), 0);
}
END_TEST

START_TEST(ends_with_tasks_left)
{
	static struct hashers_task tasks[MANY];
	static struct digest digests[MANY];
	struct hashers *hashers = hashers_new();
	int fd = make_endless();

	for (int i = 0; i < MANY; i++) {
		begin(&tasks[i], &digests[i], fd, 0, endless);
		ck_assert_int_eq(hashers_start(hashers, &tasks[i]), 0);
	}
	if (_i == 0)
		let_them_work();
	hashers_free(hashers);
	ck_assert_int_eq(close(fd), 0);
	for (int i = 0; i < MANY; i++)
		digest_done(&digests[i]);
	hashers_free(NULL);
}
END_TEST

START_TEST(tells_what_is_wrong_with_a_file)
{
	struct hashers *hashers = hashers_new();
	struct hashers_task task = {0};
	struct digest digest = {0};
	int fd = make_file(BLOCK + 10);
	int dirfd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Shorter than it was. */
	begin(&task, &digest, fd, 10, BLOCK + 1);
	ck_assert_int_eq(hashers_start(hashers, &task), 0);
	ck_assert_int_eq(wait_for(hashers, &task), BLOCK);
	begin(&task, &digest, fd, 2 * BLOCK, 1);
	ck_assert_int_eq(hashers_start(hashers, &task), 0);
	ck_assert_int_eq(wait_for(hashers, &task), 0);
	/* It can't be read. */
	begin(&task, &digest, dirfd, 0, 1);
	ck_assert_int_eq(hashers_start(hashers, &task), 0);
	ck_assert_int_eq(wait_for(hashers, &task), -EISDIR);
	hashers_free(hashers);
	digest_done(&digest);
	ck_assert_int_eq(close(dirfd), 0);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(sees_a_file_get_shorter)
{
	struct hashers *hashers = hashers_new();
	struct hashers_task task = {0};
	struct digest digest = {0};
	int fd = make_endless();
	int64_t result;

	begin(&task, &digest, fd, 0, endless);
	ck_assert_int_eq(hashers_start(hashers, &task), 0);
	let_them_work();
	ck_assert_int_eq(ftruncate(fd, 1000), 0);
	result = wait_for(hashers, &task);
	ck_assert_int_ge(result, 0);
	ck_assert_int_lt(result, endless);
	hashers_free(hashers);
	digest_done(&digest);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* Signals are for the event loop, which reads them from a descriptor. */
START_TEST(leaves_signals_alone)
{
	struct hashers *hashers = hashers_new();
	struct hashers_task task = {0};
	struct digest digest = {0};
	int fd = make_endless();
	sigset_t set;

	begin(&task, &digest, fd, 0, endless);
	ck_assert_int_eq(hashers_start(hashers, &task), 0);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	ck_assert_int_eq(sigismember(&set, SIGTERM), 0);
	/* Blocked here alone it waits, as no other thread takes it. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
	let_them_work();
	ck_assert_int_eq(sigpending(&set), 0);
	ck_assert_int_eq(sigismember(&set, SIGTERM), 1);
	hashers_free(hashers);
	digest_done(&digest);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hashers");
	TCase *tcase = tcase_create("hashers");

	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, gives_the_same);
	tcase_add_test(tcase, does_many_at_once);
	tcase_add_loop_test(tcase, starts_no_more_threads_than_needed, 1, 3);
	tcase_add_test(tcase, cancels);
	tcase_add_loop_test(tcase, ends_with_tasks_left, 0, 2);
	tcase_add_test(tcase, tells_what_is_wrong_with_a_file);
	tcase_add_test(tcase, sees_a_file_get_shorter);
	tcase_add_test(tcase, leaves_signals_alone);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
