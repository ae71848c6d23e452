/* What a run tells Prometheus: a file of each stage in metrics_dir, as the
 * textfile collector of its node_exporter reads them.
 *
 * A run is too short to be asked, so its counters go on from the last one's:
 * these numbers are the spool's, under locks/, where any number of runs add to
 * them under a lock. What is told of a moment is a time stamp, not an age,
 * which would stand still where nothing runs. Each number has the label
 * spool_dir, by which several configurations of one host are told apart. */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/stage.h"
#include "common/tally.h"

enum metrics_kind {
	METRICS_COUNTER, /* what is added is added to what is there */
	METRICS_GAUGE,	 /* as it is now */
	METRICS_KEPT	 /* a gauge that stays until it is told anew */
};

/* What its numbers have in common. Name and help are the same in all files, as
 * node_exporter wants it. */
struct metrics_family {
	const char *name, *help;
	enum metrics_kind kind;
	const char *label; /* besides spool_dir; NULL: none */
	bool in_ns;	   /* nanoseconds, shown as seconds */
};

struct metrics;

/* Begins the metrics of a run of the stage NAME ("scan", "upload", "reap"): its
 * duration counts from here. STAGE's spool is open. NULL, which all of these
 * take for nothing to do: metrics_dir isn't set, or can't be opened, which is a
 * warning. For metrics_free. */
struct metrics *metrics_begin(const struct stage *stage, const char *name);
void metrics_free(struct metrics *metrics);

/* A number of FAMILY; WORD is its label's value, one of ours (NULL: the family
 * has none). Counters and kept gauges are to be told of each time that is
 * written, with 0 or by metrics_keep, lest they get lost. */
void metrics_add(struct metrics *metrics, const struct metrics_family *family,
    const char *word, int64_t value);
/* A kept gauge that is as it was, and isn't shown where it was never told. */
void metrics_keep(struct metrics *metrics, const struct metrics_family *family);
/* The files in ROOM: how many they are, and since when the oldest of DUE, which
 * are all or some of them, has been waiting. */
void metrics_add_room(struct metrics *metrics, const char *room,
    const struct tally *all, const struct tally *due);

/* Writes what was added, and forgets it. AT_END: the run is over, with the
 * stage's status. False: the counters couldn't be added to (it was said);
 * METRICS of NULL: true. */
bool metrics_write(struct metrics *metrics, bool at_end);

#endif
