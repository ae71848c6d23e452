/* The batch at hand is guarded by one lock, which is taken to hand it over and
 * to hand it back; in between it is the thread's. */
#include "uploader/committer.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/thread.h"

struct committer {
	struct spool *spool;
	int ended_fd;
	bool has_thread;
	pthread_t thread;
	struct commit *commit; /* at hand; or NULL */
	pthread_mutex_t lock;  /* for all below */
	pthread_cond_t changed;
	bool is_queued, is_written, ending;
};

struct committer *
committer_new(struct spool *spool)
{
	struct committer *committer = mem_zero(1, sizeof *committer);

	committer->spool = spool;
	committer->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (committer->ended_fd < 0) {
		free(committer);
		return NULL;
	}
	/* Neither can fail on Linux. */
	(void)pthread_mutex_init(&committer->lock, NULL);
	(void)pthread_cond_init(&committer->changed, NULL);
	return committer;
}

void
committer_free(struct committer *committer)
{
	if (committer == NULL)
		return;
	(void)pthread_mutex_lock(&committer->lock);
	committer->ending = true;
	(void)pthread_cond_broadcast(&committer->changed);
	(void)pthread_mutex_unlock(&committer->lock);
	if (committer->has_thread)
		(void)pthread_join(committer->thread, NULL);
	(void)pthread_cond_destroy(&committer->changed);
	(void)pthread_mutex_destroy(&committer->lock);
	(void)close(committer->ended_fd); /* holds no data */
	free(committer);
}

int
committer_fd(const struct committer *committer)
{
	return committer->ended_fd;
}

void
committer_heed(struct committer *committer)
{
	uint64_t ended;

	(void)!read(committer->ended_fd, &ended, sizeof ended);
}

/* Called, and returns, with the lock held. */
static void
write_batch(struct committer *committer)
{
	const uint64_t one = 1;

	committer->is_queued = false;
	(void)pthread_mutex_unlock(&committer->lock);
	commit_write(committer->commit, committer->spool);
	(void)pthread_mutex_lock(&committer->lock);
	committer->is_written = true;
	(void)pthread_cond_broadcast(&committer->changed);
	/* It takes 2^64-2 of these before it could fail. */
	(void)!write(committer->ended_fd, &one, sizeof one);
}

static void *
run(void *data)
{
	struct committer *committer = data;

	(void)pthread_mutex_lock(&committer->lock);
	for (;;) {
		if (committer->is_queued)
			write_batch(committer);
		else if (committer->ending)
			break;
		else
			(void)pthread_cond_wait(
			    &committer->changed, &committer->lock);
	}
	(void)pthread_mutex_unlock(&committer->lock);
	return NULL;
}

void
committer_start(struct committer *committer, struct commit *commit)
{
	assert(committer->commit == NULL);
	if (!committer->has_thread)
		committer->has_thread = thread_start(&committer->thread, run,
					    committer) == 0;
	(void)pthread_mutex_lock(&committer->lock);
	committer->commit = commit;
	if (committer->has_thread) {
		committer->is_queued = true;
		(void)pthread_cond_broadcast(&committer->changed);
	} else {
		write_batch(committer);
	}
	(void)pthread_mutex_unlock(&committer->lock);
}

bool
committer_is_busy(const struct committer *committer)
{
	return committer->commit != NULL;
}

struct commit *
committer_take(struct committer *committer, bool waits)
{
	struct commit *commit = committer->commit;

	if (commit == NULL)
		return NULL;
	(void)pthread_mutex_lock(&committer->lock);
	while (waits && !committer->is_written)
		(void)pthread_cond_wait(&committer->changed, &committer->lock);
	if (committer->is_written)
		committer->commit = NULL;
	else
		commit = NULL;
	committer->is_written = false;
	(void)pthread_mutex_unlock(&committer->lock);
	return commit;
}
