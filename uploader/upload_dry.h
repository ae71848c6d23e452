/* s3spool-upload --dry-run. */
#ifndef UPLOADER_UPLOAD_DRY_H
#define UPLOADER_UPLOAD_DRY_H

#include "uploader/upload.h"

/* Prints one line a claim: "PUT URL BYTES PATH"; touches nothing. */
void upload_dry(struct stage *stage, const struct upload_wishes *wishes);

#endif
