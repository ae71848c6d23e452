/* The life of a multipart upload.
 *
 *   (HEAD) -> CREATE -> state on disk -> parts -> (HEAD) -> COMPLETE -> stored
 *   state found -> LIST -> compare the listed parts with the bytes, send the
 *   others -> as above
 *
 * A part that is listed is believed only when its digest is that of the bytes
 * at hand (parts.c). An upload that has gone may have been completed by an
 * answer that was lost: a HEAD tells. Failing parts don't end the upload: it
 * waits on disk and in the store for the next run. */
#include "uploader/multi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "uploader/abandon.h"
#include "uploader/checksum.h"
#include "uploader/compare.h"
#include "uploader/exchange.h"
#include "uploader/s3_xml.h"

static const char *
upload_id(const struct multi *multi)
{
	return strbuf_text(&multi->state.upload_id);
}

static void
copy_text(struct strbuf *to, const struct strbuf *from)
{
	strbuf_reset(to);
	strbuf_puts(to, strbuf_text(from));
}

/* What the file is now, without an upload. */
static void
describe_file(const struct job *lead, struct multistate *state)
{
	const struct config *config = lead->up->config;

	state->inode = lead->inode;
	state->size = lead->st.st_size;
	state->mtime_ns = clock_from_timespec(&lead->st.st_mtim);
	state->part_size = parts_size(
	    lead->st.st_size, config->part_size_bytes);
	state->active_ns = clock_fs_now_ns(&lead->commit->run->fs_clock);
	strbuf_reset(&state->run);
	strbuf_puts(&state->run, lead->commit->run->name);
	strbuf_reset(&state->bucket);
	strbuf_puts(&state->bucket, config->bucket);
	copy_text(&state->key, &lead->key);
	strbuf_reset(&state->upload_id);
}

static bool
is_same_file(const struct multistate *a, const struct multistate *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       strcmp(strbuf_text(&a->key), strbuf_text(&b->key)) == 0 &&
	       strcmp(strbuf_text(&a->bucket), strbuf_text(&b->bucket)) == 0;
}

/* Saves the state; false: the lead was given back. */
static bool
save(struct multi *multi)
{
	int rc = multistate_save(multi->up->stage->spool, &multi->state);

	if (rc == 0)
		return true;
	log_error("Cannot save the state of a multipart upload in '%s': %s",
	    multi->up->config->spool_dir, strerror(-rc));
	multi->up->failures[FAILURE_LOCAL]++;
	job_give_back(multi->lead, GIVE_LOCAL, NULL);
	return false;
}

/* An upload of this very file that an earlier run has left. We hold the file,
 * so nobody is at work on it but us, who may be about to abort it, as stale;
 * one of another state of it is aborted. */
static bool
adopt(struct multi *multi)
{
	struct multistate found = {0};
	bool is_ours = false;

	if (multistate_load(
		multi->up->stage->spool, multi->state.inode, &found) == 0 &&
	    !abandon_is_due(multi->up, &found)) {
		is_ours = is_same_file(&found, &multi->state);
		if (is_ours) {
			multi->state.part_size = found.part_size;
			copy_text(&multi->state.upload_id, &found.upload_id);
		} else if (strcmp(strbuf_text(&found.bucket),
			       multi->up->config->bucket) == 0) {
			abandon_queue(multi->up, &found);
		}
	}
	multistate_done(&found);
	return is_ours;
}

void
multi_begin(struct job *lead)
{
	struct uploader *up = lead->up;
	struct multi *multi = mem_zero(1, sizeof *multi);
	bool is_adopted;

	multi->up = up;
	multi->lead = lead;
	lead->multi = multi;
	multi->next = up->multis;
	up->multis = multi;
	describe_file(lead, &multi->state);
	is_adopted = adopt(multi);
	parts_init(&multi->parts, multi->state.size, multi->state.part_size);
	lead->digest.part_size = multi->state.part_size;
	if (is_adopted) {
		log_debug("%s: going on with a multipart upload",
		    strbuf_text(&lead->path));
		if (!save(multi))
			return;
		lead->list_marker = 0;
		lead->step = STEP_LIST;
		exchange_send(lead);
	} else if (up->config->on_conflict == CONFLICT_OVERWRITE) {
		multi_create(lead);
	} else {
		/* Before gigabytes are sent for nothing. */
		lead->step = STEP_HEAD_FIRST;
		exchange_send(lead);
	}
}

void
multi_create(struct job *lead)
{
	describe_file(lead, &lead->multi->state);
	lead->multi->state.part_size = lead->multi->parts.part_size;
	lead->step = STEP_CREATE;
	exchange_send(lead);
}

/* --- parts -------------------------------------------------------------- */

