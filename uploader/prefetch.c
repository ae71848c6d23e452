/* Two batches: from one the loop takes, the other the worker fills meanwhile.
 * Where not enough may be taken ahead to be worth waking a thread up for, one
 * is taken at a time, by the loop itself, as there is use for it. */
#include "uploader/prefetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/closer.h"
#include "common/fsio.h"
#include "common/mem.h"
#include "uploader/worker.h"

enum {
	BATCH_MAX = 32,
	BATCH_WORTH = 8 /* the thread */
};
/* A disk may be slow: what it has read by then is enough. */
static const int64_t reading_ns = 50 * CLOCK_NS_PER_MS;
/* How long a file may wait while nothing is done with it. */
static const int64_t patience_ns = CLOCK_NS_PER_S;

struct batch {
	struct commit *commit;
	struct prefetch_plan plan;
	struct prefetched files[BATCH_MAX];
	size_t want, count, next;
	int rc; /* 1: there may be more; else as pick_next, after the last */
	int64_t begun_ns;
};

struct prefetch {
	struct pick *pick;
	struct worker *worker;
	struct batch batches[2];
	struct batch *ready, *filling;
	atomic_bool hurries; /* the worker is to end */
	struct closer closer;
};

int
prefetch_open_file(const struct run *run, const char *path)
{
	return openat(run->uploading.fd, path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool
is_whole(const struct prefetched *file)
{
	return file->body != NULL && file->length == file->st.st_size;
}

/* Reads all of a file, if it is what it seems to be. */
static void
read_whole(struct prefetched *file, const struct prefetch_plan *plan)
{
	size_t size = (size_t)file->st.st_size;

	file->body = mem_alloc(size);
	file->length = fsio_pread_all(file->fd, file->body, size, 0);
	if (!is_whole(file))
		return;
	digest_begin(&file->digest, plan->digests);
	digest_update(&file->digest, file->body, size);
	digest_finish(&file->digest);
}

/* As prefetch_open, but leaves closing what was read to the caller. */
static void
open_and_read(struct prefetched *file, const struct prefetch_plan *plan)
{
	digest_reset(&file->digest);
	file->is_opened = true;
	file->opened_ns = clock_monotonic_ns();
	file->fd = prefetch_open_file(
	    file->commit->run, strbuf_text(&file->claim.path));
	file->error = file->fd < 0 ? errno : 0;
	if (file->fd < 0)
		return;
	file->lease = settle_take_lease(
	    file->fd, plan->settle_check, &file->lease_error);
	file->stat_error = fstat(file->fd, &file->st) < 0 ? errno : 0;
	if (file->stat_error == 0 && file->lease != LEASE_WRITER &&
	    S_ISREG(file->st.st_mode) && file->st.st_nlink == 1 &&
	    file->st.st_size <= plan->size_most)
		read_whole(file, plan);
}

static void
close_file(struct prefetched *file)
{
	if (file->fd >= 0)
		(void)close(file->fd); /* only read from; with its lease */
	file->fd = -1;
}

void
prefetch_open(struct prefetched *file, const struct prefetch_plan *plan)
{
	open_and_read(file, plan);
	if (is_whole(file))
		close_file(file);
}

void
prefetch_forget(struct prefetched *file)
{
	close_file(file);
	free(file->body);
	file->body = NULL;
	file->is_opened = false;
}

/* Opened ahead is only what can be read and closed at once: a lease would hold
 * up writers, and descriptors are few. For all else it is early enough when its
 * turn has come. */
static void
read_ahead(struct prefetch *prefetch, const struct prefetch_plan *plan,
    struct prefetched *file)
{
	open_and_read(file, plan);
	if (file->fd >= 0)
		closer_add(&prefetch->closer, file->fd);
	file->fd = -1;
	if (!is_whole(file))
		prefetch_forget(file);
}

static int
take(struct prefetch *prefetch, struct batch *batch)
{
	struct prefetched *file = &batch->files[batch->count];
	int rc;

	prefetch_forget(file);
	rc = pick_next(prefetch->pick, batch->commit->run, &file->claim);
	if (rc <= 0)
		return rc;
	file->commit = batch->commit;
	batch->count++;
	return 1;
}

/* What isn't known to be a plain file is to be looked at before it is opened:
 * not here. */
static void
fill(void *context, void *task)
{
	struct prefetch *prefetch = context;
	struct batch *batch = task;

	do {
		struct prefetched *file = &batch->files[batch->count];

		batch->rc = take(prefetch, batch);
		if (batch->rc > 0 && batch->plan.expects_small &&
		    file->claim.is_regular)
			read_ahead(prefetch, &batch->plan, file);
	} while (batch->rc > 0 && batch->count < batch->want &&
		 !atomic_load(&prefetch->hurries) &&
		 clock_monotonic_ns() - batch->begun_ns < reading_ns);
	closer_flush(&prefetch->closer);
}

struct prefetch *
prefetch_new(struct pick *pick)
{
	struct prefetch *prefetch = mem_zero(1, sizeof *prefetch);

	prefetch->pick = pick;
	prefetch->ready = &prefetch->batches[0];
	prefetch->filling = &prefetch->batches[1];
	prefetch->ready->rc = 1;
	for (size_t i = 0; i < BATCH_MAX; i++)
		prefetch->ready->files[i].fd = prefetch->filling->files[i]
						   .fd = -1;
	closer_init(&prefetch->closer);
	prefetch->worker = worker_new(fill, prefetch);
	if (prefetch->worker == NULL) {
		closer_done(&prefetch->closer);
		free(prefetch);
		return NULL;
	}
	return prefetch;
}

static void
batch_done(struct batch *batch)
{
	for (size_t i = 0; i < BATCH_MAX; i++) {
		struct prefetched *file = &batch->files[i];

		prefetch_forget(file);
		digest_done(&file->digest);
		strbuf_done(&file->claim.path);
		strbuf_done(&file->claim.receipt);
	}
}

void
prefetch_free(struct prefetch *prefetch)
{
	if (prefetch == NULL)
		return;
	atomic_store(&prefetch->hurries, true);
	worker_free(prefetch->worker);
	batch_done(prefetch->ready);
	batch_done(prefetch->filling);
	closer_done(&prefetch->closer);
	free(prefetch);
}

int
prefetch_fd(const struct prefetch *prefetch)
{
	return worker_fd(prefetch->worker);
}

void
prefetch_heed(struct prefetch *prefetch)
{
	worker_heed(prefetch->worker);
}

static void
prepare(struct batch *batch, struct commit *commit,
    const struct prefetch_plan *plan, size_t want)
{
	batch->commit = commit;
	batch->plan = *plan;
	batch->want = want < BATCH_MAX ? want : BATCH_MAX;
	batch->count = batch->next = 0;
	batch->begun_ns = clock_monotonic_ns();
	/* The run lives as long as it may come to hold more. */
	commit->run->held++;
}

static void
start(struct prefetch *prefetch, struct commit *commit,
    const struct prefetch_plan *plan)
{
	prepare(prefetch->filling, commit, plan, plan->ahead);
	atomic_store(&prefetch->hurries, false);
	worker_start(prefetch->worker, prefetch->filling);
}

/* BATCH has been filled. */
static void
note_filled(struct prefetch *prefetch, struct batch *batch)
{
	batch->commit->run->held += batch->count;
	batch->commit->run->held--;
	pick_report(prefetch->pick);
}

/* Takes the next batch, which may be empty. False: it isn't ready yet. */
static bool
go_on(struct prefetch *prefetch, struct commit *commit,
    const struct prefetch_plan *plan, bool waits)
{
	struct batch *used = prefetch->ready;

	if (!worker_is_busy(prefetch->worker) && plan->ahead >= BATCH_WORTH)
		start(prefetch, commit, plan);
	if (!worker_is_busy(prefetch->worker)) {
		prepare(used, commit, plan, 1);
		used->rc = take(prefetch, used);
		note_filled(prefetch, used);
		return true;
	}
	if (worker_take(prefetch->worker, waits) == NULL)
		return false;
	prefetch->ready = prefetch->filling;
	prefetch->filling = used;
	note_filled(prefetch, prefetch->ready);
	if (prefetch->ready->rc > 0 && plan->ahead >= BATCH_WORTH)
		start(prefetch, commit, plan);
	return true;
}

int
prefetch_next(struct prefetch *prefetch, struct commit *commit,
    const struct prefetch_plan *plan, bool waits, struct prefetched **ret_file)
{
	struct batch *batch = prefetch->ready;

	if (batch->next == batch->count && batch->rc > 0) {
		if (!go_on(prefetch, commit, plan, waits))
			return -EINPROGRESS;
		batch = prefetch->ready;
	}
	if (batch->next == batch->count) {
		int rc = batch->rc;

		batch->rc = 1; /* asking again looks anew */
		return rc;
	}
	*ret_file = &batch->files[batch->next++];
	return 1;
}

int64_t
prefetch_stale_ns(const struct prefetch *prefetch)
{
	const struct batch *batch = prefetch->ready;

	if (batch->next == batch->count) {
		if (!worker_is_busy(prefetch->worker))
			return INT64_MAX;
		batch = prefetch->filling;
	}
	return batch->begun_ns + patience_ns;
}

static void
give_back_batch(struct batch *batch,
    void (*give_back)(void *context, struct prefetched *file), void *context)
{
	while (batch->next < batch->count) {
		struct prefetched *file = &batch->files[batch->next++];

		prefetch_forget(file);
		give_back(context, file);
	}
	batch->rc = 1; /* there is more: just that */
}

void
prefetch_give_back(struct prefetch *prefetch, bool waits,
    void (*give_back)(void *context, struct prefetched *file), void *context)
{
	if (prefetch_stale_ns(prefetch) == INT64_MAX)
		return;
	if (worker_is_busy(prefetch->worker)) {
		atomic_store(&prefetch->hurries, true);
		if (worker_take(prefetch->worker, waits) == NULL)
			return;
		note_filled(prefetch, prefetch->filling);
		give_back_batch(prefetch->filling, give_back, context);
	}
	give_back_batch(prefetch->ready, give_back, context);
	pick_begin_anew(prefetch->pick);
}
