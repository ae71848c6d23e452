/* The log: its formats to the byte, what it escapes, and its writes. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/timefmt.h"
#include "tests/unit/stderr.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

/* The same of one text line, without its time, which is checked: not before
 * SINCE_NS, not after now, in the local zone. */
static const char *
next_message(int64_t since_ns)
{
	char first[TIMEFMT_MAX];
	char last[TIMEFMT_MAX];
	const char *line;

	log_flush();
	line = stderr_next();
	ck_assert_ptr_nonnull(line);
	(void)timefmt_local(since_ns, first);
	(void)timefmt_local(clock_realtime_ns(), last);
	ck_assert_uint_eq(strlen(first), 23);
	ck_assert_msg(strncmp(line, first, 23) >= 0, "%s", line);
	ck_assert_msg(strncmp(line, last, 23) <= 0, "%s", line);
	return line + 23;
}

START_TEST(writes_the_samples)
{
	int64_t now_ns = clock_realtime_ns();

	stderr_capture();
	log_info("%s has been uploaded to %s.",
	    "/base_dir/bedroom/2020/13/29/20/46-topic.dat", "bucket");
	ck_assert_str_eq(next_message(now_ns),
	    " -   INFO - /base_dir/bedroom/2020/13/29/20/46-topic.dat has "
	    "been uploaded to bucket.\n");
	log_warning("Failed to upload %s", "/base_dir/...");
	ck_assert_str_eq(next_message(now_ns),
	    " - WARNING - Failed to upload /base_dir/...\n");
	log_error("no");
	ck_assert_str_eq(next_message(now_ns), " -  ERROR - no\n");
	stderr_set_up(LOG_DEBUG, LOG_TEXT, 0);
	log_debug("yes");
	ck_assert_str_eq(next_message(now_ns), " -  DEBUG - yes\n");
}
END_TEST

/* The time kept for a second is not kept for longer. */
START_TEST(keeps_time)
{
	stderr_capture();
	for (int i = 0; i < 25; i++) {
		int64_t now_ns = clock_realtime_ns();

		log_info("%d", i);
		(void)next_message(now_ns);
		(void)usleep(50000);
	}
}
END_TEST

static const struct escape {
	const char *text;
	const char *as_text;
	const char *as_json; /* between the quotes */
} escapes[] = {
    {"", "", ""},			     /* nothing */
    {"a b/c.dat", "a b/c.dat", "a b/c.dat"}, /* nothing to escape */
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", /* UTF-8 */
	"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
	"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"a\nb", "a\\x0ab", "a\\nb"},	   /* a line stays one */
    {"\x1b[2J", "\\x1b[2J", "\\u001b[2J"}, /* a terminal's commands */
    {"\x01\t\x1f", "\\x01\\x09\\x1f",	   /* C0 */
	"\\u0001\\u0009\\u001f"},
    {"\x7f", "\\x7f", "\\u007f"},		 /* DEL */
    {"\xc2\x80\xc2\x9f", "\\xc2\\x80\\xc2\\x9f", /* C1 */
	"\\u0080\\u009f"},
    {"\xc2\xa0", "\xc2\xa0", "\xc2\xa0"},	      /* after C1: no control */
    {"\u202egpj", "\\xe2\\x80\\xaegpj", "\u202egpj"}, /* another order */
    {"\u061c\u200e\u200f\u2028\u2066\u2069",	      /* each end of those */
	"\\xd8\\x9c\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xe2\\x80\\xa8"
	"\\xe2\\x81\\xa6\\xe2\\x81\\xa9",
	"\u061c\u200e\u200f\u2028\u2066\u2069"},
    {"\u061b\u200d\u2010\u2027\u202f\u2065\u206a", /* beside them */
	"\u061b\u200d\u2010\u2027\u202f\u2065\u206a",
	"\u061b\u200d\u2010\u2027\u202f\u2065\u206a"},
    {"\\", "\\x5c", "\\\\"},			     /* a backslash */
    {"\\x0a", "\\x5cx0a", "\\\\x0a"},		     /* is no newline */
    {"say \"x\"", "say \"x\"", "say \\\"x\\\""},     /* quotes */
    {"a\xff\xfe", "a\\xff\\xfe", "a\\\\xff\\\\xfe"}, /* no UTF-8 */
    {"\xe2\x82", "\\xe2\\x82", "\\\\xe2\\\\x82"},    /* half a character */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80",		     /* a surrogate */
	"\\\\xed\\\\xa0\\\\x80"},
};

