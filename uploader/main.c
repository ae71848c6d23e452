/* s3spool-upload: sends claimed files to the bucket; any number at once.
 *
 * It may be killed at any moment: its claims are taken up by whoever comes
 * next, and what it had stored is found out by asking the store. */
#include <stdlib.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "common/sandbox.h"
#include "common/stage.h"
#include "uploader/check.h"
#include "uploader/operate.h"
#include "uploader/upload.h"
#include "uploader/upload_dry.h"
#include "uploader/upload_explain.h"
#include "uploader/upload_status.h"

struct modes {
	bool check, explain, retry, hold, release;
	struct operate_choice choice; /* of retry */
	struct health_options status;
	struct upload_wishes wishes;
	struct loop loop;
};

/* How many of them: each is an errand of its own. */
static int
count(const struct modes *modes)
{
	return modes->check + modes->explain + modes->status.wanted +
	       modes->retry + modes->hold + modes->release;
}

/* What doesn't send anything, and needs no network, confined accordingly. */
static void
run_locally(struct stage *stage, const struct modes *modes)
{
	bool moves = modes->retry || modes->hold || modes->release;

	if (!moves)
		stage_answer();
	if (!stage_open_spool(stage,
		moves && !stage->options.dry_run ? SPOOL_CREATE : SPOOL_LOOK))
		return;
	sandbox_enter(&(struct sandbox){.spool = stage->spool});
	if (modes->retry)
		operate_retry(stage, &modes->choice);
	else if (modes->hold)
		operate_hold(stage);
	else if (modes->release)
		operate_release(stage);
	else if (modes->explain)
		upload_explain(stage);
	else
		upload_status(stage, &modes->status);
}

static void
run(struct stage *stage, const struct modes *modes)
{
	if (modes->check)
		check_all(stage);
	else if (count(modes) > 0)
		run_locally(stage, modes);
	else if (stage->options.dry_run)
		upload_dry(stage, &modes->wishes);
	else
		upload_all(stage, &modes->wishes);
}

/* What is wrong with the choice of files, or NULL. */
static const char *
find_choice_fault(const struct stage *stage, const struct modes *modes)
{
	bool names = stage->options.argument_count > 0;
	const struct operate_choice *choice = &modes->choice;
	const struct upload_wishes *wishes = &modes->wishes;

	if (count(modes) > 0 &&
	    (wishes->files_from != NULL || wishes->bounds.limit != NULL ||
		wishes->bounds.max_duration != NULL))
		return "--files-from, --limit and --max-duration go with an "
		       "upload";
	if (modes->retry)
		return names + choice->all + (choice->reason != NULL) == 1
			   ? NULL
			   : "--retry takes either KEYs, or --all, or "
			     "--reason CODE";
	if (choice->all || choice->reason != NULL)
		return "--all and --reason go with --retry";
	if (modes->explain || modes->hold || modes->release)
		return names ? NULL : "which PATH? One at least is needed";
	return names ? "PATH arguments go with --explain, --retry, --hold and "
		       "--release"
		     : NULL;
}

/* Without --loop true at once, else in each pass. */
static bool
enter_loop(struct stage *stage, struct modes *modes)
{
	char *claimed = mem_format("%s/claimed", stage->config->spool_dir);
	bool is_pass;

	modes->loop.place.directory = claimed;
	modes->loop.gives_back = true;
	is_pass = loop_enter(&modes->loop, stage);
	free(claimed);
	return is_pass;
}

static bool
check_usage(struct stage *stage, struct modes *modes)
{
	const struct health_options *status = &modes->status;
	const char *fault = find_choice_fault(stage, modes);

	if (modes->check && stage->options.dry_run)
		fault = "--check tries things out, so it doesn't go with "
			"--dry-run";
	else if (modes->loop.every != NULL &&
		 (count(modes) > 0 || stage->options.dry_run ||
		     modes->wishes.files_from != NULL))
		fault = "--loop goes with an upload that is no dry run and has "
			"no --files-from";
	else if (count(modes) > 1)
		fault = "only one of --check, --status, --explain, --retry, "
			"--hold and --release";
	else if (!status->wanted && (status->json || status->warn_age != NULL ||
					status->crit_age != NULL))
		fault = "--json, --warn-age and --crit-age go with --status";
	if (fault == NULL)
		return (!modes->explain || stage_check_paths(stage)) &&
		       bounds_read(&modes->wishes.bounds, stage) &&
		       loop_read(&modes->loop, stage);
	log_error("%s", fault);
	stage_fail(stage, EX_USAGE);
	return false;
}

