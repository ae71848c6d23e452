/* Descriptors that were only read from, to be closed together: one system call
 * for many. */
#ifndef COMMON_CLOSER_H
#define COMMON_CLOSER_H

#include <pthread.h>
#include <stddef.h>

enum { CLOSER_FDS = 32 };

struct closer {
	pthread_mutex_t lock;
	int fds[CLOSER_FDS];
	size_t count;
};

void closer_init(struct closer *closer);
/* Closes those that it still has. */
void closer_done(struct closer *closer);
/* Takes FD over; closes those that came before it when they are enough. May be
 * called in several threads at once. */
void closer_add(struct closer *closer, int fd);
/* Closes now. */
void closer_flush(struct closer *closer);

#endif
