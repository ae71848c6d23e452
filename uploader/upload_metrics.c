/* The rooms are counted anew each time, as by --status: with 100,000 files in
 * them that takes a fifth of a second, so it is done less often the longer it
 * takes. Counters are told what has come since they were last written. */
#include "uploader/upload_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"

static const int64_t interval_ns = 15 * CLOCK_NS_PER_S;
enum { COST_SHARE = 100 }; /* one hundredth of the time, at most */

/* What has been written. */
struct told {
	int64_t files, bytes, retries, refused;
	int64_t failures[UPLOAD_FAILURES];
};

struct upload_metrics {
	struct metrics *metrics;
	int64_t due_ns;
	struct told told;
};

static const struct metrics_family uploaded_files = {
    "s3spool_uploaded_files_total", "Files that were stored.", METRICS_COUNTER,
    NULL, false};
static const struct metrics_family uploaded_bytes = {
    "s3spool_uploaded_bytes_total", "Bytes of these files.", METRICS_COUNTER,
    NULL, false};
static const struct metrics_family last_upload = {
    "s3spool_last_upload_timestamp_seconds", "When a file was last stored.",
    METRICS_KEPT, NULL, true};
static const struct metrics_family retries = {"s3spool_retries_total",
    "Requests that were tried again.", METRICS_COUNTER, NULL, false};
static const struct metrics_family failures = {"s3spool_upload_failures_total",
    "What kept files from being stored, for this run or (refused) for good.",
    METRICS_COUNTER, "class", false};

static const char *const classes[] = {
    [FAILURE_NETWORK] = "network",
    [FAILURE_STORE] = "store",
    [FAILURE_PERMISSION] = "permission",
    [FAILURE_CONFIGURATION] = "configuration",
    [FAILURE_CHANGED] = "changed",
    [FAILURE_LOCAL] = "local",
};

void
upload_metrics_begin(struct uploader *up)
{
	struct metrics *metrics = metrics_begin(up->stage, "upload");

	if (metrics == NULL)
		return;
	up->metrics = mem_zero(1, sizeof *up->metrics);
	up->metrics->metrics = metrics;
	up->metrics->due_ns = clock_monotonic_ns() + interval_ns;
}

static void
add_counters(const struct uploader *up)
{
	struct metrics *metrics = up->metrics->metrics;
	const struct told *told = &up->metrics->told;
	int64_t files = (int64_t)up->commits.uploaded - told->files;

	metrics_add(metrics, &uploaded_files, NULL, files);
	metrics_add(metrics, &uploaded_bytes, NULL,
	    up->commits.uploaded_bytes - told->bytes);
	if (files > 0)
		metrics_add(metrics, &last_upload, NULL, clock_realtime_ns());
	else
		metrics_keep(metrics, &last_upload);
	metrics_add(metrics, &retries, NULL, up->retries - told->retries);
	for (size_t i = 0; i < UPLOAD_FAILURES; i++)
		metrics_add(metrics, &failures, classes[i],
		    up->failures[i] - told->failures[i]);
	metrics_add(metrics, &failures, "refused",
	    (int64_t)up->commits.failed - told->refused);
}

static void
remember_told(struct uploader *up)
{
	struct told *told = &up->metrics->told;

	told->files = (int64_t)up->commits.uploaded;
	told->bytes = up->commits.uploaded_bytes;
	told->retries = up->retries;
	told->refused = (int64_t)up->commits.failed;
	memcpy(told->failures, up->failures, sizeof told->failures);
}

static void
add_rooms(struct uploader *up)
{
	const struct spool *spool = up->stage->spool;
	const struct room {
		const char *name;
		int fd;
		int (*count)(int dirfd, enum tally_since since, int64_t now_ns,
		    struct tally *tally);
		enum tally_since since;
	} rooms[] = {
	    {"claimed", spool->claimed_fd, tally_room, TALLY_WRITTEN},
	    {"uploading", spool->uploading_fd, tally_runs, TALLY_WRITTEN},
	    {"failed", spool->failed_fd, tally_runs, TALLY_MOVED},
	    {"held", spool->held_fd, tally_room, TALLY_MOVED},
	};
	struct clock_fs clock;

	clock_fs_guess(&clock);
	for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
		const struct room *room = &rooms[i];
		struct tally tally = {0};
		int rc = room->count(
		    room->fd, room->since, clock_fs_now_ns(&clock), &tally);

		if (rc == 0)
			metrics_add_room(
			    up->metrics->metrics, room->name, &tally, &tally);
		else
			log_warning("Cannot count the files in '%s/%s': %s",
			    up->config->spool_dir, room->name, strerror(-rc));
	}
}

static void
write_all(struct uploader *up, bool at_end)
{
	add_counters(up);
	add_rooms(up);
	if (metrics_write(up->metrics->metrics, at_end))
		remember_told(up);
}

int64_t
upload_metrics_work(struct uploader *up)
{
	struct upload_metrics *metrics = up->metrics;
	int64_t began_ns, took_ns, pause_ns;

	if (metrics == NULL)
		return INT64_MAX;
	began_ns = clock_monotonic_ns();
	if (began_ns < metrics->due_ns)
		return metrics->due_ns;
	write_all(up, false);
	took_ns = clock_monotonic_ns() - began_ns;
	pause_ns = took_ns * COST_SHARE;
	metrics->due_ns = began_ns +
			  (pause_ns > interval_ns ? pause_ns : interval_ns);
	return metrics->due_ns;
}

void
upload_metrics_end(struct uploader *up)
{
	if (up->metrics == NULL)
		return;
	write_all(up, true);
	metrics_free(up->metrics->metrics);
	free(up->metrics);
	up->metrics = NULL;
}
