/* What a person does to the queue: s3spool-upload --retry, --hold, --release.
 */
#ifndef UPLOADER_OPERATE_H
#define UPLOADER_OPERATE_H

#include <stdbool.h>

#include "common/stage.h"

/* What of failed/ is to be retried: ALL of it, what failed for REASON (a code;
 * NULL: no such choice), or the stage's arguments, keys or paths. */
struct operate_choice {
	bool all;
	const char *reason;
};

/* Each moves files, and prints a line for each on stdout; with --dry-run it
 * only says what it would move. The spool is open. Status 1: something that was
 * named isn't there; 75: its name is taken where it would go to. */

/* failed/ -> claimed/. */
void operate_retry(struct stage *stage, const struct operate_choice *choice);
/* The stage's arguments, claimed/ -> held/. */
void operate_hold(struct stage *stage);
/* held/ -> claimed/. */
void operate_release(struct stage *stage);

#endif
