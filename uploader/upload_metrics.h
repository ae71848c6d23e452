/* What an uploader tells Prometheus; see common/metrics.h. It may work for
 * hours, so it tells it now and then, not only at the end. */
#ifndef UPLOADER_UPLOAD_METRICS_H
#define UPLOADER_UPLOAD_METRICS_H

#include "uploader/uploader.h"

/* Sets up->metrics; the spool is open, and the program isn't confined yet. */
void upload_metrics_begin(struct uploader *up);
/* Writes them when it is time. Returns when it is next, by the monotonic clock:
 * INT64_MAX where none are wanted. */
int64_t upload_metrics_work(struct uploader *up);
/* Writes them for the last time, with the stage's status, and frees them. */
void upload_metrics_end(struct uploader *up);

#endif
