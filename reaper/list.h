/* s3spool-reap --list: "was it sent?", answered by the ledger alone. */
#ifndef REAPER_LIST_H
#define REAPER_LIST_H

#include <stdbool.h>

#include "common/stage.h"
#include "reaper/selection.h"

struct list_options {
	bool json;
	bool header;
	bool summary;
};

/* Prints the uploads selected on stdout, a line each, running runs first; or a
 * summary of them, a line a location and day. */
void list_uploads(struct stage *stage, const struct list_options *options,
    const struct selection *selection);

#endif
