/* Leases and the judgement under them; see settle.h.
 *
 * NFSv4 answers EAGAIN to F_SETLEASE without a delegation, and SMB without an
 * oplock (Linux's nfs4_setlease and cifs_setlease), exactly as for a writer, so
 * there EAGAIN proves nothing. The kernel doesn't see stores
 * through writable mappings on overlayfs. */
#include "common/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/vfs.h>

#include "common/clock.h"

void
settle_ignore_sigio(void)
{
	/* Can fail only for signals that don't exist. */
	(void)signal(SIGIO, SIG_IGN);
}

/* Whether it is a server that knows who writes the file. */
static bool
is_remote(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	switch ((uint32_t)fs.f_type) {
	case NFS_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

enum lease
settle_take_lease(int fd, enum settle_check check, int *ret_error)
{
	*ret_error = 0;
	if (check == SETTLE_AGE)
		return LEASE_NONE;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return LEASE_HELD;
	if (errno == EAGAIN && !is_remote(fd))
		return LEASE_WRITER;
	*ret_error = errno != 0 ? errno : EAGAIN;
	return LEASE_NONE;
}

bool
settle_lease_stands(int fd)
{
	return fcntl(fd, F_GETLEASE) == F_RDLCK;
}

void
settle_release_lease(int fd)
{
	/* There is nothing to do about a lease that is gone already. */
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
}

int64_t
settle_age_seconds(const struct stat *st, int64_t now_ns)
{
	int64_t mtime_ns = clock_from_timespec(&st->st_mtim);
	int64_t last_ns = clock_from_timespec(&st->st_ctim);
	int64_t age_ns;

	if (mtime_ns > last_ns && mtime_ns <= now_ns)
		last_ns = mtime_ns;
	/* Only a clock far off overflows: then it is very old or very new. */
	if (__builtin_sub_overflow(now_ns, last_ns, &age_ns))
		return last_ns < 0 ? INT64_MAX : INT64_MIN;
	/* Rounded down, below zero too. */
	return age_ns / CLOCK_NS_PER_S - (age_ns % CLOCK_NS_PER_S < 0);
}

enum settle_state
settle_judge(const struct config *config, enum lease lease,
    const struct stat *st, int64_t now_ns)
{
	int64_t age = settle_age_seconds(st, now_ns);

	if (lease == LEASE_WRITER)
		return SETTLE_WRITER;
	if (lease == LEASE_NONE && config->settle_check == SETTLE_LEASE)
		return SETTLE_UNPROVEN;
	if (config->settle_seconds == 0)
		return SETTLE_SETTLED;
	if (age < -1)
		return SETTLE_FUTURE;
	return age >= config->settle_seconds ? SETTLE_SETTLED : SETTLE_YOUNG;
}
