/* Which file a free slot gets, and when it gets none.
 *
 * Uploads that are to be aborted come first, then parts of large files, as long
 * as small ones keep half of the slots, then the next file; where there is
 * none, parts again.
 *
 * As many files are in flight as there are connections, no more; few are taken
 * ahead of that (prefetch.h), and not many wait for their receipts: so other
 * uploaders find work, and a crash leaves little behind. What was taken ahead
 * goes back when it finds no slot for long. A job that waits for its next
 * attempt keeps its slot: a store in trouble gets fewer requests, and nothing
 * piles up here. */
#include "uploader/slots.h"

#include <errno.h>
#include <stddef.h>

#include "common/bounds.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/run.h"
#include "uploader/abandon.h"
#include "uploader/admit.h"
#include "uploader/job.h"
#include "uploader/multi.h"
#include "uploader/prefetch.h"
#include "uploader/worker.h"

enum {
	RUN_RECEIPTS = 100000,
	WAITING_MAX = 1024, /* stored files, for their receipts */
	LOOK_SHARE = 20 /* of the time, to look for more while some is sent */
};
static const int64_t run_ns = 24 * INT64_C(3600) * CLOCK_NS_PER_S;
/* How long what comes while something is sent may go unnoticed. */
static const int64_t look_ns = 2 * CLOCK_NS_PER_S;
static const int64_t look_most_ns = 30 * CLOCK_NS_PER_S;
/* A file that finds a free slot within that may be taken ahead. */
static const int64_t ahead_ns = 10 * CLOCK_NS_PER_MS;

/* As many slots as may be active. */
static void
add_jobs(struct uploader *up)
{
	while (up->job_count < (size_t)up->throttle.limit) {
		struct job *job = &up->jobs[up->job_count];

		job->up = up;
		job->slot = up->job_count++;
		job->fd = -1;
		job->key_hash = -1;
	}
}

/* The commit for new claims: a new run's when the old one has served its day
 * or has receipts enough. */
static bool
renew_run(struct uploader *up)
{
	struct run *run;
	int rc;

	if (up->commit != NULL && up->commit->receipts < RUN_RECEIPTS &&
	    clock_monotonic_ns() - up->commit->run->started_ns < run_ns)
		return true;
	rc = run_start(up->stage->spool, &run);
	if (rc < 0) {
		uploader_stop_on_error(up, "start a run in", rc);
		return false;
	}
	up->commit = commit_new(run, up->commit);
	return true;
}

/* True: a dead run had stored it and written its receipt, only the renames were
 * missing. */
static bool
adopt(struct uploader *up, const struct prefetched *file)
{
	const struct pick_claim *claim = &file->claim;
	const char *path = strbuf_text(&claim->path);

	if (claim->is_confirmed) {
		file->commit->run->held--; /* it never came to us */
		commit_report_stored(&up->commits, path, -1);
		return true;
	}
	if (claim->receipt.length == 0)
		return false;
	log_debug(
	    "%s was stored by a run that died; its receipt is kept", path);
	commit_add_receipt(
	    file->commit, &(struct commit_stored){
			      .path = path,
			      .inode = claim->inode,
			      .line = strbuf_text(&claim->receipt),
			      .key_hash = claim->key_hash,
			  });
	up->begun++;
	return true;
}

/* Whether a free slot rather sends a part of a large file than another file:
 * as long as small files keep half of the slots, if they need them. */
static bool
prefers_parts(const struct uploader *up)
{
	size_t sending = 0;

	if (up->multis == NULL)
		return false;
	for (size_t i = 0; i < up->job_count; i++)
		sending += up->jobs[i].state != JOB_IDLE &&
			   up->jobs[i].multi != NULL;
	return sending * 2 < (size_t)up->throttle.limit;
}

/* Whether the disk, which makes receipts durable, is too far behind for more:
 * what is stored without one is sent, or asked about, again if we die. */
