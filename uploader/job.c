/* The life of one file.
 *
 * It lies in uploading/<run>/, where nobody but us makes names. Scripts put
 * anything into claimed/, so what isn't known to be a regular file is looked
 * at before it is opened. A lease shows that nobody writes it; then fstat;
 * after the store's answer stat again: a file that has changed goes back to
 * claimed/, not to confirmed/. Small files are read once, into memory, and
 * closed; of larger ones the digests are computed beside the event loop
 * (hashers.c). */
#include "uploader/job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/keypath.h"
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

enum {
	/* Memory for the files of all jobs together, but for small ones, which
	 * are always read whole. */
	BODIES_MAX = 6 * 1024 * 1024,
	BODY_SMALL = 16 * 1024, /* read before the job begins, too */
	BODY_LARGE = 1024 * 1024
};

/* What was read may be sent so long afterwards without another look. */
static const int64_t fresh_ns = 50 * CLOCK_NS_PER_MS;
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

/* Whether another run has this very file under the same path: it is giving it
 * back by link and unlink, or died between the two. */
static int
visit_same_file(void *context, const char *name)
{
	const struct job *job = context;
	const struct spool *spool = job->up->stage->spool;
	char *path;
	struct stat st;
	bool same;

	if (strcmp(name, job->commit->run->name) == 0)
		return 0;
	path = mem_format("%s/%s", name, strbuf_text(&job->path));
	same = fstatat(spool->uploading_fd, path, &st, AT_SYMLINK_NOFOLLOW) ==
		   0 &&
	       st.st_ino == job->inode;
	free(path);
	return same ? -EBUSY : 0;
}

/* A file that had more names than ours: moves by link and unlink under way
 * are waited for. False: it isn't to be sent now. */
