/* One lock for each key, where the later of two PUTs wins: files of one key
 * are sent one after another, in the order in which they came. */
#ifndef UPLOADER_KEYLOCK_H
#define UPLOADER_KEYLOCK_H

#include <stdint.h>

#include "uploader/uploader.h"

/* Takes the lock on KEY: 0 and *ret_hash (>= 0), -EAGAIN when another run, or
 * a file of ours, has it, or another negative errno. */
int keylock_take(struct uploader *up, const char *key, int64_t *ret_hash);
/* Lets it go; -1 is no lock. */
void keylock_release(const struct uploader *up, int64_t hash);
/* For on_conflict: overwrite: a file is taken from claimed/ only under its
 * key's lock, and only when no run has another file of its path. So there is
 * one in uploading/ at most, and that is older than the one in claimed/,
 * whichever of them is given back or left behind. */
void keylock_guard(struct uploader *up);

#endif
