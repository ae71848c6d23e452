/* Times as text; see timefmt.h.
 *
 * The calendar is the proleptic Gregorian one without leap seconds, as POSIX
 * counts. Its arithmetic runs on years that begin in March, so that the leap
 * day is a year's last, and on eras of 400 years, which all have 146,097 days.
 * It is done here rather than by gmtime_r() and timegm() because these accept
 * and "normalise" 30 February, and because it can't fail. Local time needs the
 * zone's table, so that is the C library's. A record carries a time, so these
 * run once a file: no printf. */
#include "common/timefmt.h"

#include <errno.h>
#include <stddef.h>

#include "common/clock.h"
#include "common/units.h"

enum { DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };

struct civil {
	int year;
	int month; /* from 1 */
	int day;
	int hour;
	int minute;
	int second;
	int millisecond;
};

/* Division that rounds down, also before 1970. */
static int64_t
floor_div(int64_t value, int64_t divisor)
{
	return value / divisor - (value % divisor < 0);
}

static int64_t
days_from_civil(int year, int month, int day)
{
	int64_t shifted = month > 2 ? year : year - 1;
	int64_t era = floor_div(shifted, 400);
	int64_t year_of_era = shifted - era * 400;
	int64_t month_from_march = (month + 9) % 12;
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;

	return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 -
	       year_of_era / 100 + day_of_year - DAYS_TO_1970;
}

static void
civil_from_days(int64_t days, struct civil *ret_civil)
{
	int64_t shifted = days + DAYS_TO_1970;
	int64_t era = floor_div(shifted, DAYS_PER_ERA);
	int64_t day = shifted - era * DAYS_PER_ERA;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t day_of_year = day - (365 * year + year / 4 - year / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;
	int month = (int)((month_from_march + 2) % 12 + 1);

	ret_civil->year = (int)(year + era * 400) + (month <= 2);
	ret_civil->month = month;
	ret_civil->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 +
			       1);
}

static struct civil
civil_from_ns(int64_t time_ns)
{
	int64_t milliseconds = floor_div(time_ns, CLOCK_NS_PER_MS);
	int64_t days = floor_div(milliseconds, 86400000);
	int rest = (int)(milliseconds - days * 86400000);
	struct civil civil = {.hour = rest / 3600000,
	    .minute = rest / 60000 % 60,
	    .second = rest / 1000 % 60,
	    .millisecond = rest % 1000};

	civil_from_days(days, &civil);
	return civil;
}

static char *
put(char *text, int value, int digits)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		text[i] = (char)('0' + value % 10);
	return text + digits;
}

/* Copies PATTERN, with Y m d H M S and f (milliseconds) replaced by digits. */
static const char *
fill(char *text, const char *pattern, const struct civil *civil)
{
	char *end = text;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == 'Y')
			end = put(end, civil->year, 4);
		else if (*pattern == 'm')
			end = put(end, civil->month, 2);
		else if (*pattern == 'd')
			end = put(end, civil->day, 2);
		else if (*pattern == 'H')
			end = put(end, civil->hour, 2);
		else if (*pattern == 'M')
			end = put(end, civil->minute, 2);
		else if (*pattern == 'S')
			end = put(end, civil->second, 2);
		else if (*pattern == 'f')
			end = put(end, civil->millisecond, 3);
		else
			*end++ = *pattern;
	}
	*end = '\0';
	return text;
}

const char *
timefmt_rfc3339(int64_t time_ns, char text[TIMEFMT_MAX])
{
	struct civil civil = civil_from_ns(time_ns);

	return fill(text, "Y-m-dTH:M:S.fZ", &civil);
}

const char *
timefmt_basic(int64_t time_ns, char text[TIMEFMT_MAX])
{
	struct civil civil = civil_from_ns(time_ns);

	return fill(text, "YmdTHMSZ", &civil);
}

const char *
timefmt_day(int64_t time_ns, char text[TIMEFMT_MAX])
{
	struct civil civil = civil_from_ns(time_ns);

	return fill(text, "Y-m-d", &civil);
}

