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

#include "common/fsio.h"
#include "common/keypath.h"
#include "common/strbuf.h"

static enum walk_result walk_dir(const struct walk *walk, int parent_fd,
    const char *name, struct strbuf *path, size_t depth);

/* The last component of PATH, which is an entry of DIRFD. */
static enum walk_result
walk_entry(const struct walk *walk, int dirfd, unsigned char type,
    size_t name_offset, struct strbuf *path, size_t depth)
{
	const struct config *config = walk->config;
	enum walk_result result = WALK_KEPT;
	const char *text = strbuf_text(path);

	/* A link or an unknown type is given to open, which says what it is. */
	if ((type == DT_DIR || type == DT_LNK || type == DT_UNKNOWN) &&
	    keypath_may_hold(config->patterns, config->pattern_count, text))
		result = walk_dir(walk, dirfd, text + name_offset, path, depth);
	text = strbuf_text(path);
	if (result == WALK_KEPT &&
	    keypath_matches(config->patterns, config->pattern_count, text))
		result = walk->candidate(
		    walk->context, dirfd, text + name_offset, text);
	return result;
}

static enum walk_result
walk_entries(const struct walk *walk, DIR *dir, struct strbuf *path,
    size_t depth, bool *ret_moved)
{
	size_t length = path->length;
	struct dirent *entry;
	enum walk_result result = WALK_KEPT;
	int rc;

	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		size_t name_offset = length + (length > 0);

		if (length > 0)
			strbuf_putc(path, '/');
		strbuf_puts(path, entry->d_name);
		result = walk_entry(walk, dirfd(dir), entry->d_type,
		    name_offset, path, depth + 1);
		strbuf_truncate(path, length);
		*ret_moved |= result == WALK_MOVED;
		if (result == WALK_STOP || (result == WALK_LEAVE && depth > 0))
			return result;
	}
	if (rc < 0)
		walk->problem(walk->context, strbuf_text(path), rc);
	return WALK_KEPT;
}

static enum walk_result
walk_dir(const struct walk *walk, int parent_fd, const char *name,
    struct strbuf *path, size_t depth)
{
	enum walk_result result = WALK_KEPT;
	bool moved = false;
	struct stat st = {0};
	DIR *dir = NULL;
	int rc;

	rc = fsio_open_dir(parent_fd, name, &dir);
	if (rc == -ENOTDIR || rc == -ENOENT)
		return WALK_KEPT;
	if (rc == 0 && fstat(dirfd(dir), &st) < 0) {
		rc = errno > 0 ? -errno : -EIO;
		(void)closedir(dir); /* only read from */
	}
	if (rc < 0) {
		walk->problem(walk->context, strbuf_text(path), rc);
		return WALK_KEPT;
	}
	if (st.st_dev != walk->skip_device || st.st_ino != walk->skip_inode)
		result = walk_entries(walk, dir, path, depth, &moved);
	if (moved) {
		const struct timespec times[2] = {
		    {.tv_nsec = UTIME_OMIT}, st.st_mtim};

		/* Not ours to set: then pruning waits an hour longer. */
		(void)futimens(dirfd(dir), times);
	}
	(void)closedir(dir); /* only read from */
	return result;
}

void
walk_base(const struct walk *walk)
{
	struct strbuf path = {0};

	(void)walk_dir(walk, walk->base_fd, ".", &path, 0);
	strbuf_done(&path);
}
