/* Aborting multipart uploads.
 *
 * A part that was on its way when the upload was aborted may bring it back
 * (AWS, AbortMultipartUpload), so the abort is verified by ListParts and
 * repeated. The state on disk goes only with an upload that is gone: what
 * can't be aborted now is found again by a later run. */
#include "uploader/abandon.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/run.h"
#include "uploader/exchange.h"

void
abandon_queue(struct uploader *up, const struct multistate *state)
{
	struct abandon *abort = mem_zero(1, sizeof *abort);

	multistate_copy(&abort->state, state);
	abort->next = up->aborts;
	up->aborts = abort;
}

bool
abandon_answered(struct job *job, const struct verdict_row *row)
{
	bool is_gone = job->reply.status == 404 ||
		       strcmp(strbuf_text(&job->error.code), "NoSuchUpload") ==
			   0;

	if (job->step == STEP_ABORT &&
	    (is_gone || row->verdict == VERDICT_OK)) {
		/* Parts on their way may bring it back: verify. */
		job->list_marker = 0;
		job->step = STEP_ABORT_CHECK;
		exchange_send(job);
		return true;
	}
	if (job->step == STEP_ABORT_CHECK &&
	    (is_gone || exchange_is_denied(job))) {
		/* Where we may not look, the answer to the abort must do. */
		abandon_end(job, true, NULL);
		return true;
	}
	if (exchange_is_denied(job)) {
		abandon_end(
		    job, false, "the credentials need s3:AbortMultipartUpload");
		return true;
	}
	if (job->step == STEP_ABORT_CHECK && row->verdict == VERDICT_OK) {
		job->step = STEP_ABORT; /* and again, as often as tried */
		return false;
	}
	return false;
}

static void
visit_state(void *context, const struct multistate *state)
{
	struct uploader *up = context;
	int64_t age_ns = clock_realtime_ns() - state->started_ns;

	if (age_ns >=
		up->config->multipart_abort_after_seconds * CLOCK_NS_PER_S &&
	    strcmp(strbuf_text(&state->bucket), up->config->bucket) == 0 &&
	    run_is_dead(up->stage->spool, strbuf_text(&state->run)) == 1)
		abandon_queue(up, state);
}

void
abandon_find_stale(struct uploader *up)
{
	int rc = multistate_each(up->stage->spool, visit_state, up);

	if (rc < 0)
		log_warning("Cannot look for stale multipart uploads in "
			    "'%s': %s",
		    up->config->spool_dir, strerror(-rc));
}

bool
abandon_next(struct uploader *up, struct job *job)
{
	struct abandon *abort = up->aborts;

	if (abort == NULL)
		return false;
	up->aborts = abort->next;
	job->abort = abort;
	job_help(job, NULL);
	job->step = STEP_ABORT;
	exchange_send(job);
	return true;
}

static void
free_abort(struct abandon *abort)
{
	multistate_done(&abort->state);
	free(abort);
}

void
abandon_end(struct job *job, bool is_gone, const char *reason)
{
	const struct spool *spool = job->up->stage->spool;
	struct abandon *abort = job->abort;
	struct multistate found = {0};

	if (!is_gone)
		log_warning("Cannot abort an unfinished multipart upload of "
			    "%s; a later run tries again%s%s",
		    strbuf_text(&abort->state.key), reason != NULL ? ": " : "",
		    reason != NULL ? reason : "");
	else
		log_debug("Aborted an unfinished multipart upload of %s",
		    strbuf_text(&abort->state.key));
	/* Its state may be that of a newer upload by now. */
	if (is_gone &&
	    multistate_load(spool, abort->state.inode, &found) == 0 &&
	    strcmp(strbuf_text(&found.upload_id),
		strbuf_text(&abort->state.upload_id)) == 0)
		(void)multistate_remove(
		    spool, abort->state.inode); /* or the next time */
	multistate_done(&found);
	free_abort(abort);
	job->abort = NULL;
	job_become_idle(job);
}

void
abandon_free_all(struct uploader *up)
{
	while (up->aborts != NULL) {
		struct abandon *abort = up->aborts;

		up->aborts = abort->next;
		free_abort(abort);
	}
}
