/* The life of one file, once it is admitted (admit.c): what is read of it, and
 * how it ends.
 *
 * Small files are read once, into memory, and closed, most of them ahead of
 * their turn (prefetch.h); of larger ones the digests are computed beside the
 * event loop (hashers.c).
 *
 * A file that has changed while it was sent goes back to claimed/, not to
 * confirmed/. The stat that tells is as late as can be: after the store's
 * answer, by commit.c, just before the receipt's line is written. For one that
 * was sent in parts there is another before they become an object (multi.c),
 * and one here. */
#include "uploader/job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/receipt.h"
#include "common/settle.h"
#include "uploader/abandon.h"
#include "uploader/checksum.h"
#include "uploader/client.h"
#include "uploader/exchange.h"
#include "uploader/failure.h"
#include "uploader/keylock.h"
#include "uploader/multi.h"
#include "uploader/prefetch.h"

enum {
	/* Memory for the files of all jobs together, but for small ones, which
	 * are always read whole. */
	BODIES_MAX = 6 * 1024 * 1024,
	BODY_LARGE = 1024 * 1024
};

static const char changed_meanwhile[] = "it was changed while it was uploaded";

static void
drop_body(struct job *job)
{
	free(job->body);
	job->body = NULL;
	job->up->body_bytes -= job->body_size;
	job->body_size = 0;
}

/* The slot is free for another file. The key's lock, if any, has been handed
 * on or let go. */
void
job_become_idle(struct job *job)
{
	if (job->fd >= 0)
		(void)close(job->fd); /* only read from */
	job->fd = -1;
	drop_body(job);
	job->state = JOB_IDLE;
	job->up->active--;
}

/* It is left to others: --limit is for files that are begun. */
static void
uncount(struct uploader *up)
{
	if (up->stopping)
		return;
	up->begun--;
	up->is_bounded = false; /* until it is asked again */
}

/* Moves the file of RUN back to claimed/. False: it can't be. */
static bool
give_back(struct uploader *up, struct run *run, const char *path, ino_t inode)
{
	int rc = spool_give_back(
	    up->stage->spool, &run->uploading, path, inode);

	run->held--;
	if (rc == -EEXIST) {
		log_debug("%s stays in uploading/: another file of its path "
			  "waits in claimed/",
		    path);
	} else if (rc < 0 && rc != -ENOENT) {
		log_about(LOG_ERROR, LOG_PATH(path),
		    "Cannot rename '%s' from uploading/ back to "
		    "claimed/: %s; the next run takes it up",
		    path, strerror(-rc));
		stage_fail(up->stage, EX_IOERR);
	}
	return rc == 0 || rc == -ENOENT;
}

void
job_leave(struct uploader *up, const struct prefetched *file)
{
	const char *path = strbuf_text(&file->claim.path);

	if (!give_back(up, file->commit->run, path, file->claim.inode)) {
		/* It is left for another run to send. */
		stage_fail(up->stage, EX_TEMPFAIL);
		pick_leave(up->pick, path);
	}
	keylock_release(up, file->claim.key_hash);
}

void
job_stored_in_vain(
    void *context, struct run *run, const char *path, ino_t inode)
{
	struct uploader *up = context;

	log_about(LOG_WARNING, LOG_PATH(path), "%s stays queued: %s", path,
	    changed_meanwhile);
	up->failures[FAILURE_CHANGED]++;
	stage_fail(up->stage, EX_TEMPFAIL);
	pick_leave(up->pick, path);
	(void)give_back(up, run, path, inode); /* it is said */
}

void
job_give_back(struct job *job, enum give_back how, const char *reason)
{
	struct uploader *up = job->up;
	const char *path = strbuf_text(&job->path);

	if (job->abort != NULL) {
		abandon_end(job, false, reason);
		return;
	}
	if (reason != NULL && how == GIVE_DEFERRED)
		log_debug("%s stays queued: %s", path, reason);
	else if (reason != NULL)
		log_about(LOG_WARNING, LOG_PATH(path), "%s stays queued: %s",
		    path, reason);
	if (reason != NULL && how != GIVE_DEFERRED)
		up->failures[how == GIVE_CHANGED  ? FAILURE_CHANGED
			     : how == GIVE_QUEUED ? FAILURE_STORE
						  : FAILURE_LOCAL]++;
	if (job->multi != NULL && multi_defer(job, how, NULL, NULL))
		return;
	if (job->multi != NULL)
		multi_end(job, false, true);
	if (how == GIVE_DEFERRED)
		uncount(up);
	else
		stage_fail(
		    up->stage, how == GIVE_LOCAL ? EX_IOERR : EX_TEMPFAIL);
	/* In this order: claims are taken meanwhile. */
	pick_leave(up->pick, path);
	(void)give_back(
	    up, job->commit->run, path, job->inode); /* it is said */
	keylock_release(up, job->key_hash);
	job->key_hash = -1;
	job_become_idle(job);
}

void
job_give_back_unread(struct job *job, int64_t n)
{
	job_give_back(job, n < 0 ? GIVE_LOCAL : GIVE_CHANGED,
	    n < 0 ? strerror((int)-n) : "it got shorter");
}

