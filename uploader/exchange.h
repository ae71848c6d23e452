/* The requests of one job, and what their answers mean. */
#ifndef UPLOADER_EXCHANGE_H
#define UPLOADER_EXCHANGE_H

#include "uploader/job.h"
#include "uploader/verdict.h"

/* Sends the job's next request. A PUT, or what completes an upload, becomes a
 * HEAD before it where the store knows no conditions. */
void exchange_send(struct job *job);
/* The same when HEAD has just said that nothing is there. */
void exchange_send_absent(struct job *job);
/* Hands job->request to the transfer loop, with BODY or (NULL) without. */
void exchange_start(struct job *job, const struct transfer_body *body);
/* The time to sign with: the store's, as far as it is known. */
int64_t exchange_now_ns(const struct uploader *up);
/* Nothing will get better for any file: says so once (DESCRIPTION of the
 * answer, HINT unless NULL), and stops with STATUS. The job's file stays
 * queued. */
void exchange_end_run(
    struct job *job, const char *description, int status, const char *hint);
/* The same for a success without an ETag, or with a page: whatever answers that
 * is no S3 API. */
void exchange_end_no_s3(struct job *job);
/* Sends the same again after a while; once it has been tried enough, the file
 * stays queued. */
void exchange_try_later(struct job *job, const char *description);
/* The job's file has been tried enough for this run. */
void exchange_leave_queued(struct job *job, const char *description);
/* The store has taken what the job sent: the retry budget and the number of
 * transfers at once grow back; where connections is auto, it tells how many
 * are worth it. */
void exchange_succeeded(struct job *job);
/* Whether the answer says that this operation isn't allowed, where
 * s3:PutObject is: that takes neither listing parts nor aborting. */
bool exchange_is_denied(const struct job *job);
/* The same, or that the store can't do this operation (judged as ROW), or not
 * for this upload: others may well do. */
bool exchange_is_refused(const struct job *job, const struct verdict_row *row);
/* The request has ended: RESULT says how, job->reply what was answered. */
void exchange_answered(struct job *job, const struct transfer_result *result);
/* A job in JOB_UNSIGNED goes on with newer credentials; or FAULT says why there
 * are none, and the run ends. */
void exchange_renewed(struct job *job, const char *fault);

#endif
