/* Hints by inotify that something has come into a tree of directories. They
 * may be missing, or be about nothing: whoever takes them looks for himself,
 * and looks now and then without one. */
#ifndef COMMON_WATCH_H
#define COMMON_WATCH_H

#include <stdbool.h>

/* What is watched. */
struct watch_place {
	const char *directory;
	/* Whether what is of interest may lie below the directory PATH in it;
	 * NULL: anywhere. */
	bool (*may_hold)(const void *context, const char *path);
	const void *context;
};

struct watch;

/* Where there is no inotify, or no more of it for us, there are no hints. */
struct watch *watch_new(const struct watch_place *place);
/* NULL is fine. */
void watch_free(struct watch *watch);
/* Readable when there may be a hint; -1: there never is one. */
int watch_fd(const struct watch *watch);
/* Watches what isn't watched yet, if there may be such. Whether there was: what
 * came into that before is a hint, too. */
bool watch_extend(struct watch *watch);
/* Takes the hints. Whether there were any. */
bool watch_take(struct watch *watch);

#endif
