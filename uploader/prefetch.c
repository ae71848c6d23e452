/* Two batches: from one the loop takes, the other the worker fills meanwhile.
 * They grow as long as they are used up quickly; where files go slowly one is
 * taken at a time, by the loop itself, as there is use for it. */
#include "uploader/prefetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "uploader/worker.h"

enum {
	BATCH_MAX = 32,
	BATCH_WORTH = 8 /* waking a thread up for */
};
/* A batch that lasts no longer may be larger. */
static const int64_t quick_ns = 50 * CLOCK_NS_PER_MS;
/* A disk may be slow: what it has read by then is enough. */
static const int64_t reading_ns = 50 * CLOCK_NS_PER_MS;
/* How long a file may wait while nothing is done with it. */
static const int64_t patience_ns = CLOCK_NS_PER_S;

struct batch {
	struct commit *commit;
	struct prefetch_plan plan;
	struct prefetched files[BATCH_MAX];
	size_t want, count, next;
	struct fsio_closer closer; /* for what was read */
	int rc; /* 1: there may be more; else as pick_next, after the last */
	int64_t ready_ns;
};

struct prefetch {
	struct pick *pick;
	struct worker *worker; /* NULL: may not run ahead */
	struct batch batches[2];
	struct batch *ready, *filling;
	size_t want;	     /* the next batch's */
	bool is_paced;	     /* that is known */
	atomic_bool hurries; /* the worker is to end */
};

/* Reads all of a file, if it is what it seems to be. */
static void
read_whole(struct prefetched *file, const struct prefetch_plan *plan,
    struct fsio_closer *closer)
{
	size_t size = (size_t)file->st.st_size;

	file->body = mem_alloc(size);
	file->length = fsio_pread_all(file->fd, file->body, size, 0);
	if (file->length != file->st.st_size)
		return;
	if (plan->keeps_open) {
		settle_release_lease(file->fd);
	} else {
		fsio_close_later(closer, file->fd); /* with its lease */
		file->fd = -1;
	}
	digest_begin(&file->digest, plan->digests);
	digest_update(&file->digest, file->body, size);
	digest_finish(&file->digest);
}

