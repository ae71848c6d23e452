/* Uploads what is claimed. */
#ifndef UPLOADER_UPLOAD_H
#define UPLOADER_UPLOAD_H

#include <stdbool.h>

#include "common/bounds.h"
#include "common/stage.h"

/* What is to be uploaded in one run. */
struct upload_wishes {
	const char *files_from; /* the claims that this list names; NULL: all */
	struct bounds bounds;
	bool uploads_only; /* where all went well no summary is logged */
};

/* Takes claims and sends them until there are none to take, the store or the
 * credentials make it pointless, or a signal ends it. The result is in the
 * exit status. */
void upload_all(struct stage *stage, const struct upload_wishes *wishes);

#endif
