/* The states of a file as directories, and the moves between them.
 *
 * What a crash leaves: rename(2) is atomic, so a file is in the one room or
 * in the other, and each state says what is to be done next, whoever does it.
 * link+unlink (where RENAME_NOREPLACE is missing) can leave two names of one
 * inode; then the private one goes (spool_drop_twin). The name that is unlinked
 * lies in a room of our own always: in a shared one somebody may have put
 * another file under it since the link.
 *
 * After a failed rename the inode is asked, not errno: over NFS a request may
 * have been carried out, its answer lost, and its repetition answered ENOENT
 * or EEXIST. Where the target holds our inode, the move has happened. */
#include "common/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "common/reserve.h"

/* Another process may prune the directories we just made; that it does so
 * every time is not to be believed: then the room itself is gone. */
enum { MOVE_TRIES = 16 };

struct part {
	const char *name;
	int *fd;
};

/* 0, or -EPERM: anybody else could put files there or read them. */
static int
check_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? 0 : -EPERM;
}

static int
open_part(int root_fd, const struct part *part, enum spool_mode mode)
{
	int fd, rc;

	if (mode == SPOOL_CREATE && mkdirat(root_fd, part->name, 0700) < 0 &&
	    errno != EEXIST)
		return -errno;
	/* O_NOFOLLOW would turn the ELOOP of a link into an ENOTDIR. */
	fd = fsio_open_beneath(root_fd, part->name, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT && mode == SPOOL_LOOK)
		return 0;
	if (fd < 0)
		return fd;
	rc = check_owner(fd);
	if (rc == 0)
		*part->fd = fd;
	else
		(void)close(fd); /* a directory */
	return rc;
}

