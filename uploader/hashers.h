/* Digests of what is too large to be read while the event loop waits: by
 * threads of their own, as many as there are cores for this process. */
#ifndef UPLOADER_HASHERS_H
#define UPLOADER_HASHERS_H

#include <stdbool.h>
#include <stdint.h>

#include "uploader/digest.h"

struct hashers;

enum hashers_state {
	HASHERS_NONE, /* it is the caller's */
	HASHERS_QUEUED,
	HASHERS_BUSY,
	HASHERS_UNWANTED, /* busy, and to be left at once */
	HASHERS_ENDED
};

/* LENGTH bytes of the file open at FD from OFFSET on, of which DIGEST, begun by
 * the caller and to be finished by it, takes in all. A task is zeroed before
 * its first use; from hashers_start until hashers_take or hashers_cancel hands
 * it back, it and all that it names must stay as they are. */
struct hashers_task {
	int fd;
	int64_t offset, length;
	struct digest *digest;
	/* For the hashers only. */
	enum hashers_state state;
	struct hashers_task *next;
	int64_t result;
};

/* Starts no thread yet. Returns NULL when there are no descriptors left. */
struct hashers *hashers_new(void);
/* Cancels all tasks and frees all. NULL is fine. */
void hashers_free(struct hashers *hashers);

/* Becomes readable whenever a task has ended, until hashers_heed; it can fail
 * to, so that whoever waits asks now and then all the same. */
int hashers_fd(const struct hashers *hashers);
void hashers_heed(struct hashers *hashers);

/* Has TASK done. Returns 0, or a negative errno when there can't be even one
 * thread. */
int hashers_start(struct hashers *hashers, struct hashers_task *task);
/* Takes the started TASK back once it has ended; false: it hasn't. *RET_RESULT
 * is LENGTH, or how many bytes there are from OFFSET on where the file has got
 * shorter, or a negative errno. */
bool hashers_take(
    struct hashers *hashers, struct hashers_task *task, int64_t *ret_result);
/* Takes TASK back as it is, after waiting for a thread to leave it if need be:
 * no longer than a block takes. The digest is worth nothing then. */
void hashers_cancel(struct hashers *hashers, struct hashers_task *task);

#endif