int
prefetch_open_file(const struct run *run, const char *path)
{
	return openat(run->uploading.fd, path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void
prefetch_open(struct prefetched *file, const struct prefetch_plan *plan,
    struct fsio_closer *closer)
{
	file->is_opened = true;
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
		read_whole(file, plan, closer);
}

/* As before its first use; what another has taken out of it is gone. */
static void
empty(struct prefetched *file)
{
	if (file->fd >= 0)
		(void)close(file->fd); /* only read from */
	free(file->body);
	file->fd = -1;
	file->body = NULL;
	file->is_opened = false;
	digest_reset(&file->digest);
}

/* Takes one more file. What isn't known to be a plain one is to be looked at
 * before it is opened. */
static int
take(struct prefetch *prefetch, struct batch *batch)
{
	struct prefetched *file = &batch->files[batch->count];
	int rc;

	empty(file);
	rc = pick_next(prefetch->pick, batch->commit->run, &file->claim);
	if (rc <= 0)
		return rc;
	file->commit = batch->commit;
	if (file->claim.is_regular)
		prefetch_open(file, &batch->plan, &batch->closer);
	batch->count++;
	return 1;
}

static void
fill(void *context, void *task)
{
	struct prefetch *prefetch = context;
	struct batch *batch = task;
	int64_t end_ns = clock_monotonic_ns() + reading_ns;

	do
		batch->rc = take(prefetch, batch);
	while (batch->rc > 0 && batch->count < batch->want &&
	       !atomic_load(&prefetch->hurries) &&
	       clock_monotonic_ns() < end_ns);
	fsio_close_all(&batch->closer);
}

struct prefetch *
prefetch_new(struct pick *pick, bool ahead)
{
	struct prefetch *prefetch = mem_zero(1, sizeof *prefetch);

	prefetch->pick = pick;
	prefetch->want = 1;
	prefetch->ready = &prefetch->batches[0];
	prefetch->filling = &prefetch->batches[1];
	for (size_t i = 0; i < BATCH_MAX; i++)
		prefetch->ready->files[i].fd = prefetch->filling->files[i]
						   .fd = -1;
	prefetch->ready->rc = 1;
	if (!ahead)
		return prefetch;
	prefetch->worker = worker_new(fill, prefetch);
	if (prefetch->worker == NULL) {
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

		empty(file);
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
	free(prefetch);
}

int
prefetch_fd(const struct prefetch *prefetch)
{
	return prefetch->worker != NULL ? worker_fd(prefetch->worker) : -1;
}

void
prefetch_heed(struct prefetch *prefetch)
{
	if (prefetch->worker != NULL)
		worker_heed(prefetch->worker);
}

static bool
is_filling(const struct prefetch *prefetch)
{
	return prefetch->worker != NULL && worker_is_busy(prefetch->worker);
}

static void
prepare(struct prefetch *prefetch, struct batch *batch, struct commit *commit,
    const struct prefetch_plan *plan)
{
	batch->commit = commit;
	batch->plan = *plan;
	batch->want = prefetch->want;
	batch->count = batch->next = 0;
	/* The run lives as long as it may come to hold more. */
	commit->run->held++;
}

static void
start(struct prefetch *prefetch, struct commit *commit,
    const struct prefetch_plan *plan)
{
	prepare(prefetch, prefetch->filling, commit, plan);
	worker_start(prefetch->worker, prefetch->filling);
}

/* BATCH has been filled. */
static void
get_ready(struct prefetch *prefetch, struct batch *batch)
{
	if (batch != prefetch->ready) {
		prefetch->filling = prefetch->ready;
		prefetch->ready = batch;
	}
	prefetch->is_paced = false;
	batch->ready_ns = clock_monotonic_ns();
	batch->commit->run->held += batch->count;
	batch->commit->run->held--;
	pick_report(prefetch->pick);
}

/* How many to take next, now that the last batch is used up. */
static void
pace(struct prefetch *prefetch)
{
	const struct batch *batch = prefetch->ready;

	if (prefetch->is_paced)
		return;
	prefetch->is_paced = true;
	if (prefetch->worker == NULL ||
	    clock_monotonic_ns() - batch->ready_ns > quick_ns)
		prefetch->want /= 2;
	else if (prefetch->want < BATCH_WORTH)
		prefetch->want++;
	else
		prefetch->want *= 2;
	if (prefetch->want < 1)
		prefetch->want = 1;
	if (prefetch->want > BATCH_MAX)
		prefetch->want = BATCH_MAX;
}

/* Makes the next batch ready, which may be empty. False: it isn't yet. */
static bool
go_on(struct prefetch *prefetch, struct commit *commit,
    const struct prefetch_plan *plan, bool waits)
{
	struct batch *batch;

	pace(prefetch);
	if (!is_filling(prefetch) && prefetch->want >= BATCH_WORTH)
		start(prefetch, commit, plan);
	if (is_filling(prefetch)) {
		batch = worker_take(prefetch->worker, waits);
		if (batch == NULL)
			return false;
		get_ready(prefetch, batch);
		if (batch->rc > 0 && prefetch->want >= BATCH_WORTH)
			start(prefetch, commit, plan);
		return true;
	}
	batch = prefetch->ready;
	prepare(prefetch, batch, commit, plan);
	batch->want = 1;
	fill(prefetch, batch);
	get_ready(prefetch, batch);
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
		prefetch->want = 1;
		return rc;
	}
	*ret_file = &batch->files[batch->next++];
	return 1;
}

int64_t
prefetch_stale_ns(const struct prefetch *prefetch)
{
	const struct batch *batch = prefetch->ready;

	return batch->next < batch->count || is_filling(prefetch)
		   ? batch->ready_ns + patience_ns
		   : INT64_MAX;
}

static void
give_back_batch(struct batch *batch,
    void (*give_back)(void *context, struct prefetched *file), void *context)
{
	while (batch->next < batch->count) {
		struct prefetched *file = &batch->files[batch->next++];

		empty(file);
		give_back(context, file);
	}
}

void
prefetch_give_back(struct prefetch *prefetch,
    void (*give_back)(void *context, struct prefetched *file), void *context)
{
	give_back_batch(prefetch->ready, give_back, context);
	if (is_filling(prefetch)) {
		atomic_store(&prefetch->hurries, true);
		get_ready(prefetch, worker_take(prefetch->worker, true));
		atomic_store(&prefetch->hurries, false);
		give_back_batch(prefetch->ready, give_back, context);
	}
	prefetch->want = 1;
}
