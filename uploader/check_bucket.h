/* A check of the way to the bucket: reached, in TLS, at what time, where. */
#ifndef UPLOADER_CHECK_BUCKET_H
#define UPLOADER_CHECK_BUCKET_H

#include "uploader/check_ask.h"

/* Asks whether the bucket is there, and reports what that tells of the way to
 * it, too. False: it is no use to go on. */
bool check_bucket(struct check_ask *ask);

#endif
