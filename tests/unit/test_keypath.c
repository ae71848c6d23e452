/* Patterns, dates and their order in paths as real trees have them, and which
 * keys S3 takes. */
#include "common/keypath.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/timefmt.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static char default_text[] = "*/[0-9]*/[0-9]*/[0-9]*/[0-9]*/[0-9]*-*.dat";
static char one_text[] = "a/b/*.x";
static char two_text[] = "*.log";
static char star_text[] = "c/\\*";
static char *default_pattern[] = {default_text};
static char *own_patterns[] = {one_text, two_text, star_text};

static const struct row {
	const char *path;
	bool result;
} default_rows[] = {
    {"bedroom/2020/11/15/20/46-topic.dat", true},
    {"bedroom/2020/13/29/20/46-topic.dat", true}, /* a date there isn't */
    {"bedroom/2020/11/15/6/46-topic.dat", true},  /* an hour of one digit */
    {"b/2020/1/5/6/4-t.dat", true},		  /* all of one digit */
    {"b/2020/11/15/20/46-.dat", true},		  /* no topic */
    {"b/2020/11/15/20/46-a-b.dat.dat", true},	  /* more of everything */
    {"b/2020/11/15/20/46-a b+%'\"\n.dat", true},  /* shells' and URLs' */
    {"b/2020/11/15/20/46-\xc3\xa9.dat", true},	  /* UTF-8 */
    {"b/2020/11/15/20/46-\xff.dat", true},	  /* no UTF-8 */
    {"b c/2020/11/15/20/46-t.dat", true},	  /* an odd location */
    {"2020/2020/11/15/20/46-t.dat", true},	  /* another */
    {"b/20x/1-/5.y/2~/4-.dat", true},		  /* first digits alone count */
    {"b/2020/11/15/20/46topic.dat", false},	  /* no dash */
    {"b/2020/11/15/20/-topic.dat", false},	  /* no minute */
    {"b/2020/11/15/20/46-topic.dat.tmp", false},  /* not finished */
    {"b/2020/11/15/20/46-topic.DAT", false},	  /* case counts */
    {"b/2020/11/15/20/x46-topic.dat", false},	  /* no digit first */
    {"b/2020/11/15/20/.46-topic.dat", false},	  /* hidden */
    {".b/2020/11/15/20/46-topic.dat", false},	  /* hidden above */
    {"b/.2020/11/15/20/46-topic.dat", false},	  /* in between */
    {"b/2020/11/15/46-topic.dat", false},	  /* not deep enough */
    {"b/c/2020/11/15/20/46-topic.dat", false},	  /* too deep */
    {"2020/11/15/20/46-topic.dat", false},	  /* no location */
    {"/2020/11/15/20/46-topic.dat", true},     /* "*" matches nothing, too: such
						  a path isn't one of ours */
    {"b/2020/11/15/20/46-topic.dat/x", false}, /* below a candidate */
    {"b", false},			       /* a location */
    {"", false},			       /* base_dir */
};

START_TEST(matches_default)
{
	const struct row *row = &default_rows[_i];

	ck_assert_msg(
	    keypath_matches(default_pattern, 1, row->path) == row->result, "%s",
	    row->path);
}
END_TEST

static const struct row own_rows[] = {
    {"a/b/c.x", true},	  /* the first */
    {"z.log", true},	  /* the second */
    {"a/b/.x", false},	  /* hidden */
    {".log", false},	  /* hidden */
    {"a/z.log", false},	  /* "*" doesn't cross a slash */
    {"a/b/c/d.x", false}, /* nor here */
    {"c/*", true},	  /* an escape */
    {"c/d", false},	  /* is no star */
};

START_TEST(matches_own)
{
	const struct row *row = &own_rows[_i];

	ck_assert_msg(keypath_matches(own_patterns, LENGTH(own_patterns),
			  row->path) == row->result,
	    "%s", row->path);
	ck_assert(!keypath_matches(own_patterns, 0, row->path));
}
END_TEST

