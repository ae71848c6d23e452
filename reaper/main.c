/* s3spool-reap: deletes confirmed files and empty directories, and keeps the
 * record of every upload.
 *
 * It may be killed at any moment: a file is gone or it is there, its receipt
 * is durable before either, and the ledger is only ever replaced by more of
 * itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/reserve.h"
#include "common/sandbox.h"
#include "common/stage.h"
#include "common/units.h"
#include "reaper/forget.h"
#include "reaper/ledger.h"
#include "reaper/list.h"
#include "reaper/prune.h"
#include "reaper/reap.h"
#include "reaper/reap_status.h"
#include "reaper/recall.h"
#include "reaper/report.h"

struct modes {
	bool list, report, has, explain;
	struct list_options list_options;
	struct selection selection;
	struct health_options status;
	struct loop loop;
};

static void
summarize(const struct reaper *reaper)
{
	int64_t ms = (clock_monotonic_ns() - reaper->began_ns) /
		     CLOCK_NS_PER_MS;
	const struct log_field fields[] = {
	    {.name = "deleted", .number = (int64_t)reaper->deleted},
	    {.name = "bytes", .number = reaper->deleted_bytes},
	    {.name = "kept", .number = (int64_t)reaper->kept},
	    {.name = "queued_again", .number = (int64_t)reaper->queued_again},
	    {.name = "milliseconds", .number = ms},
	    {0},
	};
	char size[UNITS_TEXT_MAX], time[UNITS_TEXT_MAX];

	if (reaper->deleted + reaper->kept + reaper->queued_again == 0)
		return;
	log_catch_up();
	log_about(LOG_INFO, fields,
	    "%zu %s (%s), %zu kept for now, %zu queued again, in %s",
	    reaper->deleted, reaper->dry_run ? "would be deleted" : "deleted",
	    units_format_size(reaper->deleted_bytes, size), reaper->kept,
	    reaper->queued_again, units_format_ms(ms, time));
}

static const struct metrics_family deleted_files = {
    "s3spool_deleted_files_total",
    "Files that were deleted, as they are safely stored.", METRICS_COUNTER,
    NULL, false};
static const struct metrics_family deleted_bytes = {
    "s3spool_deleted_bytes_total", "Bytes of these files.", METRICS_COUNTER,
    NULL, false};
static const struct metrics_family requeued_files = {
    "s3spool_requeued_files_total",
    "Files in confirmed that no receipt spoke for, and that went back into the "
    "queue.",
    METRICS_COUNTER, NULL, false};
static const struct metrics_family ledger_files = {"s3spool_ledger_files",
    "Files that the record of uploads consists of.", METRICS_GAUGE, NULL,
    false};
static const struct metrics_family ledger_bytes = {"s3spool_ledger_bytes",
    "Bytes of these files.", METRICS_GAUGE, NULL, false};

/* What ledger_retention wants removed of the record. */
static void
forget(struct reaper *reaper)
{
	int64_t retention_s = reaper->stage.config->ledger_retention_seconds;
	struct forgotten forgotten = {0};
	int rc = 0;

	if (retention_s > 0)
		rc = forget_days(reaper->stage.spool, clock_realtime_ns(),
		    retention_s * CLOCK_NS_PER_S, reaper->dry_run, &forgotten);
	if (rc < 0)
		reap_fail(reaper, "remove old days from", "ledger", rc);
	else if (forgotten.days > 0)
		log_info("The record of %zu %s, until %s, %s removed, as "
			 "ledger_retention says",
		    forgotten.days, forgotten.days == 1 ? "day" : "days",
		    forgotten.last, reaper->dry_run ? "would be" : "has been");
}

static void
write_metrics(struct reaper *reaper, struct metrics *metrics)
{
	const struct spool *spool = reaper->stage.spool;
	int64_t now_ns = clock_fs_now_ns(&reaper->fs_clock);
	struct tally confirmed = {0}, due = {0}, ledger = {0};
	int rc;

	if (metrics == NULL)
		return;
	metrics_add(metrics, &deleted_files, NULL, (int64_t)reaper->deleted);
	metrics_add(metrics, &deleted_bytes, NULL, reaper->deleted_bytes);
	metrics_add(
	    metrics, &requeued_files, NULL, (int64_t)reaper->queued_again);
	rc = reap_status_count(&reaper->stage, now_ns, &confirmed, &due);
	if (rc < 0)
		reap_fail(reaper, "count the files in", "confirmed", rc);
	else
		metrics_add_room(metrics, "confirmed", &confirmed, &due);
	rc = tally_room(spool->ledger_fd, TALLY_MOVED, now_ns, &ledger);
	if (rc < 0) {
		reap_fail(reaper, "count the files in", "ledger", rc);
	} else {
		metrics_add(metrics, &ledger_files, NULL, ledger.files);
		metrics_add(metrics, &ledger_bytes, NULL, ledger.bytes);
	}
	(void)metrics_write(metrics, true); /* what is lost was said */
}

