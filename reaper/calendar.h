/* Hours, days, months, years and decades of UTC, each numbered: whole units of
 * time, and which of them make up the next larger one. */
#ifndef REAPER_CALENDAR_H
#define REAPER_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum calendar_unit {
	CALENDAR_HOUR, /* since 1970, as days are; may be negative */
	CALENDAR_DAY,
	CALENDAR_MONTH, /* since the year 0 */
	CALENDAR_YEAR,
	CALENDAR_DECADE
};

enum { CALENDAR_PARTS_MAX = 31, CALENDAR_TEXT_MAX = 40 };

/* Whether a time is of the years 1700 to 2199. The others have no number
 * here. */
bool calendar_knows(int64_t time_ns);
/* The unit that a time is in; the nearest, if it isn't known. */
int32_t calendar_index(enum calendar_unit unit, int64_t time_ns);
/* The unit one larger that the INDEXth UNIT is in, and in *ret_part the how
 * manyth part of that it is, from 0. */
int32_t calendar_up(enum calendar_unit unit, int32_t index, unsigned *ret_part);
/* The first unit one smaller that is in the INDEXth UNIT (no hour). */
int32_t calendar_down(enum calendar_unit unit, int32_t index);
/* How many of those are in it; CALENDAR_PARTS_MAX at most. */
unsigned calendar_parts(enum calendar_unit unit, int32_t index);
/* "2024-03-01 05 h", "2024-03-01", "2024-03", "2024", "2020s". Returns TEXT. */
const char *calendar_text(
    enum calendar_unit unit, int32_t index, char text[CALENDAR_TEXT_MAX]);
/* "hour", ... */
const char *calendar_name(enum calendar_unit unit);

#endif
