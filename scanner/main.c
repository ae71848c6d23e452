/* s3spool-scan: claims settled files by renaming them into the spool.
 *
 * It may be killed at any moment: each claim is one rename, and what has been
 * claimed is judged once more before it is sent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/progress.h"
#include "common/reserve.h"
#include "common/sandbox.h"
#include "common/stage.h"
#include "common/units.h"
#include "scanner/batch.h"
#include "scanner/claim.h"
#include "scanner/explain.h"
#include "scanner/scan_status.h"
#include "scanner/walk.h"

struct scan {
	struct stage stage;
	struct claim claim;
	struct batch batch;
	bool explain;
	struct health_options status;
	struct loop loop;
	struct bounds bounds;
	bool is_bounded; /* it has left a candidate because of them */
	bool said_no_lease;
	struct progress progress;
	int64_t began_ns;
	size_t claimed, deferred, refused, excluded;
	int64_t claimed_bytes;
	struct metrics *metrics;
	struct tally left; /* in base_dir; counted for the metrics alone */
};

static const struct metrics_family claimed_files = {
    "s3spool_claimed_files_total", "Files that were moved into the spool.",
    METRICS_COUNTER, NULL, false};
static const struct metrics_family claimed_bytes = {
    "s3spool_claimed_bytes_total", "Bytes of these files.", METRICS_COUNTER,
    NULL, false};
static const struct metrics_family unsettled_files = {"s3spool_unsettled_files",
    "Files in base_dir that the last scan left for a later one.", METRICS_GAUGE,
    NULL, false};
static const struct metrics_family refused_files = {"s3spool_refused_files",
    "Files in base_dir that the last scan left alone, such as links.",
    METRICS_GAUGE, NULL, false};

static void
say_no_lease(struct scan *scan, const struct claim_report *report)
{
	if (scan->said_no_lease || report->lease_error == 0)
		return;
	scan->said_no_lease = true;
	if (scan->stage.config->settle_check == SETTLE_LEASE) {
		log_warning("No leases can be had on the files in '%s' (%s): "
			    "with settle_check: lease none of them is claimed",
		    scan->stage.config->base_dir,
		    strerror(report->lease_error));
		return;
	}
	log_warning("No leases can be had on the files in '%s' (%s): they "
		    "count as settled by their age alone; %ssettle_check: age "
		    "says that this is meant",
	    scan->stage.config->base_dir, strerror(report->lease_error),
	    report->lease_error == EACCES
		? "run s3spool as their owner, or with CAP_LEASE; "
		: "");
}

/* One location is on another mount: the others may well not be. */
static enum walk_result
leave_location(struct scan *scan, const char *path)
{
	log_error("Cannot rename '%s/%s' into '%s': the two are on different "
		  "mounts; leaving location '%.*s' out; set spool_dir to a "
		  "directory on its file system, or give it a configuration "
		  "of its own",
	    scan->stage.config->base_dir, path, scan->stage.config->spool_dir,
	    (int)strcspn(path, "/"), path);
	stage_fail(&scan->stage, EX_CONFIG);
	return WALK_LEAVE;
}

static enum walk_result
fail_claim(
    struct scan *scan, const char *path, const struct claim_report *report)
{
	log_about(LOG_ERROR, LOG_PATH(path), "Cannot claim '%s/%s': %s",
	    scan->stage.config->base_dir, path, claim_reason(report));
	stage_fail(&scan->stage, EX_IOERR);
	switch (-report->error) {
	case ENOSPC: /* these would be said of every file ... */
	case ESTALE:
	case EDQUOT:
	case EROFS:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return WALK_STOP;
	default: /* ... the others are about one name or directory */
		return WALK_ON;
	}
}

static void
show_progress(struct scan *scan)
{
	const struct progress_count count = {
	    .verb = "claimed",
	    .files = scan->claimed,
	    .bytes = scan->claimed_bytes,
	    .by_files = true,
	};

	if (progress_is_due(&scan->progress))
		progress_show(&scan->progress, &count);
}

/* A file that stays in base_dir. */
static void
count_left(struct scan *scan, const struct walk_entry *entry)
{
	int64_t bytes, since_ns;

	if (scan->metrics != NULL &&
	    tally_look(entry->dir->fd, entry->name, TALLY_WRITTEN,
		clock_fs_now_ns(&scan->claim.fs_clock), &bytes, &since_ns) == 0)
		tally_add(&scan->left, bytes, since_ns);
}

