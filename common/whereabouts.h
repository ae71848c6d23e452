/* Where a path is: base_dir, or which rooms of the spool. */
#ifndef COMMON_WHEREABOUTS_H
#define COMMON_WHEREABOUTS_H

#include "common/spool.h"

struct whereabouts {
	const char *state; /* "base", "claimed", "uploading", ... */
	const char *run;   /* whose room it is; NULL: nobody's */
	int dirfd;	   /* DIRFD/PATH is it */
	bool is_directory; /* and no file, which alone has a state */
};

/* Calls VISIT for each place that has something by the name PATH. There can be
 * several: a later file of a path waits until the earlier one is done. VISIT
 * returns 0 to go on; anything else ends it and is returned. Otherwise returns
 * 0 or a negative errno. Moves nothing, and locks nothing: what moves meanwhile
 * may be seen twice, or not at all. */
int whereabouts_each(const struct spool *spool, const char *path,
    int (*visit)(void *context, const struct whereabouts *place),
    void *context);

/* Prints "STATE  PATH: SENTENCE" on stdout, of which stage_end asks whether it
 * has failed; what can't be shown is escaped. */
void whereabouts_print(const char *state, const char *path, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

#endif
