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

int
main(int argc, char **argv)
{
	bool check = false;
	const struct option_extra extras[] = {
	    {"check", NULL,
		"try all that uploading needs, from the file system to the "
		"bucket, with probes that are removed again; upload nothing",
		&check},
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
		if (check && stage.options.dry_run) {
			log_error("--check tries things out, so it doesn't go "
				  "with --dry-run");
			stage_fail(&stage, EX_USAGE);
		} else if (check)
			check_all(&stage);
		else if (stage.options.dry_run)
			upload_dry(&stage);
		else
			upload_all(&stage);
	}
	return stage_end(&stage);
}
