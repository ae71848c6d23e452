/* A queue of tasks and the threads that serve it.
 *
 * All that is shared is guarded by one lock, which is taken for moments: once a
 * task and once a block. What a task names is its thread's alone while it is
 * busy. An eventfd wakes up the event loop; it says only that something has
 * ended, the tasks themselves say what.
 *
 * A thread is started when a task comes and all others have something to do: a
 * run without large files has none. Threads read into blocks of their own,
 * since mapping was slower than copying into the cache, and a file that gets
 * shorter would end the process. */
#include "uploader/hashers.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "common/thread.h"

enum {
	BLOCK = 256 * 1024, /* stays in the second-level cache */
	THREADS_MAX = 16
};

struct hashers {
	int ended_fd;
	pthread_mutex_t lock;
	pthread_cond_t come; /* a task, or the end of all */
	pthread_cond_t left; /* a task that may have been unwanted */
	struct hashers_task *first, **last;
	size_t tasks; /* queued and busy ones */
	bool ending;
	size_t count, most; /* threads */
	struct hasher {
		struct hashers *hashers;
		pthread_t thread;
		unsigned char *block;
	} hasher[THREADS_MAX];
};

/* How many cores there are for us: taskset, cpusets and containers leave fewer
 * than the machine has. */
static size_t
count_cores(void)
{
	cpu_set_t set;
	int count;

	/* Fails where there are more than the set has room for. */
	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return THREADS_MAX;
	count = CPU_COUNT(&set);
	if (count < 1)
		return 1;
	return count < THREADS_MAX ? (size_t)count : THREADS_MAX;
}

struct hashers *
hashers_new(void)
{
	struct hashers *hashers = mem_zero(1, sizeof *hashers);

	hashers->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (hashers->ended_fd < 0) {
		free(hashers);
		return NULL;
	}
	/* None of these can fail on Linux. */
	(void)pthread_mutex_init(&hashers->lock, NULL);
	(void)pthread_cond_init(&hashers->come, NULL);
	(void)pthread_cond_init(&hashers->left, NULL);
	hashers->last = &hashers->first;
	hashers->most = count_cores();
	return hashers;
}

/* These fail only for locks that aren't ours. */
static void
lock(struct hashers *hashers)
{
	(void)pthread_mutex_lock(&hashers->lock);
}

static void
unlock(struct hashers *hashers)
{
	(void)pthread_mutex_unlock(&hashers->lock);
}

void
hashers_free(struct hashers *hashers)
{
	if (hashers == NULL)
		return;
	lock(hashers);
	hashers->ending = true;
	(void)pthread_cond_broadcast(&hashers->come);
	unlock(hashers);
	for (size_t i = 0; i < hashers->count; i++) {
		(void)pthread_join(hashers->hasher[i].thread, NULL);
		free(hashers->hasher[i].block);
	}
	(void)pthread_cond_destroy(&hashers->left);
	(void)pthread_cond_destroy(&hashers->come);
	(void)pthread_mutex_destroy(&hashers->lock);
	(void)close(hashers->ended_fd); /* holds no data */
	free(hashers);
}

int
hashers_fd(const struct hashers *hashers)
{
	return hashers->ended_fd;
}

void
hashers_heed(struct hashers *hashers)
{
	uint64_t ended;

	(void)!read(hashers->ended_fd, &ended, sizeof ended);
}

static void
remove_queued(struct hashers *hashers, struct hashers_task *task)
{
	struct hashers_task **link = &hashers->first;

	while (*link != task)
		link = &(*link)->next;
	*link = task->next;
	if (task->next == NULL)
		hashers->last = link;
}

/* --- the threads ---------------------------------------------------------- */

static bool
is_wanted(struct hashers *hashers, const struct hashers_task *task)
{
	bool wanted;

	lock(hashers);
	wanted = task->state == HASHERS_BUSY && !hashers->ending;
	unlock(hashers);
	return wanted;
}

