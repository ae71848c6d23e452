/* Uploads counted by row and by time, in no more memory than asked for: where
 * there are too many cells of an hour, they become days, then months, then
 * years. */
#ifndef REAPER_CELLS_H
#define REAPER_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "reaper/calendar.h"

struct cell {
	uint32_t row;	/* whose; the caller's number */
	int32_t index;	/* which unit of time */
	uint32_t parts; /* which of its parts (see calendar.h) have any: a bit
			   each; 1 where the unit is the hour */
	int64_t files, bytes;
};

struct cells {
	struct cell *cell;
	size_t count;
	enum calendar_unit unit;
	/* cells.c's own */
	size_t limit, capacity;
};

/* Empty, and of hours. More than LIMIT cells become coarser ones, except that
 * there may be as many years as there are. */
void cells_init(struct cells *cells, size_t limit);
void cells_done(struct cells *cells);
/* Counts a file of BYTES at TIME_NS. */
void cells_add(
    struct cells *cells, uint32_t row, int64_t time_ns, int64_t bytes);
/* Sorts them by row and time, each once. To be called before they are looked
 * at. */
void cells_settle(struct cells *cells);
/* Makes them cells of the next larger unit; not of years. */
void cells_coarsen(struct cells *cells);

#endif
