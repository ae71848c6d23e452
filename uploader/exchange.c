/* Requests and their answers: what the protocol does about each.
 *
 * A PUT carries If-None-Match: *. That an object exists (412) may be our own
 * doing, when an earlier answer was lost: a HEAD compares, and the same bytes
 * count as stored. Stores that know no conditions (501) are asked by HEAD just
 * before each PUT, under the key's lock. Errors come in four kinds (verdict.c):
 * try again, repair once, end the run, refuse the file. */
#include "uploader/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "uploader/abandon.h"
#include "uploader/chance.h"
#include "uploader/checksum.h"
#include "uploader/client.h"
#include "uploader/compare.h"
#include "uploader/failure.h"
#include "uploader/multi.h"
#include "uploader/question.h"
#include "uploader/renewal.h"

/* Files given up in a row, besides two for each connection, before the store
 * is let alone. */
enum { UNLUCKY_MAX = 64 };

static bool
is_conditional(const struct job *job)
{
	return !uploader_is_unconditional(job->up);
}

int64_t
exchange_now_ns(const struct uploader *up)
{
	return clock_realtime_ns() + up->clock_offset_ns;
}

void
exchange_start(struct job *job, const struct transfer_body *body)
{
	job->state = JOB_SENDING;
	job->sent_ns = clock_monotonic_ns();
	if (transfer_start(job->up->transfer, job->slot, &job->request, body,
		&job->reply) < 0)
		job_give_back(job, GIVE_QUEUED, "libcurl refuses the request");
}

static void
send_put(struct job *job)
{
	struct uploader *up = job->up;
	char checksum[CHECKSUM_TEXT_MAX];
	const struct s3_put put = {
	    .key = strbuf_text(&job->key),
	    .mtime_ns = clock_from_timespec(&job->st.st_mtim),
	    .crc32c = job->digest.crc32c,
	    .sha256_hex = up->sign_payload ? job->digest.sha256_hex : NULL,
	    .checksum_header = checksum_header(up->checksum),
	    .checksum = checksum_base64(up->checksum, &job->digest, checksum),
	    .if_none_match = is_conditional(job),
	};
	const struct transfer_body body = {
	    .bytes = job->body,
	    .fd = job->fd,
	    .size = job->st.st_size,
	};

	/* After a power cut an unsynced file comes back empty, and would then
	 * replace the good object: sync what may replace. */
	if (!put.if_none_match && !job_reopen(job))
		return;
	if (!put.if_none_match && fdatasync(job->fd) < 0) {
		job_give_back(
		    job, GIVE_LOCAL, "it can't be synced to the disk");
		return;
	}
	job->conditional = put.if_none_match;
	job->sent_checksum = up->checksum;
	s3_request_put(&job->request, &up->client, &put, exchange_now_ns(up));
	exchange_start(job, &body);
}

/* Learned since its digests were computed: the store takes other ones. */
static bool
lacks_checksum(const struct job *job, const struct digest *digest)
{
	unsigned needed = checksum_digest(job->up->checksum);

	return (digest->have & needed) != needed;
}

/* Whether HEAD has to be asked before what would replace an object: where there
 * are no conditions, unless it has said just now that nothing is there
 * (IS_ABSENT), and another run can't have come in between. That there are none
 * may have been learned since the job began, and while an attempt failed
 * others may have stored. */
static bool
must_ask(const struct job *job, bool is_absent)
{
	const struct uploader *up = job->up;

	return (job->step == STEP_PUT || job->step == STEP_COMPLETE) &&
	       up->no_conditions &&
	       up->config->on_conflict != CONFLICT_OVERWRITE &&
	       !(is_absent && job->key_hash >= 0);
}

