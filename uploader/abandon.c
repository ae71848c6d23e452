/* Aborting multipart uploads.
 *
 * A part that was on its way when the upload was aborted may bring it back
 * (AWS, AbortMultipartUpload), so the abort is verified by ListParts and
 * repeated. The state on disk goes only with an upload that is gone: what
 * can't be aborted now is found again by a later run. */
#include "uploader/abandon.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

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

static bool
is_about(const struct abandon *abort, const struct multistate *state)
{
	return strcmp(strbuf_text(&abort->state.upload_id),
		   strbuf_text(&state->upload_id)) == 0;
}

bool
abandon_is_due(const struct uploader *up, const struct multistate *state)
{
	for (const struct abandon *abort = up->aborts; abort != NULL;
	     abort = abort->next)
		if (is_about(abort, state))
			return true;
	for (size_t i = 0; i < up->job_count; i++)
		if (up->jobs[i].abort != NULL &&
		    is_about(up->jobs[i].abort, state))
			return true;
	return false;
}

bool
abandon_answered(struct job *job, const struct verdict_row *row)
{
	const char *code = strbuf_text(&job->error.code);
	bool is_gone = strcmp(code, "NoSuchUpload") == 0 ||
		       (job->reply.status == 404 &&
			   strcmp(code, "NoSuchBucket") != 0);

	if (job->step == STEP_ABORT &&
	    (is_gone || row->verdict == VERDICT_OK)) {
		/* Parts on their way may bring it back: verify. */
		job->list_marker = 0;
		job->step = STEP_ABORT_CHECK;
		exchange_send(job);
		return true;
	}
	if (job->step == STEP_ABORT_CHECK &&
	    (is_gone || exchange_is_refused(job, row))) {
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

struct stale {
	struct uploader *up;
	bool asked;
	int64_t before_ns; /* begun until then, by the file system's clock */
	int error;	   /* it couldn't be asked */
};

/* There is no run yet that would have asked for the time. */
static int
ask_time(struct stale *stale)
{
	struct uploader *up = stale->up;
	struct clock_fs clock;
	int rc = 0;

	if (up->commits.keys_fd < 0)
		rc = spool_open_keys(up->stage->spool, &up->commits.keys_fd);
	if (rc == 0)
		rc = clock_fs_probe(up->commits.keys_fd, &clock);
	if (rc == 0)
		stale->before_ns = clock_fs_now_ns(&clock) -
				   up->config->multipart_abort_after_seconds *
				       CLOCK_NS_PER_S;
	return rc;
}

static void
visit_state(void *context, const struct multistate *state)
{
	struct stale *stale = context;
	struct uploader *up = stale->up;

	if (!stale->asked)
		stale->error = ask_time(stale);
	stale->asked = true;
	if (stale->error == 0 && state->active_ns <= stale->before_ns &&
	    strcmp(strbuf_text(&state->bucket), up->config->bucket) == 0 &&
	    run_is_dead(up->stage->spool, strbuf_text(&state->run)) == 1)
		abandon_queue(up, state);
}

void
abandon_find_stale(struct uploader *up)
{
	struct stale stale = {.up = up};
	int rc = multistate_each(up->stage->spool, visit_state, &stale);

	if (rc == 0)
		rc = stale.error;
	if (rc == 0)
		return;
	log_error("Cannot look for stale multipart uploads in '%s': %s",
	    up->config->spool_dir, strerror(-rc));
	stage_fail(up->stage, EX_IOERR);
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
		log_about(LOG_WARNING, LOG_KEY(strbuf_text(&abort->state.key)),
		    "Cannot abort an unfinished multipart upload of "
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