const char *
timefmt_local(int64_t time_ns, char text[TIMEFMT_MAX])
{
	struct civil civil = civil_from_ns(time_ns);
	time_t seconds = (time_t)floor_div(time_ns, CLOCK_NS_PER_S);
	struct tm local;

	/* Fails only for years that don't fit an int; then UTC will do. */
	if (localtime_r(&seconds, &local) != NULL) {
		civil.year = local.tm_year + 1900;
		civil.month = local.tm_mon + 1;
		civil.day = local.tm_mday;
		civil.hour = local.tm_hour;
		civil.minute = local.tm_min;
		civil.second = local.tm_sec;
	}
	return fill(text, "Y-m-d H:M:S,f", &civil);
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* SECONDS and NS (0 to 999,999,999) as nanoseconds, at the nearest end where
 * they don't fit. */
static int64_t
saturate(int64_t seconds, int64_t ns)
{
	int64_t time_ns;

	if (__builtin_mul_overflow(seconds, CLOCK_NS_PER_S, &time_ns) ||
	    __builtin_add_overflow(time_ns, ns, &time_ns))
		return seconds < 0 ? INT64_MIN : INT64_MAX;
	return time_ns;
}

static bool
seconds_from_civil(int year, int month, int day, int hour, int64_t *ret_seconds)
{
	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > days_of_month(year, month) || hour < 0 || hour > 23)
		return false;
	*ret_seconds = days_from_civil(year, month, day) * 86400 +
		       hour * INT64_C(3600);
	return true;
}

bool
timefmt_from_civil(int year, int month, int day, int hour, int64_t *ret_time_ns)
{
	int64_t seconds;

	if (!seconds_from_civil(year, month, day, hour, &seconds))
		return false;
	*ret_time_ns = saturate(seconds, 0);
	return true;
}

void
timefmt_to_civil(int64_t time_ns, int *ret_year, int *ret_month, int *ret_day)
{
	struct civil civil = civil_from_ns(time_ns);

	*ret_year = civil.year;
	*ret_month = civil.month;
	*ret_day = civil.day;
}

/* The readers below move *TEXT past what they read. */

static bool
read_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* Exactly COUNT digits, a value of at most MAX. */
static bool
read_number(const char **text, int count, int max, int *ret_value)
{
	int value = 0;

	for (; count > 0; count--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		value = value * 10 + (**text - '0');
	}
	*ret_value = value;
	return value <= max;
}

static bool
read_fraction(const char **text, int64_t *ret_ns)
{
	int64_t scale = CLOCK_NS_PER_S;

	*ret_ns = 0;
	if (!read_char(text, '.'))
		return true;
	if (**text < '0' || **text > '9')
		return false;
	for (; **text >= '0' && **text <= '9'; (*text)++) {
		scale /= 10;
		*ret_ns += (**text - '0') * scale;
	}
	return true;
}

/* Seconds east of UTC: Z, +hh:mm or -hh:mm. */
static bool
read_offset(const char **text, int *ret_seconds)
{
	bool west = **text == '-';
	int hours;
	int minutes;

	*ret_seconds = 0;
	if (read_char(text, 'Z') || read_char(text, 'z'))
		return true;
	if (!read_char(text, '+') && !read_char(text, '-'))
		return false;
	if (!read_number(text, 2, 23, &hours) || !read_char(text, ':') ||
	    !read_number(text, 2, 59, &minutes))
		return false;
	*ret_seconds = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

int
timefmt_parse(const char *text, int64_t *ret_time_ns)
{
	int year;
	int month;
	int day;
	int hour = 0;
	int minute = 0;
	int second = 0;
	int offset = 0;
	int64_t fraction_ns = 0;
	int64_t seconds;

	if (!read_number(&text, 4, 9999, &year) || !read_char(&text, '-') ||
	    !read_number(&text, 2, 12, &month) || !read_char(&text, '-') ||
	    !read_number(&text, 2, 31, &day))
		return -EINVAL;
	if (*text != '\0') {
		if (!read_char(&text, 'T') && !read_char(&text, 't') &&
		    !read_char(&text, ' '))
			return -EINVAL;
		/* A leap second, 60, is the next minute's first for POSIX. */
		if (!read_number(&text, 2, 23, &hour) ||
		    !read_char(&text, ':') ||
		    !read_number(&text, 2, 59, &minute) ||
		    !read_char(&text, ':') ||
		    !read_number(&text, 2, 60, &second) ||
		    !read_fraction(&text, &fraction_ns) ||
		    !read_offset(&text, &offset) || *text != '\0')
			return -EINVAL;
	}
	if (!seconds_from_civil(year, month, day, hour, &seconds))
		return -EINVAL;
	seconds += minute * 60 + second - offset;
	*ret_time_ns = saturate(seconds, fraction_ns);
	return 0;
}

int
timefmt_parse_moment(const char *text, int64_t now_ns, int64_t *ret_time_ns)
{
	int64_t seconds;

	if (timefmt_parse(text, ret_time_ns) == 0)
		return 0;
	if (units_parse_duration(text, &seconds) != 0)
		return -EINVAL;
	/* A century of nanoseconds fits; NOW_NS may be far in the past. */
	if (__builtin_sub_overflow(
		now_ns, seconds * CLOCK_NS_PER_S, ret_time_ns))
		*ret_time_ns = INT64_MIN;
	return 0;
}
