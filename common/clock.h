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
/* Nanoseconds that all threads of this process have computed for. */
int64_t clock_cpu_ns(void);
/* A struct timespec (of struct stat) in nanoseconds; a producer may set any
 * time, so what doesn't fit becomes INT64_MIN or INT64_MAX. */
int64_t clock_from_timespec(const struct timespec *t);

/* What time a file system believes it is, which over NFS is the server's
 * belief: the only clock that file times may be compared with. */
struct clock_fs {
	int64_t fs_ns;	 /* its time when probed ... */
	int64_t mono_ns; /* ... and clock_monotonic_ns() then */
};
/* Sets the times of the file open at FD, which must be ours and is worth
 * nothing else, to the file system's now, and reads them. Returns 0 or a
 * negative errno. */
int clock_fs_probe(int fd, struct clock_fs *ret_clock);
/* This host's clock instead, where nothing may be written. */
void clock_fs_guess(struct clock_fs *ret_clock);
/* Its time now: the probe's plus what has passed since. */
int64_t clock_fs_now_ns(const struct clock_fs *clock);

#endif
