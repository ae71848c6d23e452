/* A file's admission: from its taking over to the moment at which its job may
 * send it. */
#ifndef UPLOADER_ADMIT_H
#define UPLOADER_ADMIT_H

#include <stddef.h>

#include "uploader/job.h"
#include "uploader/prefetch.h"
#include "uploader/uploader.h"

/* How the files are taken and opened that admit_file gets, AHEAD of them before
 * they are asked for. */
struct prefetch_plan admit_plan(const struct uploader *up, size_t ahead);
/* Has the idle JOB begin with FILE, which it empties: opens it, unless that was
 * done ahead, judges it, and goes on with its digests or its parts. What isn't
 * to be sent is given back or rejected, and that is logged. The job may be idle
 * again when it returns. */
void admit_file(struct job *job, struct prefetched *file);

#endif
