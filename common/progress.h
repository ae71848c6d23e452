/* How far a run is, for the person at the terminal: one line below the log,
 * four times a second at most, and nowhere else. */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/options.h"
#include "common/strbuf.h"

struct progress {
	bool is_on;
	int64_t due_ns;	 /* when it is to be shown next */
	int64_t last_ns; /* when it was shown, or begun ... */
	int64_t last;	 /* ... and what was done then */
	double speed;	 /* of late, a second */
	bool has_speed;
};

struct progress_count {
	const char *verb; /* "deleted", or NULL: what goes without saying */
	uint64_t files, all_files; /* all_files 0: not known */
	int64_t bytes, all_bytes;
	bool by_files; /* the speed is files a second, else bytes a second */
};

/* Decides whether it is shown: stderr is a terminal, and neither OPTIONS nor
 * their keys on the same terminal are in the way. */
void progress_begin(struct progress *progress, const struct options *options);
/* Whether it is time; never when it isn't shown. */
bool progress_is_due(const struct progress *progress);
/* Shows it, unless another job has the terminal. The log takes it away at its
 * end. */
void progress_show(
    struct progress *progress, const struct progress_count *count);

/* For progress_show: takes note of what was done at NOW_NS. */
void progress_note(struct progress *progress,
    const struct progress_count *count, int64_t now_ns);
/* The same: appends the line. */
void progress_describe(const struct progress *progress,
    const struct progress_count *count, struct strbuf *line);

#endif
