/* Reads the clocks; see clock.h. */
#include "common/clock.h"

#include <errno.h>
#include <sys/stat.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec t = {0};

	/* Can't fail for these ids on any kernel that has openat2. */
	(void)clock_gettime(id, &t);
	return clock_from_timespec(&t);
}

int64_t
clock_realtime_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_monotonic_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t
clock_cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t
clock_from_timespec(const struct timespec *t)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)t->tv_sec, CLOCK_NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)t->tv_nsec, &ns))
		return t->tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

int
clock_fs_probe(int fd, struct clock_fs *ret_clock)
{
	struct stat st;

	/* NULL is UTIME_NOW for both times, which NFS leaves to the server. */
	if (futimens(fd, NULL) < 0 || fstat(fd, &st) < 0)
		return -errno;
	ret_clock->fs_ns = clock_from_timespec(&st.st_mtim);
	ret_clock->mono_ns = clock_monotonic_ns();
	return 0;
}

void
clock_fs_guess(struct clock_fs *ret_clock)
{
	ret_clock->fs_ns = clock_realtime_ns();
	ret_clock->mono_ns = clock_monotonic_ns();
}

int64_t
clock_fs_now_ns(const struct clock_fs *clock)
{
	return clock->fs_ns + (clock_monotonic_ns() - clock->mono_ns);
}
