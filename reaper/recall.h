/* s3spool-reap --has and --explain: what the record says of a file. */
#ifndef REAPER_RECALL_H
#define REAPER_RECALL_H

#include "common/stage.h"

/* For each of the stage's arguments, paths or keys (what may be both is taken
 * for a path that is known), one line on stdout: "yes" or "no", and
 * why. Yes is a path on record of which no file is left, or one whose size and
 * CRC-32C are a record's. Status 1: one of them is a no. */
void recall_has(struct stage *stage);
/* For each of the stage's arguments a line for each place in confirmed/ that it
 * is in, and for each time that it was uploaded. Status 1: one of them is
 * unknown here. */
void recall_explain(struct stage *stage);

#endif