static void
reap(struct reaper *reaper, struct metrics *metrics)
{
	struct spool *spool = reaper->stage.spool;
	char *day = NULL;
	int lock_fd, rc;

	rc = spool_lock(spool, "reap", &lock_fd, &reaper->fs_clock);
	if (rc == -EAGAIN) {
		log_info("Another s3spool-reap is at work here");
		return;
	}
	if (rc < 0) {
		reap_fail(reaper, "lock", "locks/reap", rc);
		return;
	}
	reap_runs(reaper);
	rc = ledger_merge(spool, clock_realtime_ns(),
	    clock_fs_now_ns(&reaper->fs_clock), &day);
	if (rc < 0)
		reap_fail(reaper, "merge the ledger of",
		    day != NULL ? day : "ledger", rc);
	/* A day that couldn't be merged is kept by that. */
	if (rc == 0 || day != NULL)
		forget(reaper);
	free(day);
	prune_all(reaper);
	reserve_keep(spool);
	summarize(reaper);
	write_metrics(reaper, metrics);
	(void)close(lock_fd); /* a lock, no data */
}

static void
reap_dry(struct reaper *reaper)
{
	if (reaper->stage.spool->runs_fd < 0 ||
	    reaper->stage.spool->confirmed_fd < 0)
		return; /* no spool: nothing would be deleted */
	clock_fs_guess(&reaper->fs_clock);
	reap_runs(reaper);
	if (reaper->stage.spool->ledger_fd >= 0)
		forget(reaper);
	summarize(reaper);
}

/* How many of the questions are asked. */
static int
count(const struct modes *modes)
{
	return modes->list + modes->report + modes->has + modes->explain +
	       modes->status.wanted;
}

static void
run(struct reaper *reaper, struct modes *modes)
{
	bool look = count(modes) > 0;
	struct metrics *metrics = NULL;

	reaper->began_ns = clock_monotonic_ns();
	reaper->dry_run = reaper->stage.options.dry_run;
	if (!look && !reaper->dry_run) {
		stage_log_to_file(&reaper->stage);
		progress_begin(&reaper->progress, &reaper->stage.options);
	}
	if (look)
		stage_answer();
	if (look && !selection_begin(&modes->selection, &reaper->stage))
		return;
	if (!stage_open_spool(&reaper->stage,
		look || reaper->dry_run ? SPOOL_LOOK : SPOOL_CREATE))
		return;
	if (!look && !reaper->dry_run)
		metrics = metrics_begin(&reaper->stage, "reap");
	sandbox_enter(&(struct sandbox){
	    .spool = reaper->stage.spool,
	    .metrics_dir = reaper->stage.config->metrics_dir,
	});
	if (modes->has)
		recall_has(&reaper->stage);
	else if (modes->explain)
		recall_explain(&reaper->stage);
	else if (modes->status.wanted)
		reap_status(&reaper->stage, &modes->status);
	else if (modes->list)
		list_uploads(
		    &reaper->stage, &modes->list_options, &modes->selection);
	else if (modes->report)
		report_print(&reaper->stage, &modes->selection);
	else if (reaper->dry_run)
		reap_dry(reaper);
	else
		reap(reaper, metrics);
	metrics_free(metrics);
}

/* Without --loop true at once, else in each pass. */
static bool
enter_loop(struct stage *stage, struct modes *modes)
{
	char *confirmed = mem_format("%s/confirmed", stage->config->spool_dir);
	bool is_pass;

	modes->loop.place.directory = confirmed;
	is_pass = loop_enter(&modes->loop, stage);
	free(confirmed);
	return is_pass;
}