static int
open_parts(struct spool *spool, enum spool_mode mode, const char **ret_name)
{
	const struct part parts[] = {
	    {"claimed", &spool->claimed_fd},
	    {"uploading", &spool->uploading_fd},
	    {"confirmed", &spool->confirmed_fd},
	    {"failed", &spool->failed_fd},
	    {"held", &spool->held_fd},
	    {"runs", &spool->runs_fd},
	    {"ledger", &spool->ledger_fd},
	    {"multipart", &spool->multipart_fd},
	    {"locks", &spool->locks_fd},
	    {"tmp", &spool->tmp_fd},
	};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		int rc = open_part(spool->root_fd, &parts[i], mode);

		*ret_name = parts[i].name;
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Makes PATH below DIRFD unless it stands. mkdirat alone would follow links on
 * the way. */
static int
make_beneath(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	int parent_fd, rc;
	char *parent;

	if (slash == NULL)
		return mkdirat(dirfd, path, 0700) == 0 || errno == EEXIST
			   ? 0
			   : -errno;
	parent = mem_copy_n(path, (size_t)(slash - path));
	parent_fd = fsio_open_beneath(dirfd, parent, O_RDONLY | O_DIRECTORY);
	free(parent);
	if (parent_fd < 0)
		return parent_fd;
	rc = make_beneath(parent_fd, slash + 1);
	(void)close(parent_fd); /* a directory */
	return rc;
}

/* Opens spool_dir itself. Below base_dir whoever may write there could have put
 * a link in its place; elsewhere the user named it, and links on the way are
 * his. */
static int
open_dir(const struct spool *spool, const struct config *config,
    enum spool_mode mode)
{
	const char *path = config->spool_dir;
	size_t base_length = strlen(config->base_dir);
	int fd, rc;

	if (strncmp(path, config->base_dir, base_length) == 0 &&
	    path[base_length] == '/') {
		path += base_length + strspn(path + base_length, "/");
		rc = mode == SPOOL_CREATE ? make_beneath(spool->base_fd, path)
					  : 0;
		return rc < 0 ? rc
			      : fsio_open_beneath(spool->base_fd, path,
				    O_RDONLY | O_DIRECTORY);
	}
	if (mode == SPOOL_CREATE && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

/* Whether it is a spool as it should be, but not ours. */
static bool
is_anothers(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid != geteuid() &&
	       (st->st_mode & 077) == 0;
}

/* To change the owner of another user's spool would be that one's ruin. */
static char *
describe_owner(const char *path, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	if (user == NULL)
		return mem_format(
		    "Refusing the spool directory '%s': it "
		    "belongs to uid %lu; run s3spool as that user",
		    path, (unsigned long)uid);
	return mem_format("Refusing the spool directory '%s': it belongs to "
			  "user %s (uid %lu); run s3spool as that user, such "
			  "as by 'sudo -u %s s3spool ...'",
	    path, user->pw_name, (unsigned long)uid, user->pw_name);
}

static char *
refusal(const char *path)
{
	return mem_format("Refusing the spool directory '%s': it must belong "
			  "to the user who runs s3spool and be closed to all "
			  "others; chown it, and chmod 700",
	    path);
}

static int
open_root(struct spool *spool, const struct config *config,
    enum spool_mode mode, char **ret_error)
{
	const char *path = config->spool_dir;
	struct stat st;
	int rc = open_dir(spool, config, mode);

	if (rc == -ENOENT && mode == SPOOL_LOOK)
		return 0;
	spool->root_fd = rc < 0 ? -1 : rc;
	if (rc >= 0)
		rc = fstat(rc, &st) < 0 ? -errno : check_owner(rc);
	if (rc == -EPERM && spool->root_fd >= 0)
		*ret_error = is_anothers(&st) ? describe_owner(path, st.st_uid)
					      : refusal(path);
	else if (rc == -EACCES && lstat(path, &st) == 0 && is_anothers(&st))
		*ret_error = describe_owner(path, st.st_uid);
	else if (rc == -ELOOP)
		*ret_error = mem_format("Refusing the spool directory '%s': it "
					"is a symbolic link, or lies behind "
					"one, in a directory that the producer "
					"may write to; remove the link, or set "
					"spool_dir to a path outside base_dir",
		    path);
	else if (rc < 0)
		*ret_error = mem_format("Cannot open the spool directory '%s': "
					"%s%s",
		    path, strerror(-rc),
		    rc == -ENOENT || rc == -EACCES
			? "; its parent directory must exist and be ours to "
			  "write"
			: "");
	if (rc < 0)
		return rc == -ELOOP ? -EPERM : rc;
	spool->device = st.st_dev;
	spool->inode = st.st_ino;
	return 0;
}

int
spool_open(const struct config *config, enum spool_mode mode,
    struct spool **ret_spool, char **ret_error)
{
	struct spool *spool = mem_alloc(sizeof *spool);
	const char *part;
	int rc;

	*spool = (struct spool){-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	    0, 0, false, 0, false, 0};
	spool->base_fd = open(
	    config->base_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->base_fd < 0) {
		rc = -errno;
		*ret_error = mem_format("Cannot open base_dir '%s': %s",
		    config->base_dir, strerror(-rc));
		goto out;
	}
	rc = open_root(spool, config, mode, ret_error);
	if (rc < 0 || spool->root_fd < 0)
		goto out;
	rc = open_parts(spool, mode, &part);
	if (rc == -EPERM || rc == -ELOOP) {
		char *path = mem_format("%s/%s", config->spool_dir, part);

		rc = -EPERM;
		*ret_error = refusal(path);
		free(path);
	} else if (rc < 0) {
		*ret_error = mem_format("Cannot open '%s/%s': %s",
		    config->spool_dir, part, strerror(-rc));
	}
out:
	if (rc < 0)
		spool_close(spool);
	else
		*ret_spool = spool;
	return rc;
}

void
spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	const int fds[] = {spool->base_fd, spool->root_fd, spool->claimed_fd,
	    spool->uploading_fd, spool->confirmed_fd, spool->failed_fd,
	    spool->held_fd, spool->runs_fd, spool->ledger_fd,
	    spool->multipart_fd, spool->locks_fd, spool->tmp_fd};

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]); /* directories: nothing is lost */
	free(spool);
}

int
spool_lock(const struct spool *spool, const char *name, int *ret_fd,
    struct clock_fs *ret_clock)
{
	int fd, rc;

	fd = fsio_open_beneath(spool->locks_fd, name, O_RDWR | O_CREAT);
	if (fd < 0)
		return fd;
	rc = fsio_lock(fd, 0, 0);
	if (rc == 0)
		rc = clock_fs_probe(fd, ret_clock);
	if (rc < 0)
		(void)close(fd); /* holds no data */
	else
		*ret_fd = fd;
	return rc;
}

