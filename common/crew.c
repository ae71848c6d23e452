/* Threads that wait for a batch, take of its tasks, and wait again.
 * They are started when they are first needed and live until the end. */
#include "common/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/thread.h"

struct hand {
	struct crew *crew;
	size_t number;
	pthread_t thread;
	size_t batch; /* the last one it has seen */
};

struct crew {
	pthread_mutex_t mutex;	/* for all below */
	pthread_cond_t changed; /* a batch begins, or is done, or the end */
	struct hand hands[CREW_MAX];
	size_t started; /* of them, the caller counted */
	bool ending;
	/* The batch at hand. */
	size_t batch; /* its number */
	struct crew_work work;
	size_t next, done;
};

struct crew *
crew_new(void)
{
	struct crew *crew = mem_zero(1, sizeof *crew);

	/* With default attributes neither can fail. */
	(void)pthread_mutex_init(&crew->mutex, NULL);
	(void)pthread_cond_init(&crew->changed, NULL);
	crew->started = 1;
	return crew;
}

void
crew_free(struct crew *crew)
{
	if (crew == NULL)
		return;
	(void)pthread_mutex_lock(&crew->mutex);
	crew->ending = true;
	(void)pthread_cond_broadcast(&crew->changed);
	(void)pthread_mutex_unlock(&crew->mutex);
	for (size_t i = 1; i < crew->started; i++)
		(void)pthread_join(crew->hands[i].thread, NULL);
	(void)pthread_cond_destroy(&crew->changed);
	(void)pthread_mutex_destroy(&crew->mutex);
	free(crew);
}

size_t
crew_cores(void)
{
	cpu_set_t set;
	int count = CREW_MAX;

	/* Machines with more cores than the set has room for have enough. */
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		count = CPU_COUNT(&set);
	return count < 1 ? 1 : count > CREW_MAX ? CREW_MAX : (size_t)count;
}

/* Does what is left of the batch; called, and returns, with the mutex held. */
static void
take_part(struct crew *crew, size_t hand)
{
	const struct crew_work *work = &crew->work;

	while (crew->next < work->count) {
		size_t begin = crew->next, left = work->count - begin;
		size_t share = left < work->share ? left : work->share;

		crew->next += share;
		(void)pthread_mutex_unlock(&crew->mutex);
		for (size_t i = begin; i < begin + share; i++)
			work->task(work->context, hand, i);
		(void)pthread_mutex_lock(&crew->mutex);
		crew->done += share;
		if (crew->done == work->count)
			(void)pthread_cond_broadcast(&crew->changed);
	}
}

static void *
live(void *argument)
{
	struct hand *hand = argument;
	struct crew *crew = hand->crew;

	(void)pthread_mutex_lock(&crew->mutex);
	while (!crew->ending) {
		if (hand->batch == crew->batch) {
			(void)pthread_cond_wait(&crew->changed, &crew->mutex);
			continue;
		}
		hand->batch = crew->batch;
		if (hand->number < crew->work.hands)
			take_part(crew, hand->number);
	}
	(void)pthread_mutex_unlock(&crew->mutex);
	return NULL;
}

/* Makes them as many as HANDS, if that can be. */
static void
start(struct crew *crew, size_t hands)
{
	for (; crew->started < hands; crew->started++) {
		struct hand *hand = &crew->hands[crew->started];

		*hand = (struct hand){crew, crew->started, 0, crew->batch};
		if (thread_start(&hand->thread, live, hand) < 0)
			break;
	}
}

void
crew_run(struct crew *crew, const struct crew_work *work)
{
	(void)pthread_mutex_lock(&crew->mutex);
	start(crew, work->hands < CREW_MAX ? work->hands : CREW_MAX);
	crew->batch++;
	crew->work = *work;
	crew->next = crew->done = 0;
	if (work->hands > 1 && work->count > work->share)
		(void)pthread_cond_broadcast(&crew->changed);
	take_part(crew, 0);
	while (crew->done < work->count)
		(void)pthread_cond_wait(&crew->changed, &crew->mutex);
	(void)pthread_mutex_unlock(&crew->mutex);
}
