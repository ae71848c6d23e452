/* A few threads that share out numbered tasks with their caller, for work that
 * waits for a device, or that one core can't do fast enough. */
#ifndef COMMON_CREW_H
#define COMMON_CREW_H

#include <stddef.h>

enum { CREW_MAX = 4 }; /* its caller among them */

struct crew;

struct crew *crew_new(void);
/* Waits for its threads to end. NULL is fine. */
void crew_free(struct crew *crew);
/* How many cores this process may use, CREW_MAX at most. */
size_t crew_cores(void);

/* What is to be done. */
struct crew_work {
	size_t hands; /* threads, at most; 1: in the caller alone */
	size_t count; /* tasks */
	size_t share; /* neighbours that a thread takes on end, as they are
			 likely to want the same things, such as the lock of
			 one directory: at least 1 */
	void (*task)(void *context, size_t hand, size_t index);
	void *context;
};
/* Calls the task for each index below the count, each once, and returns when
 * all have returned. HAND, below CREW_MAX, is the thread's own number: 0 for
 * the caller's. Where threads can't be had there are fewer. */
void crew_run(struct crew *crew, const struct crew_work *work);

#endif