int
main(int argc, char **argv)
{
	struct modes modes = {.check = false};
	const struct option_extra extras[] = {
	    {"files-from", "FILE",
		"upload only the claims that FILE (-: standard input) names, "
		"one a line, as s3spool-scan -p prints them; with -0 each "
		"ended by a NUL byte",
		&modes.wishes.files_from},
	    {"loop", "T",
		"upload again every T, such as 60 or 5m, and when something "
		"has been claimed, until a signal",
		&modes.loop.every},
	    {"limit", "N", "upload N files at most",
		&modes.wishes.bounds.limit},
	    {"max-duration", "T",
		"begin no file after T, such as 90, 10m or 2h",
		&modes.wishes.bounds.max_duration},
	    {"check", NULL,
		"try all that uploading needs, from the file system to the "
		"bucket, with probes that are removed again; upload nothing",
		&modes.check},
	    {"explain", NULL,
		"say of each PATH where in the queue it is, and why (1: it "
		"isn't)",
		&modes.explain},
	    {"retry", NULL,
		"put what is in failed/ back into the queue: each KEY or PATH, "
		"or",
		&modes.retry},
	    {"all", NULL, "with --retry: all of it, or", &modes.choice.all},
	    {"reason", "CODE", "with --retry: what failed for this reason",
		&modes.choice.reason},
	    {"hold", NULL,
		"take each PATH out of the queue, and send it no more until it "
		"is released",
		&modes.hold},
	    {"release", NULL, "put each PATH that is held back into the queue",
		&modes.release},
	    {"log-uploads-only", NULL, "log no summary where all went well",
		&modes.wishes.uploads_only},
	    {"status", NULL,
		"print the queue, the runs and what has failed, and exit as a "
		"monitor wants it (0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN)",
		&modes.status.wanted},
	    {"json", NULL, "with --status: as a JSON object",
		&modes.status.json},
	    {"warn-age", "T",
		"with --status: WARNING when a file waits for T (10m)",
		&modes.status.warn_age},
	    {"crit-age", "T", "with --status: CRITICAL then (1h)",
		&modes.status.crit_age},
	};
	static const struct exit_meaning exits[] = {
	    {0, "with --check: nothing failed, warnings included"},
	    {0, "with --status: OK"},
	    {1, "some files went to failed/"},
	    {1, "with --explain: a PATH isn't in the queue"},
	    {1, "with --retry, --hold, --release: what was named isn't there"},
	    {1, "with --status: WARNING"},
	    {2, "with --status: CRITICAL"},
	    {3, "with --status: UNKNOWN"},
	    {EX_SOFTWARE, "libcurl can't be loaded or set up"},
	    {EX_TEMPFAIL, "some files stay queued for the next run (store, "
			  "network, signal)"},
	    {EX_TEMPFAIL, "with --retry, --hold, --release: the file's name "
			  "is taken there"},
	    {EX_NOPERM, "credentials or permission refused"},
	    {EX_CONFIG, "there is no such bucket"},
	};
	const struct program program = {
	    .name = "s3spool-upload",
	    .summary = "Uploads claimed files to the bucket, and keeps a "
		       "receipt of each.",
	    .arguments = "[PATH...]",
	    .extras = extras,
	    .extra_count = sizeof extras / sizeof *extras,
	    .exits = exits,
	    .exit_count = sizeof exits / sizeof *exits,
	};
	struct stage stage;

	if (stage_begin(&stage, &program, argc, argv)) {
		sandbox_hide();
		if (check_usage(&stage, &modes) && enter_loop(&stage, &modes))
			run(&stage, &modes);
	}
	return stage_end(&stage);
}
