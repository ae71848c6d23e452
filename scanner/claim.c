/* One candidate's way from base_dir to claimed/.
 *
 * What isn't known to be a regular file is looked at before it is opened, so
 * that no FIFO and no device is opened; one swapped in between is met with
 * O_NONBLOCK, O_NOCTTY and O_NOFOLLOW. Where young files are to be expected
 * they are all looked at first, as most need not be opened at all. Then, always
 * in this order: take the lease, fstat and judge under it, rename, ask whether
 * the lease stands and whether it was that very file that was renamed. A writer
 * that came in between finds the file back where it was.
 *
 * Without RENAME_NOREPLACE a file goes through the room of a run that the
 * scanner starts: it is judged once more there, where nobody else can put
 * another in its place, and only then given its name in claimed/ by link. If we
 * die in between, the run is dead, and the next uploader takes the file up. */
#include "scanner/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/settle.h"
#include "scanner/choice.h"

static const char queued[] =
    "an earlier file of this path is still in the queue";
/* Those who go by a run's room do so one after another. */
static pthread_mutex_t room_lock = PTHREAD_MUTEX_INITIALIZER;

const char *
claim_reason(const struct claim_report *report)
{
	return report->reason != NULL ? report->reason
				      : strerror(-report->error);
}

static void
report(struct claim_report *report, enum claim_outcome outcome,
    const char *reason, int error)
{
	report->outcome = outcome;
	report->reason = reason;
	report->error = error;
}

/* A clock that was ahead, and no longer is, has left a change time by which the
 * file would wait until then. Setting a time makes that now; the modification
 * time stays what it was. */
static void
date_anew(const struct claim *claim, int fd, const struct stat *st,
    struct claim_report *ret)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};

	if (claim->look_only)
		report(ret, CLAIM_DEFERRED,
		    "it was changed in the future, by the file system's clock; "
		    "a scan dates that anew",
		    0);
	else if (futimens(fd, times) < 0)
		report(ret, CLAIM_REFUSED,
		    "it was changed in the future, by the file system's clock, "
		    "which only its owner can date anew: run s3spool as that",
		    -errno);
	else
		report(ret, CLAIM_DEFERRED,
		    "it was changed in the future, by the file system's clock: "
		    "dated anew",
		    0);
}

/* Whether the times or the lease defer it; false and a report then. FD: the
 * file, or -1 where it isn't open yet. */
static bool
is_settled(const struct claim *claim, enum lease lease, int fd,
    const struct stat *st, struct claim_report *ret)
{
	switch (settle_judge(
	    claim->config, lease, st, clock_fs_now_ns(&claim->fs_clock))) {
	case SETTLE_SETTLED:
		return true;
	case SETTLE_WRITER:
		report(
		    ret, CLAIM_DEFERRED, "somebody has it open for writing", 0);
		return false;
	case SETTLE_YOUNG:
		report(ret, CLAIM_DEFERRED,
		    "it was changed less than settle_seconds ago", 0);
		return false;
	case SETTLE_FUTURE:
		if (fd < 0)
			return true; /* it has to be opened for that */
		date_anew(claim, fd, st, ret);
		return false;
	case SETTLE_UNPROVEN:
		report(ret, CLAIM_DEFERRED,
		    "no lease can be had here, and settle_check is lease", 0);
		return false;
	}
	return false;
}

static bool
is_queued(const struct claim *claim, const char *path)
{
	struct stat st;

	return claim->spool->claimed_fd >= 0 &&
	       fstatat(claim->spool->claimed_fd, path, &st,
		   AT_SYMLINK_NOFOLLOW) == 0;
}

/* What can be said without opening it. */
static bool
look(const struct claim *claim, const char *path, const struct stat *st,
    struct claim_report *ret)
{
	if (!S_ISREG(st->st_mode)) {
		report(ret, CLAIM_REFUSED, fsio_kind(st->st_mode), 0);
		return false;
	}
	if (st->st_nlink > 1) {
		report(ret, CLAIM_REFUSED,
		    "it has more than one name (hard links)", 0);
		return false;
	}
	if (claim->look_only && is_queued(claim, path)) {
		report(ret, CLAIM_DEFERRED, queued, 0);
		return false;
	}
	/* As if nobody wrote it; the lease is asked where it is needed. */
	return is_settled(claim, LEASE_HELD, -1, st, ret);
}

