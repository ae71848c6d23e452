/* What the file system can do, found out by trying, as neither its name nor
 * its device number tells: a bind mount has the same device and refuses the
 * rename, and an NFS server grants leases or doesn't.
 *
 * A probe lies at the top of base_dir, where no pattern matches its hidden
 * name, and visits spool/tmp, whose day-old litter the reaper removes: what a
 * kill in the middle leaves harms nobody. */
#include "uploader/check_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "common/settle.h"
#include "uploader/chance.h"
#include "uploader/check_report.h"

static const uint64_t low_bytes = UINT64_C(64) * 1024 * 1024;
static const uint64_t low_inodes = 1000;

struct files {
	struct stage *stage;
	struct spool *spool;
	int base_fd;
	int room_fd;	/* of the spool: tmp, where there is one */
	bool own_spool; /* it was made for the check */
	char *name;	/* of the probe file, in either directory */
	char *other;	/* of a second one, in the room */
};

/* Makes an empty file. Returns 0 or a negative errno. */
static int
make_probe(int dirfd, const char *name)
{
	int fd = fsio_open_beneath(dirfd, name, O_WRONLY | O_CREAT | O_EXCL);

	if (fd < 0)
		return fd;
	(void)close(fd); /* holds no data */
	return 0;
}

static const char *
whose(const struct stat *st)
{
	return st->st_uid == geteuid() ? "ours" : "another user's";
}

