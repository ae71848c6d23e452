/* Days are the only unit that the calendar's arithmetic (timefmt.c) is needed
 * for: hours are of equal length, and months and years count by twelves and
 * tens. The years are limited so that the nanoseconds of every unit's beginning
 * and end are times. */
#include "reaper/calendar.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/timefmt.h"

static const int64_t hour_ns = 3600 * CLOCK_NS_PER_S;
static const int64_t day_ns = 86400 * CLOCK_NS_PER_S;
/* 1700-01-01 and 2200-01-01 */
static const int64_t first_ns = INT64_C(-8520336000) * CLOCK_NS_PER_S;
static const int64_t end_ns = INT64_C(7258118400) * CLOCK_NS_PER_S;

static int64_t
floor_div(int64_t value, int64_t divisor)
{
	return value / divisor - (value % divisor < 0);
}

bool
calendar_knows(int64_t time_ns)
{
	return time_ns >= first_ns && time_ns < end_ns;
}

int32_t
calendar_index(enum calendar_unit unit, int64_t time_ns)
{
	int32_t index;
	unsigned part;

	if (time_ns < first_ns)
		time_ns = first_ns;
	else if (time_ns >= end_ns)
		time_ns = end_ns - 1;
	index = (int32_t)floor_div(time_ns, hour_ns);
	for (int u = CALENDAR_HOUR; u < (int)unit; u++)
		index = calendar_up((enum calendar_unit)u, index, &part);
	return index;
}

int32_t
calendar_up(enum calendar_unit unit, int32_t index, unsigned *ret_part)
{
	int32_t per = unit == CALENDAR_HOUR    ? 24
		      : unit == CALENDAR_MONTH ? 12
					       : 10;
	int32_t larger;
	int year, month, day;

	if (unit == CALENDAR_DAY) {
		timefmt_to_civil(index * day_ns, &year, &month, &day);
		*ret_part = (unsigned)day - 1;
		return year * 12 + month - 1;
	}
	larger = (int32_t)floor_div(index, per);
	*ret_part = (unsigned)(index - larger * per);
	return larger;
}

int32_t
calendar_down(enum calendar_unit unit, int32_t index)
{
	int64_t begin_ns = 0;

	switch (unit) {
	case CALENDAR_HOUR:
		break; /* there is nothing smaller */
	case CALENDAR_DAY:
		return index * 24;
	case CALENDAR_MONTH:
		/* There is a first of every month. */
		(void)timefmt_from_civil(
		    index / 12, index % 12 + 1, 1, 0, &begin_ns);
		return (int32_t)floor_div(begin_ns, day_ns);
	case CALENDAR_YEAR:
		return index * 12;
	case CALENDAR_DECADE:
		return index * 10;
	}
	return index;
}

unsigned
calendar_parts(enum calendar_unit unit, int32_t index)
{
	return (unsigned)(calendar_down(unit, index + 1) -
			  calendar_down(unit, index));
}

const char *
calendar_text(
    enum calendar_unit unit, int32_t index, char text[CALENDAR_TEXT_MAX])
{
	char day[TIMEFMT_MAX];

	/* What is printed is 20 characters at most: it fits. */
	switch (unit) {
	case CALENDAR_HOUR:
		(void)snprintf(text, CALENDAR_TEXT_MAX, "%s %02d h",
		    timefmt_day(index * hour_ns, day),
		    (int)(index - floor_div(index, 24) * 24));
		break;
	case CALENDAR_DAY:
		(void)snprintf(text, CALENDAR_TEXT_MAX, "%s",
		    timefmt_day(index * day_ns, day));
		break;
	case CALENDAR_MONTH:
		(void)snprintf(text, CALENDAR_TEXT_MAX, "%d-%02d", index / 12,
		    index % 12 + 1);
		break;
	case CALENDAR_YEAR:
		(void)snprintf(text, CALENDAR_TEXT_MAX, "%d", index);
		break;
	case CALENDAR_DECADE:
		(void)snprintf(text, CALENDAR_TEXT_MAX, "%ds", index * 10);
		break;
	}
	return text;
}

const char *
calendar_name(enum calendar_unit unit)
{
	static const char *const names[] = {
	    "hour", "day", "month", "year", "decade"};

	return names[unit];
}