START_TEST(escapes_text)
{
	struct strbuf line = {0};
	struct strbuf alone = {0};
	int64_t now_ns = clock_realtime_ns();

	stderr_capture();
	log_info("%s", escapes[_i].text);
	strbuf_printf(&line, " -   INFO - %s\n", escapes[_i].as_text);
	ck_assert_str_eq(next_message(now_ns), strbuf_text(&line));
	log_escape(&alone, escapes[_i].text);
	ck_assert_str_eq(strbuf_text(&alone), escapes[_i].as_text);
	strbuf_done(&alone);
	strbuf_done(&line);
}
END_TEST

START_TEST(escapes_json)
{
	struct strbuf line = {0};
	char first[TIMEFMT_MAX];
	char last[TIMEFMT_MAX];
	const char *got;

	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JSON, 0);
	(void)timefmt_rfc3339(clock_realtime_ns(), first);
	log_warning("%s", escapes[_i].text);
	(void)timefmt_rfc3339(clock_realtime_ns(), last);
	got = stderr_next();
	ck_assert_ptr_nonnull(got);
	ck_assert_int_eq(strncmp(got, "{\"time\":\"", 9), 0);
	ck_assert_int_ge(strncmp(got + 9, first, 24), 0);
	ck_assert_int_le(strncmp(got + 9, last, 24), 0);
	strbuf_printf(&line,
	    "\",\"level\":\"warning\",\"message\":\"%s\","
	    "\"program\":\"test\",\"pid\":%d}\n",
	    escapes[_i].as_json, (int)getpid());
	ck_assert_str_eq(got + 9 + 24, strbuf_text(&line));
	strbuf_done(&line);
}
END_TEST

START_TEST(tells_fields)
{
	const struct log_field fields[] = {
	    {.name = "path", .text = "a\"\xff", .is_name = true},
	    {.name = "code", .text = ""}, /* left out */
	    {.name = "bytes", .number = INT64_MIN},
	    {.name = NULL, .text = "after the end"},
	};
	struct strbuf line = {0};
	const char *got;

	stderr_capture();
	stderr_set_up(LOG_INFO, LOG_JSON, 0);
	log_about(LOG_WARNING, fields, "%s", "about it");
	got = stderr_next();
	ck_assert_ptr_nonnull(got);
	strbuf_printf(&line,
	    "\"message\":\"about it\",\"program\":\"test\",\"pid\":%d,"
	    "\"path\":\"a\\\"\\\\xff\",\"bytes\":-9223372036854775808}\n",
	    (int)getpid());
	ck_assert_str_eq(strstr(got, "\"message\""), strbuf_text(&line));
	strbuf_done(&line);
	/* Text has none of them. */
	stderr_set_up(LOG_INFO, LOG_TEXT, 0);
	log_about(LOG_WARNING, fields, "%s", "about it");
	ck_assert_str_eq(
	    strstr(stderr_next(), " - W"), " - WARNING - about it\n");
}
END_TEST

