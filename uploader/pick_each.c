/* All that a run might take, for questions; see pick.h. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/fsio.h"
#include "uploader/pick.h"

struct each {
	void (*visit)(void *context, int dirfd, const char *path);
	void *context;
	const struct spool *spool;
	int dirfd;
};

static int
visit_file(void *context, const char *path, const struct dirent *entry)
{
	const struct each *each = context;

	(void)entry;
	each->visit(each->context, each->dirfd, path);
	return 0;
}

static int
visit_run(void *context, const char *name)
{
	struct each *each = context;
	int rc = run_is_dead(each->spool, name);

	if (rc <= 0)
		return rc;
	each->dirfd = fsio_open_beneath(
	    each->spool->uploading_fd, name, O_RDONLY | O_DIRECTORY);
	if (each->dirfd < 0)
		return each->dirfd == -ENOENT ? 0 : each->dirfd;
	rc = fsio_walk(each->dirfd, visit_file, each);
	(void)close(each->dirfd); /* a directory */
	return rc;
}

int
pick_each(const struct spool *spool,
    void (*visit)(void *context, int dirfd, const char *path), void *context)
{
	struct each each = {visit, context, spool, spool->claimed_fd};
	int rc = 0;

	if (spool->runs_fd >= 0 && spool->uploading_fd >= 0)
		rc = run_each(spool, spool->uploading_fd, visit_run, &each);
	each.dirfd = spool->claimed_fd;
	if (rc == 0 && each.dirfd >= 0)
		rc = fsio_walk(each.dirfd, visit_file, &each);
	return rc;
}
