/* s3spool check: will uploading work here, and what will it be like? */
#ifndef UPLOADER_CHECK_H
#define UPLOADER_CHECK_H

#include "common/stage.h"

/* Tries all that uploading needs, from the file system to the bucket, with
 * probe files and probe objects that are removed again. Prints a line an item
 * on stdout ("ok", "warn" or "FAIL"), and the least IAM policy. The largest
 * exit status that a FAIL means is the stage's. */
void check_all(struct stage *stage);

#endif
