/* s3spool-reap --status: what waits to be deleted, what was stored lately, and
 * what space is left. */
#ifndef REAPER_REAP_STATUS_H
#define REAPER_REAP_STATUS_H

#include "common/health.h"

/* Counts what lies in confirmed/, and what of it is DUE: since when its
 * retention is over. Returns 0 or a negative errno. */
int reap_status_count(const struct stage *stage, int64_t now_ns,
    struct tally *confirmed, struct tally *due);
/* Prints it; the spool is open. */
void reap_status(struct stage *stage, const struct health_options *options);

#endif
