/* The one table of errors: what to do about an answer. */
#ifndef UPLOADER_VERDICT_H
#define UPLOADER_VERDICT_H

#include <stdbool.h>

enum verdict {
	VERDICT_OK,
	VERDICT_RETRY,	       /* transient: back off and try again */
	VERDICT_THROTTLED,     /* transient, and the store asks for less */
	VERDICT_REPAIR,	       /* once: see enum repair; then leave it queued */
	VERDICT_EXISTS,	       /* 412 or 304: an object is there already */
	VERDICT_NO_CONDITIONS, /* 501: the store knows no If-None-Match */
	VERDICT_RUN,	       /* nothing will get better for any file of this
				  run: stop early, keep all queued */
	VERDICT_FILE	       /* this file can never be stored as it is */
};

enum repair {
	REPAIR_NONE,
	REPAIR_CLOCK,	    /* take the store's Date */
	REPAIR_CREDENTIALS, /* fetch new ones */
	REPAIR_REGION,	    /* the answer names the bucket's region */
	REPAIR_FILE	    /* the bytes were not those announced: look at the
			       file again */
};

/* What kind of status the program ends with when the whole run stops; with
 * VERDICT_REPAIR: when the repair didn't help and every file meets the same. */
enum run_fault { FAULT_NONE, FAULT_PERMISSION, FAULT_CONFIG, FAULT_STORE };

struct verdict_row {
	enum verdict verdict;
	enum repair repair;
	enum run_fault fault;
	const char *hint; /* for a person; NULL where there is none */
};

/* The row for an answer with HTTP STATUS and S3 error CODE ("" where there is
 * none, as for HEAD). CONDITIONAL: the request carried If-None-Match. A 2xx
 * with an error code is judged by the code. Never NULL. */
const struct verdict_row *verdict_of(
    int status, const char *code, bool conditional);
/* Whether it may be the answer of a store that doesn't know the checksum it was
 * sent. Codes differ from store to store. */
bool verdict_refuses_checksum(int status, const char *code);
/* The exit status that FAULT means, one of sysexits.h's. */
int verdict_status(enum run_fault fault);

#endif
