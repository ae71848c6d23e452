/* The task at hand is guarded by one lock, which is taken to hand it over and
 * to hand it back; in between it is the thread's. */
#include "uploader/worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/thread.h"

struct worker {
	void (*work)(void *context, void *task);
	void *context;
	int ended_fd;
	bool has_thread;
	pthread_t thread;
	void *task;	      /* at hand; or NULL */
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t changed;
	bool is_queued, is_done, ending;
};

struct worker *
worker_new(void (*work)(void *context, void *task), void *context)
{
	struct worker *worker = mem_zero(1, sizeof *worker);

	worker->work = work;
	worker->context = context;
	worker->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->ended_fd < 0) {
		free(worker);
		return NULL;
	}
	/* Neither can fail on Linux. */
	(void)pthread_mutex_init(&worker->lock, NULL);
	(void)pthread_cond_init(&worker->changed, NULL);
	return worker;
}

void
worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	(void)pthread_mutex_lock(&worker->lock);
	worker->ending = true;
	(void)pthread_cond_broadcast(&worker->changed);
	(void)pthread_mutex_unlock(&worker->lock);
	if (worker->has_thread)
		(void)pthread_join(worker->thread, NULL);
	(void)pthread_cond_destroy(&worker->changed);
	(void)pthread_mutex_destroy(&worker->lock);
	(void)close(worker->ended_fd); /* holds no data */
	free(worker);
}

int
worker_fd(const struct worker *worker)
{
	return worker->ended_fd;
}

void
worker_heed(struct worker *worker)
{
	uint64_t ended;

	(void)!read(worker->ended_fd, &ended, sizeof ended);
}

/* Called, and returns, with the lock held. */
static void
do_task(struct worker *worker)
{
	const uint64_t one = 1;

	worker->is_queued = false;
	(void)pthread_mutex_unlock(&worker->lock);
	worker->work(worker->context, worker->task);
	(void)pthread_mutex_lock(&worker->lock);
	worker->is_done = true;
	(void)pthread_cond_broadcast(&worker->changed);
	/* It takes 2^64-2 of these before it could fail. */
	(void)!write(worker->ended_fd, &one, sizeof one);
}

static void *
run(void *data)
{
	struct worker *worker = data;

	(void)pthread_mutex_lock(&worker->lock);
	for (;;) {
		if (worker->is_queued)
			do_task(worker);
		else if (worker->ending)
			break;
		else
			(void)pthread_cond_wait(
			    &worker->changed, &worker->lock);
	}
	(void)pthread_mutex_unlock(&worker->lock);
	return NULL;
}

void
worker_start(struct worker *worker, void *task)
{
	assert(worker->task == NULL);
	if (!worker->has_thread)
		worker->has_thread = thread_start(
					 &worker->thread, run, worker) == 0;
	(void)pthread_mutex_lock(&worker->lock);
	worker->task = task;
	if (worker->has_thread) {
		worker->is_queued = true;
		(void)pthread_cond_broadcast(&worker->changed);
	} else {
		do_task(worker);
	}
	(void)pthread_mutex_unlock(&worker->lock);
}

bool
worker_is_busy(const struct worker *worker)
{
	return worker->task != NULL;
}

void *
worker_take(struct worker *worker, bool waits)
{
	void *task = worker->task;

	if (task == NULL)
		return NULL;
	(void)pthread_mutex_lock(&worker->lock);
	while (waits && !worker->is_done)
		(void)pthread_cond_wait(&worker->changed, &worker->lock);
	if (worker->is_done)
		worker->task = NULL;
	else
		task = NULL;
	worker->is_done = false;
	(void)pthread_mutex_unlock(&worker->lock);
	return task;
}
