/* A check of what the store allows and what it honours. */
#ifndef UPLOADER_CHECK_STORE_H
#define UPLOADER_CHECK_STORE_H

#include "uploader/check_ask.h"

/* Tries on probe objects of its own what uploads will ask of the store, and
 * removes them again. Reports each finding. */
void check_objects(struct check_ask *ask);

#endif
