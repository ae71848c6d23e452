/* s3spool-upload --explain: where in the queue a file is, and why. */
#ifndef UPLOADER_UPLOAD_EXPLAIN_H
#define UPLOADER_UPLOAD_EXPLAIN_H

#include "common/stage.h"

/* A line on stdout for each place in the uploader's rooms that each of the
 * stage's arguments is in. Status 1: one of them is in none. */
void upload_explain(struct stage *stage);

#endif
