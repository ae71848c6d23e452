/* What an uploader may read besides base_dir and the spool, and that it may do
 * no more. */
#ifndef UPLOADER_CONFINE_H
#define UPLOADER_CONFINE_H

#include "uploader/uploader.h"

/* Confines the process as sandbox_enter does, by what up->config, up->profiles
 * and the environment name. To be called after client_resolve and
 * libraries_load, with the spool open if any is needed, and before there is
 * another thread. */
void confine(const struct uploader *up);

#endif
