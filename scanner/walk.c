/* The walk through base_dir with held directory descriptors.
 *
 * Each directory is opened by its one name in the directory above it, and no
 * symbolic link is ever followed, so nothing that the producer swaps in can
 * lead us out of base_dir. Only directories whose names match the first
 * components of a pattern are opened at all. */
#include "scanner/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/keypath.h"
#include "common/mem.h"
#include "common/pruning.h"
#include "common/strbuf.h"

static const int64_t hour_ns = 3600 * CLOCK_NS_PER_S;

static enum walk_result enter(const struct walk *walk, int parent_fd,
    const char *name, struct strbuf *path, size_t depth);

/* The last component of PATH, which is ENTRY's name. */
static enum walk_result
walk_entry(const struct walk *walk, struct walk_entry *entry,
    struct strbuf *path, size_t name_offset, size_t depth)
{
	const struct config *config = walk->config;
	enum walk_result result = WALK_ON;
	const char *text = strbuf_text(path);

	/* A link or an unknown type is given to open, which says what it is. */
	if ((entry->type == DT_DIR || entry->type == DT_LNK ||
		entry->type == DT_UNKNOWN) &&
	    keypath_may_hold(
		config->patterns.items, config->patterns.count, text))
		result = enter(
		    walk, entry->dir->fd, text + name_offset, path, depth);
	entry->path = strbuf_text(path);
	entry->name = entry->path + name_offset;
	if (result == WALK_ON && keypath_matches(config->patterns.items,
				     config->patterns.count, entry->path))
		result = walk->candidate(walk->context, entry);
	return result;
}

static enum walk_result
walk_entries(const struct walk *walk, struct fsio_dir *names,
    struct walk_dir *dir, struct strbuf *path, size_t depth)
{
	size_t length = path->length;
	struct dirent *dirent;
	enum walk_result result = WALK_ON;
	int rc;

	while ((rc = fsio_read_dir(names, &dirent)) > 0) {
		struct walk_entry entry = {.dir = dir, .type = dirent->d_type};
		size_t name_offset = length + (length > 0);

		if (length > 0)
			strbuf_putc(path, '/');
		strbuf_puts(path, dirent->d_name);
		result = walk_entry(walk, &entry, path, name_offset, depth + 1);
		strbuf_truncate(path, length);
		if (result == WALK_STOP || (result == WALK_LEAVE && depth > 0))
			return result;
	}
	if (rc < 0)
		walk->problem(walk->context, strbuf_text(path), rc);
	return WALK_ON;
}

void
walk_keep(struct walk_dir *dir)
{
	dir->keepers++;
}

void
walk_note_time(struct walk_dir *dir)
{
	struct stat st;

	if (!dir->moved && fstat(dir->fd, &st) == 0)
		dir->mtime = st.st_mtim;
}

void
walk_release(struct walk_dir *dir)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, dir->mtime};

	if (--dir->keepers > 0)
		return;
	/* As if we hadn't touched it, where that makes a difference. Not ours
	 * to set: then pruning waits an hour longer. */
	if (dir->moved && dir->restore)
		(void)futimens(dir->fd, times);
	(void)close(dir->fd); /* only read from */
	free(dir);
}

/* Whether the time of the directory PATH may soon make a difference. */
static bool
is_soon_pruned(const struct walk *walk, const char *path)
{
	int64_t after_ns = walk->config->prune_after_seconds * CLOCK_NS_PER_S;

	return after_ns > 0 &&
	       pruning_by_name(after_ns, path, walk->now_ns + hour_ns);
}

/* The directory of NAMES, which ST is about. */
static enum walk_result
walk_dir(const struct walk *walk, struct fsio_dir *names, const struct stat *st,
    struct strbuf *path, size_t depth)
{
	struct walk_dir *dir = mem_zero(1, sizeof *dir);
	enum walk_result result;

	dir->fd = fsio_dir_fd(names);
	dir->mtime = st->st_mtim;
	dir->changed_ns = clock_from_timespec(&st->st_mtim);
	dir->keepers = 1;
	result = walk_entries(walk, names, dir, path, depth);
	dir->restore = (dir->moved || dir->keepers > 1) &&
		       is_soon_pruned(walk, strbuf_text(path));
	(void)fsio_detach_dir(names);
	walk_release(dir);
	return result;
}

/* Opens the directory NAME in PARENT_FD, and walks through it. */
static enum walk_result
enter(const struct walk *walk, int parent_fd, const char *name,
    struct strbuf *path, size_t depth)
{
	struct fsio_dir *names = NULL;
	struct stat st = {0};
	int rc;

	if (walk->enter != NULL && !walk->enter(walk->context))
		return WALK_STOP;
	rc = fsio_open_dir(parent_fd, name, &names);
	if (rc == -ENOTDIR || rc == -ENOENT)
		return WALK_ON;
	if (rc == 0 && fstat(fsio_dir_fd(names), &st) < 0) {
		rc = errno > 0 ? -errno : -EIO;
		fsio_close_dir(names);
	}
	/* fsck's, where base_dir is the root of a file system. */
	if (rc == -EACCES && strcmp(strbuf_text(path), "lost+found") == 0)
		return WALK_ON;
	if (rc < 0) {
		walk->problem(walk->context, strbuf_text(path), rc);
		return WALK_ON;
	}
	if (st.st_dev == walk->skip_device && st.st_ino == walk->skip_inode) {
		fsio_close_dir(names);
		return WALK_ON;
	}
	return walk_dir(walk, names, &st, path, depth);
}

void
walk_base(const struct walk *walk)
{
	struct strbuf path = {0};

	(void)enter(walk, walk->base_fd, ".", &path, 0);
	strbuf_done(&path);
}
