/* Texts on a page: whatever a producer called its files, it is text. */
#include "reaper/html.h"

#include "tests/unit/scratch.h"

static const struct text {
	const char *text;
	size_t max;
	const char *html;
} texts[] = {
    {"", 9, ""}, {"garden 5", 9, "garden 5"}, {"<b>", SIZE_MAX, "&lt;b&gt;"},
    {"\"'&amp;", SIZE_MAX, "&quot;&#39;&amp;amp;"},
    {"gr\xc3\xbcn", 3, "gr\xc3\xbc\xe2\x80\xa6"}, /* characters, not bytes */
    {"gr\xc3\xbcn", 4, "gr\xc3\xbcn"},		  /* none left out */
    {"a", 0, "\xe2\x80\xa6"}, {"\xff<", SIZE_MAX, "\\xff&lt;"}, /* no UTF-8 */
    {"\xc3", SIZE_MAX, "\\xc3"},				/* cut off */
    {"a\nb\x1b", SIZE_MAX, "a\\x0ab\\x1b"},			/* controls */
};

START_TEST(escapes)
{
	struct strbuf page = {0};

	html_clip(&page, texts[_i].text, texts[_i].max);
	ck_assert_str_eq(strbuf_text(&page), texts[_i].html);
	strbuf_done(&page);
}
END_TEST

static const struct number {
	int64_t number;
	const char *html;
} numbers[] = {
    {0, "0 files"},
    {1, "1 file"},
    {999, "999 files"},
    {1000, "1,000 files"},
    {123456, "123,456 files"},
    {1234567, "1,234,567 files"},
    {-1000, "-1,000 files"},
    {INT64_MIN, "-9,223,372,036,854,775,808 files"},
};

START_TEST(parts_thousands)
{
	struct strbuf page = {0};

	html_count(&page, numbers[_i].number, "file");
	ck_assert_str_eq(strbuf_text(&page), numbers[_i].html);
	strbuf_done(&page);
}
END_TEST

START_TEST(tells_the_time)
{
	struct strbuf page = {0};

	html_time(&page, scratch_time("2024-03-01T05:20:59Z"));
	ck_assert_str_eq(strbuf_text(&page), "2024-03-01 05:20 UTC");
	strbuf_done(&page);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("html");
	TCase *tcase = tcase_create("html");

	tcase_add_loop_test(tcase, escapes, 0, LENGTH(texts));
	tcase_add_loop_test(tcase, parts_thousands, 0, LENGTH(numbers));
	tcase_add_test(tcase, tells_the_time);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