static void
send_step(struct job *job, bool is_absent)
{
	struct uploader *up = job->up;

	job->generation = up->renewal.generation;
	if (job->step == STEP_PUT && lacks_checksum(job, &job->digest)) {
		job_digest(job, checksum_digest(up->checksum));
		return;
	}
	if (must_ask(job, is_absent)) {
		job->step = job->multi != NULL ? STEP_HEAD_COMPLETE
					       : STEP_HEAD_FIRST;
		if (!job_lock_key(job))
			return;
	}
	switch (job->step) {
	case STEP_PUT:
		send_put(job);
		return;
	case STEP_GET_REASON:
		s3_request_get(&job->request, &up->client,
		    strbuf_text(&job->key), exchange_now_ns(up));
		exchange_start(job, NULL);
		return;
	case STEP_HEAD_FIRST:
	case STEP_HEAD_EXISTS:
	case STEP_HEAD_COMPLETE:
	case STEP_HEAD_LOST:
		s3_request_head(&job->request, &up->client,
		    strbuf_text(&job->key), exchange_now_ns(up));
		exchange_start(job, NULL);
		return;
	case STEP_PART:
		if (lacks_checksum(job, &job->part_digest)) {
			job_digest_anew(job);
			return;
		}
		break;
	default:
		break;
	}
	multi_send(job);
}

void
exchange_send(struct job *job)
{
	send_step(job, false);
}

void
exchange_send_absent(struct job *job)
{
	send_step(job, true);
}

/* The store, or what lies between, keeps the file from it for this run. */
static void
count_failure(const struct job *job)
{
	job->up->failures[job->is_answered ? FAILURE_STORE : FAILURE_NETWORK]++;
}

/* Nothing will get better for any file: says so once, and stops. */
void
exchange_end_run(
    struct job *job, const char *description, int status, const char *hint)
{
	struct uploader *up = job->up;

	if (!up->stopping) {
		failure_log(job, description);
		log_error("Stopping here, everything stays queued%s%s",
		    hint != NULL ? "; " : "", hint != NULL ? hint : "");
	}
	if (status == EX_TEMPFAIL)
		count_failure(job);
	uploader_stop(up, status);
	job_give_back(job, GIVE_QUEUED, NULL);
}

void
exchange_end_no_s3(struct job *job)
{
	exchange_end_run(job,
	    "HTTP status 200 without an ETag, or with a page: that is "
	    "no S3 API's answer",
	    EX_CONFIG,
	    "is endpoint_url that of an S3 API, with no portal or proxy "
	    "before it?");
}

void
exchange_leave_queued(struct job *job, const char *description)
{
	if (!job->up->stopping)
		failure_log(job, description);
	count_failure(job);
	job_give_back(job, GIVE_QUEUED, NULL);
}

/* Tries again later, or leaves it queued when it has been tried enough. */
static void
back_off(struct job *job, const struct transfer_result *result,
    const char *description)
{
	struct uploader *up = job->up;
	bool timed_out = result->fault == TRANSFER_TIMED_OUT;
	int64_t delay_ms;

	job->attempts++;
	if (job->attempts >= up->max_attempts &&
	    (result->fault == TRANSFER_UNREACHABLE ||
		result->fault == TRANSFER_UNTRUSTED) &&
	    up->answered_ns < job->started_ns) {
		/* Not a word from the store in all this time. */
		exchange_end_run(job, description, EX_TEMPFAIL,
		    result->fault == TRANSFER_UNTRUSTED
			? "the store can't be trusted; is ca_bundle its "
			  "issuer's, and client_cert with client_key right?"
			: "the store can't be reached; are endpoint_url and "
			  "proxy right, and is the network up?");
		return;
	}
	if (job->attempts >= up->max_attempts || up->stopping ||
	    !retry_budget_take(&up->budget, timed_out)) {
		if (++up->unlucky >= UNLUCKY_MAX + 2 * (int)up->job_count)
			exchange_end_run(job, description, EX_TEMPFAIL,
			    "the store has failed again and again, and stored "
			    "nothing in between");
		else
			exchange_leave_queued(job, description);
		return;
	}
	up->retries++;
	delay_ms = retry_delay_ms(job->attempts, chance_u32(),
	    result->fault == TRANSFER_ANSWERED ? job->reply.retry_after_ms
					       : -1);
	log_debug("%s: attempt %d of %d failed, next in %lld ms: %s",
	    strbuf_text(&job->path), job->attempts, up->max_attempts,
	    (long long)delay_ms, description);
	job->timed_out = timed_out;
	job->wake_ns = clock_monotonic_ns() + delay_ms * CLOCK_NS_PER_MS;
	job->state = JOB_WAITING;
}