static void
write_metrics(struct scan *scan)
{
	struct metrics *metrics = scan->metrics;

	if (metrics == NULL)
		return;
	metrics_add(metrics, &claimed_files, NULL, (int64_t)scan->claimed);
	metrics_add(metrics, &claimed_bytes, NULL, scan->claimed_bytes);
	metrics_add(metrics, &unsettled_files, NULL, (int64_t)scan->deferred);
	metrics_add(metrics, &refused_files, NULL, (int64_t)scan->refused);
	metrics_add_room(metrics, "base", &scan->left, &scan->left);
	(void)metrics_write(metrics, true); /* what is lost was said */
}

static void
on_claimed(struct scan *scan, const struct walk_entry *entry,
    const struct claim_report *report)
{
	const char *path = entry->path;

	scan->claimed++;
	scan->claimed_bytes = units_add_sizes(
	    scan->claimed_bytes, report->size_bytes);
	log_debug(
	    "Claimed %s (%lld bytes)", path, (long long)report->size_bytes);
	if (scan->claim.look_only) {
		stage_print_plan(
		    &scan->stage, "CLAIM", report->size_bytes, path);
	} else {
		stage_print_key(&scan->stage, path);
		entry->dir->moved = true;
	}
}

/* For batch.h. */
static enum walk_result
on_judged(void *context, const struct walk_entry *entry,
    const struct claim_report *report)
{
	struct scan *scan = context;
	const char *path = entry->path;

	show_progress(scan);
	if (scan->explain) {
		explain_report(path, report);
		return WALK_ON;
	}
	if (report->by_age_alone)
		say_no_lease(scan, report);
	switch (report->outcome) {
	case CLAIM_CLAIMED:
		on_claimed(scan, entry, report);
		return WALK_ON;
	case CLAIM_DEFERRED:
		scan->deferred++;
		count_left(scan, entry);
		log_debug("Deferred %s: %s", path, report->reason);
		return WALK_ON;
	case CLAIM_REFUSED:
		scan->refused++;
		count_left(scan, entry);
		log_about(LOG_WARNING, LOG_PATH(path),
		    "Leaving %s/%s alone: %s", scan->stage.config->base_dir,
		    path, report->reason);
		return WALK_ON;
	case CLAIM_EXCLUDED:
		scan->excluded++;
		log_debug("Excluded %s: %s", path, report->reason);
		return WALK_ON;
	case CLAIM_GONE:
		return WALK_ON;
	case CLAIM_EXDEV:
		return leave_location(scan, path);
	case CLAIM_ERROR:
		break;
	}
	return fail_claim(scan, path, report);
}

static enum walk_result
on_candidate(void *context, const struct walk_entry *entry)
{
	struct scan *scan = context;

	if (!scan->explain &&
	    bounds_are_reached(&scan->bounds, scan->claimed)) {
		scan->is_bounded = true;
		return WALK_STOP;
	}
	return batch_add(&scan->batch, entry);
}

static bool
on_enter(void *context)
{
	struct scan *scan = context;

	return batch_heed(&scan->batch);
}

static void
on_problem(void *context, const char *path, int error)
{
	struct scan *scan = context;

	if (error == -ELOOP) {
		scan->refused++;
		log_about(LOG_WARNING, LOG_PATH(path),
		    "Leaving %s/%s alone: it is a symbolic link",
		    scan->stage.config->base_dir, path);
		return;
	}
	log_about(LOG_ERROR, LOG_PATH(path),
	    "Cannot read the directory '%s/%s': %s",
	    scan->stage.config->base_dir, path, strerror(-error));
	stage_fail(&scan->stage, EX_IOERR);
}

