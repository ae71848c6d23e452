/* How far an uploader is, for the person at the terminal. */
#ifndef UPLOADER_UPLOAD_PROGRESS_H
#define UPLOADER_UPLOAD_PROGRESS_H

#include "uploader/uploader.h"

/* Where it is shown at all, looks how much there is to do. */
void upload_progress_begin(struct uploader *up);
/* Shows it when it is time. Returns the sooner of WHEN_NS and the next time. */
int64_t upload_progress_show(struct uploader *up, int64_t when_ns);

#endif
