/* Summaries of the record: one row a location and day, whatever the order. */
#include "reaper/summary.h"

#include "tests/unit/scratch.h"

static void
check(struct summary *summary, bool as_json, const char *expected)
{
	struct strbuf lines = {0};

	summary_format(summary, as_json, &lines);
	ck_assert_str_eq(strbuf_text(&lines), expected);
	strbuf_done(&lines);
}

START_TEST(sums_up)
{
	struct summary *summary = summary_new();

	check(summary, false, "");
	summary_add(summary, "b/x", scratch_time("2020-11-16T00:00:00Z"), 1);
	summary_add(
	    summary, "b/x", scratch_time("2020-11-15T23:59:59.999Z"), 2);
	summary_add(summary, "a b/y/z", scratch_time("2020-11-15"), 3);
	summary_add(summary, "b/y", scratch_time("2020-11-15T01:00:00Z"), 4);
	summary_add(summary, "bb", scratch_time("2020-11-16"), 0);
	summary_add(summary, "b\n\"/", scratch_time("1969-12-31"), 5);
	check(summary, false,
	    "1969-12-31\tb%0A%22\t1\t5\t1969-12-31T00:00:00.000Z\t"
	    "1969-12-31T00:00:00.000Z\n"
	    "2020-11-15\ta%20b\t1\t3\t2020-11-15T00:00:00.000Z\t"
	    "2020-11-15T00:00:00.000Z\n"
	    "2020-11-15\tb\t2\t6\t2020-11-15T01:00:00.000Z\t"
	    "2020-11-15T23:59:59.999Z\n"
	    "2020-11-16\tb\t1\t1\t2020-11-16T00:00:00.000Z\t"
	    "2020-11-16T00:00:00.000Z\n"
	    "2020-11-16\tbb\t1\t0\t2020-11-16T00:00:00.000Z\t"
	    "2020-11-16T00:00:00.000Z\n");
	summary_free(summary);
	summary_free(NULL);
}
END_TEST

START_TEST(writes_json)
{
	struct summary *summary = summary_new();

	summary_add(summary, "b\n\"/", scratch_time("2020-11-15"), 5);
	check(summary, true,
	    "{\"day\":\"2020-11-15\",\"location\":\"b\\n\\\"\",\"files\":1,"
	    "\"bytes\":5,\"first\":\"2020-11-15T00:00:00.000Z\","
	    "\"last\":\"2020-11-15T00:00:00.000Z\"}\n");
	summary_free(summary);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("summary");
	TCase *tcase = tcase_create("summary");

	tcase_add_test(tcase, sums_up);
	tcase_add_test(tcase, writes_json);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
