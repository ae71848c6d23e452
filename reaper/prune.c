/* Empty directories go, as pruning.h says, judged by the times from before we
 * removed anything in them. rmdir alone decides whether one is empty. In the
 * rooms of runs nobody waits for a directory: who moves a file makes what is
 * missing. */
#include "reaper/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pruning.h"
#include "common/run.h"
#include "common/strbuf.h"

static const int64_t day_ns = 24 * INT64_C(3600) * CLOCK_NS_PER_S;

struct prune {
	struct reaper *reaper;
	bool is_base;
	const char *name; /* of the root, for a person */
	int64_t now_ns;
	int64_t after_ns;
	struct strbuf path; /* of the directory at hand, below the root */
};

/* Whether it is ours to remove at all, whatever its age. Below a location only
 * what names a time, be it in whatever form, won't be written to again: a
 * producer who always writes to site/upload must find that. */
static bool
is_ours(const struct prune *prune)
{
	const struct config *config = prune->reaper->stage.config;
	const char *path = strbuf_text(&prune->path);
	const char *below = strchr(path, '/');

	if (!prune->is_base)
		return true;
	return below != NULL && strpbrk(below, "0123456789") != NULL &&
	       keypath_may_hold(
		   config->patterns.items, config->patterns.count, path);
}

/* Removes the directory at hand if it is due, by its times in ST, and empty.
 * ENOTEMPTY is the usual answer; whatever it is, it stays then. */
static int
remove_due(const struct prune *prune, int parent_fd, size_t name_offset,
    const struct stat *st)
{
	const char *path = strbuf_text(&prune->path);

	if (!is_ours(prune) ||
	    !pruning_is_due(prune->after_ns, path,
		clock_from_timespec(&st->st_mtim), prune->now_ns))
		return 0;
	if (unlinkat(parent_fd, path + name_offset, AT_REMOVEDIR) < 0)
		return -errno;
	log_debug("Removed the empty directory %s/%s", prune->name, path);
	return 0;
}

/* An hour's directory is removed without being read, and what is deeper waits
 * until it is due. False: it is due and not empty, so there may be directories
 * in it. */
