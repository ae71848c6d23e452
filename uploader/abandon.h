/* Multipart uploads that nobody goes on with: aborted, so that the store
 * doesn't keep (and bill) their parts for ever. */
#ifndef UPLOADER_ABANDON_H
#define UPLOADER_ABANDON_H

#include <stdbool.h>

#include "uploader/job.h"
#include "uploader/multistate.h"
#include "uploader/verdict.h"

/* One that is to be aborted. */
struct abandon {
	struct abandon *next;
	struct multistate state;
};

/* Has the upload of STATE (copied) aborted as soon as a slot is free. */
void abandon_queue(struct uploader *up, const struct multistate *state);
/* Whether that is being done, or is to be. */
bool abandon_is_due(const struct uploader *up, const struct multistate *state);
/* Queues those of dead runs that are older than multipart_abort_after. */
void abandon_find_stale(struct uploader *up);
/* Lets the idle JOB abort one. False: there is none. */
bool abandon_next(struct uploader *up, struct job *job);
/* The answer to the job's request, judged as ROW. False: what the general
 * rules say of ROW holds (exchange.c). */
bool abandon_answered(struct job *job, const struct verdict_row *row);
/* The abort that JOB was about is over, done or not, and the slot is free. */
void abandon_end(struct job *job, bool is_gone, const char *reason);
void abandon_free_all(struct uploader *up);

#endif
