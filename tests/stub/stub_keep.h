/* Objects below a directory, so that a stub started anew still has them. */
#ifndef STUB_KEEP_H
#define STUB_KEEP_H

#include "tests/stub/stub_store.h"

/* Opens or makes the directory and adopts the objects in it. 0, or a negative
 * errno with the reason on stderr. */
int stub_keep_open(struct stub_store *store, const char *dir);
void stub_keep_close(struct stub_store *store);
/* Writes the object's record and moves its blob into place. */
int stub_keep_object(struct stub_store *store, struct stub_object *object);
void stub_keep_forget(
    struct stub_store *store, const struct stub_object *object);

#endif
