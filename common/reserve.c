/* A file whose blocks are allocated, so that shortening it frees some, which
 * mkdir and whatever writes a receipt then find; see reserve.h. */
#include "common/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/log.h"

static const char name[] = "reserve";

/* Where a file system has less free than so many times the reserve, that
 * would be missed. */
enum { PLENTY = 64 };
/* Whoever has met a full disk by then may have done so before it was given
 * up. */
static const int64_t lately_ns = CLOCK_NS_PER_S;

static bool
has_plenty(const struct spool *spool)
{
	struct statvfs fs;

	return fstatvfs(spool->locks_fd, &fs) == 0 &&
	       fs.f_bavail / PLENTY > RESERVE_BYTES / fs.f_frsize;
}

void
reserve_keep(const struct spool *spool)
{
	struct stat st;
	int fd, error;

	if (fstatat(spool->locks_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size >= RESERVE_BYTES)
		return;
	if (!has_plenty(spool))
		return;
	fd = fsio_open_beneath(spool->locks_fd, name, O_RDWR | O_CREAT);
	if (fd < 0)
		return;
	error = posix_fallocate(fd, 0, RESERVE_BYTES);
	if (error != 0) {
		log_debug(
		    "Cannot keep a reserve of space: %s", strerror(error));
		(void)!ftruncate(fd, 0); /* or the next pass goes on with it */
	}
	(void)close(fd); /* holds no data */
}

static bool
give_up(struct spool *spool)
{
	struct stat st;
	bool is_given = false;
	int fd;

	fd = fsio_open_beneath(spool->locks_fd, name, O_RDWR);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_size > spool->reserve_left)
		is_given = ftruncate(fd, spool->reserve_left) == 0;
	(void)close(fd); /* holds no data */
	return is_given;
}

bool
reserve_give_up(struct spool *spool, int error)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	bool is_given;

	if (error != -ENOSPC && error != -EDQUOT)
		return false;
	(void)pthread_mutex_lock(&lock);
	is_given = give_up(spool);
	if (is_given) {
		spool->gave_up_reserve = true;
		spool->gave_up_ns = clock_monotonic_ns();
	} else {
		is_given = spool->gave_up_ns != 0 &&
			   clock_monotonic_ns() - spool->gave_up_ns < lately_ns;
	}
	(void)pthread_mutex_unlock(&lock);
	return is_given;
}

void
reserve_tell(struct spool *spool)
{
	if (atomic_exchange(&spool->gave_up_reserve, false))
		log_warning("No space was left: going on with what the spool "
			    "keeps for that");
}
