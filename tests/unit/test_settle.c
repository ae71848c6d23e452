/* When a file is settled: the decision table, and real leases. */
#include "common/settle.h"

#include <linux/magic.h>
#include <sched.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"

#define S CLOCK_NS_PER_S

static const struct age {
	int64_t mtime_ns, ctime_ns, now_ns;
	int64_t seconds;
} ages[] = {
    {100 * S, 100 * S, 100 * S, 0},	  /* just now */
    {100 * S, 100 * S, 110 * S, 10},	  /* both the same */
    {50 * S, 105 * S, 110 * S, 5},	  /* renamed or chmodded later */
    {105 * S, 100 * S, 110 * S, 5},	  /* its time set, in the past */
    {110 * S, 100 * S, 110 * S, 0},	  /* ... to now */
    {200 * S, 100 * S, 110 * S, 10},	  /* ... to the future: left out */
    {100 * S, 100 * S, 111 * S - 1, 10},  /* rounded down */
    {100 * S, 100 * S, 110 * S - 1, 9},	  /* rounded down */
    {100 * S, 120 * S, 110 * S, -10},	  /* changed in the future */
    {100 * S, 100 * S + 1, 100 * S, -1},  /* down below zero, too */
    {100 * S, 101 * S, 100 * S, -1},	  /* exactly a second */
    {100 * S, 101 * S + 1, 100 * S, -2},  /* over a second */
    {-20 * S, -20 * S, -10 * S, 10},	  /* before 1970 */
    {INT64_MIN, INT64_MIN, S, INT64_MAX}, /* older than can be told */
    {INT64_MAX, INT64_MAX, -10 * S, INT64_MIN}, /* newer than can be told */
};

/* The stat of a file with these times; INT64_MIN and INT64_MAX are times that
 * nanoseconds can't hold. */
static struct timespec
timespec_of(int64_t ns)
{
	if (ns == INT64_MIN || ns == INT64_MAX)
		return (struct timespec){.tv_sec = (time_t)ns};
	return (struct timespec){.tv_sec = ns / S - (ns % S < 0),
	    .tv_nsec = ns % S + (ns % S < 0 ? S : 0)};
}

START_TEST(age)
{
	const struct age *row = &ages[_i];
	const struct stat st = {.st_mtim = timespec_of(row->mtime_ns),
	    .st_ctim = timespec_of(row->ctime_ns)};

	ck_assert_int_eq(settle_age_seconds(&st, row->now_ns), row->seconds);
}
END_TEST

static const struct row {
	enum lease lease;
	enum settle_check check;
	int64_t settle_seconds;
	int64_t age_ns;
	enum settle_state state;
} rows[] = {
    /* A lease was had: the age decides. */
    {LEASE_HELD, SETTLE_AUTO, 10, 10 * S, SETTLE_SETTLED},
    {LEASE_HELD, SETTLE_AUTO, 10, 10 * S - 1, SETTLE_YOUNG},
    {LEASE_HELD, SETTLE_AUTO, 10, 0, SETTLE_YOUNG},
    {LEASE_HELD, SETTLE_AUTO, 10, INT64_C(1) << 60, SETTLE_SETTLED},
    {LEASE_HELD, SETTLE_LEASE, 10, 10 * S, SETTLE_SETTLED},
    {LEASE_HELD, SETTLE_LEASE, 10, 9 * S, SETTLE_YOUNG},
    {LEASE_HELD, SETTLE_AUTO, 1, S, SETTLE_SETTLED},
    {LEASE_HELD, SETTLE_AUTO, 1, S - 1, SETTLE_YOUNG},
    /* ... unless none is asked for. */
    {LEASE_HELD, SETTLE_AUTO, 0, 0, SETTLE_SETTLED},
    {LEASE_HELD, SETTLE_LEASE, 0, 0, SETTLE_SETTLED},
    {LEASE_HELD, SETTLE_AUTO, 0, -100 * S, SETTLE_SETTLED},
    /* A writer, whatever the age. */
    {LEASE_WRITER, SETTLE_AUTO, 10, 1000 * S, SETTLE_WRITER},
    {LEASE_WRITER, SETTLE_LEASE, 10, 1000 * S, SETTLE_WRITER},
    {LEASE_WRITER, SETTLE_AUTO, 0, 1000 * S, SETTLE_WRITER},
    {LEASE_WRITER, SETTLE_AUTO, 10, 0, SETTLE_WRITER},
    {LEASE_WRITER, SETTLE_AUTO, 10, -100 * S, SETTLE_WRITER},
    /* No lease can be had: the age alone, where that will do. */
    {LEASE_NONE, SETTLE_AUTO, 10, 10 * S, SETTLE_SETTLED},
    {LEASE_NONE, SETTLE_AUTO, 10, 9 * S, SETTLE_YOUNG},
    {LEASE_NONE, SETTLE_AGE, 10, 10 * S, SETTLE_SETTLED},
    {LEASE_NONE, SETTLE_AGE, 10, 9 * S, SETTLE_YOUNG},
    {LEASE_NONE, SETTLE_AGE, 0, 0, SETTLE_SETTLED},
    {LEASE_NONE, SETTLE_LEASE, 10, 1000 * S, SETTLE_UNPROVEN},
    {LEASE_NONE, SETTLE_LEASE, 10, 0, SETTLE_UNPROVEN},
    {LEASE_NONE, SETTLE_LEASE, 0, 1000 * S, SETTLE_UNPROVEN},
    /* The future: a second of it is a clock's tick. */
    {LEASE_HELD, SETTLE_AUTO, 10, -1, SETTLE_YOUNG},
    {LEASE_HELD, SETTLE_AUTO, 10, -S, SETTLE_YOUNG},
    {LEASE_HELD, SETTLE_AUTO, 10, -S - 1, SETTLE_FUTURE},
    {LEASE_HELD, SETTLE_AUTO, 10, -100 * S, SETTLE_FUTURE},
    {LEASE_NONE, SETTLE_AGE, 10, -100 * S, SETTLE_FUTURE},
};