static const struct stream {
	int off_by;	   /* of what JOURNAL_STREAM says the inode is */
	const char *after; /* is stderr_written after it */
	enum log_format format;
	const char *line; /* its end, or all of it */
	bool is_whole;
} streams[] = {
    {0, "", LOG_AUTO, "<4>w\n", true},		   /* the journal */
    {0, "", LOG_JOURNAL, "<4>w\n", true},	   /* likewise */
    {1, "", LOG_AUTO, " - WARNING - w\n", false},  /* another one's stderr */
    {0, "0", LOG_AUTO, " - WARNING - w\n", false}, /* another number */
    {0, " ", LOG_AUTO, " - WARNING - w\n", false}, /* no number */
    {1, "", LOG_JOURNAL, "<4>w\n", true},	   /* as told */
    {0, "", LOG_TEXT, " - WARNING - w\n", false},  /* as told, and ... */
};

START_TEST(knows_the_journal)
{
	const struct stream *row = &streams[_i];
	struct strbuf stream = {0};
	struct stat st;
	const char *got;

	stderr_capture();
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	strbuf_printf(&stream, "%ju:%ju%s", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino + (uintmax_t)row->off_by, row->after);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", strbuf_text(&stream), 1), 0);
	stderr_set_up(LOG_INFO, row->format, 0);
	log_warning("w");
	got = stderr_next();
	ck_assert_ptr_nonnull(got);
	if (row->is_whole)
		ck_assert_str_eq(got, row->line);
	else
		ck_assert_str_eq(
		    got + strlen(got) - strlen(row->line), row->line);
	/* ... priorities wherever it is the journal, and nowhere else. */
	ck_assert_int_eq(
	    *got == '<', row->format == LOG_JOURNAL ||
			     (row->off_by == 0 && *row->after == '\0'));
	strbuf_done(&stream);
}
END_TEST

START_TEST(has_a_priority_for_each_level)
{
	stderr_capture();
	stderr_set_up(LOG_DEBUG, LOG_JOURNAL, 0);
	log_debug("d");
	log_info("i");
	log_warning("w");
	log_error("e");
	ck_assert_str_eq(stderr_next(), "<7>d\n<6>i\n<4>w\n");
	ck_assert_str_eq(stderr_next(), "<3>e\n");
}
END_TEST

static const struct threshold {
	enum log_level level;
	int verbosity;
	enum log_level lowest; /* that is stderr_written */
} thresholds[] = {
    {LOG_INFO, 0, LOG_INFO},	       /* as configured */
    {LOG_INFO, 1, LOG_DEBUG},	       /* -v */
    {LOG_INFO, 2, LOG_DEBUG},	       /* -vv: there is no more */
    {LOG_INFO, -1, LOG_WARNING},       /* -q */
    {LOG_INFO, -2, LOG_ERROR},	       /* -qq */
    {LOG_INFO, -9, LOG_ERROR},	       /* errors always show */
    {LOG_ERROR, 1, LOG_WARNING},       /* counted from the file's */
    {LOG_DEBUG, -1, LOG_INFO},	       /* likewise */
    {LOG_WARNING, INT_MAX, LOG_DEBUG}, /* no overflow */
    {LOG_WARNING, INT_MIN, LOG_ERROR}, /* none here */
};

START_TEST(heeds_the_level)
{
	const struct threshold *row = &thresholds[_i];
	int lines = 0;

	stderr_capture();
	stderr_set_up(row->level, LOG_TEXT, row->verbosity);
	log_debug("d");
	log_info("i");
	log_warning("w");
	log_error("e");
	for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++)
		ck_assert_int_eq(log_wants(level), level >= row->lowest);
	for (const char *text; (text = stderr_next()) != NULL;)
		for (; *text != '\0'; text++)
			lines += *text == '\n';
	ck_assert_int_eq(lines, (int)LOG_ERROR - (int)row->lowest + 1);
}
END_TEST