/* What comes now has all its attempts, and repairs, before it. */
static void
count_anew(struct job *job)
{
	job->attempts = 0;
	job->timed_out = false;
	job->repaired = 0;
	job->started_ns = clock_monotonic_ns();
}

/* All that there is to do about the parts at hand is done, or is being done
 * by others. */
static void
leave_parts(struct job *job)
{
	struct multi *multi = job->multi;
	struct job *lead = multi->lead;

	if (job != lead) {
		job->multi = NULL;
		job_become_idle(job);
	} else {
		job->state = JOB_PARTS;
	}
	if (multi->parts.busy > 0)
		return;
	if (multi->ending == MULTI_GIVE_BACK) {
		job_give_back(lead, multi->how, NULL);
	} else if (multi->ending == MULTI_REJECT) {
		char *code = multi->code, *message = multi->message;

		/* Of use yet when the upload, which ends first, is freed. */
		multi->code = multi->message = NULL;
		job_reject(lead, code, message);
		free(code);
		free(message);
	} else if (multi->parts.done == multi->parts.count) {
		lead->digest.crc32c = parts_crc32c(&multi->parts);
		lead->digest.have |= DIGEST_CRC32C;
		count_anew(lead);
		/* Stores that take no condition here are asked first. */
		lead->step = !lead->up->endpoint->is_aws &&
				     lead->up->config->on_conflict !=
					 CONFLICT_OVERWRITE
				 ? STEP_HEAD_COMPLETE
				 : STEP_COMPLETE;
		exchange_send(lead);
	}
}

/* Takes the next part, or leaves. */
static void
next_part(struct job *job)
{
	struct multi *multi = job->multi;
	const struct uploader *up = job->up;
	unsigned want = DIGEST_CRC32C | checksum_digest(up->checksum);

	if (multi->ending != MULTI_GOES_ON ||
	    !parts_take(&multi->parts, &job->part)) {
		leave_parts(job);
		return;
	}
	if (up->sign_payload)
		want |= DIGEST_SHA256;
	job->step = STEP_PART;
	count_anew(job);
	job_digest_part(job, parts_offset(&multi->parts, job->part),
	    parts_length(&multi->parts, job->part),
	    want | parts_wanted(&multi->parts, job->part));
}

bool
multi_help(struct uploader *up, struct job *job)
{
	for (struct multi *multi = up->multis; multi != NULL;
	     multi = multi->next) {
		bool is_sending = multi->lead->step == STEP_PART;

		if (!is_sending || multi->ending != MULTI_GOES_ON ||
		    multi->parts.next == multi->parts.count)
			continue;
		job->multi = multi;
		job_help(job, multi->lead);
		next_part(job);
		return true;
	}
	return false;
}

void
multi_digested(struct job *job)
{
	struct parts *parts = &job->multi->parts;

	if (parts_same(parts, job->part, &job->part_digest)) {
		parts_store(parts, job->part, NULL, &job->part_digest);
		next_part(job);
		return;
	}
	exchange_send(job);
}

/* --- requests ----------------------------------------------------------- */

static void
send_part(struct job *job, int64_t now_ns)
{
	struct uploader *up = job->up;
	const struct multi *multi = job->multi;
	char checksum[CHECKSUM_TEXT_MAX];
	const struct s3_part part = {
	    .key = strbuf_text(&multi->lead->key),
	    .upload_id = upload_id(multi),
	    .number = (int)job->part + 1,
	    .sha256_hex = up->sign_payload ? job->part_digest.sha256_hex : NULL,
	    .checksum_header = checksum_header(up->checksum),
	    .checksum = checksum_base64(
		up->checksum, &job->part_digest, checksum),
	};
	const struct transfer_body body = {
	    .fd = multi->lead->fd,
	    .offset = parts_offset(&multi->parts, job->part),
	    .size = parts_length(&multi->parts, job->part),
	};

	job->sent_checksum = up->checksum;
	s3_request_part(&job->request, &up->client, &part, now_ns);
	exchange_start(job, &body);
}

/* The list of parts that CompleteMultipartUpload sends. */
static void
build_list(const struct job *lead)
{
	const struct parts *parts = &lead->multi->parts;
	const char *element = checksum_element(lead->up->checksum);
	struct strbuf *xml = &lead->multi->lead->xml;
	struct digest digest = {.have = ~0U};
	char text[CHECKSUM_TEXT_MAX];

	strbuf_reset(xml);
	strbuf_puts(xml, "<CompleteMultipartUpload xmlns=\"http://"
			 "s3.amazonaws.com/doc/2006-03-01/\">");
	for (size_t i = 0; i < parts->count; i++) {
		const struct part *part = &parts->part[i];

		strbuf_printf(xml,
		    "<Part><PartNumber>%zu</PartNumber><ETag>"
		    "&quot;",
		    i + 1);
		s3_xml_escape(xml, part->etag);
		strbuf_puts(xml, "&quot;</ETag>");
		if (element != NULL) {
			digest.crc32c = part->crc32c;
			digest.crc64nvme = part->crc64nvme;
			memcpy(
			    digest.sha256, part->sha256, sizeof digest.sha256);
			strbuf_printf(xml, "<%s>%s</%s>", element,
			    checksum_base64(lead->up->checksum, &digest, text),
			    element);
		}
		strbuf_puts(xml, "</Part>");
	}
	strbuf_puts(xml, "</CompleteMultipartUpload>");
}

