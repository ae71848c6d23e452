/* Candidates are gathered, out of one directory or several, and then judged and
 * claimed by several threads: each is a file of its own, and needs nothing of
 * the others. What is counted, said and given back to the walk is settled
 * afterwards, by the caller and in order.
 *
 * A directory is kept open until then. */
#include "scanner/batch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/mem.h"

enum {
	ITEMS_MOST = 1024, /* of a batch */
	ITEMS_LEAST = 64,
	DIRS = 64, /* that are kept open */
	FEW = 32,  /* items: not worth to wake up anybody */
	OPEN_FILES = 512,
	SHARE = 16 /* items of a thread, on end: of one directory, mostly */
};

/* A scan may be ended at any time: it shall have claimed what it has found. */
static const int64_t patience_ns = 200 * CLOCK_NS_PER_MS;
/* What takes longer is to be told of in between; what doesn't take so long
 * isn't worth waking threads up for. */
static const int64_t long_ns = 100 * CLOCK_NS_PER_MS;
static const int64_t short_ns = 20 * CLOCK_NS_PER_MS;

struct batch_item {
	struct walk_entry entry; /* its names: NULL until all are gathered */
	size_t path, name;	 /* where they begin in batch->paths */
	struct claim_report report;
};

size_t
batch_hands(void)
{
	struct rlimit files;

	/* Directories, what is closed later, and what the rest needs. */
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < OPEN_FILES)
		return 1;
	return crew_cores();
}

static void
claim_item(void *context, size_t hand, size_t index)
{
	struct batch *batch = context;
	struct batch_item *item = &batch->items[index];

	(void)hand;
	claim_file(batch->claim, &item->entry, &batch->claimed, &item->report);
}

/* Whether PATH is in the location that was left last. */
static bool
is_left(const struct batch *batch, const char *path)
{
	return batch->left.length > 0 && strncmp(strbuf_text(&batch->left),
					     path, batch->left.length) == 0;
}

static void
leave(struct batch *batch, const char *path)
{
	strbuf_reset(&batch->left);
	strbuf_add(&batch->left, path, strcspn(path, "/"));
	strbuf_putc(&batch->left, '/');
}

/* Hands over what became of the items. True: one of them stops the walk. */
static bool
settle(struct batch *batch)
{
	bool stop = false;

	for (size_t i = 0; i < batch->count; i++) {
		const struct batch_item *item = &batch->items[i];
		const char *path = item->entry.path;

		if ((item->report.outcome == CLAIM_EXDEV &&
			is_left(batch, path)) ||
		    (item->report.outcome == CLAIM_ERROR && stop))
			continue;
		switch (
		    batch->done(batch->context, &item->entry, &item->report)) {
		case WALK_ON:
			break;
		case WALK_LEAVE:
			leave(batch, path);
			break;
		case WALK_STOP:
			stop = true;
		}
	}
	return stop;
}

/* The next batch will be as large as suits the time that this one took. */
static void
fit(struct batch *batch, int64_t took_ns)
{
	if (took_ns > long_ns && batch->most > ITEMS_LEAST)
		batch->most /= 2;
	else if (took_ns < short_ns && batch->most < ITEMS_MOST)
		batch->most *= 2;
}

static bool
flush(struct batch *batch)
{
	int64_t began_ns = clock_monotonic_ns();
	bool stop;

	for (size_t i = 0; i < batch->count; i++) {
		struct batch_item *item = &batch->items[i];

		if (i == 0 || item[-1].entry.dir != item->entry.dir)
			walk_note_time(item->entry.dir);
		item->entry.path = strbuf_text(&batch->paths) + item->path;
		item->entry.name = strbuf_text(&batch->paths) + item->name;
	}
	crew_run(
	    batch->crew, &(struct crew_work){
			     .hands = batch->count > FEW ? batch->hands : 1,
			     .count = batch->count,
			     .share = SHARE,
			     .task = claim_item,
			     .context = batch,
			 });
	/* A script may want to write to what was claimed. */
	closer_flush(&batch->claimed);
	fit(batch, clock_monotonic_ns() - began_ns);
	stop = settle(batch);
	for (size_t i = 0; i < batch->count; i++)
		walk_release(batch->items[i].entry.dir);
	batch->count = batch->dirs = 0;
	strbuf_reset(&batch->paths);
	return stop;
}

static bool
is_due(const struct batch *batch)
{
	return batch->count > 0 &&
	       clock_monotonic_ns() - batch->since_ns >= patience_ns;
}

static enum walk_result
claim_now(struct batch *batch, const struct walk_entry *entry)
{
	struct claim_report report;

	claim_file(batch->claim, entry, &batch->claimed, &report);
	/* The others may take long. */
	if (report.outcome != CLAIM_CLAIMED)
		closer_flush(&batch->claimed);
	return batch->done(batch->context, entry, &report);
}

void
batch_begin(struct batch *batch)
{
	closer_init(&batch->claimed);
	if (batch->hands <= 1)
		return;
	batch->items = mem_zero(ITEMS_MOST, sizeof *batch->items);
	batch->most = ITEMS_LEAST;
	batch->crew = crew_new();
}

enum walk_result
batch_add(struct batch *batch, const struct walk_entry *entry)
{
	struct batch_item *item;

	if (batch->hands <= 1)
		return claim_now(batch, entry);
	if (batch->count == 0)
		batch->since_ns = clock_monotonic_ns();
	if (batch->count == 0 ||
	    batch->items[batch->count - 1].entry.dir != entry->dir)
		batch->dirs++;
	item = &batch->items[batch->count++];
	*item = (struct batch_item){
	    .entry = {.dir = entry->dir, .type = entry->type},
	    .path = batch->paths.length,
	    .name = batch->paths.length + (size_t)(entry->name - entry->path),
	};
	strbuf_add(&batch->paths, entry->path, strlen(entry->path) + 1);
	walk_keep(entry->dir);
	if (batch->count < batch->most && batch->dirs < DIRS && !is_due(batch))
		return WALK_ON;
	if (flush(batch))
		return WALK_STOP;
	return is_left(batch, entry->path) ? WALK_LEAVE : WALK_ON;
}

bool
batch_heed(struct batch *batch)
{
	return !is_due(batch) || !flush(batch);
}

void
batch_end(struct batch *batch)
{
	if (batch->items != NULL)
		(void)flush(batch); /* the walk has ended */
	closer_done(&batch->claimed);
	crew_free(batch->crew);
	free(batch->items);
	strbuf_done(&batch->paths);
	strbuf_done(&batch->left);
}
