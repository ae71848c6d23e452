/* The files that dead runs held: recovery is just one more place to take
 * from. */
#ifndef UPLOADER_HEIR_H
#define UPLOADER_HEIR_H

#include "common/run.h"
#include "uploader/pathset.h"
#include "uploader/pick.h"

struct heir;

/* Lists the runs that have a room in uploading/. Returns 0 and *ret_heir, or
 * a negative errno. */
int heir_new(struct spool *spool, struct heir **ret_heir);
/* Whether there is no such room at all. */
bool heir_is_empty(const struct heir *heir);
/* Takes the next file of a dead run, but none of LEFT, asking GATE, as
 * pick_next does, holding that run's lock meanwhile. Returns 1, 0 when there
 * is none, or a negative errno. */
int heir_next(struct heir *heir, const struct run *run, struct pathset *left,
    const struct pick_gate *gate, struct pick_claim *claim);
void heir_free(struct heir *heir);

#endif