static int
open_lock(const struct spool *spool, const char *name, int *ret_fd)
{
	int fd = fsio_open_beneath(spool->locks_fd, name, O_RDWR | O_CREAT);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int
spool_open_keys(const struct spool *spool, int *ret_fd)
{
	return open_lock(spool, "keys", ret_fd);
}

int
spool_open_metrics(const struct spool *spool, const char *stage, int *ret_fd)
{
	char *name = mem_format("metrics-%s", stage);
	int rc = open_lock(spool, name, ret_fd);

	free(name);
	return rc;
}

struct move {
	const struct spool_name *from;
	bool from_private; /* nobody else makes or moves names there */
	const struct spool_room *room;
	const char *path;
};

/* One try where RENAME_NOREPLACE is missing. */
static int
move_by_hand(const struct move *m)
{
	const struct spool_name *from = m->from;
	struct stat st;

	if (m->room->is_private) {
		/* Nobody but us makes names here: free now is free then. */
		if (fstatat(m->room->fd, m->path, &st, AT_SYMLINK_NOFOLLOW) ==
		    0)
			return -EEXIST;
		if (errno != ENOENT)
			return -errno;
		return renameat(
			   from->dirfd, from->name, m->room->fd, m->path) == 0
			   ? 0
			   : -errno;
	}
	if (!m->from_private)
		return -ENOTSUP;
	if (linkat(from->dirfd, from->name, m->room->fd, m->path, 0) < 0)
		return -errno;
	/* Dying here leaves two names of one inode; spool_drop_twin. */
	if (unlinkat(from->dirfd, from->name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* One try; 0 or what the kernel said. */
static int
move_once(struct spool *spool, const struct move *m)
{
	if (!spool->lacks_noreplace) {
		if (renameat2(m->from->dirfd, m->from->name, m->room->fd,
			m->path, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
		spool->lacks_noreplace = true;
	}
	return move_by_hand(m);
}

/* Whether NAME in DIRFD is the inode; with 0 for the inode: anything. */
static bool
is_there(int dirfd, const char *name, ino_t inode)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (inode == 0 || st.st_ino == inode);
}

/* The target holds the inode: the move has happened, and of link+unlink only
 * the second half may be missing. */
static int
finish(const struct move *m)
{
	const struct spool_name *from = m->from;

	if (!m->from_private || !is_there(from->dirfd, from->name, from->inode))
		return 0;
	return unlinkat(from->dirfd, from->name, 0) == 0 || errno == ENOENT
		   ? 0
		   : -errno;
}

/* Whether the directory for the target was missing, and now isn't. */
static bool
made_parent(const struct move *m)
{
	const char *slash = strrchr(m->path, '/');
	char *parent;
	bool made;

	if (slash == NULL)
		return false;
	parent = mem_copy_n(m->path, (size_t)(slash - m->path));
	made = mkdirat(m->room->fd, parent, 0777) == 0;
	free(parent);
	return made;
}

static int
move(struct spool *spool, const struct move *m)
{
	const struct spool_name *from = m->from;
	int rc = 0;

	for (int i = 0; i < MOVE_TRIES; i++) {
		rc = move_once(spool, m);
		if (rc == 0 || rc == -EXDEV || rc == -ENOTSUP)
			return rc;
		/* That explains it, without a question. */
		if ((rc == -ENOENT && made_parent(m)) ||
		    reserve_give_up(spool, rc))
			continue;
		if (from->inode != 0 &&
		    is_there(m->room->fd, m->path, from->inode))
			return finish(m);
		if (rc != -ENOENT)
			return rc;
		if (!is_there(from->dirfd, from->name, 0))
			return -ENOENT;
		rc = fsio_make_parents(m->room->fd, m->path);
		if (rc < 0 && rc != -ENOENT && !reserve_give_up(spool, rc))
			return rc;
	}
	return rc == -ENOSPC || rc == -EDQUOT ? rc : -ESTALE;
}

/* From PATH in a room that is ours alone. */
static int
move_ours(struct spool *spool, const struct spool_room *ours, const char *path,
    ino_t inode, const struct spool_room *room)
{
	const struct spool_name from = {ours->fd, path, inode};

	return move(spool, &(struct move){&from, true, room, path});
}

/* Before: the producer's. After: waiting in the queue. Either is whole. */
int
spool_claim(
    struct spool *spool, const struct spool_name *from, const char *path)
{
	const struct spool_room claimed = {spool->claimed_fd, false};

	return move(spool, &(struct move){from, false, &claimed, path});
}

/* Before: in the queue, where the next scan or uploader finds the writer
 * again. After: the producer's, as if nothing had been. */
int
spool_unclaim(
    struct spool *spool, const char *path, const struct spool_name *to)
{
	const struct spool_name from = {spool->claimed_fd, path, to->inode};
	const struct spool_room base = {to->dirfd, false};

	return move(spool, &(struct move){&from, false, &base, to->name});
}

/* Before: a run's, which a later one takes over if it dies. After: the
 * producer's, as if nothing had been. */
int
spool_return(struct spool *spool, const struct spool_room *uploading,
    const char *path, const struct spool_name *to)
{
	const struct spool_name from = {uploading->fd, path, to->inode};
	const struct spool_room base = {to->dirfd, false};

	return move(spool, &(struct move){&from, true, &base, to->name});
}

/* Before: anyone's. After: this run's; if the run dies, its room is one more
 * place from which the next run takes. */
int
spool_take(struct spool *spool, const struct spool_name *from,
    const struct spool_room *uploading, const char *path)
{
	return move(spool, &(struct move){from, false, uploading, path});
}

/* Before: this run's, and taken over if it dies. After: anyone's. */
int
spool_give_back(struct spool *spool, const struct spool_room *uploading,
    const char *path, ino_t inode)
{
	const struct spool_room claimed = {spool->claimed_fd, false};

	return move_ours(spool, uploading, path, inode, &claimed);
}

/* Before: stored and receipted, but still among the run's: whoever takes it
 * over finds the receipt and doesn't send again. After: the reaper's. */
int
spool_confirm(struct spool *spool, const struct spool_room *uploading,
    const struct spool_room *confirmed, const char *path, ino_t inode)
{
	return move_ours(spool, uploading, path, inode, confirmed);
}

/* Before: its reason is written, and it will be tried once more if we die.
 * After: a person's. */
int
spool_reject(struct spool *spool, const struct spool_room *uploading,
    const struct spool_room *failed, const char *path, ino_t inode)
{
	return move_ours(spool, uploading, path, inode, failed);
}

/* Before: confirmed, but without a receipt that fits, so it stays. After: it
 * waits to be sent like any other. */
int
spool_reclaim(struct spool *spool, const struct spool_room *confirmed,
    const char *path, ino_t inode)
{
	const struct spool_room claimed = {spool->claimed_fd, false};

	return move_ours(spool, confirmed, path, inode, &claimed);
}

/* Before: a person's. After: it waits to be sent like any other; that it was
 * refused is still on record. */
int
spool_retry(struct spool *spool, const struct spool_room *failed,
    const char *path, ino_t inode)
{
	const struct spool_room claimed = {spool->claimed_fd, false};
	const struct spool_name from = {failed->fd, path, inode};

	return move(
	    spool, &(struct move){&from, failed->is_private, &claimed, path});
}

/* Before: waiting, anyone's, or a run's. After: nobody's, until it is
 * released. */
int
spool_hold(struct spool *spool, const struct spool_room *room, const char *path,
    ino_t inode)
{
	const struct spool_room held = {spool->held_fd, false};
	const struct spool_name from = {room->fd, path, inode};

	return move(
	    spool, &(struct move){&from, room->is_private, &held, path});
}

/* Before: held. After: it waits to be sent like any other. */
int
spool_release(struct spool *spool, const char *path, ino_t inode)
{
	const struct spool_room claimed = {spool->claimed_fd, false};
	const struct spool_name from = {spool->held_fd, path, inode};

	return move(spool, &(struct move){&from, false, &claimed, path});
}

/* Whether base_dir holds the very file, by a way that leads through no link: a
 * producer's links may lead to where the file's name isn't ours to count on. */
static bool
is_in_base(const struct spool *spool, const char *path, const struct stat *file)
{
	struct stat st;
	int fd = fsio_open_beneath(spool->base_fd, path, O_PATH | O_NOFOLLOW);
	bool is_it;

	if (fd < 0)
		return false;
	is_it = fstat(fd, &st) == 0 && st.st_ino == file->st_ino &&
		st.st_dev == file->st_dev;
	(void)close(fd); /* refers to a place, no more */
	return is_it;
}

/* Before: two names of one file. After: the one that says its state. */
int
spool_drop_twin(struct spool *spool, const struct spool_room *uploading,
    const char *path, const struct stat *file)
{
	if (!is_there(spool->claimed_fd, path, file->st_ino) &&
	    !is_there(spool->held_fd, path, file->st_ino) &&
	    !is_in_base(spool, path, file))
		return 0;
	if (unlinkat(uploading->fd, path, 0) < 0 && errno != ENOENT)
		return -errno;
	return 1;
}
