/* The life of one file in the uploader, from uploading/ to confirmed/, to
 * failed/ or back to claimed/. */
#ifndef UPLOADER_JOB_H
#define UPLOADER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "uploader/digest.h"
#include "uploader/hashers.h"
#include "uploader/uploader.h"

/* Files of up to so many bytes are always read whole, most of them ahead. */
enum { JOB_SMALL = 16 * 1024 };

enum job_state {
	JOB_IDLE,
	JOB_DIGESTING, /* by the hashers: job_work */
	JOB_SENDING,   /* in the transfer loop: job_answered */
	JOB_WAITING,   /* until wake_ns: job_work */
	JOB_UNSIGNED,  /* until there are newer credentials:
			  exchange_renewed */
	JOB_PARTS      /* until other slots have sent its file's parts */
};

enum job_step {
	STEP_PUT,
	STEP_HEAD_FIRST,  /* the store knows no conditions: is it there? */
	STEP_HEAD_EXISTS, /* it is there: is it the same? */
	STEP_GET_REASON,  /* HEAD was refused, and has no body to say why */
	/* Multipart uploads: multi.c. */
	STEP_CREATE,
	STEP_LIST,
	STEP_PART,
	STEP_HEAD_COMPLETE, /* is the object there by now? */
	STEP_COMPLETE,
	STEP_HEAD_LOST, /* the upload is gone: has it been completed? */
	STEP_ABORT,
	STEP_ABORT_CHECK
};

enum give_back {
	GIVE_DEFERRED, /* somebody else is about it, or what ends the run has
			* set the status: that is no failure of its own */
	GIVE_QUEUED,   /* it didn't work out: for the next run, status 75 */
	GIVE_CHANGED,  /* nor that, as the file did meanwhile; status 75 */
	GIVE_LOCAL     /* local input or output is in the way: status 74 */
};

struct multi;
struct abandon;
struct prefetched;

struct job {
	struct uploader *up;
	size_t slot;
	enum job_state state;
	enum job_step step;
	enum job_step asked; /* STEP_GET_REASON: what was refused */
	struct commit *commit;
	struct strbuf path, key;
	ino_t inode;
	int fd;
	struct stat st;	      /* as judged, before the first byte was read */
	unsigned char *body;  /* the whole file, or NULL */
	size_t body_size;     /* its; counted in up->body_bytes */
	struct digest digest; /* of the whole file */
	struct digest *digesting; /* what is being computed: either of both */
	struct hashers_task hashing;
	enum checksum sent_checksum; /* of the last request with a body */
	int attempts;		     /* failed ones */
	bool is_answered;	     /* the last one was */
	bool timed_out;
	unsigned repaired;   /* a bit for each enum repair that was tried */
	unsigned generation; /* of the credentials last used */
	bool conditional;    /* the PUT carried If-None-Match */
	bool renamed;	     /* keep-both: the key has its suffix */
	int64_t started_ns, sent_ns, wake_ns;
	int64_t key_hash; /* the byte of locks/keys we hold, or -1 */
	bool is_warm;	  /* the slot has had an answer */
	/* Of a multipart upload; lead of it where multi->lead is this job. */
	struct multi *multi;
	size_t part;		   /* at hand */
	struct digest part_digest; /* its */
	int list_marker;
	struct strbuf xml;
	struct abandon *abort; /* what this job is about, or NULL */
	struct s3_request request;
	struct s3_reply reply;
	struct s3_error error;
};

/* Gives a file back with which no job has begun: anybody may take it. */
void job_leave(struct uploader *up, const struct prefetched *file);
/* Gives a file of RUN back that was stored, but isn't what was sent any more,
 * and says so: it isn't taken again by this process. Its job is over. For
 * commit.h: CONTEXT is the uploader. */
void job_stored_in_vain(
    void *context, struct run *run, const char *path, ino_t inode);
/* Goes on with digests that have been computed, or wakes up. */
void job_work(struct job *job, int64_t now_ns);
/* Cancels what goes on and gives the file back. */
void job_give_up(struct job *job);
void job_done(struct job *job);

/* For admit.c, by which it begins. */

/* The digests that a file's first request needs, and its receipt. */
unsigned job_digests(const struct uploader *up);
/* Its file has been given back already, by its other name, and may be taken
 * again at once: the slot is free. */
void job_given_back(struct job *job);
/* Gives it back, since of its bytes only N could be read, or, where N is a
 * negative errno, none. */
void job_give_back_unread(struct job *job, int64_t n);

/* For exchange.c, which talks to the store: how it goes on. */

/* Computes the digests of WANT that aren't there yet, then sends. */
void job_digest(struct job *job, unsigned want);
/* The same for the LENGTH bytes from OFFSET on, as job->part_digest. */
void job_digest_part(
    struct job *job, int64_t offset, int64_t length, unsigned want);
/* Nothing that was read is believed: computes the digests anew, then sends. */
void job_digest_anew(struct job *job);
/* Begins with work that isn't a file of its own: for the lead of a multipart
 * upload, or (NULL) for none. */
void job_help(struct job *job, const struct job *lead);
/* The slot is free for another file. */
void job_become_idle(struct job *job);
/* Takes the lock on the job's key, where files are sent unconditionally.
 * False: somebody else is about that key, and the file was given back. */
bool job_lock_key(struct job *job);
/* Whether the file is no longer as it was when the job began with it. */
bool job_has_changed(const struct job *job);
/* Opens it again if its bytes are in memory and it was closed. False: it can't
 * be, or has changed, and was given back. */
bool job_reopen(struct job *job);
/* The store has confirmed these bytes: unless the file has changed meanwhile,
 * its receipt is written (with the ETag and version of the reply). */
void job_stored(struct job *job);
/* Back to claimed/, not to be taken again by this process; REASON is logged
 * unless it is NULL. */
void job_give_back(struct job *job, enum give_back how, const char *reason);
/* To failed/, with the reason. */
void job_reject(struct job *job, const char *code, const char *message);
/* The same for what the store answered, of which the log has DESCRIPTION. */
void job_reject_answer(struct job *job, const char *code, const char *message,
    const char *description);

#endif
