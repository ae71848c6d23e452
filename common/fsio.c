/* File-system calls beneath held directories.
 *
 * The producer owns base_dir and may put links, devices and other surprises
 * there at any moment. openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS
 * and RESOLVE_NO_MAGICLINKS makes the kernel refuse them during the walk
 * itself, where checks before the walk would race. */
#include "common/fsio.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"

enum { OPEN_TRIES = 16 };

struct fsio_dir {
	int fd;
	size_t next, end; /* in bytes, of what has been read */
	alignas(struct dirent) char bytes[32 * 1024];
};
static_assert(sizeof(struct dirent) == sizeof(struct dirent64),
    "getdents64 fills struct dirent where file offsets have 64 bits");

/* The negative errno of a call that has failed: never 0. */
static int
failure(void)
{
	int error = errno;

	return error > 0 ? -error : -EIO;
}

const char *
fsio_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

int
fsio_open_beneath(int dirfd, const char *path, int flags)
{
	struct open_how how = {
	    .flags = (unsigned long long)(unsigned int)(flags | O_CLOEXEC),
	    .mode = (flags & O_CREAT) != 0 ? 0600 : 0,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		       RESOLVE_NO_MAGICLINKS,
	};
	int tries = 0;
	long fd;

	/* EAGAIN: something was renamed during the walk; ask again. With
	 * O_NONBLOCK it also says that another program holds a lease, perhaps
	 * for the better part of a minute. */
	do
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
	while (fd < 0 &&
	       (errno == EINTR || (errno == EAGAIN && ++tries < OPEN_TRIES)));
	return fd < 0 ? failure() : (int)fd;
}

bool
fsio_is_nowhere(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EXDEV:
	case -ENAMETOOLONG:
		return true;
	default:
		return false;
	}
}

int
fsio_open_dir(int dirfd, const char *path, struct fsio_dir **ret_dir)
{
	struct fsio_dir *dir;
	int fd;

	/* O_NOFOLLOW would turn the ELOOP of a link into an ENOTDIR. */
	fd = fsio_open_beneath(
	    dirfd, *path != '\0' ? path : ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir = mem_alloc(sizeof *dir);
	dir->fd = fd;
	dir->next = dir->end = 0;
	*ret_dir = dir;
	return 0;
}

void
fsio_close_dir(struct fsio_dir *dir)
{
	(void)close(dir->fd); /* only read from */
	free(dir);
}

int
fsio_detach_dir(struct fsio_dir *dir)
{
	int fd = dir->fd;

	free(dir);
	return fd;
}

int
fsio_dir_fd(const struct fsio_dir *dir)
{
	return dir->fd;
}

int
fsio_read_dir(struct fsio_dir *dir, struct dirent **ret_entry)
{
	struct dirent *entry;

	do {
		if (dir->next == dir->end) {
			ssize_t n = getdents64(
			    dir->fd, dir->bytes, sizeof dir->bytes);

			/* It was removed while it was read, and so empty. */
			if (n < 0 && errno == ENOENT)
				return 0;
			if (n <= 0)
				return n < 0 ? failure() : 0;
			dir->next = 0;
			dir->end = (size_t)n;
		}
		entry = (struct dirent *)(void *)(dir->bytes + dir->next);
		dir->next += entry->d_reclen;
	} while (strcmp(entry->d_name, ".") == 0 ||
		 strcmp(entry->d_name, "..") == 0);
	*ret_entry = entry;
	return 1;
}

int
fsio_rewind_dir(struct fsio_dir *dir)
{
	dir->next = dir->end = 0;
	return lseek(dir->fd, 0, SEEK_SET) < 0 ? failure() : 0;
}

struct walk {
	int root_fd;
	int (*visit)(
	    void *context, const char *path, const struct dirent *entry);
	void *context;
};

static int
walk(const struct walk *w, struct strbuf *path)
{
	size_t length = path->length;
	struct dirent *entry = NULL;
	struct fsio_dir *dir = NULL;
	int rc;

	rc = fsio_open_dir(w->root_fd, strbuf_text(path), &dir);
	if (rc < 0)
		return rc;
	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		int type = entry->d_type;

		if (length > 0)
			strbuf_putc(path, '/');
		strbuf_puts(path, entry->d_name);
		rc = type == DT_DIR || type == DT_UNKNOWN ? walk(w, path)
							  : -ENOTDIR;
		if (rc == -ENOTDIR || rc == -ELOOP)
			rc = w->visit(w->context, strbuf_text(path), entry);
		else if (rc == -ENOENT)
			rc = 0; /* removed meanwhile */
		strbuf_truncate(path, length);
		if (rc != 0)
			break;
	}
	fsio_close_dir(dir);
	return rc;
}

