/* Candidates that are claimed together, on all cores. */
#ifndef SCANNER_BATCH_H
#define SCANNER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/closer.h"
#include "common/crew.h"
#include "common/strbuf.h"
#include "scanner/claim.h"
#include "scanner/walk.h"

struct batch_item;

struct batch {
	struct claim *claim;
	/* The threads, at most. With one, each candidate is claimed when it is
	 * added. */
	size_t hands;
	/* What became of a candidate. Called by those below, in the order in
	 * which the candidates were added; but not again for a location that
	 * can't be moved, or for what stops all. */
	enum walk_result (*done)(void *context, const struct walk_entry *entry,
	    const struct claim_report *report);
	void *context;
	/* For batch.c. */
	struct crew *crew;
	struct batch_item *items;
	size_t count, most, dirs;
	int64_t since_ns;    /* when the first one came */
	struct strbuf paths; /* each ended by a NUL */
	struct strbuf left;  /* the location that was left last, and a slash */
	struct closer claimed;
};

/* How many threads are worth it here. */
size_t batch_hands(void);
/* To be called first: with CLAIM, HANDS, DONE and CONTEXT set, all else zero.
 */
void batch_begin(struct batch *batch);
/* Takes a candidate of the walk up, and says how the walk goes on. */
enum walk_result batch_add(struct batch *batch, const struct walk_entry *entry);
/* Claims what has waited for long, as there may be no other candidate for
 * longer: to be called now and then. False: nothing more can be moved. */
bool batch_heed(struct batch *batch);
/* Claims what hasn't been yet: to be called when the walk has ended. */
void batch_end(struct batch *batch);

#endif
