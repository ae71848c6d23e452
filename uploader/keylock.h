/* One lock for each key, where the later of two PUTs wins: files of one key
 * are sent one after another, in the order in which they came. */
#ifndef UPLOADER_KEYLOCK_H
#define UPLOADER_KEYLOCK_H

#include <stdint.h>
#include <sys/types.h>

#include "uploader/uploader.h"

/* Takes the lock on KEY: 0 and *ret_hash (>= 0), -EAGAIN when another run, or
 * a file of ours, has it, or another negative errno. */
int keylock_take(struct uploader *up, const char *key, int64_t *ret_hash);
/* Lets it go; -1 is no lock. */
void keylock_release(const struct uploader *up, int64_t hash);
/* Whether a run, other than ours, holds a file of PATH that isn't INODE: 0,
 * -EBUSY when one does, or another negative errno. With the key's lock held,
 * that file hasn't been sent. Whether the run lives isn't asked: a dead one's
 * lock is held by the heir who takes its files one by one. */
int keylock_find_other(
    const struct uploader *up, const char *path, ino_t inode);
/* For on_conflict: overwrite: a file is taken from claimed/ only under its
 * key's lock, and only when no run has another file of its path. So there is
 * one in uploading/ at most, and that is older than the one in claimed/,
 * whichever of them is given back or left behind. CONTEXT of the gate is UP. */
void keylock_guard(struct uploader *up);

#endif
