/* include and exclude: which files that match `pattern` are claimed. */
#ifndef SCANNER_CHOICE_H
#define SCANNER_CHOICE_H

#include "common/config.h"

/* Why the file PATH below base_dir isn't to be claimed, for a person; NULL: it
 * is. */
const char *choice_fault(const struct config *config, const char *path);

#endif
