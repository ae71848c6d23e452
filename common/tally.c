/* Counting; see tally.h. A modification time may be anything, and one in the
 * future says nothing. */
#include "common/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/units.h"

struct room {
	int dirfd;
	enum tally_since since;
	int64_t now_ns;
	struct tally *tally;
};

void
tally_add(struct tally *tally, int64_t bytes, int64_t since_ns)
{
	if (tally->files == 0 || since_ns < tally->oldest_ns)
		tally->oldest_ns = since_ns;
	tally->files++;
	tally->bytes = units_add_sizes(tally->bytes, bytes);
}

static int64_t
time_of(const struct statx_timestamp *time)
{
	return clock_from_timespec(&(struct timespec){
	    .tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec});
}

static int
look(int dirfd, const char *path, struct statx *ret_st)
{
	return statx(dirfd, path, AT_SYMLINK_NOFOLLOW,
		   STATX_BASIC_STATS | STATX_BTIME, ret_st) == 0
		   ? 0
		   : -errno;
}

int
tally_look(int dirfd, const char *path, enum tally_since since, int64_t now_ns,
    int64_t *ret_bytes, int64_t *ret_since_ns)
{
	struct statx st;
	int rc = look(dirfd, path, &st);
	int64_t since_ns, born_ns;

	if (rc < 0)
		return rc;
	since_ns = time_of(&st.stx_mtime);
	if (since == TALLY_MOVED || since_ns > now_ns)
		since_ns = time_of(&st.stx_ctime);
	born_ns = time_of(&st.stx_btime);
	if (since == TALLY_WRITTEN && (st.stx_mask & STATX_BTIME) != 0 &&
	    (born_ns > since_ns || time_of(&st.stx_mtime) > now_ns))
		since_ns = born_ns;
	*ret_bytes = (int64_t)st.stx_size;
	*ret_since_ns = since_ns;
	return 0;
}

static int
visit_file(void *context, const char *path, const struct dirent *entry)
{
	const struct room *room = context;
	int64_t bytes, since_ns;
	int rc;

	(void)entry;
	rc = tally_look(
	    room->dirfd, path, room->since, room->now_ns, &bytes, &since_ns);
	if (rc == 0)
		tally_add(room->tally, bytes, since_ns);
	return rc == -ENOENT ? 0 : rc;
}

int
tally_room(
    int dirfd, enum tally_since since, int64_t now_ns, struct tally *tally)
{
	struct room room = {dirfd, since, now_ns, tally};

	return dirfd < 0 ? 0 : fsio_walk(dirfd, visit_file, &room);
}

static int
visit_run_file(void *context, const char *path, const struct dirent *entry)
{
	return strchr(path, '/') == NULL ? 0 : visit_file(context, path, entry);
}

int
tally_runs(
    int dirfd, enum tally_since since, int64_t now_ns, struct tally *tally)
{
	struct room room = {dirfd, since, now_ns, tally};

	return dirfd < 0 ? 0 : fsio_walk(dirfd, visit_run_file, &room);
}

int
tally_born(int dirfd, const char *path, int64_t *ret_ns)
{
	struct statx st;
	int rc = look(dirfd, path, &st);

	if (rc == 0)
		*ret_ns = time_of((st.stx_mask & STATX_BTIME) != 0
				      ? &st.stx_btime
				      : &st.stx_mtime);
	return rc;
}
