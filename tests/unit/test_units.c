/* Durations and sizes: what is read, what is refused, what people see. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "common/units.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static const struct row {
	const char *text;
	int result;
	int64_t value;
} durations[] = {
    {"0", 0, 0},			   /* the least */
    {"10", 0, 10},			   /* bare: seconds */
    {"010", 0, 10},			   /* a leading zero is not octal */
    {"10s", 0, 10},			   /* seconds */
    {"15m", 0, 900},			   /* minutes */
    {"26h", 0, 93600},			   /* hours */
    {"7d", 0, 604800},			   /* days */
    {"3155760000", 0, 3155760000},	   /* 100 years exactly */
    {"3155760001", -ERANGE, 0},		   /* a second more */
    {"36526d", -ERANGE, 0},		   /* over 100 years by its unit */
    {"9223372036854775808", -ERANGE, 0},   /* over INT64_MAX */
    {"9223372036854775807d", -ERANGE, 0},  /* over it by its unit */
    {"99999999999999999999x", -EINVAL, 0}, /* malformed before large */
    {"", -EINVAL, 0},			   /* nothing */
    {"s", -EINVAL, 0},			   /* a unit alone */
    {"-1", -EINVAL, 0},			   /* a sign */
    {"+1", -EINVAL, 0},			   /* the other sign */
    {" 1", -EINVAL, 0},			   /* a leading blank */
    {"1 s", -EINVAL, 0},		   /* a blank inside */
    {"1 ", -EINVAL, 0},			   /* a trailing blank */
    {"1.5h", -EINVAL, 0},		   /* a fraction */
    {"0x10", -EINVAL, 0},		   /* hexadecimal */
    {"1H", -EINVAL, 0},			   /* upper case */
    {"1hh", -EINVAL, 0},		   /* two units */
    {"1h30m", -EINVAL, 0},		   /* a sum */
    {"1w", -EINVAL, 0},			   /* an unknown unit */
    {"1K", -EINVAL, 0},			   /* a size's unit */
};

static const struct row sizes[] = {
    {"0", 0, 0},			   /* the least */
    {"512", 0, 512},			   /* bare: bytes */
    {"64K", 0, 65536},			   /* powers of 1024 */
    {"16M", 0, INT64_C(16) << 20},	   /* mebibytes */
    {"5G", 0, INT64_C(5) << 30},	   /* gibibytes */
    {"2T", 0, INT64_C(2) << 40},	   /* tebibytes */
    {"9223372036854775807", 0, INT64_MAX}, /* the most */
    {"9223372036854775808", -ERANGE, 0},   /* one more */
    {"8388608T", -ERANGE, 0},		   /* 2^63 by its unit */
    {"64k", -EINVAL, 0},		   /* lower case */
    {"64KB", -EINVAL, 0},		   /* two letters */
    {"64Ki", -EINVAL, 0},		   /* two letters */
    {"64s", -EINVAL, 0},		   /* a duration's unit */
    {"", -EINVAL, 0},			   /* nothing */
    {"K", -EINVAL, 0},			   /* a unit alone */
    {"-1", -EINVAL, 0},			   /* a sign */
};

static void
check_row(
    const struct row *row, int (*parse)(const char *text, int64_t *ret_value))
{
	int64_t value = -7;

	ck_assert_msg(
	    parse(row->text, &value) == row->result, "'%s'", row->text);
	ck_assert_msg(value == (row->result == 0 ? row->value : -7),
	    "'%s' gave %lld", row->text, (long long)value);
}

START_TEST(parses_durations)
{
	check_row(&durations[_i], units_parse_duration);
}
END_TEST

START_TEST(parses_sizes)
{
	check_row(&sizes[_i], units_parse_size);
}
END_TEST

static const struct shown {
	int64_t value;
	const char *text;
} shown_durations[] = {
    {0, "0 s"},			       /* nothing */
    {1, "1 s"},			       /* one */
    {119, "119 s"},		       /* fewer than two minutes */
    {120, "2 min"},		       /* two */
    {7199, "119 min"},		       /* fewer than two hours */
    {7200, "2 h"},		       /* two */
    {172799, "47 h"},		       /* fewer than two days */
    {172800, "2 d"},		       /* two */
    {-300, "-5 min"},		       /* a time to come */
    {INT64_MAX, "106751991167300 d"},  /* the longest */
    {INT64_MIN, "-106751991167300 d"}, /* has no positive twin */
};

