/* One fdatasync for many files.
 *
 * The order is what keeps the promises: the line is on disk before the file
 * leaves uploading/, so whatever lies in confirmed/ has a durable receipt, and
 * whatever lies in failed/ a reason. Dying between the sync and a rename
 * leaves the file in uploading/ with its line on disk; the heir finds it. */
#include "uploader/commit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/timefmt.h"

enum { BATCH = 256 };
static const int64_t delay_ns = 100 * CLOCK_NS_PER_MS;

struct commit_item {
	char *path;
	ino_t inode;
	int64_t size_bytes;
	int64_t key_hash;
	bool is_stored;
};

struct commit *
commit_new(struct run *run, struct commit *older)
{
	struct commit *commit = mem_zero(1, sizeof *commit);

	commit->run = run;
	commit->older = older;
	return commit;
}

void
commit_free(struct commit *commit, struct spool *spool)
{
	if (commit == NULL)
		return;
	/* After a failed sync items may be left; their files stay where they
	 * are, for an heir. */
	for (size_t i = 0; i < commit->count; i++)
		free(commit->items[i].path);
	free(commit->items);
	strbuf_done(&commit->receipts);
	strbuf_done(&commit->reasons);
	run_end(spool, commit->run);
	free(commit);
}

static void
add_item(struct commit *commit, const struct commit_item *item)
{
	if (commit->count == commit->capacity) {
		commit->capacity = commit->capacity * 2 + BATCH;
		commit->items = mem_grow(
		    commit->items, commit->capacity, sizeof *commit->items);
	}
	if (commit->count == 0)
		commit->first_ns = clock_monotonic_ns();
	commit->items[commit->count++] = *item;
}

void
commit_add_receipt(struct commit *commit, const char *path, ino_t inode,
    int64_t size_bytes, const char *line, int64_t key_hash)
{
	const struct commit_item item = {
	    mem_copy(path), inode, size_bytes, key_hash, true};

	strbuf_puts(&commit->receipts, line);
	commit->receipt_count++;
	add_item(commit, &item);
}

void
commit_add_reason(struct commit *commit, const char *path, ino_t inode,
    const char *code, const char *message, int64_t key_hash)
{
	const struct commit_item item = {
	    mem_copy(path), inode, 0, key_hash, false};
	struct strbuf *line = &commit->reasons;
	char when[TIMEFMT_MAX];

	strbuf_puts(line, timefmt_rfc3339(clock_realtime_ns(), when));
	strbuf_putc(line, '\t');
	percent_encode_path(line, path);
	strbuf_putc(line, '\t');
	log_escape(line, code);
	strbuf_putc(line, '\t');
	log_escape(line, message);
	strbuf_putc(line, '\n');
	add_item(commit, &item);
}

int64_t
commit_due_ns(const struct commit *commit)
{
	return commit->count > 0 ? commit->first_ns + delay_ns : -1;
}

bool
commit_holds_key(const struct commit *commit, int64_t key_hash)
{
	for (size_t i = 0; i < commit->count; i++)
		if (commit->items[i].key_hash == key_hash)
			return true;
	return false;
}

bool
commit_is_due(const struct commit *commit, int64_t now_ns)
{
	return commit->count >= BATCH ||
	       (commit->count > 0 && now_ns >= commit_due_ns(commit));
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
		commit_report_stored(context, item->path, item->size_bytes);
		return;
	}
	context->failed++;
	stage_fail(context->stage, STAGE_SOME_FAILED);
}

/* Moves one file on; its line is durable. */
static void
finish(struct commit *commit, const struct commit_item *item,
    struct commit_context *context)
{
	struct spool *spool = context->stage->spool;
	struct run *run = commit->run;
	int rc = item->is_stored ? spool_confirm(spool, &run->uploading,
				       &run->confirmed, item->path, item->inode)
				 : spool_reject(spool, &run->uploading,
				       &run->failed, item->path, item->inode);

	run->held--;
	if (item->key_hash >= 0)
		(void)fsio_unlock(context->keys_fd, item->key_hash, 1);
	if (rc == 0) {
		report(item, context);
		return;
	}
	context->stuck++;
	if (rc == -EEXIST) {
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
	    item->is_stored ? "confirmed" : "failed", strerror(-rc));
	stage_fail(context->stage, EX_IOERR);
}

int
commit_flush(struct commit *commit, struct commit_context *context)
{
	int rc = 0;

	if (commit->count == 0)
		return 0;
	if (commit->receipts.length > 0)
		rc = run_append(commit->run, strbuf_text(&commit->receipts),
		    commit->receipts.length, commit->receipt_count);
	if (rc == 0 && commit->reasons.length > 0)
		rc = run_append_reasons(context->stage->spool, commit->run,
		    strbuf_text(&commit->reasons), commit->reasons.length);
	if (rc < 0) {
		log_error("Cannot make the record of %zu files durable in "
			  "'%s': %s; they stay in uploading/ for the next run",
		    commit->count, context->stage->config->spool_dir,
		    strerror(-rc));
		stage_fail(context->stage, EX_IOERR);
		return rc;
	}
	for (size_t i = 0; i < commit->count; i++) {
		finish(commit, &commit->items[i], context);
		free(commit->items[i].path);
	}
	commit->count = 0;
	commit->receipt_count = 0;
	strbuf_reset(&commit->receipts);
	strbuf_reset(&commit->reasons);
	return 0;
}
