/* Which hours of each location have files, and which between them have none.
 *
 * A file is of the hour that its path names. A location that writes less often
 * than hourly, in few hours of a usual day, misses only whole days. */
#ifndef REAPER_COVERAGE_H
#define REAPER_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reaper/cells.h"

/* Locations beyond these are only counted together. */
enum { COVERAGE_LOCATIONS_MAX = 1000 };

struct location {
	char *name;
	uint32_t row; /* of its cells */
	int64_t files, bytes;
	int64_t undated; /* files of these whose path names no hour */
	/* The rest is coverage_finish's; first and last are none if SEEN is 0.
	 * All in coverage's unit. */
	int32_t first, last;
	int64_t seen, missing, gaps;
	bool is_sparse;	    /* writes less often than hourly */
	int64_t typical;    /* files in an hour that has any; 0: unknown */
	size_t cell, cells; /* those of its row: the first, how many; after
			       coverage_place */
};

/* Units without a file between two that have some. */
struct gap {
	const struct location *location;
	int32_t first, count;
};

struct coverage {
	struct cells cells;
	struct location **locations; /* by name */
	size_t count;
	struct location further; /* those beyond the limit */
	int64_t files, bytes;	 /* of all */
	int64_t first_upload_ns, last_upload_ns;
	/* Of the gaps: hours, unless there are too many; then days. */
	enum calendar_unit unit;
	/* To where all locations are looked at: the newest unit that isn't
	 * later than the last upload. */
	int32_t end;
	int64_t missing;   /* of all locations */
	struct gap *gaps;  /* the longest, newest first */
	size_t gaps_shown; /* of them */
	int64_t gap_count;
	/* coverage.c's own */
	struct location *latest;
};

/* CELLS_LIMIT as for cells_init. */
void coverage_init(struct coverage *coverage, size_t cells_limit);
void coverage_done(struct coverage *coverage);
/* Counts the file PATH, whose first component is its location. */
void coverage_add(struct coverage *coverage, const char *path,
    int64_t uploaded_at_ns, int64_t bytes);
/* Fills in what is to be known after the last one: GAPS_MAX gaps at most. */
void coverage_finish(struct coverage *coverage, size_t gaps_max);
/* Says of each location where its cells are; after they have changed, too. */
void coverage_place(struct coverage *coverage);
/* INDEX, of coverage's unit, as one of UNIT, which is no smaller. */
int32_t coverage_index(
    const struct coverage *coverage, int32_t index, enum calendar_unit unit);

#endif
