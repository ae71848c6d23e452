/* A run: one uploader process's identity for a while (at most a day or
 * 100,000 receipts), its lock, its rooms and its receipts.
 *
 * runs/<run>.tsv is both: the kernel holds an open-file-description lock on
 * it as long as the process lives, however it ends, and the receipts are
 * appended to it. Whose lock can be had is dead. */
#ifndef COMMON_RUN_H
#define COMMON_RUN_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/spool.h"

struct run {
	char *name; /* host.pid.random, never used twice */
	int fd;	    /* runs/<run>.tsv, locked */
	struct clock_fs fs_clock;
	int64_t started_ns;
	int64_t good_bytes; /* of it: what has been synced */
	struct spool_room uploading, confirmed;
	struct spool_room failed; /* fd -1 until the first failure */
	int reasons_fd;		  /* failed/<run>.tsv, or -1 */
	size_t receipts;	  /* lines written */
	size_t held;		  /* files that are in uploading/<run>/ and
				     that somebody in this process looks after
				     (or may be about to) */
};

/* Starts a run. Returns 0 and *ret_run (the caller's, for run_end), or a
 * negative errno. */
int run_start(struct spool *spool, struct run **ret_run);
/* Appends receipt lines (COUNT of them, LENGTH bytes) and syncs them: on 0
 * they are durable. On an error the run must end: what a failed fsync has
 * thrown away is not written by a second one. */
int run_append(struct run *run, const char *lines, size_t length, size_t count);
/* Appends lines to failed/<run>.tsv, syncs them, and makes the room for the
 * files they are about. */
int run_append_reasons(
    struct spool *spool, struct run *run, const char *lines, size_t length);
/* Ends it: removes its empty directories (and the whole run, if nothing came
 * of it) and releases the lock. NULL is fine. */
void run_end(struct spool *spool, struct run *run);

/* Opens (and makes, if need be) the dead run NAME's room in confirmed/, for
 * whoever holds its lock. Returns 0 and *ret_room, whose fd is the caller's,
 * or a negative errno. */
int run_confirmed_room(
    const struct spool *spool, const char *name, struct spool_room *ret_room);
/* Whether NAME.tsv's lock can be had. Returns 0: its process is dead, and
 * *ret_fd is the locked file for reading (close it to release the lock), or
 * -1 where the file is gone; -EAGAIN: it lives; or a negative errno. */
int run_lock_dead(const struct spool *spool, const char *name, int *ret_fd);
/* As run_lock_dead, but only asks: 1 dead, 0 alive, or a negative errno. */
int run_is_dead(const struct spool *spool, const char *name);
/* What can be told of a run, dead or alive. */
struct run_facts {
	char *host; /* to be freed */
	long pid;   /* 0: its name doesn't say */
	bool is_dead, has_file;
	int64_t started_ns; /* of has_file */
};

/* Reads NAME's host and pid out of it. The host is the caller's to free. */
void run_read_name(const char *name, struct run_facts *ret_facts);
/* Asks about the run NAME, locking nothing. Returns 0 or a negative errno. */
int run_look(
    const struct spool *spool, const char *name, struct run_facts *ret_facts);
/* Calls VISIT with the name of each run that has a file in runs/ or a room in
 * DIRFD (uploading, confirmed; -1: none), each once, sorted. Returns 0 or a
 * negative errno. VISIT returns 0 to go on or a negative errno to stop. */
int run_each(const struct spool *spool, int dirfd,
    int (*visit)(void *context, const char *name), void *context);

#endif
