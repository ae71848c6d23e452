/* What an uploader has to be allowed. */
#ifndef UPLOADER_CHECK_POLICY_H
#define UPLOADER_CHECK_POLICY_H

#include "common/config.h"

/* Prints on stdout the least IAM policy that uploading with CONFIG in REGION
 * (NULL: none known) needs, as JSON, and what further rights would add. */
void check_policy(const struct config *config, const char *region);

#endif
