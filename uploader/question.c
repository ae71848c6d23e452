/* What HEAD (and, to learn why HEAD was refused, GET) tells, and what follows.
 *
 * An object that is there is compared with the file: the same bytes count as
 * stored, since an earlier answer of our own may have been lost; other bytes
 * are a conflict, which on_conflict decides. HEAD has no body, so when it is
 * refused the reason is asked for by a GET of one byte. */
#include "uploader/question.h"

#include <string.h>
#include <sysexits.h>

#include "uploader/compare.h"
#include "uploader/exchange.h"
#include "uploader/multi.h"

/* An object with other bytes is there. */
static void
conflict(struct job *job)
{
	if (job->up->config->on_conflict != CONFLICT_KEEP_BOTH ||
	    job->renamed) {
		job_reject(job, "ObjectExists",
		    "an object with other bytes exists under this key; it may "
		    "be an earlier state of this very file, if that was "
		    "changed after it was stored");
		return;
	}
	if ((job->digest.have & DIGEST_SHA256) == 0) {
		job->step = STEP_HEAD_EXISTS; /* asked again with it */
		job_digest(job, DIGEST_SHA256);
		return;
	}
	job->renamed = true;
	strbuf_putc(&job->key, '~');
	strbuf_add(&job->key, job->digest.sha256_hex, 16);
	if (job->multi != NULL) {
		multi_move(job);
		return;
	}
	job->step = STEP_PUT;
	exchange_send(job);
}

static void
compare(struct job *job)
{
	enum compare is = compare_object(
	    &job->reply, job->st.st_size, &job->digest);

	if ((is == COMPARE_OTHER || is == COMPARE_UNKNOWN) &&
	    job->step == STEP_HEAD_LOST &&
	    job->up->config->on_conflict == CONFLICT_OVERWRITE) {
		multi_lost(job); /* it is what was to be replaced */
		return;
	}
	switch (is) {
	case COMPARE_SAME:
		job_stored(job);
		return;
	case COMPARE_OTHER:
		conflict(job);
		return;
	case COMPARE_NEEDS_MD5:
		job_digest(job, DIGEST_MD5 | DIGEST_CRC32C);
		return;
	case COMPARE_NEEDS_CRC32C:
		job_digest(job, DIGEST_CRC32C);
		return;
	case COMPARE_NEEDS_PARTS:
		job_digest(job, DIGEST_MD5_PARTS | DIGEST_CRC32C);
		return;
	case COMPARE_UNKNOWN:
		break;
	}
	job_reject(job, "ObjectExistsUnverified",
	    "an object exists under this key, and the store tells nothing by "
	    "which to compare it");
}

/* Nothing is there, or was there: what was to come after the question. */
static void
answered_absent(struct job *job, const char *description)
{
	switch (job->step) {
	case STEP_HEAD_LOST:
		multi_lost(job);
		return;
	case STEP_HEAD_EXISTS:
		/* There a moment ago: somebody deletes there. */
		job->attempts++;
		if (job->attempts >= job->up->max_attempts) {
			exchange_leave_queued(job, description);
			return;
		}
		job->step = job->multi != NULL ? STEP_COMPLETE : STEP_PUT;
		break;
	case STEP_HEAD_COMPLETE:
		job->step = STEP_COMPLETE;
		break;
	default:
		if (job->multi != NULL) {
			multi_create(job);
			return;
		}
		job->step = STEP_PUT;
		break;
	}
	exchange_send_absent(job);
}

/* HEAD isn't allowed, or something is wrong with it. */
static void
answered_refused(struct job *job)
{
	bool may_go_on = !uploader_is_unconditional(job->up);

	if (job->step == STEP_HEAD_LOST) {
		multi_lost(job);
		return;
	}
	if (job->step == STEP_HEAD_FIRST && job->multi != NULL && may_go_on) {
		/* It was asked to spare sending a large file for nothing, no
		 * more. */
		multi_create(job);
		return;
	}
	if (job->step == STEP_HEAD_COMPLETE && may_go_on) {
		job->step = STEP_COMPLETE; /* with its condition alone */
	} else {
		job->asked = job->step;
		job->step = STEP_GET_REASON;
	}
	exchange_send(job);
}

/* Answers to HEAD, which has no body and so no error code. True: done. */
bool
question_answered_head(struct job *job, const char *description)
{
	switch (job->reply.status) {
	case 200:
		/* A portal's page is no object with other bytes. */
		if (job->reply.etag.length > 0)
			compare(job);
		else
			exchange_end_no_s3(job);
		return true;
	case 404:
		answered_absent(job, description);
		return true;
	case 400:
	case 401:
	case 403:
		answered_refused(job);
		return true;
	default:
		return false;
	}
}

/* The answer to the question why HEAD was refused. Whatever it is, nothing is
 * sent before HEAD has said that nothing is there. True: done. */
bool
question_answered_reason(struct job *job, const char *description)
{
	const char *code = strbuf_text(&job->error.code);
	int status = job->reply.status;
	bool has_code = *code != '\0';
	bool is_allowed = status >= 200 && status <= 299;
	bool is_absent = strcmp(code, "NoSuchKey") == 0 ||
			 (!has_code && status == 404);
	bool is_denied = strcmp(code, "AccessDenied") == 0 ||
			 (!has_code && status == 403);

	job->step = job->asked;
	if (is_absent) {
		exchange_try_later(job,
		    "HEAD is refused, though GET isn't, and tells that nothing "
		    "is there; does a proxy let no HEAD pass?");
		return true;
	}
	if (!is_denied && (has_code || !is_allowed))
		return false; /* that is no answer to the question */
	/* It is allowed meanwhile: HEAD may do, too. */
	if (is_allowed && ++job->attempts < job->up->max_attempts) {
		exchange_send(job);
		return true;
	}
	if (job->step == STEP_HEAD_EXISTS)
		job_reject(job, "ObjectExistsUnverified",
		    "an object exists under this key, and without "
		    "s3:GetObject it can't be compared");
	else
		exchange_end_run(job, description, EX_NOPERM,
		    "this store knows no conditional writes, so it is asked "
		    "first, which needs s3:GetObject and s3:ListBucket; or "
		    "set on_conflict: overwrite");
	return true;
}
