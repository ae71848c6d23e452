/* What to upload next: dead runs' files first, then the oldest hours, or the
 * newest; or what a list names. */
#ifndef UPLOADER_PICK_H
#define UPLOADER_PICK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/run.h"
#include "common/spool.h"
#include "common/strbuf.h"

struct pick;
struct named;

/* A file that is this run's now. */
struct pick_claim {
	struct strbuf path;
	ino_t inode;	 /* as readdir said */
	bool is_regular; /* readdir said so; else it is to be looked at */
	bool was_dead;	 /* it was a dead run's, so an older file of its
			    path than any in claimed/ */
	/* The dead run's line about exactly this file, with its newline; ""
	 * where there is none. */
	struct strbuf receipt;
	bool is_confirmed; /* and it has been moved on already, within that
			      run: nothing is left to do */
	int64_t key_hash;  /* from the gate, or -1 */
};

/* Whom to ask before a file is taken. */
struct pick_gate {
	/* Of PATH, WAS_DEAD as above: 0 and *ret_key_hash, -EAGAIN when it
	 * isn't to be taken for now, or another negative errno. */
	int (*enter)(void *context, const char *path, bool was_dead,
	    int64_t *ret_key_hash);
	/* It couldn't be taken after all. */
	void (*leave)(void *context, int64_t key_hash);
	void *context;
};

/* Directories in claimed/ that it has emptied go as soon as pruning.h allows,
 * AFTER_NS being prune_after. */
struct pick *pick_new(struct spool *spool, int64_t after_ns);
void pick_free(struct pick *pick);
/* Without one there is no asking. */
void pick_set_gate(struct pick *pick, const struct pick_gate *gate);

/* The hours of claimed/ newest first, the list of them being made anew after
 * RELIST_NS, so that what comes meanwhile doesn't wait for a backlog. */
void pick_set_newest(struct pick *pick, int64_t relist_ns);
/* Nothing but the claims that NAMED, which stays the caller's, names. */
void pick_set_list(struct pick *pick, struct named *named);

/* Whether there may be anything to take: 1, 0, or a negative errno. Spares
 * starting a run for nothing. */
int pick_look(struct pick *pick);
/* Moves the next file into RUN's uploading room. Returns 1 and *claim (whose
 * memory is reused), 0 when there is nothing for this process to take now
 * (asking again looks anew), or a negative errno. */
int pick_next(
    struct pick *pick, const struct run *run, struct pick_claim *claim);
/* Files that were taken have been given back: the next to be taken is the first
 * again. */
void pick_begin_anew(struct pick *pick);
/* This path isn't taken again by this process: it is being given back. May be
 * called while another thread is in pick_next. */
void pick_leave(struct pick *pick, const char *path);
/* How many paths are left so. */
size_t pick_left(struct pick *pick);
/* How many files and directories in claimed/ may not be read or moved by us;
 * each is passed over, and reported once. */
size_t pick_barred(struct pick *pick);
/* Logs those that haven't been reported yet. */
void pick_report(struct pick *pick);

/* For heir.c: takes FROM, asking GATE. Returns as spool_take and the gate
 * do. */
int pick_take(struct spool *spool, const struct pick_gate *gate,
    const struct spool_name *from, const struct run *run,
    struct pick_claim *claim);

/* Calls VISIT for every file that a run might take now, taking nothing and
 * locking nothing: DIRFD/PATH is the file. Returns 0 or a negative errno. */
int pick_each(const struct spool *spool,
    void (*visit)(void *context, int dirfd, const char *path), void *context);

#endif
