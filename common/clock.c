/* Reads the clocks; see clock.h. */
#include "common/clock.h"

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
