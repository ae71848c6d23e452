/* ledger_retention: removes what is old of the record, and says so to whoever
 * asks for it later. */
#ifndef REAPER_FORGET_H
#define REAPER_FORGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/spool.h"
#include "common/timefmt.h"

struct forgotten {
	size_t days;		/* whose files were removed */
	char last[TIMEFMT_MAX]; /* the last of them, or of earlier ones; "" */
};

/* Removes the files of days that ended RETENTION_NS before the newest day on
 * record did, or before NOW_NS where that is earlier. A stretch without any
 * that is longer than RETENTION_NS counts as no time: days that were written
 * while the clock was further ahead make others no older than by their number.
 * With DRY_RUN it only counts. Returns 0 or a negative
 * errno. */
int forget_days(struct spool *spool, int64_t now_ns, int64_t retention_ns,
    bool dry_run, struct forgotten *ret_forgotten);
/* The last day whose file was removed, "" for none. Returns 0 or a negative
 * errno. */
int forget_last(const struct spool *spool, char ret_day[TIMEFMT_MAX]);
/* Says in the log what is missing, where an answer about uploads since SINCE_NS
 * may lack it. */
void forget_say(const struct spool *spool, int64_t since_ns);

#endif