static void
send_complete(struct job *lead, int64_t now_ns)
{
	struct uploader *up = lead->up;
	bool has_crc = up->checksum == CHECKSUM_CRC32C;
	char hash[SIGV4_HASH_HEX], checksum[CHECKSUM_TEXT_MAX];
	struct s3_complete complete = {
	    .key = strbuf_text(&lead->key),
	    .upload_id = upload_id(lead->multi),
	    .object_size = lead->st.st_size,
	    .if_none_match = !uploader_is_unconditional(up),
	};

	/* Parts were read at different times: they may be of different states
	 * of it, which must not become one object. */
	if (job_has_changed(lead)) {
		job_give_back(
		    lead, GIVE_CHANGED, "it was changed while it was uploaded");
		return;
	}
	/* As before a PUT that may replace an object. */
	if (!complete.if_none_match && fdatasync(lead->fd) < 0) {
		job_give_back(
		    lead, GIVE_LOCAL, "it can't be synced to the disk");
		return;
	}
	build_list(lead);
	const struct transfer_body body = {
	    .bytes = strbuf_text(&lead->xml),
	    .fd = -1,
	    .size = (int64_t)lead->xml.length,
	};

	complete.body_sha256_hex = sigv4_hash_hex(
	    strbuf_text(&lead->xml), lead->xml.length, hash);
	if (has_crc) {
		complete.checksum_header = checksum_header(CHECKSUM_CRC32C);
		complete.checksum = checksum_base64(
		    CHECKSUM_CRC32C, &lead->digest, checksum);
	}
	lead->conditional = complete.if_none_match;
	s3_request_complete(&lead->request, &up->client, &complete, now_ns);
	exchange_start(lead, &body);
}

void
multi_send(struct job *job)
{
	static const struct transfer_body nothing = {.bytes = "", .fd = -1};
	struct uploader *up = job->up;
	int64_t now_ns = exchange_now_ns(up);
	const struct multistate *state = job->abort != NULL
					     ? &job->abort->state
					     : &job->multi->state;
	const char *key = strbuf_text(&state->key);
	const char *id = strbuf_text(&state->upload_id);

	switch (job->step) {
	case STEP_CREATE:
		job->sent_checksum = up->checksum;
		s3_request_create(&job->request, &up->client,
		    &(const struct s3_create){
			.key = key,
			.mtime_ns = state->mtime_ns,
			.algorithm = checksum_algorithm(up->checksum),
			.full_object = up->checksum == CHECKSUM_CRC32C,
		    },
		    now_ns);
		exchange_start(job, &nothing);
		return;
	case STEP_PART:
		send_part(job, now_ns);
		return;
	case STEP_COMPLETE:
		send_complete(job, now_ns);
		return;
	case STEP_ABORT:
		s3_request_abort(&job->request, &up->client, key, id, now_ns);
		break;
	default: /* STEP_LIST, STEP_ABORT_CHECK */
		s3_request_list_parts(&job->request, &up->client, key, id,
		    job->list_marker, now_ns);
		break;
	}
	exchange_start(job, NULL);
}

/* --- answers ------------------------------------------------------------ */

/* The upload isn't what it should be: begins anew, once. */
static void
restart(struct job *lead, bool is_gone)
{
	struct multi *multi = lead->multi;

	if (multi->restarted) {
		job_give_back(
		    lead, GIVE_QUEUED, "its multipart upload was lost twice");
		return;
	}
	multi->restarted = true;
	if (!is_gone)
		abandon_queue(multi->up, &multi->state);
	parts_forget(&multi->parts);
	multi_create(lead);
}

static void
on_listed(void *context, const struct s3_listed_part *part)
{
	parts_list(context, part);
}

static bool
answered_list(struct job *lead)
{
	const struct strbuf *body = &lead->reply.body;
	int marker = 0;

	if (!s3_xml_list_parts(strbuf_text(body), body->length, on_listed,
		&lead->multi->parts, &marker))
		return false;
	/* A marker that doesn't grow would go on for ever. */
	if (marker > lead->list_marker) {
		lead->list_marker = marker;
		exchange_send(lead);
	} else {
		next_part(lead);
	}
	return true;
}

