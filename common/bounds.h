/* How much one run does at most: --limit and --max-duration. */
#ifndef COMMON_BOUNDS_H
#define COMMON_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stage.h"

struct bounds {
	const char *limit;	  /* as typed: a number of files, or NULL */
	const char *max_duration; /* as typed: a duration, or NULL */
	size_t files;
	int64_t duration_ns;
	int64_t began_ns; /* clock_monotonic_ns() */
};

/* Reads what was typed. False: it was said what is wrong, with the exit
 * status. */
bool bounds_read(struct bounds *bounds, struct stage *stage);
/* The run begins now. */
void bounds_begin(struct bounds *bounds);
/* Whether a run that has begun COUNT files is to begin no further one. */
bool bounds_are_reached(const struct bounds *bounds, size_t count);
/* When --max-duration is over: INT64_MAX without one. */
int64_t bounds_end_ns(const struct bounds *bounds);
/* Which of them that is, for a person: "--limit 5". The caller frees it. */
char *bounds_describe(const struct bounds *bounds, size_t count);

#endif
