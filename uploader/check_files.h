/* A check of the file system that files wait on. */
#ifndef UPLOADER_CHECK_FILES_H
#define UPLOADER_CHECK_FILES_H

#include "common/stage.h"

/* Looks at base_dir and the spool, and tries on probe files of its own what
 * the programs will ask of their file system: renames, leases, locks. Removes
 * them again, and the spool directory where there was none. Reports each
 * finding. */
void check_files(struct stage *stage);

#endif