static void
report_move(struct claim_report *ret, int rc)
{
	switch (rc) {
	case 0:
		report(ret, CLAIM_CLAIMED, "", 0);
		return;
	case -EEXIST:
		report(ret, CLAIM_DEFERRED, queued, 0);
		return;
	case -ENOENT:
		report(ret, CLAIM_GONE, "it has gone", 0);
		return;
	case -EXDEV:
		report(ret, CLAIM_EXDEV, NULL, rc);
		return;
	case -EACCES: /* the spool is ours */
		report(ret, CLAIM_ERROR,
		    "Permission denied; s3spool must be allowed to write in "
		    "its directory",
		    rc);
		return;
	default:
		report(ret, CLAIM_ERROR, NULL, rc);
	}
}

/* Whether a file could be moved out of the directory DIRFD, as far as that can
 * be told without moving it: 0 or a negative errno. */
static int
try_move(int dirfd)
{
	if (faccessat(dirfd, ".", W_OK | X_OK, AT_EACCESS) < 0 &&
	    (errno == EACCES || errno == EROFS))
		return -errno;
	return 0;
}

/* Whether the file at FD, which has been moved, was rightly so: nobody has
 * opened it for writing, and it still has the one name, so that it is this
 * file that was moved and not one that had taken its place. */
static bool
was_right(int fd, bool leased)
{
	struct stat st;

	return (!leased || settle_lease_stands(fd)) && fstat(fd, &st) == 0 &&
	       st.st_nlink == 1;
}

/* Where RENAME_NOREPLACE is missing. */
static void
take_by_room(struct claim *claim, const struct spool_name *name,
    const char *path, int fd, bool leased, struct claim_report *ret)
{
	/* What was moved may not be what was judged: it goes back as it is. */
	const struct spool_name back = {name->dirfd, name->name, 0};
	const struct spool_room *room;
	int rc = 0, error;

	/* Mostly it is seen here, while the file can stay where it is: its
	 * producer may well append to it. */
	if (is_queued(claim, path)) {
		report_move(ret, -EEXIST);
		return;
	}
	if (claim->run == NULL)
		rc = run_start(claim->spool, &claim->run);
	if (rc < 0) {
		report(ret, CLAIM_ERROR, NULL, rc);
		return;
	}
	room = &claim->run->uploading;
	rc = spool_take(claim->spool, name, room, path);
	report_move(ret, rc);
	if (rc < 0)
		return;
	if (was_right(fd, leased)) {
		rc = spool_give_back(claim->spool, room, path, name->inode);
		report_move(ret, rc);
		if (rc == 0)
			return;
	} else {
		report(ret, CLAIM_DEFERRED,
		    "it was opened for writing, or replaced, while it was "
		    "claimed",
		    0);
	}
	/* If its name was made anew, it stays for an heir of the run. */
	error = spool_return(claim->spool, room, path, &back);
	if (error < 0 && error != -EEXIST)
		report(ret, CLAIM_ERROR, NULL, error);
}

/* The move, and the question whether it was right. */
static void
take(struct claim *claim, const struct spool_name *name, const char *path,
    int fd, bool leased, struct claim_report *ret)
{
	const struct spool_name back = {name->dirfd, name->name, 0};
	int rc = spool_claim(claim->spool, name, path);

	if (rc == -ENOTSUP) {
		(void)pthread_mutex_lock(&room_lock);
		take_by_room(claim, name, path, fd, leased, ret);
		(void)pthread_mutex_unlock(&room_lock);
		return;
	}
	report_move(ret, rc);
	if (rc < 0 || was_right(fd, leased))
		return;
	/* If its name was made anew, it stays in the queue: the uploader asks
	 * for a lease, too. */
	rc = spool_unclaim(claim->spool, path, &back);
	settle_release_lease(fd); /* its writer waits for that */
	if (rc == 0)
		report(ret, CLAIM_DEFERRED,
		    "it was opened for writing, or replaced, while it was "
		    "claimed",
		    0);
	else if (rc != -EEXIST && rc != -ENOENT)
		report(ret, CLAIM_ERROR, NULL, rc);
}