static const struct row default_dirs[] = {
    {"b", true},			  /* a location */
    {"b/2020", true},			  /* a year */
    {"b/2020/13", true},		  /* a month there isn't */
    {"b/2020/13/29", true},		  /* a day */
    {"b/2020/13/29/6", true},		  /* an hour */
    {"b/2020/13/29/6/46-t.dat", false},	  /* a file's place */
    {"b/2020/13/29/6/46-t.dat/x", false}, /* below it */
    {"b/x", false},			  /* no digit */
    {"b/x/13", false},			  /* nor above */
    {"b/2020/13/x", false},		  /* nor here */
    {".spool", false},			  /* hidden */
    {"b/.2020", false},			  /* hidden */
    {"lost+found", true},		  /* might be a location */
    {"", true},				  /* base_dir, matched by "*" */
};

START_TEST(may_hold_default)
{
	const struct row *row = &default_dirs[_i];

	ck_assert_msg(
	    keypath_may_hold(default_pattern, 1, row->path) == row->result,
	    "%s", row->path);
}
END_TEST

static const struct row own_dirs[] = {
    {"a", true},	/* leads to a/b */
    {"a/b", true},	/* leads to the files */
    {"a/c", false},	/* doesn't */
    {"a/b/c.x", false}, /* the file's place */
    {"b", false},	/* no pattern begins so */
    {"z.log", false},	/* a pattern of one component leads nowhere */
    {"c", true},	/* the third pattern */
};

START_TEST(may_hold_own)
{
	const struct row *row = &own_dirs[_i];

	ck_assert_msg(keypath_may_hold(own_patterns, LENGTH(own_patterns),
			  row->path) == row->result,
	    "%s", row->path);
	ck_assert(!keypath_may_hold(own_patterns, 0, row->path));
}
END_TEST

static const struct date {
	const char *path;
	const char *end; /* NULL: none */
} dates[] = {
    {"b/2020", "2021-01-01"},
    {"b/2020/01", "2020-02-01"},
    {"b/2020/12", "2021-01-01"},
    {"b/2020/11/15", "2020-11-16"},
    {"b/2020/11/30", "2020-12-01"},
    {"b/2020/12/31", "2021-01-01"},
    {"b/2020/11/15/00", "2020-11-15T01:00:00Z"},
    {"b/2020/11/15/20", "2020-11-15T21:00:00Z"},
    {"b/2020/11/15/23", "2020-11-16"},
    {"b/2020/12/31/23", "2021-01-01"},
    {"b/2020/1/5/6", "2020-01-05T07:00:00Z"},	   /* of one digit */
    {"b/2020/11/15/20/x", "2020-11-15T21:00:00Z"}, /* deeper: its hour's */
    {"b/2020/11/15/20/59/x", "2020-11-15T21:00:00Z"},
    {"b/c/2020/11", "2020-12-01"},  /* a location of two */
    {"2020/2021/11", "2021-12-01"}, /* a location that looks like a year */
    {"b/x2020/2020/11", "2020-12-01"},
    {"b/1969/12/31/23", "1970-01-01"},
    /* Leap years. */
    {"b/2020/02", "2020-03-01"},
    {"b/2020/02/28", "2020-02-29"},
    {"b/2020/02/28/23", "2020-02-29"},
    {"b/2020/02/29", "2020-03-01"},
    {"b/2020/02/29/23", "2020-03-01"},
    {"b/2021/02/28", "2021-03-01"},
    {"b/2021/02/29", NULL},
    {"b/2000/02/29", "2000-03-01"},
    {"b/2100/02/28", "2100-03-01"},
    {"b/2100/02/29", NULL},
    /* Dates that there aren't. */
    {"b/2020/13", NULL},
    {"b/2020/13/29", NULL},
    {"b/2020/13/29/20", NULL},
    {"b/2020/00", NULL},
    {"b/2020/0", NULL},
    {"b/2020/11/00", NULL},
    {"b/2020/11/31", NULL},
    {"b/2020/02/30", NULL},
    {"b/2020/11/15/24", NULL},
    {"b/0000", NULL},
    {"b/2200", "2201-01-01"}, /* the last year that is believed */
    {"b/2201", NULL},
    {"b/9999", NULL},
    /* No dates. */
    {"", NULL},
    {"b", NULL},
    {"2020", NULL},	  /* a location */
    {"2020/11/15", NULL}, /* a location and no year */
    {"b/202", NULL},
    {"b/20200", NULL},
    {"b/2020x", NULL},
    {"b/-2020", NULL},
    {"b/+202", NULL},
    {"b/2020/x", NULL},
    {"b/2020/011", NULL},
    {"b/2020/1x", NULL},
    {"b/2020/11/x", NULL},
    {"b/2020/11/15/x", NULL},
    {"b/2020/11/15/6x", NULL},
    {"b/2020/-1", NULL},
};

