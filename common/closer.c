/* Threads that open files by turns get numbers that alternate; so they share a
 * closer, which has neighbours to close then. The last close of a file that was
 * unlinked is what frees its space: no other thread waits for that. */
#include "common/closer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void
closer_init(struct closer *closer)
{
	/* With default attributes it can't fail. */
	(void)pthread_mutex_init(&closer->lock, NULL);
	closer->count = 0;
}

void
closer_done(struct closer *closer)
{
	closer_flush(closer);
	(void)pthread_mutex_destroy(&closer->lock);
}

static int
compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void
close_all(int fds[CLOSER_FDS], size_t count)
{
	size_t next;

	if (count > 1)
		qsort(fds, count, sizeof *fds, compare_fds);
	for (size_t i = 0; i < count; i = next) {
		next = i + 1;
		while (next < count && fds[next] == fds[next - 1] + 1)
			next++;
		/* Before Linux 5.9 there is no such call. */
		if (next - i > 1 &&
		    syscall(SYS_close_range, fds[i], fds[next - 1], 0) == 0)
			continue;
		for (size_t j = i; j < next; j++)
			(void)close(fds[j]); /* only read from */
	}
}

/* Takes them out; how many. The lock is held. */
static size_t
take_all(struct closer *closer, int fds[CLOSER_FDS])
{
	size_t count = closer->count;

	memcpy(fds, closer->fds, count * sizeof *fds);
	closer->count = 0;
	return count;
}

void
closer_add(struct closer *closer, int fd)
{
	int fds[CLOSER_FDS];
	size_t count = 0;

	(void)pthread_mutex_lock(&closer->lock);
	if (closer->count == CLOSER_FDS)
		count = take_all(closer, fds);
	closer->fds[closer->count++] = fd;
	(void)pthread_mutex_unlock(&closer->lock);
	close_all(fds, count);
}

void
closer_flush(struct closer *closer)
{
	int fds[CLOSER_FDS];
	size_t count;

	(void)pthread_mutex_lock(&closer->lock);
	count = take_all(closer, fds);
	(void)pthread_mutex_unlock(&closer->lock);
	close_all(fds, count);
}
