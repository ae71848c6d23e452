/* Which uploads of the record are asked for. */
#ifndef REAPER_SELECTION_H
#define REAPER_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/receipt.h"
#include "common/stage.h"

struct selection {
	const char *prefix;   /* of the key; NULL: any */
	const char *location; /* first component of the path; NULL: any */
	const char *since;    /* texts for timefmt_parse_moment; NULL: any */
	const char *until;
	/* What selection_begin makes of these two; NOW_NS is what durations
	 * count back from. */
	int64_t now_ns, since_ns, until_ns;
};

/* Reads the times. False: one of them is none, which was said. */
bool selection_begin(struct selection *selection, struct stage *stage);
/* Whether one of the four was given. */
bool selection_is_given(const struct selection *selection);
/* Whether KEY, of the file PATH, is asked for; its time isn't looked at. */
bool selection_has(
    const struct selection *selection, const char *key, const char *path);
/* As ledger_each for what is asked for. That something can't be read is said,
 * and is the stage's failure. */
void selection_each(const struct selection *selection, struct stage *stage,
    void (*visit)(void *context, const struct receipt_reader *reader,
	const struct receipt *receipt),
    void *context);

#endif
