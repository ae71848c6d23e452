/* Walks base_dir for names that match the patterns. */
#ifndef SCANNER_WALK_H
#define SCANNER_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/config.h"

/* How the walk goes on after a candidate. */
enum walk_result {
	WALK_ON,    /* to the next one */
	WALK_LEAVE, /* nothing of this location can be moved: go to the next */
	WALK_STOP   /* nothing at all can be moved */
};

/* A directory. It is open while the walk is in it, and after that as long as
 * somebody keeps it. */
struct walk_dir {
	int fd;
	int64_t changed_ns; /* when a name in it was last made, moved or
			       removed */
	bool moved;	    /* to be set when a candidate was moved out of it */
	/* For walk.c. */
	size_t keepers;
	bool restore; /* its time, if one was */
	struct timespec mtime;
};

/* A name that matches. */
struct walk_entry {
	struct walk_dir *dir; /* which it is in */
	const char *name;
	const char *path;   /* below base_dir */
	unsigned char type; /* as readdir says: DT_UNKNOWN, perhaps */
};

struct walk {
	const struct config *config;
	int64_t now_ns; /* the file system's */
	int base_fd;
	dev_t skip_device; /* a directory to leave out: the spool */
	ino_t skip_inode;
	void *context;
	/* Before a directory is entered; false stops the walk. NULL: none. */
	bool (*enter)(void *context);
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
/* For a candidate's directory that is needed after it: all in the thread that
 * walks. */
void walk_keep(struct walk_dir *dir);
/* What others have done in it by now won't be undone with what we do. */
void walk_note_time(struct walk_dir *dir);
void walk_release(struct walk_dir *dir);

#endif