/* Returns what hashers_take says; for what is wanted no longer, anything. */
static int64_t
digest(struct hasher *hasher, const struct hashers_task *task)
{
	int64_t done = 0;

	while (done < task->length && is_wanted(hasher->hashers, task)) {
		int64_t left = task->length - done;
		size_t length = left < BLOCK ? (size_t)left : BLOCK;
		ssize_t n = fsio_pread_all(
		    task->fd, hasher->block, length, task->offset + done);

		if (n < 0)
			return n;
		digest_update(task->digest, hasher->block, (size_t)n);
		done += n;
		if ((size_t)n < length)
			break;
	}
	return done;
}

/* Takes the next task, or waits for one; NULL: there will be none. */
static struct hashers_task *
next_task(struct hashers *hashers)
{
	struct hashers_task *task = NULL;

	lock(hashers);
	while (hashers->first == NULL && !hashers->ending)
		(void)pthread_cond_wait(&hashers->come, &hashers->lock);
	if (!hashers->ending) {
		task = hashers->first;
		remove_queued(hashers, task);
		task->state = HASHERS_BUSY;
	}
	unlock(hashers);
	return task;
}

static void
end(struct hashers *hashers, struct hashers_task *task, int64_t result)
{
	const uint64_t one = 1;

	lock(hashers);
	task->result = result;
	task->state = HASHERS_ENDED;
	hashers->tasks--;
	(void)pthread_cond_signal(&hashers->left);
	unlock(hashers);
	/* It takes 2^64-2 of these before it could fail. */
	(void)!write(hashers->ended_fd, &one, sizeof one);
}

static void *
run(void *data)
{
	struct hasher *hasher = data;
	struct hashers *hashers = hasher->hashers;
	struct hashers_task *task;

	while ((task = next_task(hashers)) != NULL)
		end(hashers, task, digest(hasher, task));
	return NULL;
}

/* One more thread. Returns 0 or a negative errno. */
static int
add_thread(struct hashers *hashers)
{
	struct hasher *hasher = &hashers->hasher[hashers->count];
	int rc;

	hasher->hashers = hashers;
	hasher->block = mem_alloc(BLOCK);
	rc = thread_start(&hasher->thread, run, hasher);
	if (rc == 0)
		hashers->count++;
	else
		free(hasher->block);
	return rc;
}

/* --- tasks ---------------------------------------------------------------- */

int
hashers_start(struct hashers *hashers, struct hashers_task *task)
{
	int rc = 0;

	assert(task->state == HASHERS_NONE);
	lock(hashers);
	if (hashers->tasks >= hashers->count && hashers->count < hashers->most)
		rc = add_thread(hashers);
	/* Fewer threads than there might be will do. */
	if (hashers->count > 0) {
		rc = 0;
		task->state = HASHERS_QUEUED;
		task->next = NULL;
		*hashers->last = task;
		hashers->last = &task->next;
		hashers->tasks++;
		(void)pthread_cond_signal(&hashers->come);
	}
	unlock(hashers);
	return rc;
}

bool
hashers_take(
    struct hashers *hashers, struct hashers_task *task, int64_t *ret_result)
{
	bool ended;

	lock(hashers);
	ended = task->state == HASHERS_ENDED;
	if (ended) {
		task->state = HASHERS_NONE;
		*ret_result = task->result;
	}
	unlock(hashers);
	return ended;
}

void
hashers_cancel(struct hashers *hashers, struct hashers_task *task)
{
	lock(hashers);
	if (task->state == HASHERS_QUEUED) {
		remove_queued(hashers, task);
		hashers->tasks--;
	} else if (task->state == HASHERS_BUSY) {
		task->state = HASHERS_UNWANTED;
	}
	while (task->state == HASHERS_UNWANTED)
		(void)pthread_cond_wait(&hashers->left, &hashers->lock);
	task->state = HASHERS_NONE;
	unlock(hashers);
}
