/* Reading failed/: see failed.h. A line of failed/<run>.tsv is
 *
 *   time  path (percent-encoded)  code  message
 *
 * tab-separated, written before its file is moved (commit.c); a file that was
 * tried, refused and taken up again has several, of which the last counts. A
 * line that isn't whole counts as absent. */
#include "common/failed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/run.h"
#include "common/strbuf.h"

enum { FIELDS = 4 };

struct failed {
	const struct spool *spool;
	int (*visit)(void *context, const struct failed_file *file);
	void *context;
	/* The run at hand. */
	const char *run;
	struct spool_room room;
	struct failed_reason *reasons; /* sorted by path, each once */
	size_t count;
};

static void
free_reason(struct failed_reason *reason)
{
	free(reason->path);
	free(reason->when);
	free(reason->code);
	free(reason->message);
}

/* Adds what LINE, which is spoilt, says. */
static void
add_line(struct failed *failed, char *line)
{
	struct strbuf path = {0};
	char *field[FIELDS];
	char *rest = line;

	for (int i = 0; i < FIELDS; i++) {
		field[i] = strsep(&rest, "\t");
		if (field[i] == NULL)
			return;
	}
	if (percent_decode(&path, field[1], strlen(field[1])) < 0) {
		strbuf_done(&path);
		return;
	}
	failed->reasons = mem_grow(
	    failed->reasons, failed->count + 1, sizeof *failed->reasons);
	failed->reasons[failed->count++] = (struct failed_reason){
	    .path = strbuf_take(&path),
	    .when = mem_copy(field[0]),
	    .code = mem_copy(field[2]),
	    .message = mem_copy(field[3]),
	};
}

static int
compare(const void *a, const void *b)
{
	const struct failed_reason *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order != 0 ? order : strcmp(x->when, y->when);
}

/* Sorts them, and keeps of each path the newest. */
static void
keep_newest(struct failed *failed)
{
	struct failed_reason *reasons = failed->reasons;
	size_t kept = 0;

	if (failed->count > 0)
		qsort(reasons, failed->count, sizeof *reasons, compare);
	for (size_t i = 0; i < failed->count; i++) {
		if (kept > 0 &&
		    strcmp(reasons[kept - 1].path, reasons[i].path) == 0)
			free_reason(&reasons[--kept]);
		reasons[kept++] = reasons[i];
	}
	failed->count = kept;
}

static int
read_reasons(struct failed *failed)
{
	char *file = mem_format("%s.tsv", failed->run);
	int fd = fsio_open_beneath(
	    failed->spool->failed_fd, file, O_RDONLY | O_NONBLOCK);
	size_t capacity = 0;
	char *line = NULL;
	ssize_t length;
	FILE *stream;
	int rc = 0;

	free(file);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	stream = fdopen(fd, "r");
	if (stream == NULL) {
		(void)close(fd); /* only read from */
		return -ENOMEM;
	}
	errno = 0;
	while ((length = getline(&line, &capacity, stream)) > 0) {
		if (line[length - 1] != '\n')
			break; /* torn */
		line[length - 1] = '\0';
		add_line(failed, line);
	}
	if (ferror(stream))
		rc = errno != 0 ? -errno : -EIO;
	free(line);
	(void)fclose(stream); /* only read from */
	keep_newest(failed);
	return rc;
}

static int
compare_path(const void *key, const void *item)
{
	const struct failed_reason *reason = item;

	return strcmp(key, reason->path);
}

static int
visit_file(void *context, const char *path, const struct dirent *entry)
{
	static char nothing[] = "-", none[] = "Unknown",
		    message[] = "no reason is on record";
	static const struct failed_reason unknown = {
	    nothing, nothing, none, message};
	struct failed *failed = context;
	struct failed_file file = {failed->run, &failed->room, path, NULL};

	(void)entry;
	if (failed->count > 0)
		file.reason = bsearch(path, failed->reasons, failed->count,
		    sizeof *failed->reasons, compare_path);
	if (file.reason == NULL)
		file.reason = &unknown;
	return failed->visit(failed->context, &file);
}

int
failed_open_room(
    const struct spool *spool, const char *name, struct spool_room *ret_room)
{
	int fd = fsio_open_beneath(
	    spool->failed_fd, name, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fsio_is_nowhere(fd) ? -ENOENT : fd;
	/* Where it lives, its run makes names there, too. */
	*ret_room = (struct spool_room){fd, false};
	return 0;
}

static int
visit_run(void *context, const char *name)
{
	struct failed *failed = context;
	int rc = failed_open_room(failed->spool, name, &failed->room);

	if (rc < 0) /* a run without failures, or RUN.tsv */
		return rc == -ENOENT ? 0 : rc;
	failed->run = name;
	rc = read_reasons(failed);
	if (rc == 0)
		rc = fsio_walk(failed->room.fd, visit_file, failed);
	(void)close(failed->room.fd); /* a directory */
	for (size_t i = 0; i < failed->count; i++)
		free_reason(&failed->reasons[i]);
	free(failed->reasons);
	failed->reasons = NULL;
	failed->count = 0;
	return rc;
}

int
failed_each(const struct spool *spool,
    int (*visit)(void *context, const struct failed_file *file), void *context)
{
	struct failed failed = {
	    .spool = spool, .visit = visit, .context = context};

	if (spool->failed_fd < 0 || spool->runs_fd < 0)
		return 0;
	return run_each(spool, spool->failed_fd, visit_run, &failed);
}
