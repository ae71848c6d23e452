/* Times to text and back; the C library's calendar is the judge of ours. */
#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/timefmt.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define S(seconds) (INT64_C(seconds) * CLOCK_NS_PER_S)
#define SAMPLE (S(1605472300) + 717 * CLOCK_NS_PER_MS)

static const struct shown {
	int64_t time_ns;
	const char *rfc3339;
	const char *basic;
	const char *day;
} shown[] = {
    /* the epoch */
    {0, "1970-01-01T00:00:00.000Z", "19700101T000000Z", "1970-01-01"},
    /* the log's sample */
    {SAMPLE, "2020-11-15T20:31:40.717Z", "20201115T203140Z", "2020-11-15"},
    /* a fraction is cut, never rounded up into a time to come */
    {S(1) - 1, "1970-01-01T00:00:00.999Z", "19700101T000000Z", "1970-01-01"},
    /* before the epoch it still counts forwards */
    {-1, "1969-12-31T23:59:59.999Z", "19691231T235959Z", "1969-12-31"},
    /* Amazon's own example */
    {S(1369353600), "2013-05-24T00:00:00.000Z", "20130524T000000Z",
	"2013-05-24"},
    /* the leap day of a century that has one */
    {S(951782400), "2000-02-29T00:00:00.000Z", "20000229T000000Z",
	"2000-02-29"},
    /* and the day after 28 February of one that has none */
    {S(4107542400), "2100-03-01T00:00:00.000Z", "21000301T000000Z",
	"2100-03-01"},
    /* a year's last second */
    {S(1609459199), "2020-12-31T23:59:59.000Z", "20201231T235959Z",
	"2020-12-31"},
    /* the last instant there is */
    {INT64_MAX, "2262-04-11T23:47:16.854Z", "22620411T234716Z", "2262-04-11"},
    /* and the first */
    {INT64_MIN, "1677-09-21T00:12:43.145Z", "16770921T001243Z", "1677-09-21"},
};

START_TEST(shows)
{
	char text[TIMEFMT_MAX];
	const struct shown *row = &shown[_i];

	ck_assert_str_eq(timefmt_rfc3339(row->time_ns, text), row->rfc3339);
	ck_assert_str_eq(timefmt_basic(row->time_ns, text), row->basic);
	ck_assert_str_eq(timefmt_day(row->time_ns, text), row->day);
}
END_TEST