static bool
check_usage(struct stage *stage, struct modes *modes)
{
	const struct list_options *list = &modes->list_options;
	const struct health_options *status = &modes->status;
	bool asks_paths = modes->has || modes->explain;
	const char *fault = NULL;

	if (count(modes) > 1)
		fault = "only one of --list, --report, --has, --explain and "
			"--status";
	else if (asks_paths && stage->options.argument_count == 0)
		fault = "which PATH? One at least is needed";
	else if (!asks_paths && stage->options.argument_count > 0)
		fault = "PATH arguments go with --has and --explain";
	else if (!modes->list && (list->header || list->summary))
		fault = "--header and --summary go with --list";
	else if (!modes->list && !modes->report &&
		 selection_is_given(&modes->selection))
		fault = "--prefix, --location, --since and --until go with "
			"--list and --report";
	else if (!status->wanted &&
		 (status->warn_age != NULL || status->crit_age != NULL))
		fault = "--warn-age and --crit-age go with --status";
	else if (status->json && !modes->list && !status->wanted)
		fault = "--json goes with --list and --status";
	else if (modes->loop.every != NULL &&
		 (count(modes) > 0 || stage->options.dry_run))
		fault = "--loop goes with reaping that is no dry run";
	if (fault == NULL)
		return stage_check_paths(stage) &&
		       loop_read(&modes->loop, stage);
	log_error("%s", fault);
	stage_fail(stage, EX_USAGE);
	return false;
}

int
main(int argc, char **argv)
{
	struct reaper reaper = {.dry_run = false};
	struct modes modes = {.list = false};
	const struct option_extra extras[] = {
	    {"loop", "T",
		"reap again every T, such as 60 or 5m, and when something has "
		"been confirmed, until a signal",
		&modes.loop.every},
	    {"list", NULL, "print the record of uploads; delete nothing",
		&modes.list},
	    {"summary", NULL,
		"with --list: files, bytes, first and last of each location "
		"and day",
		&modes.list_options.summary},
	    {"report", NULL,
		"print a page (HTML) of the record: which hours of each "
		"location are there, uploads over time, failures",
		&modes.report},
	    {"location", "L",
		"with --list and --report: only paths whose first component "
		"is L",
		&modes.selection.location},
	    {"has", NULL,
		"say whether each PATH was uploaded, and is what was uploaded "
		"if it is still here (0: yes; 1: no)",
		&modes.has},
	    {"explain", NULL,
		"say of each PATH whether it is in confirmed/, and when it was "
		"uploaded (1: neither)",
		&modes.explain},
	    {"header", NULL, "with --list: name the columns first",
		&modes.list_options.header},
	    {"prefix", "P",
		"with --list and --report: only keys that begin with P",
		&modes.selection.prefix},
	    {"since", "T",
		"with --list and --report: only uploads at or after T (RFC "
		"3339, a date, "
		"or a duration ago)",
		&modes.selection.since},
	    {"until", "T", "with --list and --report: only uploads before T",
		&modes.selection.until},
	    {"status", NULL,
		"print what waits to be deleted, the last uploads and the free "
		"space, and exit as a monitor wants it (0 OK, 1 WARNING, 2 "
		"CRITICAL, 3 UNKNOWN)",
		&modes.status.wanted},
	    {"warn-age", "T",
		"with --status: WARNING when a file waits for T (10m)",
		&modes.status.warn_age},
	    {"crit-age", "T", "with --status: CRITICAL then (1h)",
		&modes.status.crit_age},
	    {"json", NULL, "with --list and --status: JSON, one object a line",
		&modes.status.json},
	};
	static const struct exit_meaning exits[] = {
	    {0, "with --has: each PATH was uploaded, as it is if still here"},
	    {0, "with --status: OK"},
	    {1, "with --has: a PATH wasn't, or has other bytes here now"},
	    {1, "with --explain: nothing is known of a PATH"},
	    {1, "with --status: WARNING"},
	    {2, "with --status: CRITICAL"},
	    {3, "with --status: UNKNOWN"},
	};
	const struct program program = {
	    .name = "s3spool-reap",
	    .summary = "Deletes files that are safely stored and directories "
		       "that are empty, and keeps the record of uploads.",
	    .arguments = "[PATH...]",
	    .extras = extras,
	    .extra_count = sizeof extras / sizeof *extras,
	    .exits = exits,
	    .exit_count = sizeof exits / sizeof *exits,
	};

	if (stage_begin(&reaper.stage, &program, argc, argv) &&
	    check_usage(&reaper.stage, &modes) &&
	    enter_loop(&reaper.stage, &modes)) {
		modes.list_options.json = modes.status.json;
		run(&reaper, &modes);
	}
	return stage_end(&reaper.stage);
}