int
fsio_walk(int dirfd,
    int (*visit)(void *context, const char *path, const struct dirent *entry),
    void *context)
{
	const struct walk w = {dirfd, visit, context};
	struct strbuf path = {0};
	int rc = walk(&w, &path);

	strbuf_done(&path);
	return rc;
}

int
fsio_make_dirs(int dirfd, const char *path)
{
	int rc;

	if (mkdirat(dirfd, path, 0777) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	rc = fsio_make_parents(dirfd, path);
	if (rc < 0)
		return rc;
	return mkdirat(dirfd, path, 0777) == 0 || errno == EEXIST ? 0 : -errno;
}

int
fsio_make_parents(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int rc;

	if (slash == NULL)
		return 0;
	parent = mem_copy_n(path, (size_t)(slash - path));
	rc = fsio_make_dirs(dirfd, parent);
	free(parent);
	return rc;
}

/* Removes what can be removed inside PATH; the caller removes PATH. */
static int
remove_children(int dirfd, struct strbuf *path)
{
	struct dirent *entry = NULL;
	size_t length = path->length;
	struct fsio_dir *dir = NULL;
	int rc;

	rc = fsio_open_dir(dirfd, strbuf_text(path), &dir);
	if (rc < 0)
		return rc;
	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
			continue;
		strbuf_printf(path, "/%s", entry->d_name);
		/* Leaves are removed without being opened. What is no
		 * directory, or not empty, stays and keeps its parents. */
		if (unlinkat(dirfd, strbuf_text(path), AT_REMOVEDIR) < 0 &&
		    (errno == ENOTEMPTY || errno == EEXIST) &&
		    remove_children(dirfd, path) == 0)
			(void)unlinkat(dirfd, strbuf_text(path), AT_REMOVEDIR);
		strbuf_truncate(path, length);
	}
	fsio_close_dir(dir);
	return rc;
}

int
fsio_remove_empty(int dirfd, const char *path)
{
	struct strbuf name = {0};
	int rc;

	strbuf_puts(&name, path);
	rc = remove_children(dirfd, &name);
	strbuf_done(&name);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return errno == EEXIST ? -ENOTEMPTY : -errno;
}

int
fsio_write_all(int fd, const void *bytes, size_t length)
{
	const char *next = bytes;

	while (length > 0) {
		ssize_t n = write(fd, next, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		next += n;
		length -= (size_t)n;
	}
	return 0;
}

ssize_t
fsio_pread_all(int fd, void *bytes, size_t length, off_t offset)
{
	size_t got = 0;

	while (got < length) {
		ssize_t n = pread(
		    fd, (char *)bytes + got, length - got, offset + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int
fsio_sync_dir(int dirfd)
{
	return fsync(dirfd) == 0 ? 0 : -errno;
}

static int
set_lock(int fd, short type, off_t start, off_t length)
{
	struct flock lock = {
	    .l_type = type,
	    .l_whence = SEEK_SET,
	    .l_start = start,
	    .l_len = length,
	};
	int rc;

	do
		rc = fcntl(fd, F_OFD_SETLK, &lock);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return 0;
}

int
fsio_lock(int fd, off_t start, off_t length)
{
	return set_lock(fd, F_WRLCK, start, length);
}

int
fsio_unlock(int fd, off_t start, off_t length)
{
	return set_lock(fd, F_UNLCK, start, length);
}

int
fsio_is_locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}

bool
fsio_is_unchanged(const struct stat *was, const struct stat *is)
{
	return is->st_ino == was->st_ino && is->st_size == was->st_size &&
	       clock_from_timespec(&is->st_mtim) ==
		   clock_from_timespec(&was->st_mtim) &&
	       clock_from_timespec(&is->st_ctim) ==
		   clock_from_timespec(&was->st_ctim);
}