void
exchange_try_later(struct job *job, const char *description)
{
	const struct transfer_result answered = {.fault = TRANSFER_ANSWERED};

	back_off(job, &answered, description);
}

/* The store's Date against ours. */
static bool
learn_clock(struct uploader *up, const struct s3_reply *reply)
{
	int64_t before_ns = up->clock_offset_ns;

	if (!client_learn_clock(up, strbuf_text(&reply->date)))
		return false;
	/* Answers to what was sent before tell the same again, but for the
	 * second that a Date is rounded to, and their way. */
	if (llabs(up->clock_offset_ns - before_ns) < 60 * CLOCK_NS_PER_S)
		return true;
	log_warning("This host's clock differs from the store's by %lld "
		    "seconds; signing with the store's; is NTP running?",
	    (long long)(up->clock_offset_ns / CLOCK_NS_PER_S));
	return true;
}

/* Other credentials, once: the newer ones that are there, or the next. */
static void
renew(struct job *job)
{
	if (renewal_force(job->up, job->generation))
		job->state = JOB_UNSIGNED;
	else
		exchange_send(job);
}

void
exchange_renewed(struct job *job, const char *fault)
{
	const struct transfer_result result = {.fault = TRANSFER_ANSWERED};
	char *description;

	if (fault == NULL) {
		exchange_send(job);
		return;
	}
	/* The answer is still the one that refused the old ones. */
	description = failure_describe(job, &result);
	exchange_end_run(job, description, EX_NOPERM, fault);
	free(description);
}

/* The bucket's region, as the store names it. */
static bool
learn_region(const struct job *job)
{
	struct uploader *up = job->up;
	const struct strbuf *named = job->reply.bucket_region.length > 0
					 ? &job->reply.bucket_region
					 : &job->error.region;
	const char *region = strbuf_text(named);
	char *old = mem_copy(up->endpoint->region);
	bool learned = false;

	/* Another job's answer may have told already. */
	if (*region != '\0' && strcmp(region, old) == 0) {
		learned = true;
	} else if (*region != '\0' &&
		   endpoint_move(up->endpoint, region) == 0) {
		renewal_resign(up);
		log_warning("The bucket %s is in the region %s, not in %s: "
			    "going on there; set region: %s",
		    up->config->bucket, region, old, region);
		learned = true;
	}
	free(old);
	return learned;
}

/* Mends what ROW says, once a job for each kind. */
static void
repair(struct job *job, const struct transfer_result *result,
    const struct verdict_row *row, const char *description)
{
	unsigned kind = 1U << row->repair;
	bool repaired = false;

	if ((job->repaired & kind) == 0) {
		job->repaired |= kind;
		if (row->repair == REPAIR_CREDENTIALS) {
			renew(job);
			return;
		}
		if (row->repair == REPAIR_FILE &&
		    (job->step == STEP_PUT || job->step == STEP_PART)) {
			job_digest_anew(job);
			return;
		}
		if (row->repair == REPAIR_CLOCK)
			repaired = learn_clock(job->up, &job->reply);
		else if (row->repair == REPAIR_REGION)
			repaired = learn_region(job);
	}
	if (repaired)
		exchange_send(job);
	else if (row->fault != FAULT_NONE)
		exchange_end_run(
		    job, description, verdict_status(row->fault), row->hint);
	else
		back_off(job, result, description);
}

/* The store doesn't know If-None-Match: from now on it is asked first. */
static void
go_unconditional(struct job *job)
{
	struct uploader *up = job->up;

	if (!up->no_conditions)
		log_info("The store knows no conditional writes "
			 "(If-None-Match): asking with HEAD before each PUT");
	up->no_conditions = true;
	/* So it wasn't the checksum that it refused. */
	if (up->md5_on_trial)
		up->checksum = CHECKSUM_CRC32C;
	up->md5_on_trial = false;
	exchange_send(job); /* asks */
}

