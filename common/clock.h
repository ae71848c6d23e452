/* The only module that reads a clock. Everything below it takes the time as
 * an argument, so that tests can say what time it is. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_S INT64_C(1000000000)
#define CLOCK_NS_PER_MS INT64_C(1000000)

/* Nanoseconds since 1970-01-01 UTC, as this host believes. */
int64_t clock_realtime_ns(void);
/* Nanoseconds since some moment, never stepping (CLOCK_BOOTTIME: it counts
 * while the machine sleeps, too). */
int64_t clock_monotonic_ns(void);
/* A struct timespec (of struct stat) in nanoseconds. */
static inline int64_t
clock_from_timespec(const struct timespec *t)
{
	return (int64_t)t->tv_sec * CLOCK_NS_PER_S + t->tv_nsec;
}

#endif
