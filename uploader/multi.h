/* Large files: one multipart upload, sent by several slots at once.
 *
 * The slot that has begun with the file is the lead: it keeps the file open,
 * creates and completes the upload, and sends parts like any other. Slots that
 * are free help with parts, and are free again when there are none left. */
#ifndef UPLOADER_MULTI_H
#define UPLOADER_MULTI_H

#include <stdbool.h>

#include "uploader/job.h"
#include "uploader/multistate.h"
#include "uploader/parts.h"
#include "uploader/verdict.h"

/* How it will end as soon as no part is on its way any more. */
enum multi_ending { MULTI_GOES_ON, MULTI_GIVE_BACK, MULTI_REJECT };

struct multi {
	struct uploader *up;
	struct multi *next; /* of the uploader's */
	struct job *lead;
	struct parts parts;
	struct multistate state; /* upload_id "": none is created */
	bool restarted;		 /* once is enough */
	enum multi_ending ending;
	enum give_back how;
	char *code, *message; /* of a rejection */
};

/* The lead's file, judged and open, is to be sent in parts: goes on with an
 * upload that an earlier run has left, or asks whether the object is there. */
void multi_begin(struct job *lead);
/* The object isn't there: creates an upload. */
void multi_create(struct job *lead);
/* Lets the idle JOB help. False: no part waits. */
bool multi_help(struct uploader *up, struct job *job);
/* The digests of the part at hand are there: compares or sends it. */
void multi_digested(struct job *job);
/* Sends the request of the job's step. */
void multi_send(struct job *job);
/* The answer to it, judged as ROW. False: what the general rules say of ROW
 * holds (exchange.c). */
bool multi_answered(struct job *job, const struct verdict_row *row);
/* The upload is gone, and it isn't that it was completed: begins anew. */
void multi_lost(struct job *lead);
/* The lead's key has changed: begins anew under it. */
void multi_move(struct job *lead);
/* Before a job that belongs to an upload ends: true when the end has to wait
 * for other parts (or was only a helper's), false when it may come. CODE is
 * NULL for giving back. */
bool multi_defer(
    struct job *job, enum give_back how, const char *code, const char *message);
/* The lead's file is stored, given back (KEEP: the upload waits for the next
 * run) or rejected: forgets the upload, and has it aborted if it stands. */
void multi_end(struct job *lead, bool is_complete, bool keep);

#endif
