/* Percent-encoding of every byte, its way back, and UTF-8. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/percent.h"
#include "common/strbuf.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz"
				 "0123456789-._~";

/* Every byte value but NUL, in both forms and back. */
START_TEST(encodes_every_byte)
{
	const char text[] = {(char)_i, '\0'};
	bool plain = strchr(unreserved, _i) != NULL;
	struct strbuf buf = {0};
	char escaped[4];

	(void)snprintf(escaped, sizeof escaped, "%%%02X", (unsigned)_i & 255);
	percent_encode_component(&buf, text);
	ck_assert_str_eq(strbuf_text(&buf), plain ? text : escaped);
	strbuf_reset(&buf);
	percent_encode_path(&buf, text);
	ck_assert_str_eq(
	    strbuf_text(&buf), plain || _i == '/' ? text : escaped);
	strbuf_reset(&buf);
	ck_assert_int_eq(percent_decode(&buf, escaped, 3), 0);
	ck_assert_str_eq(strbuf_text(&buf), text);
	strbuf_done(&buf);
}
END_TEST

START_TEST(appends)
{
	struct strbuf buf = {0};

	strbuf_puts(&buf, "k=");
	percent_encode_path(&buf, "a b/\xc3\xa9+.dat");
	ck_assert_str_eq(strbuf_text(&buf), "k=a%20b/%C3%A9%2B.dat");
	percent_encode_path(&buf, "");
	ck_assert_uint_eq(buf.length, 21);
	strbuf_done(&buf);
}
END_TEST

static const struct decoding {
	const char *text;
	const char *decoded; /* NULL: refused */
} decodings[] = {
    {"", ""},		      /* nothing */
    {"a/b", "a/b"},	      /* nothing to do */
    {"%41%2f%2F", "A//"},     /* either case of digit */
    {"a+b", "a+b"},	      /* a plus is no blank here */
    {"%25", "%"},	      /* the percent sign itself */
    {"%2541", "%41"},	      /* decoded once only */
    {"%0A%7F", "\n\x7f"},     /* controls may be escaped */
    {"\xc3\xa9", "\xc3\xa9"}, /* bytes beyond ASCII pass */
    {"%", NULL},	      /* unfinished */
    {"%4", NULL},	      /* unfinished */
    {"a%4g", NULL},	      /* no hex digit */
    {"a%g4", NULL},	      /* no hex digit */
    {"% 41", NULL},	      /* a blank is no digit */
    {"%00", NULL},	      /* a NUL can't be in a name */
    {"a\tb", NULL},	      /* a bare control: a broken line */
    {"a\nb", NULL},	      /* the same */
    {"a\x7f", NULL},	      /* DEL is one, too */
};

START_TEST(decodes)
{
	const struct decoding *row = &decodings[_i];
	struct strbuf buf = {0};

	strbuf_puts(&buf, "x");
	if (row->decoded != NULL) {
		ck_assert_int_eq(
		    percent_decode(&buf, row->text, strlen(row->text)), 0);
		ck_assert_str_eq(strbuf_text(&buf) + 1, row->decoded);
	} else {
		ck_assert_int_eq(
		    percent_decode(&buf, row->text, strlen(row->text)),
		    -EINVAL);
		/* What was begun is taken back. */
		ck_assert_str_eq(strbuf_text(&buf), "x");
	}
	strbuf_done(&buf);
}
END_TEST

/* LENGTH is heeded: neither what follows is read, nor is a NUL the end. */
START_TEST(decodes_no_further)
{
	struct strbuf buf = {0};

	ck_assert_int_eq(percent_decode(&buf, "ab\tc", 2), 0);
	ck_assert_str_eq(strbuf_text(&buf), "ab");
	ck_assert_int_eq(percent_decode(&buf, "%41", 2), -EINVAL);
	ck_assert_int_eq(percent_decode(&buf, "a\0b", 3), -EINVAL);
	strbuf_done(&buf);
}
END_TEST

static const struct utf8 {
	const char *text;
	size_t length; /* of the first character; 0: invalid */
} utf8[] = {
    {"", 0},		     /* no character at all */
    {"a", 1},		     /* ASCII */
    {"\x7f", 1},	     /* the last of it */
    {"\xc2\x80", 2},	     /* the first of two bytes */
    {"\xdf\xbf", 2},	     /* the last */
    {"\xe0\xa0\x80", 3},     /* the first of three */
    {"\xed\x9f\xbf", 3},     /* before the surrogates */
    {"\xee\x80\x80", 3},     /* after them */
    {"\xef\xbf\xbf", 3},     /* the last */
    {"\xf0\x90\x80\x80", 4}, /* the first of four */
    {"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF */
    {"\x80", 0},	     /* a continuation alone */
    {"\xbf", 0},	     /* the last of these */
    {"\xc0\x80", 0},	     /* NUL in two bytes */
    {"\xc1\xbf", 0},	     /* DEL in two bytes */
    {"\xe0\x9f\xbf", 0},     /* longer than need be */
    {"\xed\xa0\x80", 0},     /* the first surrogate */
    {"\xed\xbf\xbf", 0},     /* the last */
    {"\xf0\x8f\xbf\xbf", 0}, /* longer than need be */
    {"\xf4\x90\x80\x80", 0}, /* U+110000 */
    {"\xf5\x80\x80\x80", 0}, /* never used */
    {"\xff", 0},	     /* never used */
    {"\xc3", 0},	     /* ends early */
    {"\xe2\x82", 0},	     /* ends early */
    {"\xf0\x9f\x98", 0},     /* ends early */
    {"\xc3\x28", 0},	     /* no continuation */
    {"\xe2\x82\x28", 0},     /* the third is none */
    {"\xe2\x82\xc0", 0},     /* nor is this */
};

START_TEST(knows_utf8)
{
	const struct utf8 *row = &utf8[_i];
	bool valid = row->length > 0 || *row->text == '\0';
	struct strbuf text = {0};

	ck_assert_uint_eq(percent_utf8_length(row->text), row->length);
	strbuf_puts(&text, "ok");
	strbuf_puts(&text, row->text);
	ck_assert_int_eq(percent_is_utf8(strbuf_text(&text)), valid);
	strbuf_puts(&text, "ok");
	ck_assert_int_eq(percent_is_utf8(strbuf_text(&text)), valid);
	strbuf_done(&text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("percent");
	TCase *tcase = tcase_create("percent");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, encodes_every_byte, 1, 256);
	tcase_add_test(tcase, appends);
	tcase_add_loop_test(tcase, decodes, 0, LENGTH(decodings));
	tcase_add_test(tcase, decodes_no_further);
	tcase_add_loop_test(tcase, knows_utf8, 0, LENGTH(utf8));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
