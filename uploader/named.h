/* The claims that a list names: s3spool-upload --files-from. */
#ifndef UPLOADER_NAMED_H
#define UPLOADER_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "common/run.h"
#include "common/stage.h"
#include "uploader/pathset.h"
#include "uploader/pick.h"

struct named;

/* Opens FILE ("-": standard input), before the process is confined. With -0
 * names end with a NUL byte, else with a newline. False: it was said why not,
 * with the exit status; else *ret_named is for named_free. */
bool named_open(
    struct stage *stage, const char *file, struct named **ret_named);
/* NULL is fine. Says how many names were no claims, beyond those that were
 * told one by one. */
void named_free(struct named *named);

/* What is to be waited for when named_is_waiting. */
int named_fd(const struct named *named);
/* Whether it is named_next's last answer that the next name isn't there
 * yet. */
bool named_is_waiting(const struct named *named);
/* Waits for the first name: 1, 0 when the list is empty, or a negative
 * errno. */
int named_wait(struct named *named);

/* Takes the next claim that is named, but none of LEFT, asking GATE, as
 * pick_next does. What is named and is no claim is said, with the exit status.
 * Returns 1, 0 when there is no name (for now, or any more), or a negative
 * errno. */
int named_next(struct named *named, const struct run *run, struct pathset *left,
    const struct pick_gate *gate, struct pick_claim *claim);
/* Calls VISIT for each claim that is named, DIRFD/PATH being the file, and
 * takes none. Returns 0 or a negative errno. */
int named_each(struct named *named,
    void (*visit)(void *context, int dirfd, const char *path), void *context);

#endif
