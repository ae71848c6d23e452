/* Walks base_dir for names that match the patterns. */
#ifndef SCANNER_WALK_H
#define SCANNER_WALK_H

#include <stdint.h>
#include <sys/types.h>

#include "common/config.h"

/* What became of a candidate. */
enum walk_result {
	WALK_KEPT,  /* it is where it was */
	WALK_MOVED, /* it left its directory */
	WALK_LEAVE, /* nothing of this location can be moved: go to the next */
	WALK_STOP   /* nothing at all can be moved */
};

/* A name that matches. */
struct walk_entry {
	int dirfd; /* of the directory it is in */
	const char *name;
	const char *path;	/* below base_dir */
	unsigned char type;	/* as readdir says: DT_UNKNOWN, perhaps */
	int64_t dir_changed_ns; /* when a name in the directory was last made,
				   moved or removed */
};

struct walk {
	const struct config *config;
	int64_t now_ns; /* the file system's */
	int base_fd;
	dev_t skip_device; /* a directory to leave out: the spool */
	ino_t skip_inode;
	void *context;
	enum walk_result (*candidate)(
	    void *context, const struct walk_entry *entry);
	/* PATH ("" is base_dir) can't be walked: a negative errno, -ELOOP for
	 * a symbolic link. The walk goes on beside it. */
	void (*problem)(void *context, const char *path, int error);
};

/* Calls candidate for each name that matches, in the order of the file
 * system. A directory out of which candidates were moved gets the
 * modification time back that it had, where the reaper may soon tell from it
 * whether anybody else has touched it lately. */
void walk_base(const struct walk *walk);

#endif
