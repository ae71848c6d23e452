/* One fdatasync for many files.
 *
 * The order is what keeps the promises: the line is on disk before the file
 * leaves uploading/, so whatever lies in confirmed/ has a durable receipt, and
 * whatever lies in failed/ a reason. Dying between the sync and a rename
 * leaves the file in uploading/ with its line on disk; the heir finds it.
 *
 * Just before the lines are written the files are looked at once more: one that
 * has changed since it was sent gets no line, and goes back to claimed/. */
#include "uploader/commit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/reserve.h"
#include "common/timefmt.h"

enum { BATCH = 256 };
static const int64_t delay_ns = 100 * CLOCK_NS_PER_MS;

struct commit_item {
	char *path;
	ino_t inode;
	bool is_stored, was_sent;
	struct stat was;  /* what was sent */
	size_t line_size; /* of its receipt, which follows the one before */
	bool has_changed; /* since then */
	int64_t key_hash;
	int error; /* of its rename: a negative errno, or 0 */
};

struct commit *
commit_new(struct run *run, struct commit *older)
{
	struct commit *commit = mem_zero(1, sizeof *commit);

	commit->run = run;
	commit->older = older;
	return commit;
}

static void
empty_batch(struct commit_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		free(batch->items[i].path);
	batch->count = batch->receipt_count = 0;
	strbuf_reset(&batch->receipts);
	strbuf_reset(&batch->reasons);
}

static void
free_batch(struct commit_batch *batch)
{
	empty_batch(batch);
	free(batch->items);
	strbuf_done(&batch->receipts);
	strbuf_done(&batch->reasons);
}

void
commit_free(struct commit *commit, struct spool *spool)
{
	if (commit == NULL)
		return;
	/* After a failed sync items may be left; their files stay where they
	 * are, for an heir. */
	free_batch(&commit->waiting);
	free_batch(&commit->written);
	run_end(spool, commit->run);
	free(commit);
}

static void
add_item(struct commit_batch *batch, const struct commit_item *item)
{
	if (batch->count == batch->capacity) {
		batch->capacity = batch->capacity * 2 + BATCH;
		batch->items = mem_grow(
		    batch->items, batch->capacity, sizeof *batch->items);
	}
	if (batch->count == 0)
		batch->first_ns = clock_monotonic_ns();
	batch->items[batch->count++] = *item;
}

void
commit_add_receipt(struct commit *commit, const struct commit_stored *stored)
{
	struct commit_item item = {
	    .path = mem_copy(stored->path),
	    .inode = stored->inode,
	    .is_stored = true,
	    .was_sent = stored->was != NULL,
	    .line_size = strlen(stored->line),
	    .key_hash = stored->key_hash,
	};

	if (stored->was != NULL)
		item.was = *stored->was;
	strbuf_add(&commit->waiting.receipts, stored->line, item.line_size);
	commit->waiting.receipt_count++;
	commit->receipts++;
	add_item(&commit->waiting, &item);
}

void
commit_add_reason(struct commit *commit, const char *path, ino_t inode,
    const char *code, const char *message, int64_t key_hash)
{
	const struct commit_item item = {
	    .path = mem_copy(path), .inode = inode, .key_hash = key_hash};
	struct strbuf *line = &commit->waiting.reasons;
	char when[TIMEFMT_MAX];

	strbuf_puts(line, timefmt_rfc3339(clock_realtime_ns(), when));
	strbuf_putc(line, '\t');
	percent_encode_path(line, path);
	strbuf_putc(line, '\t');
	log_escape(line, code);
	strbuf_putc(line, '\t');
	log_escape(line, message);
	strbuf_putc(line, '\n');
	add_item(&commit->waiting, &item);
}

static bool
holds_key(const struct commit_batch *batch, int64_t key_hash)
{
	for (size_t i = 0; i < batch->count; i++)
		if (batch->items[i].key_hash == key_hash)
			return true;
	return false;
}

bool
commit_holds_key(const struct commit *commit, int64_t key_hash)
{
	return holds_key(&commit->waiting, key_hash) ||
	       holds_key(&commit->written, key_hash);
}

struct commit *
commit_find_due(struct commit *newest, int64_t now_ns, int64_t *ret_next_ns)
{
	struct commit *found = NULL;

	*ret_next_ns = INT64_MAX;
	for (struct commit *commit = newest; commit != NULL;
	     commit = commit->older) {
		const struct commit_batch *waiting = &commit->waiting;
		int64_t due_ns = waiting->first_ns + delay_ns;

		if (waiting->count == 0)
			continue;
		if ((waiting->count >= BATCH || now_ns >= due_ns) &&
		    (found == NULL ||
			waiting->first_ns < found->waiting.first_ns))
			found = commit;
		if (due_ns < *ret_next_ns)
			*ret_next_ns = due_ns;
	}
	return found;
}

void
commit_report_stored(
    struct commit_context *context, const char *path, int64_t size_bytes)
{
	const struct config *config = context->stage->config;

