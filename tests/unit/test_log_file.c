/* The log as a file, which is rotated; what is said too often; and the line
 * below on a terminal. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "tests/unit/scratch.h"
#include "tests/unit/stderr.h"

/* --- repetitions ---------------------------------------------------------- */

static void
warn(const char *path, const char *reason)
{
	log_about(LOG_WARNING, LOG_PATH(path), "Leaving /b/%s alone: %s", path,
	    reason);
}

static void
warn_often(int times, const char *reason)
{
	for (int i = 0; i < times; i++) {
		char *path = mem_format("a/%d-x.dat", i);

		warn(path, reason);
		free(path);
	}
}

START_TEST(tells_repetitions_once)
{
	char *all;

	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JOURNAL, 0);
	warn_often(4311, "it is a FIFO");
	/* It says something else, and so do those. */
	warn("a/7-x.dat", "it is a socket");
	log_error("an error");
	for (int i = 0; i < 200; i++)
		log_info("uploaded");
	log_end();
	all = stderr_all();
	ck_assert_int_eq(stderr_count(all, "it is a FIFO\n"), 101);
	ck_assert_int_eq(
	    stderr_count(all, "<4>Leaving /b/a/99-x.dat alone"), 1);
	ck_assert_int_eq(stderr_count(all, "/b/a/100-x.dat alone"), 0);
	ck_assert_int_eq(stderr_count(all, "it is a socket\n"), 1);
	ck_assert_int_eq(stderr_count(all, "<3>an error\n"), 1);
	ck_assert_int_eq(stderr_count(all, "<6>uploaded\n"), 200);
	ck_assert_int_eq(
	    stderr_count(all, "<4>and 4,211 more like this: Leaving "
			      "/b/a/4310-x.dat alone: it is a FIFO\n"),
	    1);
	free(all);
}
END_TEST

START_TEST(counts_repetitions_as_json)
{
	char *all;

	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JSON, 0);
	warn_often(4311, "it is a FIFO");
	log_end();
	all = stderr_all();
	ck_assert_int_eq(stderr_count(all, ",\"repeated\":4211}\n"), 1);
	free(all);
}
END_TEST

/* Where it is but one it is written as it is. */
START_TEST(writes_the_only_repetition)
{
	char *all;

	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JOURNAL, 0);
	warn_often(101, "no");
	log_end();
	all = stderr_all();
	ck_assert_int_eq(stderr_count(all, "alone: no\n"), 101);
	ck_assert_int_eq(stderr_count(all, "more like this"), 0);
	free(all);
}
END_TEST

/* Each reason is shown, however many a store invents. */
START_TEST(shows_each_kind)
{
	char *all;

	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JOURNAL, 0);
	for (int i = 0; i < 300; i++) {
		char *reason = mem_format("reason %d.", i);

		warn_often(2, reason);
		free(reason);
	}
	for (int i = 0; i < 300; i++)
		log_warning("one %d", i);
	log_end();
	all = stderr_all();
	ck_assert_int_eq(stderr_count(all, "reason "), 600);
	ck_assert_int_eq(stderr_count(all, "<4>one "), 300);
	ck_assert_int_eq(stderr_count(all, "more like this"), 0);
	free(all);
}
END_TEST

START_TEST(hides_nothing_from_debuggers)
{
	char *all;

	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JOURNAL, 1);
	warn_often(1000, "no");
	log_end();
	all = stderr_all();
	ck_assert_int_eq(stderr_count(all, "alone: no\n"), 1000);
	free(all);
}
END_TEST

/* --- the file ------------------------------------------------------------- */

static char *
read_file(const char *path)
{
	struct strbuf text = {0};
	int fd = open(path, O_RDONLY);
	ssize_t got = 1;

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	while (got > 0) {
		got = read(fd, strbuf_reserve(&text, 4096), 4096);
		ck_assert_int_ge(got, 0);
		text.length += (size_t)got;
		text.data[text.length] = '\0';
	}
	(void)close(fd);
	return strbuf_take(&text);
}

static void
open_log(void)
{
	char *error = NULL;

	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JOURNAL, 0);
	ck_assert_msg(log_open("log", &error) == 0, "%s", error);
	ck_assert_str_eq(log_file(), "log");
}

