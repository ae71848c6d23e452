/* Files and spools for tests: each test has an empty directory of its own,
 * which is gone when the program ends, whatever became of the test.
 *
 * main() ends with scratch_run; a test case that needs files takes
 * scratch_enter as its setup. All paths count from the test's directory. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/receipt.h"
#include "common/spool.h"
#include "common/strbuf.h"
#include "common/timefmt.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define SPOOL "base/.spool/" /* of scratch_spool */

static char scratch_root[PATH_MAX];

/* Makes a new directory and goes there. */
static inline void
scratch_enter(void)
{
	char path[PATH_MAX + 8];

	(void)snprintf(path, sizeof path, "%s/XXXXXX", scratch_root); /* fits */
	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chdir(path), 0);
}

static inline int
scratch_remove(
    const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st;
	(void)type;
	(void)place;
	return remove(path);
}

/* Runs SUITE, cleans up, and returns main's status. */
static inline int
scratch_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	const char *tmp = getenv("TMPDIR");
	char *real = realpath(tmp != NULL && *tmp != '\0' ? tmp : "/tmp", NULL);
	int failed;

	if (real == NULL ||
	    snprintf(scratch_root, sizeof scratch_root, "%s/s3spool-XXXXXX",
		real) >= (int)sizeof scratch_root ||
	    mkdtemp(scratch_root) == NULL) {
		perror("mkdtemp");
		exit(EXIT_FAILURE);
	}
	free(real);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (nftw(scratch_root, scratch_remove, 16, FTW_DEPTH | FTW_PHYS) != 0)
		perror(scratch_root);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline void
scratch_make_dirs(const char *path)
{
	ck_assert_int_eq(fsio_make_dirs(AT_FDCWD, path), 0);
}

/* Makes the file PATH, and the directories that lead there, or overwrites it
 * with the LENGTH bytes. */
static inline void
scratch_write_bytes(const char *path, const void *bytes, size_t length)
{
	int fd;

	ck_assert_int_eq(fsio_make_parents(AT_FDCWD, path), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(fsio_write_all(fd, bytes, length), 0);
	ck_assert_int_eq(close(fd), 0);
}

static inline void
scratch_write(const char *path, const char *text)
{
	scratch_write_bytes(path, text, strlen(text));
}

static inline bool
scratch_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static inline ino_t
scratch_inode(const char *path)
{
	struct stat st;

	ck_assert_msg(lstat(path, &st) == 0, "%s: %s", path, strerror(errno));
	return st.st_ino;
}

/* Checks that the file PATH holds TEXT and no more. */
static inline void
scratch_check(const char *path, const char *text)
{
	size_t length = strlen(text);
	char *got = malloc(length + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_ptr_nonnull(got);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(
	    fsio_pread_all(fd, got, length + 1, 0), (ssize_t)length);
	ck_assert_mem_eq(got, text, length);
	ck_assert_int_eq(close(fd), 0);
	free(got);
}

/* Nanoseconds of an RFC 3339 time or a day. */
static inline int64_t
scratch_time(const char *text)
{
	int64_t time_ns = 0;

	ck_assert_msg(timefmt_parse(text, &time_ns) == 0, "%s", text);
	return time_ns;
}

/* Sets the modification time of PATH. */
static inline void
scratch_touch(const char *path, int64_t mtime_ns)
{
	const struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT},
	    {.tv_sec = mtime_ns / CLOCK_NS_PER_S,
		.tv_nsec = mtime_ns % CLOCK_NS_PER_S},
	};

	ck_assert_msg(
	    utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0,
	    "%s: %s", path, strerror(errno));
}

/* Opens base/.spool with base as base_dir. */
static inline struct spool *
scratch_spool(void)
{
	char base[] = "base", dir[] = "base/.spool";
	const struct config config = {.base_dir = base, .spool_dir = dir};
	struct spool *spool = NULL;
	char *error = NULL;

	scratch_make_dirs(base);
	ck_assert_msg(spool_open(&config, SPOOL_CREATE, &spool, &error) == 0,
	    "%s", error);
	ck_assert_ptr_null(error);
	return spool;
}

/* Appends a receipt for PATH, uploaded at WHEN_NS, that speaks for the file
 * ST, or for none that there is (NULL). */
static inline void
scratch_receipt(struct strbuf *lines, int64_t when_ns, const char *path,
    const struct stat *st)
{
	struct receipt receipt = {.uploaded_at_ns = when_ns};

	strbuf_puts(&receipt.bucket, "bucket");
	strbuf_puts(&receipt.key, path);
	strbuf_puts(&receipt.path, path);
	if (st != NULL) {
		receipt.size = st->st_size;
		receipt.inode = st->st_ino;
		receipt.mtime_ns = clock_from_timespec(&st->st_mtim);
	}
	receipt_format(&receipt, lines);
	receipt_done(&receipt);
}

#endif
