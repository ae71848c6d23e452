/* One inotify watch a directory; the kernel knows which directories these are,
 * so nothing here grows. New directories announce themselves, and then the tree
 * is gone through once more: a directory that is watched already stays the one
 * watch that it was. See watch.h. */
#include "common/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/strbuf.h"

enum {
	/* Files that are complete, by closing or renaming. A link, or an empty
	 * file, is created alone. */
	COMES = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE,
	HOW = IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK
};

struct watch {
	const struct watch_place *place;
	int fd;
	bool has_root;	/* the directory itself is watched */
	bool is_behind; /* there may be directories that aren't */
	bool is_full;	/* there may be no more of them; was said */
	int highest;	/* the last watch that was new */
};

struct watch *
watch_new(const struct watch_place *place)
{
	struct watch *watch = mem_zero(1, sizeof *watch);

	watch->place = place;
	watch->is_behind = true;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0)
		log_debug("No hints by inotify: %s", strerror(errno));
	return watch;
}

void
watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->fd >= 0)
		(void)close(watch->fd); /* watches */
	free(watch);
}

int
watch_fd(const struct watch *watch)
{
	return watch->fd;
}

/* Watches the directory PATH (absolute). Whether it can be gone on with. */
static bool
add(struct watch *watch, const char *path, bool *ret_new)
{
	int wd = inotify_add_watch(watch->fd, path, COMES | HOW);

	if (wd < 0) {
		/* Gone meanwhile, or not ours to read: others may be. */
		if (errno != ENOSPC && errno != ENOMEM)
			return true;
		watch->is_full = true;
		log_debug(
		    "No hints by inotify from everywhere: %s", strerror(errno));
		return false;
	}
	watch->has_root = true;
	/* The kernel counts them up. */
	if (wd > watch->highest) {
		watch->highest = wd;
		*ret_new = true;
	}
	return true;
}

static bool
is_dir(const struct fsio_dir *dir, const struct dirent *entry)
{
	struct stat st;

	return entry->d_type == DT_DIR ||
	       (entry->d_type == DT_UNKNOWN &&
		   fstatat(fsio_dir_fd(dir), entry->d_name, &st,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
		   S_ISDIR(st.st_mode));
}

/* Watches the directory PATH, NAME in PARENT_FD, and those below it, of which
 * paths count from BASE on. False: no more can be watched. */
static bool
add_tree(struct watch *watch, int parent_fd, const char *name,
    struct strbuf *path, size_t base, bool *ret_new)
{
	const struct watch_place *place = watch->place;
	size_t length = path->length;
	struct dirent *entry;
	struct fsio_dir *dir;
	struct stat st;
	bool goes_on = add(watch, strbuf_text(path), ret_new);

	if (!goes_on || length > PATH_MAX ||
	    fsio_open_dir(parent_fd, name, &dir) < 0)
		return goes_on;
	/* Many a file system counts the directories in a directory: an hour's
	 * has none, and needn't be read. */
	if (fstat(fsio_dir_fd(dir), &st) < 0 || st.st_nlink != 2)
		while (goes_on && fsio_read_dir(dir, &entry) > 0) {
			if (!is_dir(dir, entry))
				continue;
			strbuf_printf(path, "/%s", entry->d_name);
			if (place->may_hold == NULL ||
			    place->may_hold(
				place->context, strbuf_text(path) + base))
				goes_on = add_tree(watch, fsio_dir_fd(dir),
				    entry->d_name, path, base, ret_new);
			strbuf_truncate(path, length);
		}
	fsio_close_dir(dir);
	return goes_on;
}

bool
watch_extend(struct watch *watch)
{
	struct strbuf path = {0};
	bool is_new = false;
	char *real;
	int fd;

	if (watch->fd < 0 || watch->is_full ||
	    (watch->has_root && !watch->is_behind))
		return false;
	watch->is_behind = watch->has_root = false;
	real = realpath(watch->place->directory, NULL);
	fd = real != NULL ? open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		strbuf_puts(&path, real);
		(void)add_tree(watch, fd, "", &path, path.length + 1, &is_new);
		(void)close(fd); /* a directory */
	}
	strbuf_done(&path);
	free(real);
	return is_new;
}

bool
watch_take(struct watch *watch)
{
	_Alignas(struct inotify_event) char events[4096];
	bool has_come = false;
	ssize_t length;

	if (watch->fd < 0)
		return false;
	while ((length = read(watch->fd, events, sizeof events)) > 0) {
		const struct inotify_event *event;

		for (ssize_t at = 0; at < length;
		     at += (ssize_t)(sizeof *event + event->len)) {
			event = (const void *)(events + at);
			has_come |= (event->mask & (COMES | IN_Q_OVERFLOW)) !=
				    0;
			if (event->mask & (IN_ISDIR | IN_Q_OVERFLOW))
				watch->is_behind = true;
			/* The root itself has gone, perhaps. */
			if (event->mask & IN_IGNORED)
				watch->is_behind = true;
		}
	}
	return has_come;
}