/* Whole lines, few writes, none above PIPE_BUF, nothing lost. */
START_TEST(gathers_lines)
{
	enum { LINES = 1000 };
	const char *text;
	int lines = 0;
	int writes = 0;

	stderr_capture();
	for (int i = 0; i < LINES; i++)
		log_info("line %d of a thousand", i);
	log_flush();
	log_flush();
	for (; (text = stderr_next()) != NULL; writes++) {
		size_t length = strlen(text);

		ck_assert_uint_le(length, PIPE_BUF);
		ck_assert_int_eq(text[length - 1], '\n');
		for (; *text != '\0'; text = strchr(text, '\n') + 1)
			ck_assert_int_eq(
			    (int)strtol(strstr(text, "line ") + 5, NULL, 10),
			    lines++);
	}
	ck_assert_int_eq(lines, LINES);
	/* 54 to 57 bytes a line: at most 75 in 4096. */
	ck_assert_int_le(writes, LINES / 70 + 1);
}
END_TEST

START_TEST(flushes_warnings)
{
	stderr_capture();
	log_info("first");
	ck_assert_ptr_null(stderr_next());
	log_warning("second");
	/* In order, and together. */
	ck_assert_ptr_nonnull(stderr_next());
	ck_assert_ptr_nonnull(strstr(stderr_written, "first\n"));
	ck_assert_ptr_nonnull(strstr(stderr_written, "second\n"));
	ck_assert_ptr_null(stderr_next());
}
END_TEST

/* A line longer than everything is neither cut nor mixed with others. */
START_TEST(writes_long_lines)
{
	static char name[30001];
	int64_t now_ns = clock_realtime_ns();

	memset(name, 'x', sizeof name - 1);
	stderr_capture();
	log_info("before");
	log_info("%s", name);
	(void)next_message(now_ns);
	ck_assert_ptr_nonnull(strstr(stderr_written, "before\n"));
	ck_assert_ptr_null(strstr(stderr_written, "xx"));
	ck_assert_uint_eq(strlen(next_message(now_ns)), 11 + 1 + 30000 + 1);
	log_info("after");
	ck_assert_str_eq(next_message(now_ns), " -   INFO - after\n");
}
END_TEST

/* A full pipe that is not to be waited for is waited for nevertheless. */
START_TEST(waits_for_a_nonblocking_stderr)
{
	enum { LINES = 4000 };
	int ends[2];
	pid_t child;
	int lines = 0;

	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		for (int i = 0; i < LINES; i++)
			log_info("a line long enough to fill a pipe");
		log_flush();
		_exit(0);
	}
	ck_assert_int_eq(close(ends[1]), 0);
	for (;;) {
		char buf[512];
		ssize_t got = read(ends[0], buf, sizeof buf);

		if (got == 0)
			break;
		if (got < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			(void)usleep(1000);
		}
		for (ssize_t i = 0; i < got; i++)
			lines += buf[i] == '\n';
	}
	ck_assert_int_eq(lines, LINES);
}
END_TEST

/* A stderr that is gone ends nothing; errno is what it was. */
START_TEST(survives_without_stderr)
{
	ck_assert_int_eq(close(STDERR_FILENO), 0);
	errno = ENOENT;
	log_error("nobody hears this");
	log_info("nor this");
	log_flush();
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, writes_the_samples);
	tcase_add_test(tcase, keeps_time);
	tcase_add_loop_test(tcase, escapes_text, 0, LENGTH(escapes));
	tcase_add_loop_test(tcase, escapes_json, 0, LENGTH(escapes));
	tcase_add_test(tcase, tells_fields);
	tcase_add_loop_test(tcase, knows_the_journal, 0, LENGTH(streams));
	tcase_add_test(tcase, has_a_priority_for_each_level);
	tcase_add_loop_test(tcase, heeds_the_level, 0, LENGTH(thresholds));
	tcase_add_test(tcase, gathers_lines);
	tcase_add_test(tcase, flushes_warnings);
	tcase_add_test(tcase, writes_long_lines);
	tcase_add_test(tcase, waits_for_a_nonblocking_stderr);
	tcase_add_test(tcase, survives_without_stderr);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
