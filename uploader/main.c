/* s3spool-upload: sends claimed files to the bucket; any number at once.
 *
 * It may be killed at any moment: its claims are taken up by whoever comes
 * next, and what it had stored is found out by asking the store. */
#include <sysexits.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "common/stage.h"
#include "uploader/check.h"
#include "uploader/upload.h"
#include "uploader/upload_status.h"

struct modes {
	bool check;
	struct health_options status;
};

/* What doesn't send anything, and needs no network, confined accordingly. */
static void
look(struct stage *stage, const struct modes *modes)
{
	if (!stage_open_spool(stage, SPOOL_LOOK))
		return;
	sandbox_enter(&(struct sandbox){.spool = stage->spool});
	upload_status(stage, &modes->status);
}

static void
run(struct stage *stage, const struct modes *modes)
{
	if (modes->status.wanted)
		look(stage, modes);
	else if (modes->check)
		check_all(stage);
	else if (stage->options.dry_run)
		upload_dry(stage);
	else
		upload_all(stage);
}

static bool
check_usage(struct stage *stage, const struct modes *modes)
{
	const struct health_options *status = &modes->status;
	const char *fault = NULL;

	if (modes->check && stage->options.dry_run)
		fault = "--check tries things out, so it doesn't go with "
			"--dry-run";
	else if (modes->check && status->wanted)
		fault = "--check doesn't go with --status";
	else if (!status->wanted && (status->json || status->warn_age != NULL ||
					status->crit_age != NULL))
		fault = "--json, --warn-age and --crit-age go with --status";
	if (fault == NULL)
		return true;
	log_error("%s", fault);
	stage_fail(stage, EX_USAGE);
	return false;
}

int
main(int argc, char **argv)
{
	struct modes modes = {.check = false};
	const struct option_extra extras[] = {
	    {"check", NULL,
		"try all that uploading needs, from the file system to the "
		"bucket, with probes that are removed again; upload nothing",
		&modes.check},
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
	const struct program program = {
	    .name = "s3spool-upload",
	    .summary = "Uploads claimed files to the bucket, and keeps a "
		       "receipt of each.",
	    .extras = extras,
	    .extra_count = sizeof extras / sizeof *extras,
	};
	struct stage stage;

	if (stage_begin(&stage, &program, argc, argv)) {
		sandbox_hide();
		if (check_usage(&stage, &modes))
			run(&stage, &modes);
	}
	return stage_end(&stage);
}