/* Whether the answer is that of a store that doesn't know the checksum it was
 * sent. Codes differ; the newer checksums are the likeliest to be refused. */
static bool
refuses_checksum(const struct job *job)
{
	const struct uploader *up = job->up;

	return up->config->checksum == CHECKSUM_AUTO &&
	       job->sent_checksum == CHECKSUM_CRC32C && !up->endpoint->is_aws &&
	       (job->step == STEP_PUT || job->step == STEP_PART ||
		   job->step == STEP_CREATE) &&
	       verdict_refuses_checksum(
		   job->reply.status, strbuf_text(&job->error.code));
}

/* ON_TRIAL: it may as well be the condition that the store lacks. Conditions
 * protect others' objects, so the checksum is given up first. */
static void
go_back_to_md5(struct job *job, bool on_trial)
{
	struct uploader *up = job->up;

	if (up->checksum != CHECKSUM_MD5) {
		log_info("The store refuses x-amz-checksum-crc32c%s (%s): "
			 "sending Content-MD5 instead",
		    on_trial ? ", or If-None-Match" : "",
		    strbuf_text(&job->error.code));
		up->md5_on_trial = on_trial;
	}
	up->checksum = CHECKSUM_MD5;
	exchange_send(job);
}

/* The store says that it has the bytes. Where what it says of them differs
 * from what was sent, the object itself is asked about. */
static void
stored(struct job *job)
{
	if (!compare_contradicts(&job->reply, &job->digest)) {
		job_stored(job);
		return;
	}
	log_warning("%s: the store's checksum of it is another than ours; "
		    "asking for the object",
	    strbuf_text(&job->path));
	job->step = STEP_HEAD_EXISTS;
	exchange_send(job);
}

/* Where connections is auto: learns from the answer. */
static void
adapt(struct job *job)
{
	struct uploader *up = job->up;
	int64_t bytes = job->step == STEP_PART
			    ? parts_length(&job->multi->parts, job->part)
			    : job->st.st_size;

	if (up->config->connections > 0)
		return;
	if (job->is_warm && job->attempts == 0) {
		concurrency_answered(&up->concurrency, bytes, job->started_ns,
		    transfer_waited_ns(up->transfer), clock_monotonic_ns());
		throttle_allow(&up->throttle, up->concurrency.limit);
	}
	job->is_warm = true;
}

void
exchange_succeeded(struct job *job)
{
	struct uploader *up = job->up;

	retry_budget_return(&up->budget, job->attempts > 0, job->timed_out);
	throttle_success(&up->throttle);
	adapt(job);
	up->unlucky = 0;
}

bool
exchange_is_denied(const struct job *job)
{
	const char *code = strbuf_text(&job->error.code);

	return job->reply.status == 403 &&
	       (*code == '\0' || strcmp(code, "AccessDenied") == 0);
}

bool
exchange_is_refused(const struct job *job, const struct verdict_row *row)
{
	return exchange_is_denied(job) || row->verdict == VERDICT_FILE ||
	       (row->verdict == VERDICT_RUN && row->fault != FAULT_PERMISSION &&
		   strcmp(strbuf_text(&job->error.code), "NoSuchBucket") != 0);
}

/* A success that an S3 API would give: an ETag, and no document. Whatever else
 * answers 200 to everything (a portal that wants a login, a web server, an
 * error cut short) has stored nothing, and the file would be deleted. */
static void
accepted(struct job *job, const struct transfer_result *result)
{
	const char *body = strbuf_text(&job->reply.body);

	body += strspn(body, " \t\r\n");
	if (*body != '<' && job->reply.etag.length > 0) {
		exchange_succeeded(job);
		stored(job);
		return;
	}
	if (strstr(body, "<Error") != NULL) {
		back_off(job, result, "the answer's error document is cut");
		return;
	}
	exchange_end_no_s3(job);
}