static bool
prune_hour(struct prune *prune, int parent_fd, size_t name_offset)
{
	const char *path = strbuf_text(&prune->path);
	struct stat st = {0};
	int rc;

	/* What is deeper has the same date. */
	if (!pruning_by_name(prune->after_ns, path, prune->now_ns))
		return true;
	if (prune->after_ns > 0 && fstatat(parent_fd, path + name_offset, &st,
				       AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	rc = remove_due(prune, parent_fd, name_offset, &st);
	return rc != -ENOTEMPTY && rc != -EEXIST;
}

static void prune_dir(struct prune *prune, int parent_fd, size_t name_offset);

static void
prune_entries(struct prune *prune, struct fsio_dir *dir)
{
	size_t length = prune->path.length;
	struct dirent *entry;
	int rc;

	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
			continue;
		if (length > 0)
			strbuf_putc(&prune->path, '/');
		strbuf_puts(&prune->path, entry->d_name);
		prune_dir(prune, fsio_dir_fd(dir), length + (length > 0));
		strbuf_truncate(&prune->path, length);
	}
	if (rc < 0)
		log_warning("Cannot look for empty directories in '%s': %s",
		    strbuf_text(&prune->path), strerror(-rc));
}

/* prune->path is the directory to look through, its name in PARENT_FD begins
 * at NAME_OFFSET. */
static void
prune_dir(struct prune *prune, int parent_fd, size_t name_offset)
{
	const struct spool *spool = prune->reaper->stage.spool;
	bool is_location = strchr(strbuf_text(&prune->path), '/') == NULL;
	struct stat st;
	struct fsio_dir *dir;
	int rc;

	if (!is_ours(prune) && !(prune->is_base && is_location))
		return;
	if (keypath_is_hour(strbuf_text(&prune->path)) &&
	    prune_hour(prune, parent_fd, name_offset))
		return;
	rc = fsio_open_dir(
	    parent_fd, strbuf_text(&prune->path) + name_offset, &dir);
	if (rc < 0)
		return; /* no directory, or not ours to read: it stays */
	if (fstat(fsio_dir_fd(dir), &st) < 0 ||
	    (st.st_dev == spool->device && st.st_ino == spool->inode)) {
		fsio_close_dir(dir);
		return;
	}
	prune_entries(prune, dir);
	fsio_close_dir(dir);
	(void)remove_due(prune, parent_fd, name_offset, &st); /* or it stays */
}

static void
prune_tree(struct reaper *reaper, int root_fd, const char *name, bool is_base)
{
	struct prune prune = {
	    .reaper = reaper,
	    .is_base = is_base,
	    .name = name,
	    .now_ns = clock_fs_now_ns(&reaper->fs_clock),
	    .after_ns = reaper->stage.config->prune_after_seconds *
			CLOCK_NS_PER_S,
	};
	struct fsio_dir *dir;
	int rc;

	rc = fsio_open_dir(root_fd, "", &dir);
	if (rc < 0) {
		reap_fail(reaper, "look for empty directories in",
		    is_base ? ".." : name, rc);
		return;
	}
	prune_entries(&prune, dir);
	fsio_close_dir(dir);
	strbuf_done(&prune.path);
}

/* A dead run's rooms, when nothing is left in them; failed/<run>.tsv goes
 * with the last file that it is about. NAME is the room's or that file's. */
static int
prune_run(void *context, const char *name)
{
	static const char suffix[] = ".tsv";
	struct reaper *reaper = context;
	struct spool *spool = reaper->stage.spool;
	size_t length = strlen(name);
	char *run, *reasons;
	int lock_fd;

	if (length >= sizeof suffix &&
	    strcmp(name + length + 1 - sizeof suffix, suffix) == 0)
		length -= sizeof suffix - 1;
	run = mem_copy_n(name, length);
	reasons = mem_format("%s%s", run, suffix);
	/* One that lives, or can't be asked, stays. */
	if (run_lock_dead(spool, run, &lock_fd) == 0) {
		(void)fsio_remove_empty(spool->uploading_fd, run);
		if (fsio_remove_empty(spool->failed_fd, run) == 0)
			(void)unlinkat(spool->failed_fd, reasons, 0);
		if (lock_fd >= 0)
			(void)close(lock_fd); /* nothing was written */
	}
	free(reasons);
	free(run);
	return 0;
}

/* A day-old file in tmp/ whose lock can be had is nobody's. */
static int
visit_litter(void *context, const char *path, const struct dirent *entry)
{
	struct reaper *reaper = context;
	int tmp_fd = reaper->stage.spool->tmp_fd;
	struct stat st;
	int fd;

	if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)
		return 0;
	fd = fsio_open_beneath(tmp_fd, path, O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 &&
	    clock_from_timespec(&st.st_mtim) <
		clock_fs_now_ns(&reaper->fs_clock) - day_ns &&
	    fsio_lock(fd, 0, 0) == 0)
		(void)unlinkat(tmp_fd, path, 0); /* or the next time */
	(void)close(fd);			 /* nothing was written */
	return 0;
}

void
prune_all(struct reaper *reaper)
{
	struct spool *spool = reaper->stage.spool;

	/* What can't be listed is listed by the next pass; each of these
	 * leaves alone what it can't remove. */
	(void)run_each(spool, spool->uploading_fd, prune_run, reaper);
	(void)run_each(spool, spool->failed_fd, prune_run, reaper);
	(void)fsio_walk(spool->tmp_fd, visit_litter, reaper);
	prune_tree(reaper, spool->claimed_fd, "claimed", false);
	prune_tree(reaper, spool->held_fd, "held", false);
	prune_tree(
	    reaper, spool->base_fd, reaper->stage.config->base_dir, true);
}