START_TEST(judgement)
{
	const struct row *row = &rows[_i];
	const int64_t now_ns = INT64_C(1605472300) * S;
	const struct config config = {
	    .settle_check = row->check, .settle_seconds = row->settle_seconds};
	const struct stat st = {.st_mtim = timespec_of(now_ns - row->age_ns),
	    .st_ctim = timespec_of(now_ns - row->age_ns)};

	ck_assert_int_eq(
	    settle_judge(&config, row->lease, &st, now_ns), row->state);
}
END_TEST

/* Makes a file and opens it for reading; false where there are no leases,
 * about which the tests below can't say anything then. */
static bool
open_leased(int *ret_fd)
{
	int fd, error = -7;
	enum lease lease;

	settle_ignore_sigio();
	scratch_write("file", "text");
	fd = open("file", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	*ret_fd = fd;
	lease = settle_take_lease(fd, SETTLE_AUTO, &error);
	if (lease == LEASE_NONE) {
		ck_assert_int_gt(error, 0); /* it says why */
		(void)close(fd);	    /* only read from */
		return false;
	}
	ck_assert_int_eq(lease, LEASE_HELD);
	ck_assert_int_eq(error, 0);
	return true;
}

START_TEST(lease_held)
{
	int fd, other, error;

	if (!open_leased(&fd))
		return;
	ck_assert(settle_lease_stands(fd));
	/* Readers don't matter, nor does a rename. */
	other = open("file", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(rename("file", "moved"), 0);
	ck_assert(settle_lease_stands(fd));
	ck_assert_int_eq(close(other), 0);
	/* Given back, and had again. */
	settle_release_lease(fd);
	ck_assert(!settle_lease_stands(fd));
	other = open("moved", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(close(other), 0);
	ck_assert_int_eq(
	    settle_take_lease(fd, SETTLE_LEASE, &error), LEASE_HELD);
	/* Closing gives it back, too. */
	ck_assert_int_eq(close(fd), 0);
	other = open("moved", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(close(other), 0);
}
END_TEST

static const int writing[] = {
    O_WRONLY,
    O_RDWR,
    O_WRONLY | O_APPEND,
};

START_TEST(writer_there_already)
{
	int fd, other, error = -7;

	if (!open_leased(&fd))
		return;
	settle_release_lease(fd);
	other = open("file", writing[_i] | O_CLOEXEC);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(
	    settle_take_lease(fd, SETTLE_AUTO, &error), LEASE_WRITER);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(
	    settle_take_lease(fd, SETTLE_LEASE, &error), LEASE_WRITER);
	ck_assert(!settle_lease_stands(fd));
	/* It is no lasting stain. */
	ck_assert_int_eq(close(other), 0);
	ck_assert_int_eq(
	    settle_take_lease(fd, SETTLE_AUTO, &error), LEASE_HELD);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* Whoever comes later isn't kept from it: the lease breaks, the signal for
 * that doesn't kill, and as soon as it is given back he is let in. */
START_TEST(writer_comes_later)
{
	int fd, other;

	if (!open_leased(&fd))
		return;
	other = open("file", writing[_i] | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(other, -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);
	ck_assert(!settle_lease_stands(fd));
	settle_release_lease(fd);
	other = open("file", writing[_i] | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(close(other), 0);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* Truncating by name is writing. */
START_TEST(truncated_later)
{
	pid_t child;
	int fd;

	if (!open_leased(&fd))
		return;
	/* truncate(2) waits for the lease, so another process asks for it. */
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(truncate("file", 0) == 0 ? 0 : 1);
	while (settle_lease_stands(fd))
		(void)sched_yield(); /* always succeeds */
	settle_release_lease(fd);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

START_TEST(age_asks_for_no_lease)
{
	int fd, other, error = -7;

	if (!open_leased(&fd))
		return;
	settle_release_lease(fd);
	ck_assert_int_eq(settle_take_lease(fd, SETTLE_AGE, &error), LEASE_NONE);
	ck_assert_int_eq(error, 0);
	ck_assert(!settle_lease_stands(fd));
	other = open("file", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(other, 0);
	error = -7;
	ck_assert_int_eq(settle_take_lease(fd, SETTLE_AGE, &error), LEASE_NONE);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(close(other), 0);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* What has no leases at all says so. */
START_TEST(no_lease_there)
{
	int fds[2], error = 0;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(
	    settle_take_lease(fds[0], SETTLE_AUTO, &error), LEASE_NONE);
	ck_assert_int_eq(error, EINVAL);
	ck_assert(!settle_lease_stands(fds[0]));
	ck_assert_int_eq(close(fds[0]), 0);
	ck_assert_int_eq(close(fds[1]), 0);
}
END_TEST

/* What the file system of all files says that it is. */
static uint32_t magic;

/* In place of libc's, which settle.c would call. */
int
fstatfs(int fd, struct statfs *fs)
{
	(void)fd;
	*fs = (struct statfs){.f_type = (__typeof__(fs->f_type))magic};
	return 0;
}

static const struct {
	uint32_t magic;
	enum lease lease;
} remote[] = {
    {TMPFS_MAGIC, LEASE_WRITER},
    {NFS_SUPER_MAGIC, LEASE_NONE},
    {CIFS_SUPER_MAGIC, LEASE_NONE},
    {SMB2_SUPER_MAGIC, LEASE_NONE},
};

/* A server refuses a lease for reasons of its own, too. */
START_TEST(refused_by_a_server)
{
	int error, fd, writer;

	scratch_write("file", "text");
	writer = open("file", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(writer, 0);
	fd = open("file", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	magic = remote[_i].magic;
	ck_assert_int_eq(
	    settle_take_lease(fd, SETTLE_AUTO, &error), remote[_i].lease);
	ck_assert_int_eq(error, remote[_i].lease == LEASE_NONE ? EAGAIN : 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(close(writer), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("settle");
	TCase *table = tcase_create("judgement");
	TCase *leases = tcase_create("leases");

	tcase_add_loop_test(table, age, 0, LENGTH(ages));
	tcase_add_loop_test(table, judgement, 0, LENGTH(rows));
	suite_add_tcase(suite, table);
	tcase_set_timeout(leases, 60);
	tcase_add_checked_fixture(leases, scratch_enter, NULL);
	tcase_add_test(leases, lease_held);
	tcase_add_loop_test(leases, writer_there_already, 0, LENGTH(writing));
	tcase_add_loop_test(leases, writer_comes_later, 0, LENGTH(writing));
	tcase_add_test(leases, truncated_later);
	tcase_add_test(leases, age_asks_for_no_lease);
	tcase_add_test(leases, no_lease_there);
	tcase_add_loop_test(leases, refused_by_a_server, 0, LENGTH(remote));
	suite_add_tcase(suite, leases);
	return scratch_run(suite);
}
