/* Times as text: RFC 3339 in UTC for records, local time for the text log. */
#ifndef COMMON_TIMEFMT_H
#define COMMON_TIMEFMT_H

#include <stdbool.h>
#include <stdint.h>

enum { TIMEFMT_MAX = 40 };

/* Any int64_t of nanoseconds is a time: 1677-09-21 to 2262-04-11. What is read
 * from text and lies beyond becomes the nearest of these two. */

/* "2020-11-15T20:31:40.717Z" (milliseconds, UTC). Returns TEXT. */
const char *timefmt_rfc3339(int64_t time_ns, char text[TIMEFMT_MAX]);
/* "2020-11-15 20:31:40,717" in the local time zone (TZ). Returns TEXT. */
const char *timefmt_local(int64_t time_ns, char text[TIMEFMT_MAX]);
/* "20130524T000000Z", as Signature Version 4 writes times. Returns TEXT. */
const char *timefmt_basic(int64_t time_ns, char text[TIMEFMT_MAX]);
/* "2020-11-15", the UTC day. Returns TEXT. */
const char *timefmt_day(int64_t time_ns, char text[TIMEFMT_MAX]);

/* Reads RFC 3339 ("2020-11-15T20:31:40.717Z", an offset such as +01:00
 * instead of Z, fraction optional and cut to nanoseconds), or a date alone
 * ("2020-11-15": its first instant, UTC). Returns 0 or -EINVAL. */
int timefmt_parse(const char *text, int64_t *ret_time_ns);
/* As timefmt_parse, and also a duration ("2h"): that long before NOW_NS. */
int timefmt_parse_moment(
    const char *text, int64_t now_ns, int64_t *ret_time_ns);

/* Nanoseconds since the epoch of a UTC calendar time; false when there is no
 * such day or hour. MONTH counts from 1. Years 1..9999. */
bool timefmt_from_civil(
    int year, int month, int day, int hour, int64_t *ret_time_ns);
/* The UTC day of a time; MONTH and DAY count from 1. */
void timefmt_to_civil(
    int64_t time_ns, int *ret_year, int *ret_month, int *ret_day);

#endif
