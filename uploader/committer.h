/* A thread that writes batches of receipts (commit.h), one after the other. The
 * event loop doesn't wait for the disk, so that transfers go on meanwhile; and
 * the slower the disk, the more receipts wait for the next sync. */
#ifndef UPLOADER_COMMITTER_H
#define UPLOADER_COMMITTER_H

#include <stdbool.h>

#include "uploader/commit.h"

struct committer;

/* Starts no thread yet. Returns NULL when there are no descriptors left. */
struct committer *committer_new(struct spool *spool);
/* Waits for the batch at hand to be written. NULL is fine. */
void committer_free(struct committer *committer);

/* Becomes readable when a batch has been written, until committer_heed. */
int committer_fd(const struct committer *committer);
void committer_heed(struct committer *committer);

/* Has COMMIT's batch, which commit_begin has made, written. It must not have
 * another at hand. Until committer_take hands it back, COMMIT and its run may
 * only be added to. Where there can be no thread, it is written at once. */
void committer_start(struct committer *committer, struct commit *commit);
/* Whether there is a batch at hand. */
bool committer_is_busy(const struct committer *committer);
/* Takes the commit back whose batch has been written: it is for commit_end.
 * NULL: there is none, or, unless it WAITS for it, none yet. */
struct commit *committer_take(struct committer *committer, bool waits);

#endif
