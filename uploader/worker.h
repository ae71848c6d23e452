/* A thread that does one task after the other beside the event loop, which
 * doesn't wait for what the task waits for: a disk. */
#ifndef UPLOADER_WORKER_H
#define UPLOADER_WORKER_H

#include <stdbool.h>

struct worker;

/* WORK is to do a task, in a thread in which nothing may be logged; CONTEXT is
 * its first argument. Starts no thread yet. Returns NULL when there are no
 * descriptors left. */
struct worker *worker_new(
    void (*work)(void *context, void *task), void *context);
/* Waits for the task at hand to be done. NULL is fine. */
void worker_free(struct worker *worker);

/* Becomes readable when a task has been done, until worker_heed. */
int worker_fd(const struct worker *worker);
void worker_heed(struct worker *worker);

/* Has TASK done, which is the worker's until worker_take hands it back. It must
 * not have another at hand. Where there can be no thread, it is done at
 * once. */
void worker_start(struct worker *worker, void *task);
/* Whether it has a task at hand. */
bool worker_is_busy(const struct worker *worker);
/* Takes the task back that has been done. NULL: there is none, or, unless it
 * WAITS for it, it isn't done yet. */
void *worker_take(struct worker *worker, bool waits);

#endif