/* FD is open on it; LOOKED: its name has been looked at. */
static void
judge(struct claim *claim, struct spool_name *name, const char *path, int fd,
    bool looked, struct claim_report *ret)
{
	enum lease lease;
	struct stat st;

	lease = settle_take_lease(
	    fd, claim->config->settle_check, &ret->lease_error);
	ret->by_age_alone = lease == LEASE_NONE;
	if (fstat(fd, &st) < 0) {
		report(ret, CLAIM_ERROR, NULL, -errno);
		return;
	}
	if (looked && (st.st_ino != name->inode || !S_ISREG(st.st_mode) ||
			  st.st_nlink != 1)) {
		report(ret, CLAIM_DEFERRED,
		    "it was replaced while it was looked at", 0);
		return;
	}
	ret->size_bytes = st.st_size;
	name->inode = st.st_ino;
	if ((!looked && !look(claim, path, &st, ret)) ||
	    !is_settled(claim, lease, fd, &st, ret))
		return;
	if (claim->look_only)
		report_move(ret, try_move(name->dirfd));
	else
		take(claim, name, path, fd, lease == LEASE_HELD, ret);
}

static void
report_open_error(int error, struct claim_report *ret)
{
	switch (error) {
	case ENOENT:
		report(ret, CLAIM_GONE, "it has gone", 0);
		return;
	case ELOOP:
	case ENXIO:
		report(ret, CLAIM_DEFERRED,
		    "it was replaced while it was looked at", 0);
		return;
	case EWOULDBLOCK: /* a write lease, such as Samba's oplocks */
		report(ret, CLAIM_DEFERRED,
		    "another program holds a lease on it, and may write", 0);
		return;
	case EACCES:
	case EPERM:
		report(ret, CLAIM_REFUSED,
		    "we may not read it; run s3spool as its owner, or give "
		    "us the permission",
		    0);
		return;
	default:
		report(ret, CLAIM_ERROR, NULL, -error);
	}
}

/* Whether to open it without a look: it is a regular file, and probably
 * settled, as its directory is. */
static bool
is_promising(const struct claim *claim, const struct walk_entry *entry)
{
	return entry->type == DT_REG && !claim->look_only &&
	       entry->dir->changed_ns <=
		   clock_fs_now_ns(&claim->fs_clock) -
		       claim->config->settle_seconds * CLOCK_NS_PER_S;
}

void
claim_file(struct claim *claim, const struct walk_entry *entry,
    struct closer *later, struct claim_report *ret_report)
{
	struct spool_name from = {entry->dir->fd, entry->name, 0};
	const char *fault = choice_fault(claim->config, entry->path);
	bool looked = !is_promising(claim, entry);
	struct stat st;
	int fd;

	*ret_report = (struct claim_report){.reason = ""};
	if (fault != NULL) {
		report(ret_report, CLAIM_EXCLUDED, fault, 0);
		return;
	}
	if (looked) {
		if (fstatat(from.dirfd, from.name, &st, AT_SYMLINK_NOFOLLOW) <
		    0) {
			report_open_error(errno, ret_report);
			return;
		}
		from.inode = st.st_ino;
		ret_report->size_bytes = st.st_size;
		if (!look(claim, entry->path, &st, ret_report))
			return;
	}
	fd = openat(from.dirfd, from.name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		report_open_error(errno, ret_report);
		return;
	}
	judge(claim, &from, entry->path, fd, looked, ret_report);
	/* That gives the lease back. */
	if (ret_report->outcome == CLAIM_CLAIMED && !claim->look_only)
		closer_add(later, fd);
	else
		(void)close(fd); /* only read from */
}