static const struct shown shown_sizes[] = {
    {0, "0 B"},			   /* nothing */
    {512, "512 B"},		   /* bytes are whole */
    {1023, "1023 B"},		   /* the last of them */
    {1024, "1.0 KiB"},		   /* the first KiB */
    {4096, "4.0 KiB"},		   /* an even one */
    {1075, "1.0 KiB"},		   /* 1.0498 is rounded down */
    {1076, "1.1 KiB"},		   /* 1.0508 is rounded up */
    {1048524, "1023.9 KiB"},	   /* the last that shows as KiB */
    {1048525, "1.0 MiB"},	   /* 1024.0 KiB is a MiB */
    {1610612736, "1.5 GiB"},	   /* as in the contract */
    {INT64_C(5) << 40, "5.0 TiB"}, /* tebibytes */
    {INT64_C(3) << 50, "3.0 PiB"}, /* pebibytes */
    {INT64_MAX, "8.0 EiB"},	   /* the largest */
    {INT64_MIN, "-8.0 EiB"},	   /* has no positive twin */
};

static const struct shown shown_times[] = {
    {0, "0.0 s"},      /* nothing */
    {49, "0.0 s"},     /* rounded down */
    {50, "0.1 s"},     /* rounded up */
    {1234, "1.2 s"},   /* seconds */
    {9949, "9.9 s"},   /* the last with a tenth */
    {9950, "10 s"},    /* the first without */
    {119499, "119 s"}, /* as other durations */
    {7200000, "2 h"},  /* likewise */
    {-1500, "-1 s"},   /* a clock was set back */
};

static const struct shown shown_counts[] = {
    {0, "0"},				/* nothing */
    {999, "999"},			/* no comma */
    {1000, "1,000"},			/* the first comma */
    {4211, "4,211"},			/* as in the contract */
    {100000, "100,000"},		/* no comma before it */
    {1234567, "1,234,567"},		/* two */
    {-1, "18,446,744,073,709,551,615"}, /* the largest, unsigned */
};

START_TEST(shows_times)
{
	char text[UNITS_TEXT_MAX];

	ck_assert_str_eq(
	    units_format_ms(shown_times[_i].value, text), shown_times[_i].text);
}
END_TEST

START_TEST(shows_counts)
{
	char text[UNITS_TEXT_MAX];

	ck_assert_str_eq(
	    units_format_count((uint64_t)shown_counts[_i].value, text),
	    shown_counts[_i].text);
}
END_TEST

START_TEST(shows_durations)
{
	char text[UNITS_TEXT_MAX];

	ck_assert_str_eq(units_format_duration(shown_durations[_i].value, text),
	    shown_durations[_i].text);
}
END_TEST

START_TEST(adds_sizes)
{
	ck_assert_int_eq(units_add_sizes(2, 3), 5);
	ck_assert_int_eq(units_add_sizes(INT64_MAX - 1, 1), INT64_MAX);
	ck_assert_int_eq(units_add_sizes(INT64_MAX, 1), INT64_MAX);
	ck_assert_int_eq(units_add_sizes(INT64_MAX, INT64_MAX), INT64_MAX);
}
END_TEST

START_TEST(shows_sizes)
{
	char text[UNITS_TEXT_MAX];

	ck_assert_str_eq(units_format_size(shown_sizes[_i].value, text),
	    shown_sizes[_i].text);
}
END_TEST

static const struct shown written_sizes[] = {
    {0, "0"},
    {1, "1"},
    {1023, "1023"},
    {1024, "1K"},
    {1536, "1536"},	      /* to the byte */
    {INT64_C(5) << 30, "5G"}, /* not "5.0 GiB" */
    {(INT64_C(5) << 30) + 1024, "5242881K"},
    {INT64_C(1) << 40, "1T"},
    {INT64_C(1) << 50, "1024T"}, /* the largest unit that is read */
    {INT64_MAX, "9223372036854775807"},
};

START_TEST(writes_sizes)
{
	const struct shown *row = &written_sizes[_i];
	char text[UNITS_TEXT_MAX];
	int64_t bytes;

	ck_assert_str_eq(units_write_size(row->value, text), row->text);
	ck_assert_int_eq(units_parse_size(text, &bytes), 0);
	ck_assert_int_eq(bytes, row->value);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("units");
	TCase *tcase = tcase_create("units");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, parses_durations, 0, LENGTH(durations));
	tcase_add_loop_test(tcase, parses_sizes, 0, LENGTH(sizes));
	tcase_add_loop_test(tcase, shows_durations, 0, LENGTH(shown_durations));
	tcase_add_test(tcase, adds_sizes);
	tcase_add_loop_test(tcase, shows_sizes, 0, LENGTH(shown_sizes));
	tcase_add_loop_test(tcase, writes_sizes, 0, LENGTH(written_sizes));
	tcase_add_loop_test(tcase, shows_times, 0, LENGTH(shown_times));
	tcase_add_loop_test(tcase, shows_counts, 0, LENGTH(shown_counts));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