/* Opens both directories. False: nothing more can be tried. */
static bool
open_dirs(struct files *files)
{
	struct stage *stage = files->stage;
	const struct config *config = stage->config;
	char *error = NULL;
	struct stat st;
	int rc = spool_open(config, SPOOL_LOOK, &files->spool, &error);

	if (rc < 0) {
		check_fail(stage, rc == -EPERM ? EX_CONFIG : EX_IOERR, "spool",
		    "%s", error);
		free(error);
		return false;
	}
	files->base_fd = files->spool->base_fd;
	if (fstat(files->base_fd, &st) == 0)
		check_ok("base_dir", "'%s': %s, mode %04o", config->base_dir,
		    whose(&st), st.st_mode & 07777u);
	if (files->spool->root_fd >= 0) {
		files->room_fd = files->spool->tmp_fd >= 0
				     ? files->spool->tmp_fd
				     : files->spool->root_fd;
		if (fstat(files->spool->root_fd, &st) == 0)
			check_ok("spool", "'%s': %s, mode %04o",
			    config->spool_dir, whose(&st), st.st_mode & 07777u);
		return true;
	}
	if (mkdir(config->spool_dir, 0700) < 0) {
		check_fail(stage, EX_IOERR, "spool",
		    "cannot make '%s': %s; its parent directory must exist "
		    "and be ours to write",
		    config->spool_dir, strerror(errno));
		return false;
	}
	files->own_spool = true;
	files->room_fd = open(
	    config->spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_ok(
	    "spool", "'%s': not there yet, and can be made", config->spool_dir);
	return files->room_fd >= 0;
}

/* Renames the probe there and back with FLAGS; 0 or a negative errno. */
static int
try_rename(const struct files *files, unsigned flags)
{
	if (renameat2(files->base_fd, files->name, files->room_fd, files->name,
		flags) < 0 ||
	    renameat2(files->room_fd, files->name, files->base_fd, files->name,
		flags) < 0)
		return -errno;
	return 0;
}

/* The way around a missing RENAME_NOREPLACE. */
static int
try_link(const struct files *files)
{
	if (linkat(files->base_fd, files->name, files->room_fd, files->name,
		0) < 0 ||
	    unlinkat(files->room_fd, files->name, 0) < 0)
		return -errno;
	return 0;
}

static void
check_noreplace(const struct files *files)
{
	static const char item[] = "rename";
	int rc = make_probe(files->room_fd, files->other);

	if (rc == 0 && renameat2(files->base_fd, files->name, files->room_fd,
			   files->other, RENAME_NOREPLACE) == 0)
		check_fail(files->stage, EX_IOERR, item,
		    "RENAME_NOREPLACE replaced a file: this file system is "
		    "not to be trusted with a queue");
	else if (rc < 0 || errno != EEXIST)
		check_warn(item, "works, but RENAME_NOREPLACE answered: %s",
		    strerror(rc < 0 ? -rc : errno));
	else
		check_ok(item, "works between base_dir and spool (same "
			       "mount), and never replaces a file");
}

static void
check_rename(const struct files *files)
{
	static const char item[] = "rename";
	struct stage *stage = files->stage;
	int rc = try_rename(files, RENAME_NOREPLACE);

	if (rc == 0) {
		check_noreplace(files);
		return;
	}
	if (rc == -EINVAL) {
		rc = try_rename(files, 0);
		if (rc == 0)
			rc = try_link(files);
		if (rc == 0)
			check_warn(item, "works between base_dir and spool "
					 "(same mount); there is no "
					 "RENAME_NOREPLACE: link and unlink "
					 "stand in for it");
	}
	if (rc == -EXDEV)
		check_fail(stage, EX_CONFIG, item,
		    "'%s' and '%s' are on different mounts; set spool_dir to "
		    "a directory on base_dir's",
		    stage->config->base_dir, stage->config->spool_dir);
	else if (rc < 0)
		check_fail(stage, EX_IOERR, item,
		    "cannot rename a probe file between '%s' and '%s': %s",
		    stage->config->base_dir, stage->config->spool_dir,
		    strerror(-rc));
}

/* Returns the mount that NAME in DIRFD is on, or 0: unknown. */
static uint64_t
mount_of(int dirfd, const char *name)
{
	struct statx st;

	if (statx(dirfd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
		STATX_MNT_ID | STATX_TYPE, &st) < 0 ||
	    (st.stx_mask & STATX_MNT_ID) == 0 || !S_ISDIR(st.stx_mode))
		return 0;
	return st.stx_mnt_id;
}

/* The probe has tried base_dir's own mount; a location may be on another, and
 * is left out by the scanner then. */
static void
check_locations(const struct files *files)
{
	uint64_t mount = mount_of(files->base_fd, "");
	struct dirent *entry;
	struct fsio_dir *dir;

	if (mount == 0 || fsio_open_dir(files->base_fd, "", &dir) < 0)
		return;
	while (fsio_read_dir(dir, &entry) == 1) {
		uint64_t other = mount_of(files->base_fd, entry->d_name);

		if (other != 0 && other != mount)
			check_warn("location",
			    "'%s/%s' is on a mount of its own, so its files "
			    "can't be renamed into the spool and are left "
			    "alone; give it a configuration of its own",
			    files->stage->config->base_dir, entry->d_name);
	}
	fsio_close_dir(dir);
}

static bool
is_overlay(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

static void
report_no_lease(const struct files *files, int error)
{
	static const char item[] = "leases";
	const struct config *config = files->stage->config;

	if (config->settle_check == SETTLE_LEASE)
		check_fail(files->stage, EX_CONFIG, item,
		    "none can be had here (%s), so with settle_check: lease "
		    "nothing would ever be claimed; set it to auto or age",
		    strerror(error));
	else
		check_warn(item,
		    "none can be had here (%s): files count as settled by "
		    "their age alone, %lld s; a producer that pauses for "
		    "longer is not noticed",
		    strerror(error), (long long)config->settle_seconds);
}

/* The probe is our own file, the producer's may not be. Whoever may have no
 * lease on a file of base_dir's owner is told so of the directory, too, before
 * the kernel looks at what it is: fcntl(2), EACCES. */
static bool
are_ours_alone(const struct files *files)
{
	return fcntl(files->base_fd, F_SETLEASE, F_RDLCK) < 0 &&
	       errno == EACCES;
}

static void
report_ours_alone(const struct files *files)
{
	static const char item[] = "leases";

	if (files->stage->config->settle_check == SETTLE_LEASE)
		check_fail(files->stage, EX_CONFIG, item,
		    "work on our own files only, and base_dir is another "
		    "user's: with settle_check: lease none of theirs would "
		    "ever be claimed; run s3spool as that user, or with "
		    "CAP_LEASE");
	else
		check_warn(item,
		    "work on our own files only, and base_dir is another "
		    "user's: run s3spool as that user, or with CAP_LEASE, else "
		    "open writers aren't seen");
}

/* A lease must be granted while nobody writes, and refused while one does. */
static void
check_leases(const struct files *files, int dirfd)
{
	static const char item[] = "leases";
	enum lease free_lease, busy_lease;
	int error = 0, busy_error = 0;
	int fd, writer_fd;

	if (files->stage->config->settle_check == SETTLE_AGE) {
		check_ok(item, "not used: settle_check is age");
		return;
	}
	fd = fsio_open_beneath(dirfd, files->name, O_RDONLY);
	if (fd < 0) {
		check_fail(files->stage, EX_IOERR, item,
		    "cannot open a probe file: %s", strerror(-fd));
		return;
	}
	free_lease = settle_take_lease(fd, SETTLE_LEASE, &error);
	settle_release_lease(fd);
	writer_fd = fsio_open_beneath(dirfd, files->name, O_WRONLY);
	busy_lease = settle_take_lease(fd, SETTLE_LEASE, &busy_error);
	if (free_lease == LEASE_NONE)
		report_no_lease(files, error);
	else if (are_ours_alone(files))
		report_ours_alone(files);
	else if (free_lease == LEASE_HELD && busy_lease == LEASE_WRITER)
		check_ok(item, "work, so open writers are seen%s",
		    is_overlay(fd) ? " (but not writable mappings: this is "
				     "overlayfs)"
				   : "");
	else
		check_warn(item,
		    "don't tell who writes: a free file %s, and "
		    "one that is open for writing %s; "
		    "settle_check: age doesn't rely on them",
		    free_lease == LEASE_HELD ? "gets one" : "gets none",
		    busy_lease == LEASE_HELD ? "gets one" : "gets none");
	if (writer_fd >= 0)
		(void)close(writer_fd); /* holds no data */
	(void)close(fd);
}

/* A lock of one description must keep out another. */
static void
check_locks(const struct files *files, int dirfd)
{
	static const char item[] = "locks";
	int first_fd = fsio_open_beneath(dirfd, files->name, O_RDWR);
	int second_fd = fsio_open_beneath(dirfd, files->name, O_RDWR);
	int first = first_fd < 0 ? first_fd : fsio_lock(first_fd, 0, 0);
	int second = second_fd < 0 ? second_fd : fsio_lock(second_fd, 0, 0);

	if (first == 0 && second == -EAGAIN)
		check_ok(item, "work: a run is seen as long as it lives");
	else if (first < 0)
		check_fail(files->stage, EX_IOERR, item,
		    "cannot lock a probe file: %s; the spool needs a file "
		    "system with open-file-description locks",
		    strerror(-first));
	else
		check_fail(files->stage, EX_IOERR, item,
		    "a lock keeps nobody out here: programs would take each "
		    "other for dead; use another file system (for NFS, not "
		    "local_lock)");
	if (second_fd >= 0)
		(void)close(second_fd); /* holds no data */
	if (first_fd >= 0)
		(void)close(first_fd);
}

static void
check_space(const struct files *files)
{
	static const char item[] = "free space";
	struct statvfs fs;
	uint64_t bytes;

	if (fstatvfs(files->room_fd, &fs) < 0) {
		check_warn(item, "unknown: %s", strerror(errno));
		return;
	}
	bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (bytes < low_bytes || (fs.f_files > 0 && fs.f_favail < low_inodes))
		check_warn(item,
		    "%llu MiB and %llu inodes: the record of uploads needs "
		    "room, too",
		    (unsigned long long)(bytes >> 20),
		    (unsigned long long)fs.f_favail);
	else
		check_ok(item, "%llu MiB", (unsigned long long)(bytes >> 20));
}

static void
try_all(struct files *files)
{
	int rc = make_probe(files->base_fd, files->name);
	int dirfd = files->base_fd;

	if (rc == 0) {
		check_rename(files);
	} else {
		/* Producers' directories below it may well be ours. */
		check_warn("rename",
		    "unknown: cannot make a probe file in '%s': %s; claiming "
		    "a file needs write permission on the directory it is in",
		    files->stage->config->base_dir, strerror(-rc));
		dirfd = files->room_fd;
		rc = make_probe(dirfd, files->name);
	}
	if (rc < 0) {
		check_fail(files->stage, EX_IOERR, "spool",
		    "cannot make a probe file in '%s': %s",
		    files->stage->config->spool_dir, strerror(-rc));
		return;
	}
	check_locations(files);
	check_leases(files, dirfd);
	check_locks(files, dirfd);
	check_space(files);
}

/* Wherever a failed attempt has left them. */
static void
clean_up(struct files *files)
{
	if (files->base_fd >= 0)
		(void)unlinkat(files->base_fd, files->name, 0);
	if (files->room_fd >= 0) {
		(void)unlinkat(files->room_fd, files->name, 0);
		(void)unlinkat(files->room_fd, files->other, 0);
	}
	if (files->own_spool) {
		if (files->room_fd >= 0)
			(void)close(files->room_fd); /* a directory */
		/* Not empty: a program has begun to use it meanwhile. */
		(void)rmdir(files->stage->config->spool_dir);
	}
	spool_close(files->spool);
	free(files->name);
	free(files->other);
}

void
check_files(struct stage *stage)
{
	struct files files = {.stage = stage, .base_fd = -1, .room_fd = -1};

	files.name = mem_format(
	    ".s3spool-check.%ld.%08x", (long)getpid(), chance_u32());
	files.other = mem_format("%s.other", files.name);
	if (open_dirs(&files))
		try_all(&files);
	clean_up(&files);
}
