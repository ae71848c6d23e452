/* One candidate: look at it, see whether it is settled, claim it. */
#ifndef SCANNER_CLAIM_H
#define SCANNER_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/closer.h"
#include "common/config.h"
#include "common/run.h"
#include "common/spool.h"
#include "scanner/walk.h"

enum claim_outcome {
	CLAIM_CLAIMED,	/* it is in claimed/ (or would go there) */
	CLAIM_DEFERRED, /* not now: perhaps the next time */
	CLAIM_REFUSED,	/* not a file for us; left alone */
	CLAIM_EXCLUDED, /* include and exclude leave it out */
	CLAIM_GONE,	/* somebody took it away meanwhile */
	CLAIM_EXDEV,	/* it can't be renamed into the spool */
	CLAIM_ERROR	/* the file system refused; see error */
};

struct claim {
	const struct config *config;
	struct spool *spool;
	struct clock_fs fs_clock;
	bool look_only;	 /* judge, but don't claim */
	struct run *run; /* through whose room claims go where
			    RENAME_NOREPLACE is missing; NULL until then */
};

struct claim_report {
	enum claim_outcome outcome;
	const char *reason; /* for a person, may be ""; NULL: what error says */
	int error;	    /* negative errno behind the reason, or 0 */
	int64_t size_bytes; /* where it got as far as that */
	bool by_age_alone;  /* no lease could be had ... */
	int lease_error;    /* ... for this reason (errno, positive) */
};

/* Why it is so, for a person: valid until the next strerror. */
const char *claim_reason(const struct claim_report *report);
/* May be called in several threads at once. May start claim->run, which the
 * caller ends. A claimed file is left to LATER, to be closed in the end: its
 * producer can't open it any more, so its lease holds up nobody. */
void claim_file(struct claim *claim, const struct walk_entry *entry,
    struct closer *later, struct claim_report *ret_report);

#endif