START_TEST(writes_a_file)
{
	struct stat st;

	open_log();
	log_warning("first");
	scratch_check("log", "<4>first\n");
	ck_assert_int_eq(stat("log", &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	log_info("second");
	log_end();
	scratch_check("log", "<4>first\n<6>second\n");
	/* And nothing of it here. */
	ck_assert_ptr_null(stderr_next());
	ck_assert_ptr_null(log_file());
	/* What is there stays. */
	open_log();
	log_error("third");
	log_end();
	scratch_check("log", "<4>first\n<6>second\n<3>third\n");
}
END_TEST

/* A rotation is seen with and without SIGHUP; that does nothing else. */
START_TEST(follows_a_rotation)
{
	struct stat st;

	open_log();
	log_warning("first");
	ck_assert_int_eq(rename("log", "log.1"), 0);
	log_warning("second");
	scratch_check("log.1", "<4>first\n");
	scratch_check("log", "<4>second\n");
	ck_assert_int_eq(rename("log", "log.1"), 0);
	log_flush();
	/* There was nothing to write. */
	ck_assert_int_eq(stat("log", &st), -1);
	ck_assert_int_eq(raise(SIGHUP), 0);
	log_flush();
	ck_assert_int_eq(stat("log", &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	log_end();
}
END_TEST

/* Where the new one can't be made, the old one says so, once. */
START_TEST(keeps_the_old_file)
{
	char *text;

	open_log();
	ck_assert_int_eq(rename("log", "log.1"), 0);
	ck_assert_int_eq(mkdir("log", 0700), 0);
	log_warning("first");
	log_warning("second");
	text = read_file("log.1");
	ck_assert_int_eq(
	    stderr_count(text, "<4>first\n<4>Cannot open the log '"), 1);
	ck_assert_int_eq(stderr_count(text, "Cannot open"), 1);
	ck_assert_int_eq(
	    stderr_count(text, "Is a directory; going on with the old file\n"
			       "<4>second\n"),
	    1);
	free(text);
	ck_assert_int_eq(rmdir("log"), 0);
	log_warning("third");
	scratch_check("log", "<4>third\n");
	log_end();
}
END_TEST

/* Neither waits for a reader nor writes where a link leads. */
START_TEST(refuses_other_files)
{
	char *error = NULL;
	int reading;

	stderr_capture();
	ck_assert_int_eq(mkfifo("log", 0600), 0);
	ck_assert_int_lt(log_open("log", &error), 0);
	ck_assert_ptr_nonnull(strstr(error, "logging here"));
	free(error);
	reading = open("log", O_RDONLY | O_NONBLOCK);
	ck_assert_int_lt(log_open("log", &error), 0);
	ck_assert_ptr_nonnull(strstr(error, "it is no regular file"));
	free(error);
	(void)close(reading);
	ck_assert_int_eq(unlink("log"), 0);
	ck_assert_int_eq(symlink("other", "log"), 0);
	ck_assert_int_lt(log_open("log", &error), 0);
	ck_assert_ptr_nonnull(strstr(error, "it is a symbolic link"));
	free(error);
	ck_assert_int_eq(access("other", F_OK), -1);
	ck_assert_ptr_null(log_file());
	log_warning("here");
	ck_assert_ptr_nonnull(strstr(stderr_next(), "here\n"));
}
END_TEST

/* --- the line below ------------------------------------------------------- */

START_TEST(keeps_a_line_below)
{
	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JOURNAL, 0);
	log_show("");
	ck_assert_ptr_null(stderr_next());
	log_show("1 of 2");
	ck_assert_str_eq(stderr_next(), "\r\x1b[K1 of 2");
	log_warning("w");
	ck_assert_str_eq(stderr_next(), "\r\x1b[K<4>w\n1 of 2");
	log_show("2 of 2");
	ck_assert_str_eq(stderr_next(), "\r\x1b[K2 of 2");
	log_show(NULL);
	ck_assert_str_eq(stderr_next(), "\r\x1b[K");
	log_warning("w");
	ck_assert_str_eq(stderr_next(), "<4>w\n");
	log_show("x");
	(void)stderr_next();
	log_end();
	ck_assert_str_eq(stderr_next(), "\r\x1b[K");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_file");
	TCase *tcase = tcase_create("log_file");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, tells_repetitions_once);
	tcase_add_test(tcase, counts_repetitions_as_json);
	tcase_add_test(tcase, writes_the_only_repetition);
	tcase_add_test(tcase, shows_each_kind);
	tcase_add_test(tcase, hides_nothing_from_debuggers);
	tcase_add_test(tcase, writes_a_file);
	tcase_add_test(tcase, follows_a_rotation);
	tcase_add_test(tcase, keeps_the_old_file);
	tcase_add_test(tcase, refuses_other_files);
	tcase_add_test(tcase, keeps_a_line_below);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
