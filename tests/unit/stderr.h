/* For tests of what is logged: the other end of stderr is a socket that keeps
 * each write apart. Check runs each test in a process of its own: nothing is
 * put back. */
#ifndef TESTS_UNIT_STDERR_H
#define TESTS_UNIT_STDERR_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/strbuf.h"

static int stderr_reader = -1; /* the other end */
static char stderr_written[65536];

static inline void
stderr_capture(void)
{
	int size = 1 << 20;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ck_assert_int_eq(
	    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	ck_assert_int_eq(dup2(pair[1], STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(close(pair[1]), 0);
	if (stderr_reader >= 0)
		(void)close(stderr_reader);
	stderr_reader = pair[0];
	ck_assert_int_eq(setenv("TZ", "XXX-5:30", 1), 0);
	tzset();
}

/* What one write wrote, or NULL when there was none. */
static inline const char *
stderr_next(void)
{
	ssize_t got = recv(stderr_reader, stderr_written,
	    sizeof stderr_written - 1, MSG_DONTWAIT);

	if (got < 0)
		return NULL;
	stderr_written[got] = '\0';
	return stderr_written;
}

/* What has been written, a write after another; the caller frees it. */
static inline char *
stderr_all(void)
{
	struct strbuf all = {0};
	const char *text;

	while ((text = stderr_next()) != NULL)
		strbuf_puts(&all, text);
	return strbuf_take(&all);
}

static inline void
stderr_set_up(enum log_level level, enum log_format format, int verbosity)
{
	log_setup(&(struct log_options){"test", level, format, verbosity});
}

/* How often WORD stands in TEXT. */
static inline int
stderr_count(const char *text, const char *word)
{
	int times = 0;

	for (; (text = strstr(text, word)) != NULL; text += strlen(word))
		times++;
	return times;
}

#endif
