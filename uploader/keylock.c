/* Locks on keys; see keylock.h. A key's lock is the byte hash(key) of
 * locks/keys: two keys that share one merely wait for each other. */
#include "uploader/keylock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "uploader/job.h"
#include "uploader/pathset.h"

/* Our own jobs share the lock's owner, so it can't tell them apart. */
static bool
is_ours(const struct uploader *up, int64_t hash)
{
	for (size_t i = 0; i < up->job_count; i++)
		if (up->jobs[i].key_hash == hash)
			return true;
	for (const struct commit *c = up->commit; c != NULL; c = c->older)
		if (commit_holds_key(c, hash))
			return true;
	return false;
}

int
keylock_take(struct uploader *up, const char *key, int64_t *ret_hash)
{
	int64_t hash = (int64_t)(pathset_hash(key) >> 2);
	int rc = 0;

	if (is_ours(up, hash))
		return -EAGAIN;
	if (up->commits.keys_fd < 0)
		rc = spool_open_keys(up->stage->spool, &up->commits.keys_fd);
	if (rc == 0)
		rc = fsio_lock(up->commits.keys_fd, hash, 1);
	if (rc == 0)
		*ret_hash = hash;
	return rc;
}

void
keylock_release(const struct uploader *up, int64_t hash)
{
	if (hash >= 0)
		(void)fsio_unlock(up->commits.keys_fd, hash, 1);
}

struct search {
	const struct spool *spool;
	const char *path;
};

/* Whether a run holds a file of the path. Whether it lives isn't asked: a dead
 * one's lock is held by the heir who takes its files one by one. */
static int
visit_run(void *context, const char *name)
{
	const struct search *search = context;
	char *path = mem_format("%s/%s", name, search->path);
	struct stat st;
	int rc = fstatat(
	    search->spool->uploading_fd, path, &st, AT_SYMLINK_NOFOLLOW);

	free(path);
	return rc == 0 ? -EAGAIN : 0;
}

static int
enter(void *context, const char *path, bool was_dead, int64_t *ret_hash)
{
	struct uploader *up = context;
	struct search search = {up->stage->spool, path};
	char *key = mem_format("%s%s", up->config->key_prefix, path);
	int rc = keylock_take(up, key, ret_hash);

	free(key);
	if (rc < 0 || was_dead)
		return rc;
	rc = run_each(
	    search.spool, search.spool->uploading_fd, visit_run, &search);
	if (rc < 0)
		keylock_release(up, *ret_hash);
	return rc;
}

static void
leave(void *context, int64_t hash)
{
	keylock_release(context, hash);
}

void
keylock_guard(struct uploader *up)
{
	const struct pick_gate gate = {enter, leave, up};

	if (up->config->on_conflict == CONFLICT_OVERWRITE)
		pick_set_gate(up->pick, &gate);
}
