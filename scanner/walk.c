/* The walk through base_dir with held directory descriptors.
 *
 * Each directory is opened by its one name in the directory above it, and no
 * symbolic link is ever followed, so nothing that the producer swaps in can
 * lead us out of base_dir. Only directories whose names match the first
 * components of a pattern are opened at all. */
#include "scanner/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/keypath.h"
#include "common/pruning.h"
#include "common/strbuf.h"

static const int64_t hour_ns = 3600 * CLOCK_NS_PER_S;

static enum walk_result walk_dir(const struct walk *walk, int parent_fd,
    const char *name, struct strbuf *path, size_t depth);

/* The last component of PATH, which is ENTRY's name. */
static enum walk_result
walk_entry(const struct walk *walk, struct walk_entry *entry,
    struct strbuf *path, size_t name_offset, size_t depth)
{
	const struct config *config = walk->config;
	enum walk_result result = WALK_KEPT;
	const char *text = strbuf_text(path);

	/* A link or an unknown type is given to open, which says what it is. */
	if ((entry->type == DT_DIR || entry->type == DT_LNK ||
		entry->type == DT_UNKNOWN) &&
	    keypath_may_hold(
		config->patterns.items, config->patterns.count, text))
		result = walk_dir(
		    walk, entry->dirfd, text + name_offset, path, depth);
	entry->path = strbuf_text(path);
	entry->name = entry->path + name_offset;
	if (result == WALK_KEPT && keypath_matches(config->patterns.items,
				       config->patterns.count, entry->path))
		result = walk->candidate(walk->context, entry);
	return result;
}

static enum walk_result
walk_entries(const struct walk *walk, struct fsio_dir *dir,
    int64_t dir_changed_ns, struct strbuf *path, size_t depth, bool *ret_moved)
{
	size_t length = path->length;
	struct dirent *dirent;
	enum walk_result result = WALK_KEPT;
	int rc;

	while ((rc = fsio_read_dir(dir, &dirent)) > 0) {
		struct walk_entry entry = {
		    .dirfd = fsio_dir_fd(dir),
		    .type = dirent->d_type,
		    .dir_changed_ns = dir_changed_ns,
		};
		size_t name_offset = length + (length > 0);

		if (length > 0)
			strbuf_putc(path, '/');
		strbuf_puts(path, dirent->d_name);
		result = walk_entry(walk, &entry, path, name_offset, depth + 1);
		strbuf_truncate(path, length);
		*ret_moved |= result == WALK_MOVED;
		if (result == WALK_STOP || (result == WALK_LEAVE && depth > 0))
			return result;
	}
	if (rc < 0)
		walk->problem(walk->context, strbuf_text(path), rc);
	return WALK_KEPT;
}

/* Makes as if we hadn't touched it, where that makes a difference. */
static void
restore_time(const struct walk *walk, const struct fsio_dir *dir,
    const char *path, const struct stat *st)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
	int64_t after_ns = walk->config->prune_after_seconds * CLOCK_NS_PER_S;

	/* Not ours to set: then pruning waits an hour longer. */
	if (after_ns > 0 &&
	    pruning_by_name(after_ns, path, walk->now_ns + hour_ns))
		(void)futimens(fsio_dir_fd(dir), times);
}

static enum walk_result
walk_dir(const struct walk *walk, int parent_fd, const char *name,
    struct strbuf *path, size_t depth)
{
	enum walk_result result = WALK_KEPT;
	bool moved = false;
	struct stat st = {0};
	struct fsio_dir *dir = NULL;
	int rc;

	rc = fsio_open_dir(parent_fd, name, &dir);
	if (rc == -ENOTDIR || rc == -ENOENT)
		return WALK_KEPT;
	if (rc == 0 && fstat(fsio_dir_fd(dir), &st) < 0) {
		rc = errno > 0 ? -errno : -EIO;
		fsio_close_dir(dir);
	}
	/* fsck's, where base_dir is the root of a file system. */
	if (rc == -EACCES && strcmp(strbuf_text(path), "lost+found") == 0)
		return WALK_KEPT;
	if (rc < 0) {
		walk->problem(walk->context, strbuf_text(path), rc);
		return WALK_KEPT;
	}
	if (st.st_dev != walk->skip_device || st.st_ino != walk->skip_inode)
		result = walk_entries(walk, dir,
		    clock_from_timespec(&st.st_mtim), path, depth, &moved);
	if (moved)
		restore_time(walk, dir, strbuf_text(path), &st);
	fsio_close_dir(dir);
	return result;
}

void
walk_base(const struct walk *walk)
{
	struct strbuf path = {0};

	(void)walk_dir(walk, walk->base_fd, ".", &path, 0);
	strbuf_done(&path);
}
