/* How many files, how large, and since when: what a room holds. */
#ifndef COMMON_TALLY_H
#define COMMON_TALLY_H

#include <stdint.h>

/* Since when a file counts as waiting. */
enum tally_since {
	/* Since its bytes came: the later of its birth, where the file system
	 * tells it, and its modification. A file that goes back and forth
	 * while the store is away gets older, and an old one that was copied
	 * here with its time doesn't begin as an old one. */
	TALLY_WRITTEN,
	TALLY_MOVED /* since it was moved to where it is */
};

struct tally {
	int64_t files, bytes;
	int64_t oldest_ns; /* of files > 0 */
};

void tally_add(struct tally *tally, int64_t bytes, int64_t since_ns);
/* The size of DIRFD/PATH (a link isn't followed), and since when it waits.
 * NOW_NS is the file system's. Returns 0 or a negative errno. */
int tally_look(int dirfd, const char *path, enum tally_since since,
    int64_t now_ns, int64_t *ret_bytes, int64_t *ret_since_ns);
/* Adds everything below DIRFD that is no directory; -1: nothing. What goes
 * meanwhile isn't counted. Returns 0 or a negative errno. */
int tally_room(
    int dirfd, enum tally_since since, int64_t now_ns, struct tally *tally);
/* The same for what lies below the directories in DIRFD: not what is in DIRFD
 * itself, such as the reasons beside the runs of failed/. */
int tally_runs(
    int dirfd, enum tally_since since, int64_t now_ns, struct tally *tally);
/* When DIRFD/PATH was made, or, where the file system doesn't tell that, last
 * written to. Returns 0 or a negative errno. */
int tally_born(int dirfd, const char *path, int64_t *ret_ns);

#endif
