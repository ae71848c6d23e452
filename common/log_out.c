/* The end of the log; see log_out.h.
 *
 * Appending: several programs share a file, and a write of at most PIPE_BUF
 * bytes with O_APPEND is atomic on a local one. A signal handler may do nearly
 * nothing (signal-safety(7)), so it sets a flag, which is looked at when there
 * is something to write and before each wait. Whoever is rotated without a
 * signal finds out likewise: the name is another file's by then.
 *
 * Of a terminal, what a VT100 and all its heirs know is used: carriage return,
 * and EL (CSI K), which erases to the end of the line. */
#include "common/log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/strbuf.h"

#define ERASE "\r\x1b[K"

static struct {
	char *file; /* NULL: standard error */
	int fd;
	dev_t device; /* of what is open */
	ino_t inode;
	bool failed;		/* to open it anew; that has been said */
	struct strbuf shown;	/* on the terminal; empty: nothing */
	struct strbuf together; /* what goes to it in one write */
} out;
static volatile sig_atomic_t is_hung_up;

static void
on_hangup(int signal_number)
{
	(void)signal_number;
	is_hung_up = 1;
}

/* Opens FILE to append to. A link may lead anywhere, and whoever opens a FIFO
 * or a device may wait for ever: it must be a file. */
static int
open_file(const char *file, struct stat *ret_st, const char **ret_reason)
{
	int fd = open(file,
	    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
		O_CLOEXEC,
	    0600);

	if (fd < 0) {
		int error = errno;

		*ret_reason = error == ELOOP ? "it is a symbolic link"
					     : strerror(error);
		return -error;
	}
	if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
		*ret_reason = "it is no regular file";
		(void)close(fd); /* nothing was written */
		return -EINVAL;
	}
	return fd;
}

static void
use(int fd, const struct stat *st)
{
	if (out.file != NULL)
		(void)close(out.fd); /* what it could say is too late */
	out.fd = fd;
	out.device = st->st_dev;
	out.inode = st->st_ino;
	out.failed = false;
}

int
log_out_open(const char *file, const char **ret_reason)
{
	struct sigaction action = {.sa_flags = SA_RESTART};
	struct stat st = {0};
	int fd = open_file(file, &st, ret_reason);

	if (fd < 0)
		return fd;
	action.sa_handler = on_hangup;
	/* These can't fail with a signal that exists. */
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGHUP, &action, NULL);
	use(fd, &st);
	free(out.file);
	out.file = mem_copy(file);
	return 0;
}

const char *
log_out_file(void)
{
	return out.file;
}

bool
log_out_is_hung_up(void)
{
	return out.file != NULL && is_hung_up;
}

/* Whether its name is still that of what is open. */
static bool
is_current(void)
{
	struct stat st;

	return stat(out.file, &st) == 0 && st.st_dev == out.device &&
	       st.st_ino == out.inode;
}

int
log_out_follow(const char **ret_reason)
{
	struct stat st = {0};
	int fd;

	if (out.file == NULL)
		return 0;
	if (!is_hung_up && is_current()) {
		out.failed = false;
		return 0;
	}
	/* Before: one that comes now is another one. */
	is_hung_up = 0;
	fd = open_file(out.file, &st, ret_reason);
	if (fd >= 0) {
		use(fd, &st);
		return 0;
	}
	if (out.failed)
		return 0;
	out.failed = true;
	return fd;
}

static void
write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written >= 0) {
			text += written;
			length -= (size_t)written;
		} else if (errno == EAGAIN) {
			struct pollfd ready = {fd, POLLOUT, 0};

			/* Someone made our stderr non-blocking; interrupted or
			 * not, the write is tried again. */
			(void)poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			/* Nowhere is left to say so; the work goes on. */
			return;
		}
	}
}

void
log_out_write(const char *text, size_t length)
{
	if (length == 0)
		return;
	if (out.file != NULL) {
		write_all(out.fd, text, length);
		return;
	}
	if (out.shown.length == 0) {
		write_all(STDERR_FILENO, text, length);
		return;
	}
	/* The lines take the place of what is shown, and that comes below. */
	strbuf_reset(&out.together);
	strbuf_puts(&out.together, ERASE);
	strbuf_add(&out.together, text, length);
	strbuf_puts(&out.together, strbuf_text(&out.shown));
	write_all(STDERR_FILENO, out.together.data, out.together.length);
}

void
log_out_show(const char *text)
{
	if (text == NULL)
		text = "";
	if (*text == '\0' && out.shown.length == 0)
		return;
	strbuf_reset(&out.shown);
	strbuf_puts(&out.shown, text);
	strbuf_reset(&out.together);
	strbuf_puts(&out.together, ERASE);
	strbuf_puts(&out.together, text);
	write_all(STDERR_FILENO, out.together.data, out.together.length);
}

void
log_out_close(void)
{
	log_out_show(NULL);
	if (out.file != NULL)
		(void)close(out.fd); /* what it could say is too late */
	free(out.file);
	out.file = NULL;
	strbuf_done(&out.shown);
	strbuf_done(&out.together);
}
