/* Which files are sent.
 *
 * A file lies in uploading/<run>/, where nobody but us makes names. Scripts put
 * anything into claimed/, so what isn't known to be a regular file is looked at
 * before it is opened. A lease shows that nobody writes it; then fstat; the
 * first byte is read after that. Small files are mostly taken, opened and read
 * ahead of their turn (prefetch.h), and judged here by what was seen then; what
 * was seen too long ago, and all else, is opened now. */
#include "uploader/admit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/run.h"
#include "common/settle.h"
#include "uploader/multi.h"

/* What was read may be sent so long afterwards without another look. */
static const int64_t fresh_ns = 50 * CLOCK_NS_PER_MS;

struct prefetch_plan
admit_plan(const struct uploader *up, size_t ahead)
{
	int64_t parts_from = up->config->multipart_threshold_bytes;

	return (struct prefetch_plan){
	    .ahead = ahead,
	    .expects_small = up->expects_small,
	    .size_most = parts_from < JOB_SMALL ? parts_from : JOB_SMALL,
	    .digests = job_digests(up),
	    .settle_check = up->config->settle_check,
	};
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
		job_given_back(job);
		return false;
	}
	return st.st_nlink == 1 || is_alone(job);
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
	job_give_back_unread(job, file->length);
	return false;
}

void
admit_file(struct job *job, struct prefetched *file)
{
	struct uploader *up = job->up;
	const struct prefetch_plan plan = admit_plan(up, 0);
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
