/* s3spool-reap --status: what waits to be deleted, what was stored lately, and
 * what space is left. */
#ifndef REAPER_REAP_STATUS_H
#define REAPER_REAP_STATUS_H

#include "common/health.h"

/* Prints it; the spool is open. */
void reap_status(struct stage *stage, const struct health_options *options);

#endif