void
job_given_back(struct job *job)
{
	job->commit->run->held--;
	uncount(job->up);
	keylock_release(job->up, job->key_hash);
	job->key_hash = -1;
	job_become_idle(job);
}

/* DESCRIPTION: of the answer that refuses it, or NULL where the reason is one
 * of ours. */
static void
reject(struct job *job, const char *code, const char *message,
    const char *description)
{
	if (job->abort != NULL) {
		abandon_end(
		    job, false, description != NULL ? description : message);
		return;
	}
	if (job->multi != NULL && multi_defer(job, GIVE_QUEUED, code, message))
		return;
	if (job->multi != NULL)
		multi_end(job, false, false);
	if (description != NULL)
		failure_log_refused(job, description);
	else
		failure_log_rejected(job, code, message);
	commit_add_reason(job->commit, strbuf_text(&job->path), job->inode,
	    code, message, job->key_hash);
	job->key_hash = -1;
	job_become_idle(job);
}

void
job_reject(struct job *job, const char *code, const char *message)
{
	reject(job, code, message, NULL);
}

void
job_reject_answer(struct job *job, const char *code, const char *message,
    const char *description)
{
	reject(job, code, message, description);
}

bool
job_has_changed(const struct job *job)
{
	struct stat is;
	int rc = job->fd >= 0
		     ? fstat(job->fd, &is)
		     : fstatat(job->commit->run->uploading.fd,
			   strbuf_text(&job->path), &is, AT_SYMLINK_NOFOLLOW);

	return rc < 0 || !fsio_is_unchanged(&job->st, &is);
}

/* False: it has changed, and was given back. */
static bool
is_unchanged(struct job *job)
{
	if (!job_has_changed(job))
		return true;
	job_give_back(job, GIVE_CHANGED, changed_meanwhile);
	return false;
}

/* When the store answered: by its own clock, where ours is known to be wrong.
 * What the two differ by isn't added to ours, which may have been put right
 * since that was learned. */
static int64_t
answered_at_ns(const struct job *job)
{
	int64_t time_ns;

	if (job->up->clock_offset_ns != 0 &&
	    client_read_date(strbuf_text(&job->reply.date), &time_ns))
		return time_ns;
	return clock_realtime_ns();
}

static void
note_turn(struct uploader *up, int64_t turn_ns)
{
	up->turn_ns = up->turn_ns > 0 ? (up->turn_ns * 7 + turn_ns) / 8
				      : turn_ns;
}

void
job_stored(struct job *job)
{
	const struct uploader *up = job->up;
	struct receipt receipt = {
	    .uploaded_at_ns = answered_at_ns(job),
	    .size = job->st.st_size,
	    .crc32c = job->digest.crc32c,
	    .inode = job->inode,
	    .mtime_ns = clock_from_timespec(&job->st.st_mtim),
	    /* Borrowed, so receipt_done isn't called. */
	    .key = job->key,
	    .path = job->path,
	    .etag = job->reply.etag,
	    .version_id = job->reply.version_id,
	};
	struct strbuf line = {0};
	bool is_large = job->multi != NULL;

	assert((job->digest.have & DIGEST_CRC32C) != 0);
	/* Others are looked at before their receipts are written. */
	if (is_large && !is_unchanged(job))
		return;
	if (is_large)
		multi_end(job,
		    job->step == STEP_COMPLETE || job->step == STEP_HEAD_LOST,
		    false);
	strbuf_puts(&receipt.bucket, up->config->bucket);
	if ((job->digest.have & DIGEST_SHA256) != 0)
		strbuf_puts(&receipt.sha256, job->digest.sha256_hex);
	receipt_format(&receipt, &line);
	commit_add_receipt(job->commit, &(struct commit_stored){
					    .path = strbuf_text(&job->path),
					    .inode = job->inode,
					    .was = &job->st,
					    .line = strbuf_text(&line),
					    .key_hash = job->key_hash,
					});
	job->key_hash = -1;
	if (!is_large)
		note_turn(job->up, clock_monotonic_ns() - job->started_ns);
	strbuf_done(&line);
	strbuf_done(&receipt.bucket);
	strbuf_done(&receipt.sha256);
	job_become_idle(job);
}

bool
job_reopen(struct job *job)
{
	if (job->fd >= 0)
		return true;
	job->fd = prefetch_open_file(job->commit->run, strbuf_text(&job->path));
	if (job->fd < 0) {
		job_give_back(job, GIVE_LOCAL, strerror(errno));
		return false;
	}
	return is_unchanged(job);
}

bool
job_lock_key(struct job *job)
{
	struct uploader *up = job->up;
	int rc;

	if (job->key_hash >= 0 || !uploader_is_unconditional(up))
		return true;
	rc = keylock_take(up, strbuf_text(&job->key), &job->key_hash);
	if (rc == 0)
		return true;
	job_give_back(job, rc == -EAGAIN ? GIVE_DEFERRED : GIVE_LOCAL,
	    rc == -EAGAIN ? "another run is about an object of this key"
			  : strerror(-rc));
	return false;
}

