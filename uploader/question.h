/* Answers to the questions that come before and after a PUT. */
#ifndef UPLOADER_QUESTION_H
#define UPLOADER_QUESTION_H

#include <stdbool.h>

#include "uploader/job.h"

/* The answer to the HEAD of the job's step; DESCRIPTION of it is for the log.
 * True: the job goes on, or has ended; false: what the general rules say of
 * the answer holds (exchange.c). */
bool question_answered_head(struct job *job, const char *description);
/* The answer to the question why HEAD was refused, likewise. Whatever it is,
 * nothing is sent before HEAD has said that nothing is there. */
bool question_answered_reason(struct job *job, const char *description);

#endif
