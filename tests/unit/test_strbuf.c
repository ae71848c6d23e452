/* The growing buffer: always NUL-terminated, whatever is added or cut. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"

static void
check_text(const struct strbuf *buf, const char *text)
{
	ck_assert_uint_eq(buf->length, strlen(text));
	ck_assert_str_eq(strbuf_text(buf), text);
}

START_TEST(is_empty_at_first)
{
	struct strbuf buf = {0};

	check_text(&buf, "");
	ck_assert_ptr_null(buf.data);
	strbuf_reset(&buf);
	strbuf_truncate(&buf, 0);
	check_text(&buf, "");
	strbuf_done(&buf); /* harmless, and so is the second time */
	strbuf_done(&buf);
	check_text(&buf, "");
}
END_TEST

START_TEST(adds)
{
	struct strbuf buf = {0};

	strbuf_puts(&buf, "");
	check_text(&buf, "");
	strbuf_puts(&buf, "ab");
	strbuf_putc(&buf, 'c');
	strbuf_add(&buf, "defg", 2);
	strbuf_add(&buf, NULL, 0);
	strbuf_printf(&buf, "-%d%s%%", -7, "x");
	check_text(&buf, "abcde--7x%");
	strbuf_done(&buf);
}
END_TEST

/* Bytes are bytes: a NUL is one of them. */
START_TEST(adds_nul)
{
	struct strbuf buf = {0};

	strbuf_add(&buf, "a\0b", 3);
	strbuf_putc(&buf, '\0');
	ck_assert_uint_eq(buf.length, 4);
	ck_assert_mem_eq(buf.data, "a\0b\0", 5);
	strbuf_done(&buf);
}
END_TEST

/* At every length there is room for the NUL; a sanitizer would tell. */
START_TEST(grows_byte_by_byte)
{
	struct strbuf buf = {0};

	for (size_t i = 0; i < 5000; i++) {
		ck_assert_uint_eq(buf.length, i);
		strbuf_putc(&buf, (char)('a' + i % 26));
		ck_assert_uint_gt(buf.capacity, buf.length);
		ck_assert_int_eq(buf.data[buf.length], '\0');
	}
	for (size_t i = 0; i < 5000; i++)
		ck_assert_int_eq(buf.data[i], (char)('a' + i % 26));
	strbuf_done(&buf);
}
END_TEST

/* One addition of every size around the first capacity and its doublings. */
START_TEST(grows_at_once)
{
	char bytes[1100];

	memset(bytes, 'x', sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		struct strbuf buf = {0};

		strbuf_puts(&buf, "ab");
		strbuf_add(&buf, bytes, i);
		ck_assert_uint_eq(buf.length, i + 2);
		ck_assert_uint_gt(buf.capacity, buf.length);
		ck_assert_int_eq(buf.data[i + 2], '\0');
		ck_assert_mem_eq(buf.data + 2, bytes, i);
		strbuf_done(&buf);
	}
}
END_TEST

START_TEST(reserves)
{
	struct strbuf buf = {0};
	char *end;

	strbuf_puts(&buf, "ab");
	end = strbuf_reserve(&buf, 1000);
	ck_assert_ptr_eq(end, buf.data + 2);
	check_text(&buf, "ab"); /* room alone changes nothing */
	memset(end, 'x', 1000);
	end[1000] = '\0';
	buf.length += 1000;
	ck_assert_uint_eq(strlen(strbuf_text(&buf)), 1002);
	strbuf_done(&buf);
}
END_TEST

START_TEST(shortens)
{
	struct strbuf buf = {0};
	const char *data;

	strbuf_puts(&buf, "abcdef");
	data = buf.data;
	strbuf_truncate(&buf, 6);
	check_text(&buf, "abcdef");
	strbuf_truncate(&buf, 2);
	check_text(&buf, "ab");
	strbuf_putc(&buf, 'x');
	check_text(&buf, "abx");
	strbuf_reset(&buf);
	check_text(&buf, "");
	ck_assert_ptr_eq(buf.data, data); /* the memory is kept */
	strbuf_done(&buf);
	ck_assert_ptr_null(buf.data);
}
END_TEST

START_TEST(hands_over)
{
	struct strbuf buf = {0};
	char *text = strbuf_take(&buf);

	ck_assert_str_eq(text, ""); /* never NULL */
	free(text);
	strbuf_puts(&buf, "ab");
	text = strbuf_take(&buf);
	ck_assert_str_eq(text, "ab");
	check_text(&buf, "");
	strbuf_puts(&buf, "new");
	ck_assert_str_eq(text, "ab");
	free(text);
	strbuf_done(&buf);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("strbuf");
	TCase *tcase = tcase_create("strbuf");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, is_empty_at_first);
	tcase_add_test(tcase, adds);
	tcase_add_test(tcase, adds_nul);
	tcase_add_test(tcase, grows_byte_by_byte);
	tcase_add_test(tcase, grows_at_once);
	tcase_add_test(tcase, reserves);
	tcase_add_test(tcase, shortens);
	tcase_add_test(tcase, hands_over);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
