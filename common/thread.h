/* Threads that leave signals to the one that waits for them. */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include <pthread.h>

/* Starts a thread in which every signal is blocked, to be joined by the caller.
 * Returns 0 and *ret_thread, or a negative errno. */
int thread_start(
    pthread_t *ret_thread, void *(*run)(void *argument), void *argument);

#endif