static bool
answered_ok(struct job *job)
{
	struct multi *multi = job->multi;
	const struct strbuf *body = &job->reply.body;

	switch (job->step) {
	case STEP_CREATE:
		if (!s3_xml_created(strbuf_text(body), body->length,
			&multi->state.upload_id))
			return false;
		if (save(multi))
			next_part(job);
		return true;
	case STEP_LIST:
		return answered_list(job);
	case STEP_PART:
		/* Without an ETag, or with a checksum of other bytes, it is
		 * sent again. */
		if (job->reply.etag.length == 0 ||
		    compare_contradicts(&job->reply, &job->part_digest))
			return false;
		exchange_succeeded(job);
		parts_store(&multi->parts, job->part,
		    strbuf_text(&job->reply.etag), &job->part_digest);
		next_part(job);
		return true;
	case STEP_COMPLETE:
		/* A 200 alone is no success here (AWS,
		 * CompleteMultipartUpload). */
		if (!s3_xml_completed(strbuf_text(body), body->length,
			&job->reply.etag, &job->reply.checksum_crc32c))
			return false;
		if (compare_contradicts(&job->reply, &job->digest)) {
			job->step = STEP_HEAD_EXISTS;
			exchange_send(job);
		} else {
			job_stored(job);
		}
		return true;
	default:
		return false;
	}
}

bool
multi_answered(struct job *job, const struct verdict_row *row)
{
	const char *code = strbuf_text(&job->error.code);
	bool is_lost = strcmp(code, "NoSuchUpload") == 0 ||
		       (job->step == STEP_LIST && job->reply.status == 404 &&
			   *code == '\0');

	if (job->abort != NULL)
		return abandon_answered(job, row);
	if (row->verdict == VERDICT_OK)
		return answered_ok(job);
	if ((job->step == STEP_COMPLETE || job->step == STEP_LIST) && is_lost) {
		/* Gone by an abort, or by having been completed. */
		job->step = STEP_HEAD_LOST;
		exchange_send(job);
		return true;
	}
	if (job->step == STEP_LIST && exchange_is_refused(job, row)) {
		log_info("%s: sending all its parts anew, as the store doesn't "
			 "tell which it has (%d %s)%s",
		    strbuf_text(&job->path), job->reply.status, code,
		    exchange_is_denied(job)
			? "; allow s3:ListMultipartUploadParts"
			: "");
		restart(job, false);
		return true;
	}
	if (job->step == STEP_PART && is_lost) {
		job_give_back(job, GIVE_QUEUED,
		    "its multipart upload is gone; the next run begins anew");
		return true;
	}
	if (job->step == STEP_COMPLETE &&
	    (strncmp(code, "InvalidPart", 11) == 0 ||
		strcmp(code, "ConditionalRequestConflict") == 0)) {
		restart(job, false);
		return true;
	}
	return false;
}

void
multi_lost(struct job *lead)
{
	restart(lead, true);
}

void
multi_move(struct job *lead)
{
	struct multi *multi = lead->multi;

	if (multi->state.upload_id.length > 0)
		abandon_queue(multi->up, &multi->state);
	parts_forget(&multi->parts);
	describe_file(lead, &multi->state);
	multi->state.part_size = multi->parts.part_size;
	lead->step = STEP_HEAD_FIRST;
	exchange_send(lead);
}

/* --- endings ------------------------------------------------------------ */

bool
multi_defer(
    struct job *job, enum give_back how, const char *code, const char *message)
{
	struct multi *multi = job->multi;

	if (multi->ending == MULTI_GOES_ON) {
		multi->ending = code != NULL ? MULTI_REJECT : MULTI_GIVE_BACK;
		multi->how = how;
		if (code != NULL) {
			multi->code = mem_copy(code);
			multi->message = mem_copy(message);
		}
	}
	if (job->step == STEP_PART && job->state != JOB_PARTS)
		parts_release(&multi->parts, job->part);
	if (job == multi->lead && multi->parts.busy == 0)
		return false;
	leave_parts(job);
	return true;
}

void
multi_end(struct job *lead, bool is_complete, bool keep)
{
	struct multi *multi = lead->multi;
	struct uploader *up = lead->up;
	bool exists = multi->state.upload_id.length > 0;

	if (exists && is_complete)
		(void)multistate_remove(
		    up->stage->spool, multi->state.inode); /* else stale */
	else if (exists && !keep)
		abandon_queue(up, &multi->state);
	for (struct multi **link = &up->multis; *link != NULL;
	     link = &(*link)->next)
		if (*link == multi) {
			*link = multi->next;
			break;
		}
	lead->multi = NULL;
	parts_done(&multi->parts);
	multistate_done(&multi->state);
	free(multi->code);
	free(multi->message);
	free(multi);
}