	const struct log_field fields[] = {
	    {.name = "path", .text = path, .is_name = true},
	    {.name = "bucket", .text = config->bucket},
	    /* The last where it isn't known. */
	    {.name = size_bytes >= 0 ? "bytes" : NULL, .number = size_bytes},
	    {0},
	};

	context->uploaded++;
	context->uploaded_bytes += size_bytes >= 0 ? size_bytes : 0;
	log_about(LOG_INFO, fields, "%s/%s has been uploaded to %s.",
	    config->base_dir, path, config->bucket);
	stage_print_key(context->stage, path);
}

static void
report(const struct commit_item *item, struct commit_context *context)
{
	if (item->is_stored) {
		commit_report_stored(context, item->path,
		    item->was_sent ? item->was.st_size : -1);
		return;
	}
	context->failed++;
	stage_fail(context->stage, STAGE_SOME_FAILED);
}

void
commit_begin(struct commit *commit)
{
	struct commit_batch batch = commit->written; /* an empty one */

	assert(batch.count == 0);
	commit->written = commit->waiting;
	commit->waiting = batch;
	commit->error = 0;
}

/* Moves one file on; its line is durable. */
static int
move(const struct run *run, struct spool *spool, const struct commit_item *item)
{
	return item->is_stored ? spool_confirm(spool, &run->uploading,
				     &run->confirmed, item->path, item->inode)
			       : spool_reject(spool, &run->uploading,
				     &run->failed, item->path, item->inode);
}

/* Whether a file isn't what was sent any more. */
static bool
has_changed(const struct run *run, const struct commit_item *item)
{
	struct stat is;

	return item->was_sent && (fstatat(run->uploading.fd, item->path, &is,
				      AT_SYMLINK_NOFOLLOW) < 0 ||
				     !fsio_is_unchanged(&item->was, &is));
}

/* Leaves out the receipts of files that have changed. */
static void
look_again(const struct run *run, struct commit_batch *batch)
{
	char *lines = batch->receipts.data;
	size_t from = 0, to = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct commit_item *item = &batch->items[i];

		item->has_changed = has_changed(run, item);
		if (item->has_changed)
			batch->receipt_count--;
		else if (from != to)
			memmove(lines + to, lines + from, item->line_size);
		to += item->has_changed ? 0 : item->line_size;
		from += item->line_size;
	}
	if (from != to)
		strbuf_truncate(&batch->receipts, to);
}

void
commit_write(struct commit *commit, struct spool *spool)
{
	struct commit_batch *batch = &commit->written;
	int rc = 0;

	look_again(commit->run, batch);
	if (batch->receipts.length > 0)
		rc = run_append(commit->run, strbuf_text(&batch->receipts),
		    batch->receipts.length, batch->receipt_count);
	if (rc == 0 && batch->reasons.length > 0)
		rc = run_append_reasons(spool, commit->run,
		    strbuf_text(&batch->reasons), batch->reasons.length);
	for (size_t i = 0; rc == 0 && i < batch->count; i++)
		if (!batch->items[i].has_changed)
			batch->items[i].error = move(
			    commit->run, spool, &batch->items[i]);
	commit->error = rc;
}

/* What has come of one file. */
static void
end_item(struct run *run, const struct commit_item *item,
    struct commit_context *context)
{
	if (item->has_changed)
		context->changed(
		    context->changed_context, run, item->path, item->inode);
	if (item->key_hash >= 0)
		(void)fsio_unlock(context->keys_fd, item->key_hash, 1);
	if (item->has_changed)
		return;
	run->held--;
	if (item->error == 0) {
		report(item, context);
		return;
	}
	context->stuck++;
	if (item->error == -EEXIST) {
		/* An earlier file of its path is still there. The next run
		 * takes this one up, with its line. */
		log_debug("%s waits until an earlier file of its path has "
			  "left %s/",
		    item->path, item->is_stored ? "confirmed" : "failed");
		if (item->is_stored)
			report(item, context);
		else
			stage_fail(context->stage, EX_TEMPFAIL);
		return;
	}
	log_about(LOG_ERROR, LOG_PATH(item->path),
	    "Cannot rename '%s' from uploading/ to %s/: %s", item->path,
	    item->is_stored ? "confirmed" : "failed", strerror(-item->error));
	stage_fail(context->stage, EX_IOERR);
}

int
commit_end(struct commit *commit, struct commit_context *context)
{
	struct commit_batch *batch = &commit->written;

	reserve_tell(context->stage->spool);
	if (commit->error < 0) {
		log_error("Cannot make the record of %zu files durable in "
			  "'%s': %s; they stay in uploading/ for the next run",
		    batch->count, context->stage->config->spool_dir,
		    strerror(-commit->error));
		stage_fail(context->stage, EX_IOERR);
		return commit->error;
	}
	for (size_t i = 0; i < batch->count; i++)
		end_item(commit->run, &batch->items[i], context);
	empty_batch(batch);
	return 0;
}