static bool
is_alone(struct job *job)
{
	struct spool *spool = job->up->stage->spool;
	struct stat st;

	if (run_each(spool, spool->uploading_fd, visit_same_file, job) ==
	    -EBUSY) {
		job_give_back(
		    job, GIVE_DEFERRED, "another run is giving it back");
		return false;
	}
	/* The second name may have gone since we looked. */
	if (fstatat(job->commit->run->uploading.fd, strbuf_text(&job->path),
		&st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_nlink == 1)
		return true;
	job_reject(job, "HardLink",
	    "it has more than one name (hard links), so it can change "
	    "unseen");
	return false;
}

/* Looks at the name, which is ours alone: what is no plain file is refused. */
static bool
look(struct job *job)
{
	struct run *run = job->commit->run;
	struct spool *spool = job->up->stage->spool;
	const char *path = strbuf_text(&job->path);
	struct stat st;

	if (fstatat(run->uploading.fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		job_give_back(job, GIVE_LOCAL, strerror(errno));
		return false;
	}
	job->inode = st.st_ino;
	if (!S_ISREG(st.st_mode)) {
		job_reject(job, "NotAFile", fsio_kind(st.st_mode));
		return false;
	}
	/* A move by link and unlink that was cut off between the two, or two of
	 * them, where the unlink failed. */
	if (st.st_nlink > 1 &&
	    spool_drop_twin(spool, &run->uploading, path, &st) == 1) {
		/* It may be taken again at once, by its other name. */
		log_debug("%s has been given back already", path);
		run->held--;
		uncount(job->up);
		keylock_release(job->up, job->key_hash);
		job->key_hash = -1;
		job_become_idle(job);
		return false;
	}
	return st.st_nlink == 1 || is_alone(job);
}

static void
say_no_lease(struct uploader *up, int error)
{
	if (up->said_no_lease || error == 0)
		return;
	up->said_no_lease = true;
	if (up->config->settle_check == SETTLE_LEASE) {
		log_warning("No leases can be had on the files in '%s' (%s): "
			    "with settle_check: lease none of them is uploaded",
		    up->config->spool_dir, strerror(error));
		return;
	}
	log_debug("No leases can be had on the files in '%s' (%s): they count "
		  "as settled by their age alone",
	    up->config->spool_dir, strerror(error));
}

/* Judges the file, which was opened under a lease. False: it was given
 * back. */
static bool
is_settled(struct job *job, const struct prefetched *file)
{
	struct uploader *up = job->up;
	int64_t now_ns = clock_fs_now_ns(&job->commit->run->fs_clock);
	int64_t mtime_ns, age_s;

	if (file->stat_error != 0) {
		job_give_back(job, GIVE_LOCAL, strerror(file->stat_error));
		return false;
	}
	/* As was said when it was taken, or else it is looked at now. */
	if ((!S_ISREG(job->st.st_mode) || job->st.st_nlink != 1) && !look(job))
		return false;
	if (!S_ISREG(job->st.st_mode)) {
		job_give_back(job, GIVE_DEFERRED, "it has been replaced");
		return false;
	}
	job->inode = job->st.st_ino;
	if (file->lease == LEASE_HELD)
		return true;
	if (file->lease == LEASE_WRITER) {
		job_give_back(
		    job, GIVE_DEFERRED, "somebody has it open for writing");
		return false;
	}
	say_no_lease(up, file->lease_error);
	/* Its change time is that of our own renames. */
	mtime_ns = clock_from_timespec(&job->st.st_mtim);
	if (__builtin_sub_overflow(now_ns, mtime_ns, &age_s))
		age_s = mtime_ns < 0 ? INT64_MAX : INT64_MIN;
	age_s /= CLOCK_NS_PER_S;
	if (up->config->settle_check == SETTLE_LEASE) {
		job_give_back(job, GIVE_DEFERRED,
		    "no lease can be had, and settle_check is lease");
		return false;
	}
	if (age_s < up->config->settle_seconds && age_s > -86400) {
		job_give_back(job, GIVE_DEFERRED,
		    "no lease can be had, and it is too young to do without");
		return false;
	}
	return true;
}

/* False: it couldn't be, and that was dealt with. */
static bool
was_opened(struct job *job, int error)
{
	struct stat st;

	if (error == 0)
		return true;
	/* What readdir said may be made up, on FUSE and some overlays. */
	if (fstatat(job->commit->run->uploading.fd, strbuf_text(&job->path),
		&st, AT_SYMLINK_NOFOLLOW) == 0)
		job->inode = st.st_ino;
	switch (error) {
	case EACCES:
	case EPERM:
	case ELOOP:
		job_reject(job, "Unreadable", strerror(error));
		return false;
	case EWOULDBLOCK: /* a write lease, such as Samba's oplocks */
		job_give_back(job, GIVE_DEFERRED,
		    "another program holds a lease on it, and may write");
		return false;
	case EMFILE: /* would be said of every file in the queue */
	case ENFILE:
	case ENOMEM:
		log_error("Cannot open '%s': %s; stopping here, everything "
			  "stays queued; raise the limit on open files, or "
			  "lower connections",
		    strbuf_text(&job->path), strerror(error));
		uploader_stop(job->up, EX_IOERR);
		job_give_back(job, GIVE_LOCAL, NULL);
		return false;
	default:
		job_give_back(job, GIVE_LOCAL, strerror(error));
		return false;
	}
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

	return job->st.st_size <= BODY_SMALL ||
	       (job->st.st_size <= BODY_LARGE &&
		   taken + (size_t)job->st.st_size <= BODIES_MAX);
}

/* Of its bytes only N could be read, or, negative, for that error none. */
static void
give_back_unread(struct job *job, int64_t n)
{
	job_give_back(job, n < 0 ? GIVE_LOCAL : GIVE_CHANGED,
	    n < 0 ? strerror((int)-n) : "it got shorter");
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
		give_back_unread(job, n);
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
		give_back_unread(job, n);
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

/* What every request needs, and what the checksums do. */
static unsigned
digests_of(const struct uploader *up)
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
		    parts_length(parts, job->part), digests_of(job->up));
		return;
	}
	if (!job_reopen(job))
		return;
	drop_body(job);
	digest_reset(&job->digest);
	job_digest(job, digests_of(job->up));
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

static void
reset(struct job *job, const struct prefetched *file)
{
	const struct pick_claim *claim = &file->claim;

	job->commit = file->commit;
	job->inode = claim->inode;
	strbuf_reset(&job->path);
	strbuf_puts(&job->path, strbuf_text(&claim->path));
	strbuf_reset(&job->key);
	strbuf_puts(&job->key, job->up->config->key_prefix);
	strbuf_puts(&job->key, strbuf_text(&claim->path));
	job->fd = -1;
	digest_reset(&job->digest);
	job->multi = NULL;
	job->attempts = 0;
	job->timed_out = job->renamed = false;
	job->repaired = 0;
	job->started_ns = clock_monotonic_ns();
	job->key_hash = claim->key_hash;
	job->up->active++;
}

struct prefetch_plan
job_plan(const struct uploader *up, size_t ahead)
{
	int64_t parts_from = up->config->multipart_threshold_bytes;

	return (struct prefetch_plan){
	    .ahead = ahead,
	    .expects_small = up->expects_small,
	    .size_most = parts_from < BODY_SMALL ? parts_from : BODY_SMALL,
	    .digests = digests_of(up),
	    .settle_check = up->config->settle_check,
	};
}

/* What FILE has is the job's from now on. */
static void
take_over(struct job *job, struct prefetched *file)
{
	struct digest digest = job->digest;

	job->fd = file->fd;
	file->fd = -1;
	job->st = file->st;
	job->body = file->body;
	file->body = NULL;
	if (job->body != NULL) {
		job->body_size = (size_t)job->st.st_size;
		job->up->body_bytes += job->body_size;
	}
	job->digest = file->digest;
	file->digest = digest;
}

/* False: it couldn't be, and was given back. */
static bool
was_read(struct job *job, const struct prefetched *file)
{
	if (job->body == NULL || file->length == job->st.st_size)
		return true;
	give_back_unread(job, file->length);
	return false;
}

void
job_begin(struct job *job, struct prefetched *file)
{
	struct uploader *up = job->up;
	const struct prefetch_plan plan = job_plan(up, 0);
	const char *fault;

	assert(job->state == JOB_IDLE);
	reset(job, file);
	if (!file->is_opened || job->started_ns - file->opened_ns > fresh_ns) {
		prefetch_forget(file);
		if (!file->claim.is_regular && !look(job))
			return;
		prefetch_open(file, &plan);
	}
	take_over(job, file);
	fault = keypath_key_fault(strbuf_text(&job->key));
	if (fault != NULL) {
		job_reject(job, "InvalidKey", fault);
		return;
	}
	if (!was_opened(job, file->error) || !is_settled(job, file))
		return;
	up->expects_small = job->st.st_size <= plan.size_most;
	job->step = STEP_PUT;
	if (!job_lock_key(job) || !was_read(job, file))
		return;
	if (job->st.st_size > up->config->multipart_threshold_bytes) {
		settle_release_lease(job->fd);
		multi_begin(job);
	} else {
		job_digest(job, plan.digests);
	}
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
