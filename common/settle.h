/* Whether a file is settled: nobody writes it, and it has been left alone for
 * a while.
 *
 * A read lease (fcntl(2), F_SETLEASE) is granted only while nobody has the
 * file open for writing, and breaks when somebody opens it so. Testing first
 * and acting later loses races; the order that lost none is: take the lease,
 * fstat and judge under it, act, ask whether it is still held, release. */
#ifndef COMMON_SETTLE_H
#define COMMON_SETTLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/config.h"

enum lease { LEASE_HELD, LEASE_WRITER, LEASE_NONE };

/* SIGIO, by which the kernel announces a broken lease, kills by default. Call
 * once before the first lease. */
void settle_ignore_sigio(void);
/* Takes a read lease on FD, which must be open read-only. LEASE_WRITER:
 * somebody has it open for writing. LEASE_NONE: none can be had here (the
 * file system has none, or the file isn't ours and we lack CAP_LEASE), or
 * CHECK is SETTLE_AGE; *ret_error then says why (errno value, 0 for AGE). */
enum lease settle_take_lease(int fd, enum settle_check check, int *ret_error);
/* Whether the lease on FD stands unbroken. */
bool settle_lease_stands(int fd);
/* Gives it back; closing FD does so too. */
void settle_release_lease(int fd);

enum settle_state {
	SETTLE_SETTLED,
	SETTLE_WRITER,	/* open for writing */
	SETTLE_YOUNG,	/* changed less than settle_seconds ago */
	SETTLE_FUTURE,	/* its change time lies ahead of the clock */
	SETTLE_UNPROVEN /* a lease is asked for, and none can be had */
};

/* Judges a file by its lease and its times. NOW_NS is the file system's. */
enum settle_state settle_judge(const struct config *config, enum lease lease,
    const struct stat *st, int64_t now_ns);
/* Seconds since the later of its modification and its change. A modification
 * time in the future says nothing (anybody may set one) and is left out; the
 * change time is the kernel's own. */
int64_t settle_age_seconds(const struct stat *st, int64_t now_ns);

#endif
