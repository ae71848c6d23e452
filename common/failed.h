/* What lies in failed/, and why: the files of all runs, each with the reason
 * that failed/<run>.tsv gives for it. */
#ifndef COMMON_FAILED_H
#define COMMON_FAILED_H

#include <stddef.h>

#include "common/spool.h"

/* Why a file is in failed/. */
struct failed_reason {
	char *path;
	char *when;    /* RFC 3339 */
	char *code;    /* "AccessDenied", "HardLink", ... */
	char *message; /* escaped, as the log shows it */
};

struct failed_file {
	const char *run;
	const struct spool_room *room; /* the run's */
	const char *path;
	const struct failed_reason *reason; /* the newest; never NULL: where
					       none is on record it says so */
};

/* Opens the room of the run NAME in failed/. Returns 0 and *ret_room, whose fd
 * is the caller's, -ENOENT where it has none, or another negative errno. */
int failed_open_room(
    const struct spool *spool, const char *name, struct spool_room *ret_room);
/* Calls VISIT for each file in failed/. VISIT may move it away; it returns 0 to
 * go on, anything else ends it and is returned. Otherwise returns 0 or a
 * negative errno. */
int failed_each(const struct spool *spool,
    int (*visit)(void *context, const struct failed_file *file), void *context);

#endif