/* This file can never be stored: under the store's code, or the status where
 * it gives none. */
static void
reject(struct job *job, const char *description)
{
	char status[16], words[32];

	if (job->error.code.length > 0) {
		job_reject_answer(job, strbuf_text(&job->error.code),
		    failure_words(job), description);
		return;
	}
	(void)snprintf(status, sizeof status, "%d", job->reply.status);
	(void)snprintf(words, sizeof words, "HTTP status %s", status);
	job_reject_answer(job, status, words, description);
}

static void
slow_down(struct job *job)
{
	struct uploader *up = job->up;
	int64_t now_ns = clock_monotonic_ns();

	throttle_slow_down(&up->throttle, job->sent_ns, now_ns);
	concurrency_slowed(&up->concurrency, now_ns);
	if (up->config->connections == 0)
		throttle_allow(&up->throttle, up->concurrency.limit);
}

/* What an answer calls for that isn't the one hoped for. */
static void
judge(struct job *job, const struct transfer_result *result,
    const struct verdict_row *row, const char *description)
{
	switch (row->verdict) {
	case VERDICT_THROTTLED:
		slow_down(job);
		back_off(job, result, description);
		return;
	case VERDICT_OK: /* of what isn't asked here */
	case VERDICT_RETRY:
		back_off(job, result, description);
		return;
	case VERDICT_REPAIR:
		repair(job, result, row, description);
		return;
	case VERDICT_EXISTS:
		job->step = STEP_HEAD_EXISTS;
		exchange_send(job);
		return;
	case VERDICT_NO_CONDITIONS:
		go_unconditional(job);
		return;
	case VERDICT_RUN:
		/* What can't be cleaned up keeps no file from being stored. */
		if (job->abort != NULL)
			exchange_leave_queued(job, description);
		else
			exchange_end_run(job, description,
			    verdict_status(row->fault), row->hint);
		return;
	case VERDICT_FILE:
		reject(job, description);
		return;
	}
}

/* Answers that mean something of their own at this step. True: done. */
static bool
answered_specially(
    struct job *job, const struct verdict_row *row, const char *description)
{
	bool lacks_condition = row->verdict == VERDICT_NO_CONDITIONS;

	if (refuses_checksum(job) &&
	    (!lacks_condition || !job->up->no_conditions)) {
		go_back_to_md5(job, lacks_condition);
		return true;
	}
	switch (job->step) {
	case STEP_PUT:
		return false;
	case STEP_GET_REASON:
		return question_answered_reason(job, description);
	case STEP_HEAD_FIRST:
	case STEP_HEAD_EXISTS:
	case STEP_HEAD_COMPLETE:
	case STEP_HEAD_LOST:
		return question_answered_head(job, description);
	default:
		return multi_answered(job, row);
	}
}

void
exchange_answered(struct job *job, const struct transfer_result *result)
{
	static const struct verdict_row again = {
	    VERDICT_RETRY, REPAIR_NONE, FAULT_NONE, NULL};
	const struct verdict_row *row = &again;
	char *description;

	job->is_answered = result->fault == TRANSFER_ANSWERED;
	if (result->fault == TRANSFER_FILE) {
		job_give_back(job, GIVE_CHANGED, result->message);
		return;
	}
	(void)s3_reply_error(&job->reply, &job->error); /* emptied if none */
	if (result->fault == TRANSFER_ANSWERED) {
		job->up->answered_ns = clock_monotonic_ns();
		row = verdict_of(job->reply.status,
		    strbuf_text(&job->error.code),
		    (job->step == STEP_PUT || job->step == STEP_COMPLETE) &&
			job->conditional);
	}
	if (job->step == STEP_PUT && row->verdict == VERDICT_OK) {
		accepted(job, result);
		return;
	}
	description = failure_describe(job, result);
	if (result->fault != TRANSFER_ANSWERED ||
	    !answered_specially(job, row, description))
		judge(job, result, row, description);
	free(description);
}
