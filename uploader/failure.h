/* Why a file isn't uploaded, in words: for the log, and for failed/. */
#ifndef UPLOADER_FAILURE_H
#define UPLOADER_FAILURE_H

#include "uploader/job.h"

/* "An error occurred (CODE) when calling the OPERATION operation: MESSAGE", or
 * what the transport said. The caller frees it. */
char *failure_describe(
    const struct job *job, const struct transfer_result *result);
/* What the answer says besides its code; the job's. */
const char *failure_words(const struct job *job);

/* Says that the file isn't uploaded, or an upload not aborted, by DESCRIPTION;
 * and the request's id in a line of its own. */
void failure_log(const struct job *job, const char *description);
/* The same of a file that goes to failed/. */
void failure_log_refused(const struct job *job, const char *description);
/* That it goes there for a reason that no answer has given in its words, such
 * as an object that exists. */
void failure_log_rejected(
    const struct job *job, const char *code, const char *message);

#endif
