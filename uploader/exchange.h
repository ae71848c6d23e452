/* The requests of one job, and what their answers mean. */
#ifndef UPLOADER_EXCHANGE_H
#define UPLOADER_EXCHANGE_H

#include "uploader/job.h"

/* Sends the job's next request: a PUT, or a HEAD before or after it. */
void exchange_send(struct job *job);
/* Hands job->request to the transfer loop, with BODY or (NULL) without. */
void exchange_start(struct job *job, const struct transfer_body *body);
/* The time to sign with: the store's, as far as it is known. */
int64_t exchange_now_ns(const struct uploader *up);
/* The request has ended: RESULT says how, job->reply what was answered. */
void exchange_answered(struct job *job, const struct transfer_result *result);
/* A job in JOB_UNSIGNED goes on with newer credentials; or FAULT says why there
 * are none, and the run ends. */
void exchange_renewed(struct job *job, const char *fault);

#endif