static const struct local {
	const char *zone;
	int64_t time_ns;
	const char *text;
} locals[] = {
    {"UTC0", SAMPLE, "2020-11-15 20:31:40,717"},     /* the log's sample */
    {"XXX-5:30", SAMPLE, "2020-11-16 02:01:40,717"}, /* the next day */
    {"XXX8", SAMPLE, "2020-11-15 12:31:40,717"},     /* west */
    /* an hour before and after summer time begins */
    {"CET-1CEST,M3.5.0,M10.5.0/3", S(1616893199), "2021-03-28 01:59:59,000"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", S(1616893200), "2021-03-28 03:00:00,000"},
    {"UTC0", -1, "1969-12-31 23:59:59,999"},	    /* before the epoch */
    {"UTC0", INT64_MAX, "2262-04-11 23:47:16,854"}, /* the last instant */
    {"UTC0", INT64_MIN, "1677-09-21 00:12:43,145"}, /* the first */
};

START_TEST(shows_local_time)
{
	char text[TIMEFMT_MAX];

	ck_assert_int_eq(setenv("TZ", locals[_i].zone, 1), 0);
	tzset();
	ck_assert_str_eq(
	    timefmt_local(locals[_i].time_ns, text), locals[_i].text);
}
END_TEST

static const struct parsed {
	const char *text;
	int result;
	int64_t time_ns;
} parsed[] = {
    {"2020-11-15T20:31:40.717Z", 0, SAMPLE},	     /* our own */
    {"2020-11-15T20:31:40Z", 0, S(1605472300)},	     /* no fraction */
    {"2020-11-15t20:31:40z", 0, S(1605472300)},	     /* small letters */
    {"2020-11-15 20:31:40Z", 0, S(1605472300)},	     /* RFC 3339 allows it */
    {"2020-11-15T21:31:40+01:00", 0, S(1605472300)}, /* east */
    {"2020-11-15T12:01:40-08:30", 0, S(1605472300)}, /* west */
    {"2020-11-15T20:31:40-00:00", 0, S(1605472300)}, /* zone unknown */
    {"2020-11-15", 0, S(1605398400)},		     /* a day's beginning */
    {"1970-01-01T00:00:00.000000001Z", 0, 1},	     /* a nanosecond */
    {"1970-01-01T00:00:00.0000000019Z", 0, 1},	     /* finer is cut */
    {"1969-12-31T23:59:59.5Z", 0, -500000000},	     /* before the epoch */
    {"2016-12-31T23:59:60Z", 0, S(1483228800)},	     /* a leap second */
    {"2020-02-29", 0, S(1582934400)},		     /* a leap day */
    {"9999-12-31", 0, INT64_MAX},		     /* later than the last */
    {"0001-01-01", 0, INT64_MIN},		     /* before the first */
    {"", -EINVAL, 0},				     /* nothing */
    {"now", -EINVAL, 0},			     /* a word */
    {"2021-02-29", -EINVAL, 0},			     /* no such day */
    {"2020-13-29", -EINVAL, 0},			     /* no such month */
    {"2020-00-10", -EINVAL, 0},			     /* no such month */
    {"2020-01-00", -EINVAL, 0},			     /* no such day */
    {"0000-01-01", -EINVAL, 0},			     /* no such year */
    {"2020-1-01", -EINVAL, 0},			     /* a digit too few */
    {"20201115", -EINVAL, 0},			     /* no dashes */
    {"2020-11-15T", -EINVAL, 0},		     /* no time */
    {"2020-11-15T20:31Z", -EINVAL, 0},		     /* no seconds */
    {"2020-11-15T20:31:40", -EINVAL, 0},	     /* no zone */
    {"2020-11-15T24:00:00Z", -EINVAL, 0},	     /* no such hour */
    {"2020-11-15T20:60:00Z", -EINVAL, 0},	     /* no such minute */
    {"2020-11-15T20:31:61Z", -EINVAL, 0},	     /* no such second */
    {"2020-11-15T20:31:40.Z", -EINVAL, 0},	     /* an empty fraction */
    {"2020-11-15T20:31:40+1:00", -EINVAL, 0},	     /* half an offset */
    {"2020-11-15T20:31:40+0100", -EINVAL, 0},	     /* no colon */
    {"2020-11-15T20:31:40+24:00", -EINVAL, 0},	     /* no such offset */
    {"2020-11-15T20:31:40ZZ", -EINVAL, 0},	     /* something after it */
    {"2020-11-15x", -EINVAL, 0},		     /* the same */
};

START_TEST(parses)
{
	const struct parsed *row = &parsed[_i];
	int64_t time_ns = 7;

	ck_assert_msg(
	    timefmt_parse(row->text, &time_ns) == row->result, "%s", row->text);
	ck_assert_msg(time_ns == (row->result == 0 ? row->time_ns : 7),
	    "%s gave %lld", row->text, (long long)time_ns);
}
END_TEST

static const struct moment {
	const char *text;
	int64_t now_ns;
	int result;
	int64_t time_ns;
} moments[] = {
    {"2020-11-15", 5, 0, S(1605398400)},     /* a time is itself */
    {"2h", S(1605472300), 0, S(1605465100)}, /* ago */
    {"0", 5, 0, 5},			     /* now */
    {"90", S(100), 0, S(10)},		     /* seconds ago */
    {"7d", S(604805), 0, S(5)},		     /* days */
    {"36h", S(129605), 0, S(5)},	     /* hours */
    {"36525d", INT64_MIN + 1, 0, INT64_MIN}, /* before the first instant */
    {"40000d", S(100), -EINVAL, 0},	     /* over 100 years */
    {"-2h", S(100), -EINVAL, 0},	     /* not ahead */
    {"yesterday", S(100), -EINVAL, 0},	     /* a word */
};

START_TEST(parses_moments)
{
	const struct moment *row = &moments[_i];
	int64_t time_ns = 7;

	ck_assert_msg(timefmt_parse_moment(row->text, row->now_ns, &time_ns) ==
			  row->result,
	    "%s", row->text);
	ck_assert_msg(time_ns == (row->result == 0 ? row->time_ns : 7),
	    "%s gave %lld", row->text, (long long)time_ns);
}
END_TEST

static const struct civil {
	int year;
	int month;
	int day;
	int hour;
	bool exists;
	int64_t time_ns;
} civils[] = {
    {1970, 1, 1, 0, true, 0},		     /* the epoch */
    {2020, 11, 15, 20, true, S(1605470400)}, /* an hour of a tree */
    {2000, 2, 29, 23, true, S(951865200)},   /* a leap day */
    {1900, 2, 29, 0, false, 0},		     /* not in that century */
    {2023, 2, 29, 0, false, 0},		     /* nor in that year */
    {2020, 4, 31, 0, false, 0},		     /* a short month */
    {2020, 13, 29, 20, false, 0},	     /* the sample's tree */
    {2020, 0, 1, 0, false, 0},		     /* months count from 1 */
    {2020, 1, 0, 0, false, 0},		     /* and so do days */
    {2020, 1, 1, 24, false, 0},		     /* hours don't */
    {2020, 1, 1, -1, false, 0},		     /* nonsense */
    {0, 1, 1, 0, false, 0},		     /* no year 0 */
    {1, 1, 1, 0, true, INT64_MIN},	     /* the first, clamped */
    {9999, 12, 31, 23, true, INT64_MAX},     /* the last, clamped */
    {10000, 1, 1, 0, false, 0},		     /* beyond */
};

START_TEST(knows_the_calendar)
{
	const struct civil *row = &civils[_i];
	int64_t time_ns = 7;

	ck_assert_int_eq(timefmt_from_civil(row->year, row->month, row->day,
			     row->hour, &time_ns),
	    row->exists);
	ck_assert_int_eq(time_ns, row->exists ? row->time_ns : 7);
}
END_TEST

START_TEST(tells_the_day)
{
	int year, month, day;

	timefmt_to_civil(SAMPLE, &year, &month, &day);
	ck_assert_int_eq(year * 10000 + month * 100 + day, 20201115);
	timefmt_to_civil(-1, &year, &month, &day);
	ck_assert_int_eq(year * 10000 + month * 100 + day, 19691231);
}
END_TEST

/* Every day there is, and a second of each, against gmtime_r. */
START_TEST(agrees_with_the_library)
{
	char ours[TIMEFMT_MAX] = "";
	char theirs[64];

	for (time_t t = -9223372036; t < 9223372036; t += 86400 + 7) {
		int64_t time_ns = t * CLOCK_NS_PER_S;
		int64_t back;
		struct tm tm;

		/* Each assertion that holds is a write, too: too many here. */
		if (gmtime_r(&t, &tm) == NULL ||
		    strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.000Z",
			&tm) == 0 ||
		    strcmp(timefmt_rfc3339(time_ns, ours), theirs) != 0 ||
		    timefmt_parse(ours, &back) < 0 || back != time_ns)
			ck_abort_msg("%jd: %s", (intmax_t)t, ours);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("timefmt");
	TCase *tcase = tcase_create("timefmt");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, shows, 0, LENGTH(shown));
	tcase_add_loop_test(tcase, shows_local_time, 0, LENGTH(locals));
	tcase_add_loop_test(tcase, parses, 0, LENGTH(parsed));
	tcase_add_loop_test(tcase, parses_moments, 0, LENGTH(moments));
	tcase_add_loop_test(tcase, knows_the_calendar, 0, LENGTH(civils));
	tcase_add_test(tcase, tells_the_day);
	tcase_add_test(tcase, agrees_with_the_library);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
