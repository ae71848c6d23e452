/* How the uploader as a whole sends files, and how it comes to stop; see
 * uploader.h. Whoever finds out that it can't go on says so here: the event
 * loop (upload.c) heeds it. */
#include "uploader/uploader.h"

#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"

bool
uploader_is_unconditional(const struct uploader *up)
{
	return up->no_conditions ||
	       up->config->on_conflict == CONFLICT_OVERWRITE;
}

void
uploader_stop(struct uploader *up, int status)
{
	stage_fail(up->stage, status);
	if (status == EX_NOPERM)
		up->failures[FAILURE_PERMISSION]++;
	else if (status == EX_CONFIG)
		up->failures[FAILURE_CONFIGURATION]++;
	else if (status == EX_IOERR)
		up->failures[FAILURE_LOCAL]++;
	if (up->stopping)
		return;
	up->stopping = true;
	up->stop_by_ns = clock_monotonic_ns() +
			 UPLOADER_GRACE_S * CLOCK_NS_PER_S;
}

void
uploader_stop_on_error(struct uploader *up, const char *what, int error)
{
	log_error("Cannot %s '%s': %s", what, up->config->spool_dir,
	    strerror(-error));
	uploader_stop(up, EX_IOERR);
}
