/* Group commit: receipts and reasons of many files, synced together, and only
 * then the renames. One commit belongs to one run. While one batch of it is
 * being written (worker.h), the next is gathered. */
#ifndef UPLOADER_COMMIT_H
#define UPLOADER_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/run.h"
#include "common/stage.h"
#include "common/strbuf.h"

struct commit_item; /* a file that waits for its line to be durable */

struct commit_batch {
	struct strbuf receipts, reasons;
	size_t receipt_count;
	struct commit_item *items;
	size_t count, capacity;
	int64_t first_ns; /* when the first of them came */
};

struct commit {
	struct run *run;
	struct commit *older; /* of runs that this process has started before
				 and whose last file hasn't left */
	size_t receipts;      /* that were added */
	struct commit_batch waiting;
	/* The writer's from commit_begin until commit_write returns. */
	struct commit_batch written;
	int error; /* of it: a negative errno, or 0 */
};

/* What the files of a batch concern beyond themselves. */
struct commit_context {
	struct stage *stage;
	int keys_fd; /* locks/keys, or -1 */
	/* Of the run's files PATH was stored, but isn't what was sent any more:
	 * has it given back. */
	void (*changed)(void *changed_context, struct run *run,
	    const char *path, ino_t inode);
	void *changed_context;
	size_t uploaded, failed, stuck;
	int64_t uploaded_bytes;
};

/* A commit for the new run RUN (taken over), before the older ones. */
struct commit *commit_new(struct run *run, struct commit *older);
/* Ends the run. Nothing may be waiting in it. NULL is fine. */
void commit_free(struct commit *commit, struct spool *spool);

/* A file that was stored. */
struct commit_stored {
	const char *path;
	ino_t inode;
	const struct stat *was; /* as it was sent; NULL: nothing was now */
	const char *line;	/* the receipt, with its newline */
	int64_t key_hash;	/* the byte of locks/keys to let go, or -1 */
};
/* Adds it: its receipt becomes durable with the next batch, unless it isn't as
 * it was any more. It counts as held by the run until then. */
void commit_add_receipt(
    struct commit *commit, const struct commit_stored *stored);
/* Adds a file that is refused for good, and why. */
void commit_add_reason(struct commit *commit, const char *path, ino_t inode,
    const char *code, const char *message, int64_t key_hash);
/* Logs, prints and counts a file that is in confirmed/; SIZE_BYTES as above. */
void commit_report_stored(
    struct commit_context *context, const char *path, int64_t size_bytes);
/* Whether a file that waits still holds the byte KEY_HASH of locks/keys. */
bool commit_holds_key(const struct commit *commit, int64_t key_hash);
/* Of NEWEST and the older ones, that in which a file has waited longest, where
 * it is time to commit: many are waiting, or one for long. (INT64_MAX as now:
 * whatever waits.) NULL: there is none, and the next will be due at
 * *ret_next_ns (INT64_MAX: none waits). */
struct commit *commit_find_due(
    struct commit *newest, int64_t now_ns, int64_t *ret_next_ns);

/* Three steps, in this order; the one in the middle may be another thread's,
 * which may log nothing. Makes a batch of what waits. */
void commit_begin(struct commit *commit);
/* Looks at the files once more, syncs the batch's lines, and then renames its
 * files. */
void commit_write(struct commit *commit, struct spool *spool);
/* Logs, prints and counts what has come of the batch. Returns 0, or a negative
 * errno when the lines couldn't be made durable: then nothing was renamed, and
 * the process must end without using the run again. */
int commit_end(struct commit *commit, struct commit_context *context);

#endif
