/* Rooms are asked in the order in which files go through them, so that one that
 * moves on is rather seen twice than missed. See whereabouts.h. */
#include "common/whereabouts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/run.h"
#include "common/strbuf.h"

struct looking {
	const struct spool *spool;
	const char *path;
	int (*visit)(void *context, const struct whereabouts *place);
	void *context;
	const char *state;
	int rooms_fd;
};

/* 1: it is there; 0: not. A path that leads out of the room, by links or dots,
 * isn't in it. What the producer's links lead to he may well call a file of
 * base_dir. */
static int
is_in(const struct looking *looking, int dirfd, bool *ret_is_directory)
{
	int fd = fsio_open_beneath(dirfd, looking->path, O_PATH | O_NOFOLLOW);
	struct stat st;

	if (fd >= 0) {
		*ret_is_directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
		(void)close(fd); /* only a place */
		return 1;
	}
	if (fd == -ELOOP)
		return dirfd == looking->spool->base_fd;
	return fsio_is_nowhere(fd) ? 0 : fd;
}

static int
look(struct looking *looking, const char *run, int dirfd)
{
	struct whereabouts place = {looking->state, run, dirfd, false};
	int rc = dirfd < 0 ? 0 : is_in(looking, dirfd, &place.is_directory);

	return rc <= 0 ? rc : looking->visit(looking->context, &place);
}

static int
visit_run(void *context, const char *name)
{
	struct looking *looking = context;
	int fd = fsio_open_beneath(
	    looking->rooms_fd, name, O_RDONLY | O_DIRECTORY);
	int rc;

	if (fd < 0) /* no room, or gone; or RUN.tsv */
		return fsio_is_nowhere(fd) ? 0 : fd;
	rc = look(looking, name, fd);
	(void)close(fd); /* a directory */
	return rc;
}

int
whereabouts_each(const struct spool *spool, const char *path,
    int (*visit)(void *context, const struct whereabouts *place), void *context)
{
	const struct {
		const char *state;
		int fd;
		bool of_runs;
	} states[] = {
	    {"base", spool->base_fd, false},
	    {"claimed", spool->claimed_fd, false},
	    {"held", spool->held_fd, false},
	    {"uploading", spool->uploading_fd, true},
	    {"failed", spool->failed_fd, true},
	    {"confirmed", spool->confirmed_fd, true},
	};
	struct looking looking = {
	    .spool = spool, .path = path, .visit = visit, .context = context};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof states / sizeof *states; i++) {
		looking.state = states[i].state;
		looking.rooms_fd = states[i].fd;
		if (!states[i].of_runs)
			rc = look(&looking, NULL, states[i].fd);
		else if (states[i].fd >= 0 && spool->runs_fd >= 0)
			rc = run_each(spool, states[i].fd, visit_run, &looking);
	}
	return rc;
}

void
whereabouts_print(const char *state, const char *path, const char *format, ...)
{
	struct strbuf line = {0};
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vformat(format, args);
	va_end(args);
	log_escape(&line, path);
	strbuf_puts(&line, ": ");
	log_escape(&line, text);
	(void)printf("%-9s  %s\n", state, strbuf_text(&line));
	strbuf_done(&line);
	free(text);
}