static bool
is_behind(const struct uploader *up)
{
	size_t waiting = 0;

	if (!worker_is_busy(up->committer))
		return false;
	for (const struct commit *c = up->commit; c != NULL; c = c->older)
		waiting += c->waiting.count;
	return waiting >= WAITING_MAX;
}

/* How many files may be taken ahead: as many as find a free slot soon. */
static size_t
count_ahead(const struct uploader *up)
{
	return up->may_run_ahead && up->turn_ns > 0
		   ? (size_t)(up->throttle.limit * ahead_ns / up->turn_ns)
		   : 0;
}

/* As prefetch_next does, within the bounds. While something is in flight the
 * loop has better to do than wait. */
static int
next_file(struct uploader *up, struct prefetched **ret_file)
{
	const struct prefetch_plan plan = admit_plan(up, count_ahead(up));

	up->is_bounded = bounds_are_reached(&up->bounds, up->begun);
	return up->is_bounded ? 0
			      : prefetch_next(up->prefetch, up->commit, &plan,
				    up->active == 0, ret_file);
}

bool
slots_fill(struct uploader *up)
{
	add_jobs(up);
	up->awaits_files = false;
	for (size_t i = 0; i < up->job_count && !up->stopping;) {
		struct prefetched *file;
		int rc;

		if (up->active >= (size_t)up->throttle.limit)
			return true;
		if (up->jobs[i].state != JOB_IDLE) {
			i++;
			continue;
		}
		if (abandon_next(up, &up->jobs[i]))
			continue;
		if (prefers_parts(up) && multi_help(up, &up->jobs[i]))
			continue;
		if (is_behind(up)) {
			if (multi_help(up, &up->jobs[i]))
				continue;
			return true; /* it wakes us up */
		}
		if (!renew_run(up))
			return false;
		rc = next_file(up, &file);
		up->awaits_files = rc == -EINPROGRESS;
		if (up->awaits_files)
			return true; /* it wakes us up */
		if (rc < 0)
			uploader_stop_on_error(up, "take claims from", rc);
		if (rc == 0 && multi_help(up, &up->jobs[i]))
			continue;
		if (rc <= 0)
			return false;
		if (adopt(up, file))
			continue;
		up->begun++;
		admit_file(&up->jobs[i], file);
	}
	return true;
}

bool
slots_take(struct uploader *up, int64_t *ret_again_ns)
{
	int64_t began_ns = clock_monotonic_ns();
	bool is_more = slots_fill(up);
	int64_t now_ns = clock_monotonic_ns();
	int64_t pause_ns = (now_ns - began_ns) * LOOK_SHARE;

	if (pause_ns < look_ns)
		pause_ns = look_ns;
	*ret_again_ns = now_ns +
			(pause_ns < look_most_ns ? pause_ns : look_most_ns);
	return is_more;
}

void
slots_help(struct uploader *up)
{
	add_jobs(up);
	for (size_t i = 0;
	     i < up->job_count && up->active < (size_t)up->throttle.limit; i++)
		if (up->jobs[i].state == JOB_IDLE &&
		    !abandon_next(up, &up->jobs[i]) &&
		    !multi_help(up, &up->jobs[i]))
			return;
}

static void
leave(void *context, struct prefetched *file)
{
	struct uploader *up = context;

	if (!adopt(up, file))
		job_leave(up, file);
}

int64_t
slots_give_back(struct uploader *up)
{
	int64_t stale_ns = prefetch_stale_ns(up->prefetch);

	if (up->active < (size_t)up->throttle.limit && !is_behind(up) &&
	    !up->stopping)
		return INT64_MAX; /* they are just being taken */
	if (!up->stopping && clock_monotonic_ns() < stale_ns)
		return stale_ns;
	up->turn_ns = 0; /* it isn't known any more */
	prefetch_give_back(up->prefetch, up->stopping, leave, up);
	return INT64_MAX;
}
