/* Files that are taken, and small ones read, ahead of the event loop by a
 * thread, so that it has but to send them.
 *
 * What is ours is kept from other uploaders: who uses this says how many there
 * may be, and gives back what has waited for too long. */
#ifndef UPLOADER_PREFETCH_H
#define UPLOADER_PREFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/settle.h"
#include "uploader/commit.h"
#include "uploader/digest.h"
#include "uploader/pick.h"

/* How files are taken, opened and read. */
struct prefetch_plan {
	size_t ahead;	    /* so many may be taken before they are asked
			       for, and as many again while these are
			       used; a few are none */
	bool expects_small; /* files to be worth opening then */
	int64_t size_most;  /* of what is read, in bytes */
	unsigned digests;   /* of that: DIGEST_CRC32C and so on */
	enum settle_check settle_check;
};

/* A file that is this run's now. Of what follows the commit nothing is set
 * unless it was opened, and what came of that isn't judged. */
struct prefetched {
	struct pick_claim claim;
	struct commit *commit; /* of its run */
	bool is_opened;	       /* or was tried to */
	int64_t opened_ns;     /* since then, by clock_monotonic_ns() */
	int fd;		       /* -1: it couldn't be, or has been read whole */
	int error;	       /* errno why it couldn't be opened, or 0 */
	enum lease lease;      /* as long as it is open */
	int lease_error;       /* why there is none */
	int stat_error;	       /* errno of fstat, or 0 */
	struct stat st;	       /* before anything was read */
	unsigned char *body;   /* what was read, from malloc; or NULL */
	ssize_t length;	       /* its; or a negative errno */
	struct digest digest;  /* of the body, where its length is the file's */
};

struct prefetch;

/* Takes by PICK, which stays the caller's. Starts no thread yet. Returns NULL
 * when there are no descriptors left. */
struct prefetch *prefetch_new(struct pick *pick);
/* Waits for the thread; files that are left stay in uploading/. NULL is
 * fine. */
void prefetch_free(struct prefetch *prefetch);
/* Becomes readable when the thread has got some, until prefetch_heed. */
int prefetch_fd(const struct prefetch *prefetch);
void prefetch_heed(struct prefetch *prefetch);

/* The next file, for COMMIT's run or, if it was taken before, an older one's;
 * it counts as held by the run. One that was taken ahead was opened only if it
 * is small and there is nothing odd about it. Returns 1 and *ret_file, which is
 * the caller's to empty until the next call; 0 or a negative errno as
 * pick_next; or -EINPROGRESS when there is none yet and it isn't to WAIT. */
int prefetch_next(struct prefetch *prefetch, struct commit *commit,
    const struct prefetch_plan *plan, bool waits, struct prefetched **ret_file);
/* When what was taken and has found no use is to go back, so that others find
 * it; INT64_MAX: there is nothing. */
int64_t prefetch_stale_ns(const struct prefetch *prefetch);
/* Hands out all that was taken and has found no use, closed, to GIVE_BACK. It
 * is the next again. Unless it WAITS for the thread, that may be done only when
 * it is called once more, after the thread has got some. */
void prefetch_give_back(struct prefetch *prefetch, bool waits,
    void (*give_back)(void *context, struct prefetched *file), void *context);

/* Opens the file PATH of RUN to read it. Returns a descriptor, or -1 and
 * errno. */
int prefetch_open_file(const struct run *run, const char *path);
/* Opens a file whose claim is set, and reads it where it is small. */
void prefetch_open(struct prefetched *file, const struct prefetch_plan *plan);
/* As if it had never been opened. */
void prefetch_forget(struct prefetched *file);

#endif