static void
summarize(const struct scan *scan)
{
	int64_t ms = (clock_monotonic_ns() - scan->began_ns) / CLOCK_NS_PER_MS;
	const struct log_field fields[] = {
	    {.name = "claimed", .number = (int64_t)scan->claimed},
	    {.name = "bytes", .number = scan->claimed_bytes},
	    {.name = "deferred", .number = (int64_t)scan->deferred},
	    {.name = "refused", .number = (int64_t)scan->refused},
	    {.name = "excluded", .number = (int64_t)scan->excluded},
	    {.name = "milliseconds", .number = ms},
	    {0},
	};
	/* What only waits to be settled is nothing to be told each minute. */
	bool is_news = scan->claimed + scan->refused > 0 ||
		       scan->claim.look_only;
	char size[UNITS_TEXT_MAX], time[UNITS_TEXT_MAX];
	char *excluded = NULL;

	if (scan->excluded > 0)
		excluded = mem_format(", %zu excluded", scan->excluded);
	log_catch_up();
	log_about(is_news ? LOG_INFO : LOG_DEBUG, fields,
	    "%zu %s (%s), %zu not settled yet, %zu left alone%s, in %s",
	    scan->claimed,
	    scan->claim.look_only ? "would be claimed" : "claimed",
	    units_format_size(scan->claimed_bytes, size), scan->deferred,
	    scan->refused, excluded != NULL ? excluded : "",
	    units_format_ms(ms, time));
	free(excluded);
}

static void
say_bounded(const struct scan *scan)
{
	char *bound = bounds_describe(&scan->bounds, scan->claimed);

	log_info("%s is reached: the next scan goes on", bound);
	free(bound);
}

static void
scan_base(struct scan *scan)
{
	const struct walk walk = {
	    .config = scan->stage.config,
	    .now_ns = clock_fs_now_ns(&scan->claim.fs_clock),
	    .base_fd = scan->stage.spool->base_fd,
	    .skip_device = scan->stage.spool->device,
	    .skip_inode = scan->stage.spool->inode,
	    .context = scan,
	    .enter = on_enter,
	    .candidate = on_candidate,
	    .problem = on_problem,
	};
	/* Then each is claimed before the next is found. */
	bool is_counted = scan->bounds.limit != NULL ||
			  scan->bounds.max_duration != NULL;

	bounds_begin(&scan->bounds);
	scan->batch = (struct batch){
	    .claim = &scan->claim,
	    .hands = is_counted ? 1 : batch_hands(),
	    .done = on_judged,
	    .context = scan,
	};
	batch_begin(&scan->batch);
	walk_base(&walk);
	batch_end(&scan->batch);
	if (scan->claimed + scan->deferred + scan->refused > 0 &&
	    !scan->explain)
		summarize(scan);
	if (scan->is_bounded)
		say_bounded(scan);
}

static void
explain_all(struct scan *scan)
{
	const struct options *options = &scan->stage.options;

	for (size_t i = 0; i < options->argument_count; i++)
		if (!explain_path(&scan->claim, options->arguments[i]))
			stage_fail(&scan->stage, STAGE_SOME_FAILED);
	if (options->argument_count == 0)
		scan_base(scan);
}

/* Opens and locks what is needed, and scans or explains. */
static void
run(struct scan *scan)
{
	struct claim *claim = &scan->claim;
	int lock_fd = -1;
	int rc;

	scan->began_ns = clock_monotonic_ns();
	claim->config = scan->stage.config;
	claim->look_only = scan->explain || scan->status.wanted ||
			   scan->stage.options.dry_run;
	if (!claim->look_only) {
		stage_log_to_file(&scan->stage);
		progress_begin(&scan->progress, &scan->stage.options);
	}
	if (scan->explain || scan->status.wanted)
		stage_answer();
	if (!stage_open_spool(
		&scan->stage, claim->look_only ? SPOOL_LOOK : SPOOL_CREATE))
		return;
	if (!claim->look_only) {
		scan->stage.spool->reserve_left = RESERVE_BYTES_UPLOADER;
		scan->metrics = metrics_begin(&scan->stage, "scan");
	}
	sandbox_enter(&(struct sandbox){
	    .spool = scan->stage.spool,
	    .metrics_dir = scan->stage.config->metrics_dir,
	});
	if (scan->status.wanted) {
		scan_status(&scan->stage, &scan->status);
		return;
	}
	claim->spool = scan->stage.spool;
	if (claim->look_only) {
		clock_fs_guess(&claim->fs_clock);
	} else {
		rc = spool_lock(
		    claim->spool, "scan", &lock_fd, &claim->fs_clock);
		if (rc == -EAGAIN) {
			log_info("Another s3spool-scan is at work here");
			return;
		}
		if (rc < 0) {
			log_error("Cannot lock '%s/locks/scan': %s",
			    scan->stage.config->spool_dir, strerror(-rc));
			stage_fail(&scan->stage, EX_IOERR);
			return;
		}
	}
	if (scan->explain)
		explain_all(scan);
	else
		scan_base(scan);
	run_end(claim->spool, claim->run);
	claim->run = NULL;
	write_metrics(scan);
	if (lock_fd >= 0)
		(void)close(lock_fd); /* a lock, no data */
}

