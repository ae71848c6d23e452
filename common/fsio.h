/* File-system calls as we want them: beneath a held directory, whole, and
 * with negative errno values. */
#ifndef COMMON_FSIO_H
#define COMMON_FSIO_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What MODE's kind of file is, for a person: "a FIFO". */
const char *fsio_kind(mode_t mode);
/* Opens PATH below the directory DIRFD; no component may be a symbolic link
 * or leave DIRFD (openat2, Linux 5.6). FLAGS as for open, O_CLOEXEC is added;
 * new files get 0600. Returns a descriptor or a negative errno (-EAGAIN with
 * O_NONBLOCK: somebody holds a lease on it). */
int fsio_open_beneath(int dirfd, const char *path, int flags);
/* Whether that answered that nothing lies beneath by this path: it isn't there,
 * lies behind a link, or outside. False for success and for other errors. */
bool fsio_is_nowhere(int error);

/* A directory being read: as readdir(3) does, at half as many system calls
 * for a small one. */
struct fsio_dir;
/* As fsio_open_beneath for a directory to be read; "" or "." is DIRFD itself.
 * On success *ret_dir is the caller's, for fsio_close_dir. -ELOOP: it is, or
 * lies behind, a symbolic link. */
int fsio_open_dir(int dirfd, const char *path, struct fsio_dir **ret_dir);
void fsio_close_dir(struct fsio_dir *dir);
/* The same, but leaves its descriptor open, and returns it. */
int fsio_detach_dir(struct fsio_dir *dir);
/* Its descriptor, which stays its own. */
int fsio_dir_fd(const struct fsio_dir *dir);
/* The next entry other than "." and "..", valid until the next call. Returns
 * 1 and *ret_entry, 0 at the end, or a negative errno. */
int fsio_read_dir(struct fsio_dir *dir, struct dirent **ret_entry);
/* Begins it anew. Returns 0 or a negative errno. */
int fsio_rewind_dir(struct fsio_dir *dir);

/* Calls VISIT for everything below the directory DIRFD that is no directory,
 * with its PATH there and its entry (d_type may be DT_UNKNOWN). VISIT may
 * rename it away. It returns 0 to go on; anything else ends the walk and is
 * returned. Otherwise returns 0 or a negative errno. */
int fsio_walk(int dirfd,
    int (*visit)(void *context, const char *path, const struct dirent *entry),
    void *context);
/* Makes the directory PATH and those above it below DIRFD (0700 with our
 * umask). Returns 0, also when it stood already, or a negative errno. */
int fsio_make_dirs(int dirfd, const char *path);
/* Makes the directories that lead to PATH below DIRFD, not PATH itself. */
int fsio_make_parents(int dirfd, const char *path);
/* Removes the empty directories below and including PATH with rmdir alone;
 * what holds files stays. Returns 0 when PATH is gone, -ENOTEMPTY when
 * something is left in it, or another negative errno. */
int fsio_remove_empty(int dirfd, const char *path);

/* Writes all of it; 0 or a negative errno (part may have been written). */
int fsio_write_all(int fd, const void *bytes, size_t length);
/* Reads until LENGTH bytes or the end; how many, or a negative errno. */
ssize_t fsio_pread_all(int fd, void *bytes, size_t length, off_t offset);
/* Whether a file is still as it was: inode, size and times. */
bool fsio_is_unchanged(const struct stat *was, const struct stat *is);
/* fsync of a directory, so that the names in it last. */
int fsio_sync_dir(int dirfd);

/* Takes the exclusive open-file-description lock on LENGTH bytes (0: all)
 * from START without waiting. Returns 0, -EAGAIN (another holds it), or a
 * negative errno. It is released when the description is closed, however its
 * process ends. */
int fsio_lock(int fd, off_t start, off_t length);
int fsio_unlock(int fd, off_t start, off_t length);
/* Whether another description holds a lock on it; negative errno. */
int fsio_is_locked(int fd);

#endif