START_TEST(date_ends)
{
	const struct date *row = &dates[_i];
	int64_t end_ns = -7, expected_ns = -7;

	if (row->end != NULL)
		ck_assert_int_eq(timefmt_parse(row->end, &expected_ns), 0);
	ck_assert_msg(
	    keypath_date_end(row->path, &end_ns) == (row->end != NULL), "%s",
	    row->path);
	ck_assert_msg(
	    end_ns == expected_ns, "%s: %lld", row->path, (long long)end_ns);
}
END_TEST

START_TEST(knows_hours)
{
	static const char *const hours[] = {"b/2020/11/15/20", "b/2020/1/2/6",
	    "b/2020/13/29/20", "b/deep/2020/11/15/20", "/2020/11/15/20"};
	static const char *const others[] = {"", "b", "b/2020", "b/2020/11",
	    "b/2020/11/15", "b/2020/11/15/20/x", "b/2020/11/15/x",
	    "b/2020/11/15/200", "2020/11/15/20"};

	for (int i = 0; i < LENGTH(hours); i++)
		ck_assert_msg(keypath_is_hour(hours[i]), "%s", hours[i]);
	for (int i = 0; i < LENGTH(others); i++)
		ck_assert_msg(!keypath_is_hour(others[i]), "%s", others[i]);
}
END_TEST

static const struct date hours_of_files[] = {
    {"b/2020/11/15/20/31-t.dat", "2020-11-15T20:00:00Z"},
    {"b/2020/11/15/6/31-t.dat", "2020-11-15T06:00:00Z"}, /* one digit */
    {"b/x/2020/11/15/20/y/t", "2020-11-15T20:00:00Z"},	 /* more of them */
    {"b/2020/11/15/20", NULL},		/* the file's name is no hour */
    {"b/2020/11/15/20-t.dat", NULL},	/* nor is this */
    {"b/2020/13/29/20/31-t.dat", NULL}, /* there is no such day */
    {"b/2020/11/15/24/31-t.dat", NULL}, /* or hour */
    {"b/2020/11/31-t.dat", NULL},
    {"2020/11/15/20/31-t.dat", NULL}, /* a location and no year */
    {"b", NULL},
    {"", NULL},
};

START_TEST(tells_a_files_hour)
{
	const struct date *row = &hours_of_files[_i];
	int64_t begin_ns = -7, expected_ns = -7;

	if (row->end != NULL)
		ck_assert_int_eq(timefmt_parse(row->end, &expected_ns), 0);
	ck_assert_msg(keypath_hour(row->path, &begin_ns) == (row->end != NULL),
	    "%s", row->path);
	ck_assert_msg(begin_ns == expected_ns, "%s", row->path);
}
END_TEST

/* Oldest first, and every pair in this order. */
static const char *const order[] = {
    "",				       /* claimed/ itself */
    "a",			       /* a location: no date is the oldest */
    "b",			       /* and another */
    "a/2019/9/30/23",		       /* numbers by value */
    "a/2019/10/1/0",		       /* so this month is later */
    "a/2019/12/31/23",		       /* the same hour by location */
    "b/2019/12/31/23", "z/2020/1/2/6", /* a later hour, whatever its location */
    "a/2020/1/2/10",		       /* hours of one digit */
    "a/2020/1/10/0",		       /* days */
    "a/2021/01/02/06",		       /* with zeros in front */
    "b/2021/01/02/06", "a/2021/01/02/10", "a/2021/01/10/00", "a/2021/10/01/00",
    "a/2021/13/29/20", /* after any month there is */
};

