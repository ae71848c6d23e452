/* Uploads what is claimed. */
#ifndef UPLOADER_UPLOAD_H
#define UPLOADER_UPLOAD_H

#include "common/stage.h"

/* Takes claims and sends them until there are none to take, the store or the
 * credentials make it pointless, or a signal ends it. The result is in the
 * exit status. UPLOADS_ONLY: where all went well no summary is logged. */
void upload_all(struct stage *stage, bool uploads_only);
/* Prints one line a claim: "PUT URL BYTES PATH"; touches nothing. */
void upload_dry(struct stage *stage);

#endif
