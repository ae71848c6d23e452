/* Space that the spool keeps for a full disk. A queue that filled it while the
 * store was away could never be emptied again: without a block for the run's
 * file nothing is uploaded, so nothing is deleted. */
#ifndef COMMON_RESERVE_H
#define COMMON_RESERVE_H

#include <stdbool.h>

#include "common/spool.h"

enum {
	RESERVE_BYTES = 1 << 20,
	/* What a scanner leaves of it: what it claims is to be uploaded. */
	RESERVE_BYTES_UPLOADER = RESERVE_BYTES / 2
};

/* Makes locks/reserve, or makes it whole again, where the file system has
 * plenty of space. That it can't be made is no error. */
void reserve_keep(const struct spool *spool);

/* Gives it up but for spool->reserve_left if ERROR, a negative errno, says that
 * there is no space. True: there is some now, or another thread has given it up
 * lately; try again. May be called in any thread; reserve_tell says it then. */
bool reserve_give_up(struct spool *spool, int error);
/* Logs that it has been given up, if that hasn't been said. */
void reserve_tell(struct spool *spool);

#endif