START_TEST(orders)
{
	for (int i = 0; i < LENGTH(order); i++) {
		int got = keypath_compare(order[_i], order[i]);

		ck_assert_msg((got > 0) - (got < 0) == (_i > i) - (_i < i),
		    "'%s', '%s': %d", order[_i], order[i], got);
	}
}
END_TEST

static const char *const bad_keys[] = {
    "\xff",		/* no byte of UTF-8 */
    "a/\xc3",		/* cut off */
    "a/\xc3/b",		/* cut off in between */
    "\xe9t\xe9",	/* Latin-1 */
    "\xc0\xaf",		/* a slash in too many bytes */
    "\xed\xa0\x80",	/* a surrogate */
    "\xf4\x90\x80\x80", /* beyond Unicode */
};

START_TEST(refuses_keys)
{
	ck_assert_ptr_nonnull(strstr(keypath_key_fault(bad_keys[_i]), "UTF-8"));
}
END_TEST

/* 1,024 bytes, not characters. */
START_TEST(limits_keys)
{
	char key[KEYPATH_KEY_MAX + 2] = "";

	ck_assert_ptr_null(keypath_key_fault("b/2020/13/29/20/46-t.dat"));
	ck_assert_ptr_null(keypath_key_fault("a\nb \xc3\xa9%\x01"));
	memset(key, 'a', KEYPATH_KEY_MAX);
	ck_assert_ptr_null(keypath_key_fault(key));
	key[KEYPATH_KEY_MAX] = 'a';
	ck_assert_ptr_nonnull(strstr(keypath_key_fault(key), "1024"));
	for (size_t i = 0; i < KEYPATH_KEY_MAX; i += 2)
		memcpy(key + i, "\xc3\xa9", 2);
	key[KEYPATH_KEY_MAX] = '\0';
	ck_assert_ptr_null(keypath_key_fault(key));
	key[KEYPATH_KEY_MAX] = 'a';
	ck_assert_ptr_nonnull(strstr(keypath_key_fault(key), "1024"));
}
END_TEST

START_TEST(reads_arguments)
{
	ck_assert_str_eq(keypath_below("/b", "/b/c/d"), "c/d");
	ck_assert_str_eq(keypath_below("/b", "./c/d"), "c/d");
	ck_assert_str_eq(keypath_below("/b", "c/d"), "c/d");
	ck_assert_str_eq(keypath_of_key("p/", "p/c/d"), "c/d");
	ck_assert_ptr_null(keypath_of_key("p/", "c/d"));
	ck_assert_ptr_null(keypath_of_key("p/", "p"));
	ck_assert_ptr_null(keypath_of_key("", "c/d"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("keypath");
	TCase *tcase = tcase_create("keypath");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, matches_default, 0, LENGTH(default_rows));
	tcase_add_loop_test(tcase, matches_own, 0, LENGTH(own_rows));
	tcase_add_loop_test(tcase, may_hold_default, 0, LENGTH(default_dirs));
	tcase_add_loop_test(tcase, may_hold_own, 0, LENGTH(own_dirs));
	tcase_add_loop_test(tcase, date_ends, 0, LENGTH(dates));
	tcase_add_test(tcase, knows_hours);
	tcase_add_loop_test(
	    tcase, tells_a_files_hour, 0, LENGTH(hours_of_files));
	tcase_add_loop_test(tcase, orders, 0, LENGTH(order));
	tcase_add_loop_test(tcase, refuses_keys, 0, LENGTH(bad_keys));
	tcase_add_test(tcase, limits_keys);
	tcase_add_test(tcase, reads_arguments);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
