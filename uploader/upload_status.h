/* s3spool-upload --status: the queue, the runs, and what has failed. */
#ifndef UPLOADER_UPLOAD_STATUS_H
#define UPLOADER_UPLOAD_STATUS_H

#include "common/health.h"

/* Prints it; the spool is open. */
void upload_status(struct stage *stage, const struct health_options *options);

#endif