/* Whether hints about the directory PATH in base_dir are of use. */
static bool
may_hold(const void *context, const char *path)
{
	const struct config *config = context;
	size_t length = strlen(config->base_dir);
	bool is_spool = strncmp(config->spool_dir, config->base_dir, length) ==
			    0 &&
			config->spool_dir[length] == '/' &&
			strcmp(config->spool_dir + length + 1, path) == 0;

	return !is_spool && keypath_may_hold(config->patterns.items,
				config->patterns.count, path);
}

/* Without --loop true at once, else in each pass. */
static bool
enter_loop(struct scan *scan)
{
	const struct config *config = scan->stage.config;

	scan->loop.place = (struct watch_place){
	    config->base_dir, may_hold, config};
	scan->loop.delay_ns = config->settle_seconds * CLOCK_NS_PER_S;
	return loop_enter(&scan->loop, &scan->stage);
}

static bool
check_usage(struct scan *scan)
{
	const struct health_options *status = &scan->status;
	const char *fault = NULL;

	if (scan->stage.options.argument_count > 0 && !scan->explain)
		fault = "PATH arguments go with --explain";
	else if (scan->explain && status->wanted)
		fault = "--explain doesn't go with --status";
	else if (!status->wanted && (status->json || status->warn_age != NULL ||
					status->crit_age != NULL))
		fault = "--json, --warn-age and --crit-age go with --status";
	else if ((scan->explain || status->wanted) &&
		 (scan->bounds.limit != NULL ||
		     scan->bounds.max_duration != NULL))
		fault = "--limit and --max-duration go with a scan";
	else if (scan->loop.every != NULL && (scan->explain || status->wanted ||
						 scan->stage.options.dry_run))
		fault = "--loop goes with a scan that isn't a dry run";
	if (fault == NULL)
		return stage_check_paths(&scan->stage) &&
		       bounds_read(&scan->bounds, &scan->stage) &&
		       loop_read(&scan->loop, &scan->stage);
	log_error("%s", fault);
	stage_fail(&scan->stage, EX_USAGE);
	return false;
}

int
main(int argc, char **argv)
{
	struct scan scan = {.explain = false};
	const struct option_extra extras[] = {
	    {"loop", "T",
		"scan again every T, such as 60 or 5m, and when something has "
		"come, until a signal",
		&scan.loop.every},
	    {"limit", "N", "claim N files at most", &scan.bounds.limit},
	    {"max-duration", "T", "claim none after T, such as 90, 10m or 2h",
		&scan.bounds.max_duration},
	    {"explain", NULL,
		"say for each candidate, or each PATH, why it is or isn't "
		"settled; claim nothing",
		&scan.explain},
	    {"status", NULL,
		"print what lies in base_dir and why, and exit as a monitor "
		"wants it (0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN)",
		&scan.status.wanted},
	    {"json", NULL, "with --status: as a JSON object",
		&scan.status.json},
	    {"warn-age", "T",
		"with --status: WARNING when a file waits for T (10m)",
		&scan.status.warn_age},
	    {"crit-age", "T", "with --status: CRITICAL then (1h)",
		&scan.status.crit_age},
	};
	static const struct exit_meaning exits[] = {
	    {0, "with --status: OK"},
	    {1, "with --explain: a PATH isn't there"},
	    {1, "with --status: WARNING"},
	    {2, "with --status: CRITICAL"},
	    {3, "with --status: UNKNOWN"},
	    {EX_CONFIG, "base_dir and spool are on different mounts"},
	};
	const struct program program = {
	    .name = "s3spool-scan",
	    .summary = "Claims settled files: renames them from base_dir into "
		       "the spool.",
	    .arguments = "[PATH...]",
	    .extras = extras,
	    .extra_count = sizeof extras / sizeof *extras,
	    .exits = exits,
	    .exit_count = sizeof exits / sizeof *exits,
	};

	if (stage_begin(&scan.stage, &program, argc, argv)) {
		if (check_usage(&scan) && enter_loop(&scan))
			run(&scan);
	}
	metrics_free(scan.metrics);
	return stage_end(&scan.stage);
}
