/* Deletes what is confirmed, and puts back what no receipt speaks for. */
#ifndef REAPER_REAP_H
#define REAPER_REAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/progress.h"
#include "common/stage.h"

struct reaper {
	struct stage stage;
	struct clock_fs fs_clock;
	bool dry_run;
	struct progress progress;
	int64_t began_ns;
	size_t deleted, kept, queued_again;
	int64_t deleted_bytes;
	/* Inodes of the run at hand that a receipt speaks for and that stay
	 * for now. */
	uint64_t *kept_inodes;
	size_t kept_count, kept_capacity;
	struct reaper_batch *batch;
};

/* Visits every run that has a file in runs/ or a room in confirmed/: deletes
 * the confirmed files, puts those of dead runs without a receipt back into
 * the queue, archives the dead runs that are done. */
void reap_runs(struct reaper *reaper);
/* Logs a failed operation on the object NAME and notes the exit status. */
void reap_fail(
    struct reaper *reaper, const char *operation, const char *name, int error);

#endif
