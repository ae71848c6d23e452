/* Removes directories that nobody needs any more. */
#ifndef REAPER_PRUNE_H
#define REAPER_PRUNE_H

#include "reaper/reap.h"

/* Removes empty directories, deepest first, with rmdir alone: in base_dir
 * below the locations those that the patterns lead through, and in the spool
 * the leftovers of dead runs and of past hours. Also unlinks litter from
 * tmp/. */
void prune_all(struct reaper *reaper);

#endif
