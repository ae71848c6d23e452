/* s3spool-upload: sends claimed files to the bucket; any number at once.
 *
 * It may be killed at any moment: its claims are taken up by whoever comes
 * next, and what it had stored is found out by asking the store. */
#include "common/stage.h"
#include "uploader/upload.h"

int
main(int argc, char **argv)
{
	const struct program program = {
	    .name = "s3spool-upload",
	    .summary = "Uploads claimed files to the bucket, and keeps a "
		       "receipt of each.",
	};
	struct stage stage;

	if (stage_begin(&stage, &program, argc, argv)) {
		if (stage.options.dry_run)
			upload_dry(&stage);
		else
			upload_all(&stage);
	}
	return stage_end(&stage);
}
