/* Which empty directory may go, and when.
 *
 * A producer that makes its hour's directory and then a file in it must never
 * find the directory gone in between, so a directory with a date in its name
 * stays until that date ended prune_after ago (26 hours cover every time
 * zone) and an hour has passed since anybody changed it; one without a valid
 * date stays until it is itself that old. Both are judged by the times from
 * before we removed anything in it. rmdir alone decides whether it is empty.
 * The same goes for claimed/, where a script makes a directory, of a date long
 * ago perhaps, and then moves a file there. In the other rooms nobody waits
 * for a directory: who moves a file makes what is missing. */
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
#include "common/run.h"
#include "common/strbuf.h"

static const int64_t hour_ns = 3600 * CLOCK_NS_PER_S;
static const int64_t day_ns = 24 * INT64_C(3600) * CLOCK_NS_PER_S;

struct prune {
	struct reaper *reaper;
	bool is_base;
	int64_t now_ns;
	int64_t after_ns;
	struct strbuf path; /* of the directory at hand, below the root */
};

static bool
is_due(const struct prune *prune, const struct stat *st)
{
	int64_t changed_ns = clock_from_timespec(&st->st_mtim);
	int64_t end_ns;

	if (prune->after_ns == 0)
		return true;
	if (!keypath_date_end(strbuf_text(&prune->path), &end_ns))
		return changed_ns <= prune->now_ns - prune->after_ns;
	if (end_ns > prune->now_ns - prune->after_ns)
		return false;
	return changed_ns <= prune->now_ns - hour_ns;
}

/* Whether it is ours to remove at all, whatever its age. */
static bool
is_ours(const struct prune *prune)
{
	const struct config *config = prune->reaper->stage.config;
	const char *path = strbuf_text(&prune->path);

	if (!prune->is_base)
		return true;
	return strchr(path, '/') != NULL &&
	       keypath_may_hold(config->patterns, config->pattern_count, path);
}

static void prune_dir(struct prune *prune, int parent_fd, size_t name_offset);

static void
prune_entries(struct prune *prune, DIR *dir)
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
		prune_dir(prune, dirfd(dir), length + (length > 0));
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
	const struct config *config = prune->reaper->stage.config;
	const struct spool *spool = prune->reaper->stage.spool;
	bool is_location = strchr(strbuf_text(&prune->path), '/') == NULL;
	struct stat st;
	DIR *dir;
	int rc;

	if (!is_ours(prune) && !(prune->is_base && is_location))
		return;
	rc = fsio_open_dir(
	    parent_fd, strbuf_text(&prune->path) + name_offset, &dir);
	if (rc < 0)
		return; /* no directory, or not ours to read: it stays */
	if (fstat(dirfd(dir), &st) < 0 ||
	    (st.st_dev == spool->device && st.st_ino == spool->inode)) {
		(void)closedir(dir); /* only read from */
		return;
	}
	prune_entries(prune, dir);
	(void)closedir(dir); /* only read from */
	if (!is_ours(prune) || !is_due(prune, &st))
		return;
	/* ENOTEMPTY is the usual answer; whatever it is, it stays. */
	if (unlinkat(parent_fd, strbuf_text(&prune->path) + name_offset,
		AT_REMOVEDIR) == 0)
		log_debug("Removed the empty directory %s/%s",
		    prune->is_base ? config->base_dir : "claimed",
		    strbuf_text(&prune->path));
}

static void
prune_tree(struct reaper *reaper, int root_fd, bool is_base)
{
	struct prune prune = {
	    .reaper = reaper,
	    .is_base = is_base,
	    .now_ns = clock_fs_now_ns(&reaper->fs_clock),
	    .after_ns = reaper->stage.config->prune_after_seconds *
			CLOCK_NS_PER_S,
	};
	DIR *dir;
	int rc;

	rc = fsio_open_dir(root_fd, "", &dir);
	if (rc < 0) {
		reap_fail(reaper, "look for empty directories in",
		    is_base ? ".." : "claimed", rc);
		return;
	}
	prune_entries(&prune, dir);
	(void)closedir(dir); /* only read from */
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
	prune_tree(reaper, spool->claimed_fd, false);
	prune_tree(reaper, spool->base_fd, true);
}
