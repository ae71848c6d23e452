/* s3spool-reap --list: "was it sent?", answered by the ledger alone. */
#ifndef REAPER_LIST_H
#define REAPER_LIST_H

#include <stdbool.h>

#include "common/stage.h"

struct list_options {
	bool json;
	bool header;
	bool summary;
	const char *prefix;   /* of the key; NULL: any */
	const char *location; /* first component of the path; NULL: any */
	const char *since;    /* texts for timefmt_parse_moment; NULL: any */
	const char *until;
};

/* Prints the uploads on stdout, a line each, running runs first; or a summary
 * of them, a line a location and day. */
void list_uploads(struct stage *stage, const struct list_options *options);

#endif