/* All digests are there: what was waiting for them goes on. */
static void
digested(struct job *job)
{
	digest_finish(job->digesting);
	if (job->digesting == &job->part_digest)
		multi_digested(job);
	else
		exchange_send(job);
}

static bool
fits_in_memory(const struct job *job)
{
	size_t taken = job->up->body_bytes;

	return job->st.st_size <= JOB_SMALL ||
	       (job->st.st_size <= BODY_LARGE &&
		   taken + (size_t)job->st.st_size <= BODIES_MAX);
}

/* Small enough: read it whole, once. */
static void
read_body(struct job *job)
{
	ssize_t n;

	job->body_size = (size_t)job->st.st_size;
	job->up->body_bytes += job->body_size;
	job->body = mem_alloc(job->body_size);
	n = fsio_pread_all(job->fd, job->body, job->body_size, 0);
	if (n != job->st.st_size) {
		job_give_back_unread(job, n);
		return;
	}
	if (uploader_is_unconditional(job->up) || job->multi != NULL) {
		settle_release_lease(job->fd); /* it is synced yet, or sent */
	} else {
		(void)close(job->fd); /* only read from; with its lease */
		job->fd = -1;
	}
	digest_update(&job->digest, job->body, (size_t)n);
	digested(job);
}

/* Has the hashers digest a stretch of the file at FD, which has to stay open
 * until they have. */
static void
begin_hashing(struct job *job, int fd, int64_t offset, int64_t length)
{
	job->hashing.fd = fd;
	job->hashing.offset = offset;
	job->hashing.length = length;
	job->hashing.digest = job->digesting;
	job->state = JOB_DIGESTING;
	if (hashers_start(job->up->hashers, &job->hashing) < 0)
		job_give_back(job, GIVE_LOCAL,
		    "no thread can be started to digest it; raise the limits "
		    "on processes (tasks) and memory");
}

/* Goes on once they have. */
static void
take_hashed(struct job *job)
{
	int64_t n;

	if (!hashers_take(job->up->hashers, &job->hashing, &n))
		return;
	if (n == job->hashing.length)
		digested(job);
	else
		job_give_back_unread(job, n);
}

void
job_digest(struct job *job, unsigned want)
{
	job->digesting = &job->digest;
	digest_begin(&job->digest, want);
	if (job->digest.want == 0) {
		exchange_send(job);
	} else if (job->body != NULL) {
		digest_update(&job->digest, job->body, job->body_size);
		digested(job);
	} else if (fits_in_memory(job)) {
		read_body(job);
	} else {
		settle_release_lease(job->fd);
		begin_hashing(job, job->fd, 0, job->st.st_size);
	}
}

void
job_digest_part(struct job *job, int64_t offset, int64_t length, unsigned want)
{
	digest_reset(&job->part_digest);
	job->digesting = &job->part_digest;
	digest_begin(&job->part_digest, want);
	begin_hashing(job, job->multi->lead->fd, offset, length);
}

unsigned
job_digests(const struct uploader *up)
{
	return DIGEST_CRC32C | checksum_digest(up->checksum) |
	       (up->sign_payload ? DIGEST_SHA256 : 0);
}

void
job_digest_anew(struct job *job)
{
	if (job->step == STEP_PART) {
		const struct parts *parts = &job->multi->parts;

		job_digest_part(job, parts_offset(parts, job->part),
		    parts_length(parts, job->part), job_digests(job->up));
		return;
	}
	if (!job_reopen(job))
		return;
	drop_body(job);
	digest_reset(&job->digest);
	job_digest(job, job_digests(job->up));
}

void
job_help(struct job *job, const struct job *lead)
{
	strbuf_reset(&job->path);
	strbuf_reset(&job->key);
	if (lead != NULL) {
		strbuf_puts(&job->path, strbuf_text(&lead->path));
		strbuf_puts(&job->key, strbuf_text(&lead->key));
		job->commit = lead->commit;
	}
	job->fd = -1;
	job->key_hash = -1;
	job->attempts = 0;
	job->timed_out = false;
	job->repaired = 0;
	job->started_ns = clock_monotonic_ns();
	job->list_marker = 0;
	job->up->active++;
}

void
job_work(struct job *job, int64_t now_ns)
{
	if (job->state == JOB_DIGESTING)
		take_hashed(job);
	else if (job->state == JOB_WAITING && now_ns >= job->wake_ns)
		exchange_send(job);
}

void
job_give_up(struct job *job)
{
	if (job->state == JOB_IDLE)
		return;
	if (job->state == JOB_SENDING)
		transfer_cancel(job->up->transfer, job->slot);
	if (job->state == JOB_DIGESTING)
		hashers_cancel(job->up->hashers, &job->hashing);
	/* Whatever ends the run has set the status. */
	job_give_back(job, GIVE_DEFERRED, NULL);
}

void
job_done(struct job *job)
{
	strbuf_done(&job->path);
	strbuf_done(&job->key);
	strbuf_done(&job->xml);
	s3_request_done(&job->request);
	s3_reply_done(&job->reply);
	s3_error_done(&job->error);
	free(job->body);
	digest_done(&job->digest);
	digest_done(&job->part_digest);
}
