/* Files count when their receipt is durable; bytes when they have been sent, or
 * a large file would show nothing for an hour. What there is to do is counted
 * once, as a queue may be long: files that another uploader takes, or a scanner
 * adds, make the time that is left a guess. */
#include "uploader/upload_progress.h"

#include "common/clock.h"
#include "common/fsio.h"
#include "common/tally.h"
#include "common/units.h"
#include "uploader/job.h"
#include "uploader/multi.h"

enum { LOOK_EVERY = 256 /* files, at the clock */ };
/* A longer queue isn't counted, but worked off. */
static const int64_t patience_ns = CLOCK_NS_PER_S;

struct queue {
	int dirfd;
	int64_t until_ns;
	uint64_t files;
	int64_t bytes;
};

static int
count_file(void *context, const char *path, const struct dirent *entry)
{
	struct queue *queue = context;
	int64_t bytes, since_ns;

	(void)entry;
	/* What has gone meanwhile doesn't count; who reads claimed/ says what
	 * else is wrong. */
	if (tally_look(queue->dirfd, path, TALLY_MOVED, 0, &bytes, &since_ns) ==
	    0) {
		queue->files++;
		queue->bytes = units_add_sizes(queue->bytes, bytes);
	}
	return queue->files % LOOK_EVERY == 0 &&
	       clock_monotonic_ns() >= queue->until_ns;
}

void
upload_progress_begin(struct uploader *up)
{
	struct queue queue = {
	    .dirfd = up->stage->spool->claimed_fd,
	    .until_ns = clock_monotonic_ns() + patience_ns,
	};

	progress_begin(&up->progress, &up->stage->options);
	if (!up->progress.is_on ||
	    fsio_walk(queue.dirfd, count_file, &queue) != 0)
		return;
	up->queued = queue.files;
	up->queued_bytes = queue.bytes;
}

/* Of files that aren't stored yet. */
static int64_t
sent_bytes(const struct uploader *up)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < up->job_count; i++)
		if (up->jobs[i].state == JOB_SENDING)
			bytes += transfer_sent_bytes(up->transfer, i);
	for (const struct multi *multi = up->multis; multi != NULL;
	     multi = multi->next)
		for (size_t i = 0; i < multi->parts.count; i++)
			if (multi->parts.part[i].state == PART_DONE)
				bytes += parts_length(&multi->parts, i);
	return bytes;
}

int64_t
upload_progress_show(struct uploader *up, int64_t when_ns)
{
	struct progress_count count = {
	    .files = up->commits.uploaded,
	    .all_files = up->queued,
	    .all_bytes = up->queued_bytes,
	};

	if (!up->progress.is_on)
		return when_ns;
	if (progress_is_due(&up->progress)) {
		count.bytes = up->commits.uploaded_bytes + sent_bytes(up);
		progress_show(&up->progress, &count);
	}
	return when_ns < up->progress.due_ns ? when_ns : up->progress.due_ns;
}
