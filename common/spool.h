/* The spool: the directories that are a file's state, and every move between
 * them. No other module knows their names or renames between them.
 *
 *   base_dir/<path>               the producer's
 *   spool/claimed/<path>          waiting; anyone's
 *   spool/uploading/<run>/<path>  one uploader run's
 *   spool/confirmed/<run>/<path>  stored, with a durable receipt
 *   spool/failed/<run>/<path>     refused for good; failed/<run>.tsv says why
 *   spool/held/<path>             a person wants it to wait
 *
 * A move never replaces a name. Where RENAME_NOREPLACE is missing (NFS, FUSE)
 * a room of our own is entered by plain rename, since nobody else makes names
 * there, and a shared one (claimed, base_dir) by link and unlink, out of a room
 * of our own alone: only there nobody can put another file under the name that
 * is about to be unlinked. So a scanner goes by a run's room there, too. */
#ifndef COMMON_SPOOL_H
#define COMMON_SPOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/config.h"

enum spool_mode {
	SPOOL_CREATE, /* make what is missing */
	SPOOL_LOOK    /* touch nothing: for dry runs and questions */
};

struct spool {
	int base_fd; /* base_dir */
	int root_fd; /* spool_dir; -1 (and all below): there is none yet */
	int claimed_fd, uploading_fd, confirmed_fd, failed_fd, held_fd;
	int runs_fd, ledger_fd, multipart_fd, locks_fd, tmp_fd;
	dev_t device;		     /* of the spool directory, by which */
	ino_t inode;		     /* a walk through base_dir leaves it out */
	atomic_bool lacks_noreplace; /* learned: RENAME_NOREPLACE isn't there */
	off_t reserve_left;	     /* see reserve.h: 0, or what others need */
	atomic_bool gave_up_reserve; /* which nobody has been told yet */
	int64_t gave_up_ns;	     /* clock_monotonic_ns then, or 0 */
};

/* Opens base_dir and the spool. Returns 0; -EPERM: the spool directory isn't
 * ours alone (another owner, or open to group or others); or another negative
 * errno; then *ret_error is one line for the user, the caller's to free. With
 * SPOOL_LOOK a spool that isn't there is no error. */
int spool_open(const struct config *config, enum spool_mode mode,
    struct spool **ret_spool, char **ret_error);
void spool_close(struct spool *spool);

/* Takes the lock file NAME ("scan", "reap") without waiting, and the file
 * system's time with it. Returns 0 and *ret_fd (closing it releases the
 * lock), -EAGAIN when another process holds it, or a negative errno. */
int spool_lock(const struct spool *spool, const char *name, int *ret_fd,
    struct clock_fs *ret_clock);
/* Opens locks/keys, whose bytes are locked one by one with fsio_lock. */
int spool_open_keys(const struct spool *spool, int *ret_fd);
/* Opens locks/metrics-STAGE ("scan", "upload", "reap"), which holds numbers,
 * and is locked as a whole with fsio_lock to add to them. */
int spool_open_metrics(
    const struct spool *spool, const char *stage, int *ret_fd);

/* A directory under which files lie by their paths. */
struct spool_room {
	int fd;
	bool is_private; /* one run's: nobody else makes names in it */
};

/* A name that is to be moved: NAME in the directory DIRFD, and the inode it
 * is said to have (from readdir or stat). */
struct spool_name {
	int dirfd;
	const char *name;
	ino_t inode;
};

/* Each move returns 0 (moved; also when it had happened already),
 *   -EEXIST  the name is taken in the room; nothing moved
 *   -ENOENT  the source is gone: somebody else took it
 *   -EXDEV   the two directories are on different mounts
 *   -ESTALE  the room itself was removed
 * or another negative errno. */

/* base_dir/PATH -> claimed/PATH; needs the scan lock. -ENOTSUP: not without
 * RENAME_NOREPLACE; spool_take it into a run's room, then spool_give_back. */
int spool_claim(
    struct spool *spool, const struct spool_name *from, const char *path);
/* claimed/PATH -> back to where spool_claim took it; needs the scan lock. */
int spool_unclaim(
    struct spool *spool, const char *path, const struct spool_name *to);
/* uploading/<run>/PATH -> back to where in base_dir spool_take took it. */
int spool_return(struct spool *spool, const struct spool_room *uploading,
    const char *path, const struct spool_name *to);
/* claimed/PATH, uploading/<dead run>/PATH or (under the scan lock)
 * base_dir/PATH -> UPLOADING/PATH. The move is the lock: of many that try it,
 * one gets 0. */
int spool_take(struct spool *spool, const struct spool_name *from,
    const struct spool_room *uploading, const char *path);
/* uploading/<run>/PATH -> claimed/PATH. */
int spool_give_back(struct spool *spool, const struct spool_room *uploading,
    const char *path, ino_t inode);
/* uploading/<run>/PATH -> CONFIRMED/PATH; its receipt must be durable. */
int spool_confirm(struct spool *spool, const struct spool_room *uploading,
    const struct spool_room *confirmed, const char *path, ino_t inode);
/* uploading/<run>/PATH -> FAILED/PATH; its reason must be durable. */
int spool_reject(struct spool *spool, const struct spool_room *uploading,
    const struct spool_room *failed, const char *path, ino_t inode);
/* confirmed/<dead run>/PATH -> claimed/PATH: no receipt speaks for it. Needs
 * the dead run's lock. */
int spool_reclaim(struct spool *spool, const struct spool_room *confirmed,
    const char *path, ino_t inode);

/* What a person asks for. -ENOTSUP: not without RENAME_NOREPLACE out of a room
 * that isn't private; spool_take it into a run's room, and go on from there. */

/* FAILED/PATH -> claimed/PATH. */
int spool_retry(struct spool *spool, const struct spool_room *failed,
    const char *path, ino_t inode);
/* ROOM/PATH -> held/PATH; ROOM is claimed/ or a run's uploading/. */
int spool_hold(struct spool *spool, const struct spool_room *room,
    const char *path, ino_t inode);
/* held/PATH -> claimed/PATH. */
int spool_release(struct spool *spool, const char *path, ino_t inode);

/* A file with a second name may be a move by link and unlink that was cut off
 * between the two. If claimed/, held/ or base_dir holds PATH as the same FILE
 * (in base_dir by a way without links), the name in UPLOADING goes: it is the
 * one that nobody else can have put there, and the other says what the file's
 * state is. Returns 1 when it was so, 0 when not, or a negative errno. */
int spool_drop_twin(struct spool *spool, const struct spool_room *uploading,
    const char *path, const struct stat *file);

#endif
