/* One uploader process: what its jobs share. */
#ifndef UPLOADER_UPLOADER_H
#define UPLOADER_UPLOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/progress.h"
#include "common/stage.h"
#include "uploader/commit.h"
#include "uploader/concurrency.h"
#include "uploader/credentials/credentials.h"
#include "uploader/credentials/profile.h"
#include "uploader/endpoint.h"
#include "uploader/hashers.h"
#include "uploader/pick.h"
#include "uploader/renewal.h"
#include "uploader/retry.h"
#include "uploader/s3_request.h"
#include "uploader/transfer.h"

struct job;
struct named;
struct prefetch;
struct worker;

/* What keeps files from being stored, as a person would look for it. */
enum upload_failure {
	FAILURE_NETWORK,    /* no answer, or half of one */
	FAILURE_STORE,	    /* it answers that it can't now */
	FAILURE_PERMISSION, /* credentials, or what they allow */
	FAILURE_CONFIGURATION,
	FAILURE_CHANGED, /* the file did, meanwhile */
	FAILURE_LOCAL	 /* this host's input and output */
};
enum { UPLOAD_FAILURES = FAILURE_LOCAL + 1 };

/* Seconds for what is in flight when the uploader is to stop. */
enum { UPLOADER_GRACE_S = 5 };

struct uploader {
	struct stage *stage;
	const struct config *config;
	struct profiles *profiles;
	struct endpoint *endpoint;
	struct credentials *credentials;
	struct s3_object_options *options;
	struct s3_client client;
	struct renewal renewal; /* of the credentials */
	struct transfer *transfer;
	struct hashers *hashers; /* of what is large */
	int signal_fd;
	int wake_fd; /* an epoll of signal_fd, the renewal's, the hashers', the
			committer's and the prefetch's */
	struct bounds bounds;
	size_t begun;	     /* files, of which the bounds allow so many */
	bool is_bounded;     /* there was no further one because of them */
	struct named *named; /* the list of claims; or NULL */
	struct pick *pick;
	struct prefetch *prefetch; /* what it takes */
	bool may_run_ahead;
	struct commit *commit; /* the current run's, before older ones */
	struct commit_context commits;
	struct worker *committer; /* what writes receipts */
	struct retry_budget budget;
	struct throttle throttle;
	struct concurrency concurrency; /* where connections is auto */
	int max_attempts;
	int unlucky; /* files given up since the last one was stored */
	int64_t retries;
	int64_t failures[UPLOAD_FAILURES]; /* but for files that are refused */
	struct upload_metrics *metrics;	   /* NULL: none are wanted */

	struct job *jobs; /* one a slot */
	size_t job_count; /* that have been needed so far */
	size_t active;
	size_t body_bytes; /* of all jobs' files in memory */

	struct multi *multis;	/* large files that are being sent */
	struct abandon *aborts; /* multipart uploads to be aborted */

	bool sign_payload;
	enum checksum checksum; /* what requests carry */
	bool no_conditions;	/* learned: the store answers 501 to them */
	bool md5_on_trial;	/* the checksum given up may not be at fault */
	bool said_no_lease;
	bool expects_small; /* the last file was, so that the next may be */
	int64_t turn_ns;    /* how long a file that isn't sent in parts has a
			       slot, on average; or 0 */
	bool awaits_files;  /* that are being taken */
	int64_t clock_offset_ns; /* learned: the store's clock minus ours */
	int64_t answered_ns;	 /* when the store last answered anything */

	bool stopping;	      /* takes nothing more ... */
	int64_t stop_by_ns;   /* ... and gives up what isn't done by then */
	uint32_t stop_signal; /* that ended it, or 0 */
	int64_t stop_signal_ns;
	struct progress progress;
	uint64_t queued; /* files, as progress has counted them; 0: unknown */
	int64_t queued_bytes;
	int64_t began_ns;

	bool aborting; /* receipts can't be written: touch nothing */
};

/* Whether files are sent without If-None-Match, so that a lock on their keys
 * has to keep runs apart. */
bool uploader_is_unconditional(const struct uploader *up);
/* Takes nothing more: what is in flight has UPLOADER_GRACE_S to finish, the
 * rest is given back. STATUS is the exit status that it means. */
void uploader_stop(struct uploader *up, int status);
/* The same for ERROR, a negative errno that concerns every file. It is logged
 * that we can't WHAT, such as "take claims from", the spool. */
void uploader_stop_on_error(struct uploader *up, const char *what, int error);

#endif
