/* The AWS shared files: their INI, and which of their settings count. */
#include "uploader/credentials/profile.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/strbuf.h"
#include "uploader/credentials/ini.h"

/* --- INI ------------------------------------------------------------------ */

/* A line for each visit: "[section]", "key=value", "parent.key=value". */
static void
write_down(void *context, const char *section, const char *parent,
    const char *key, const char *value)
{
	struct strbuf *seen = context;

	if (key == NULL)
		strbuf_printf(seen, "[%s]", section);
	else
		strbuf_printf(seen, "%s%s%s=%s", parent != NULL ? parent : "",
		    parent != NULL ? "." : "", key, value);
	strbuf_putc(seen, '|');
}

#define TEXT(text) text, sizeof(text) - 1

static const struct row {
	const char *text;
	size_t length;
	const char *seen;
	const char *error; /* NULL: none */
} rows[] = {
    {TEXT(""), "", NULL},
    {TEXT("\n\n  \n# a\n; b\n   # c\n"), "", NULL},
    {TEXT("[a]\nb = c\n"), "[a]|b=c|", NULL},
    {TEXT("[a]\nb = c"), "[a]|b=c|", NULL}, /* no last line feed */
    {TEXT("[a]\r\nb = c\r\n"), "[a]|b=c|", NULL},
    {TEXT("\xef\xbb\xbf[a]\nb=c\n"), "[a]|b=c|", NULL},
    {TEXT("[ profile x ] # y\nB=C=D\n"), "[profile x]|b=C=D|", NULL},
    {TEXT("[a]\nb: c = d\n"), "[a]|b=c = d|", NULL},
    /* No comments behind a value, no quotes around it. */
    {TEXT("[a]\nb = c # d\ne = \"f\"\n"), "[a]|b=c # d|e=\"f\"|", NULL},
    /* The last of two counts, which is for the visitor to see to. */
    {TEXT("[a]\nb=1\nb=2\n[a]\nb=3\n"), "[a]|b=1|b=2|[a]|b=3|", NULL},
    {TEXT("[a]\ns3 =\n  style = path\n\n  Other=x\nb=c\n"),
	"[a]|s3.style=path|s3.Other=x|b=c|", NULL},
    {TEXT("[a]\ns3 =\n[b]\nc=d\n"), "[a]|[b]|c=d|", NULL},
    /* A section that is indented as a whole. */
    {TEXT("  [a]\n  b=c\n  d=e\n"), "[a]|b=c|d=e|", NULL},
    /* A value of two lines. */
    {TEXT("[a]\nb=c\n   d = e\nf=g\n"), "[a]|b=c\nd = e|f=g|", NULL},
    /* Malformed. */
    {TEXT("a = b\n"), "", "line 1: a [section] must come first"},
    {TEXT("[a]\n\nhush\n"), "[a]|", "line 3: neither"},
    {TEXT("[a]\n = hush\n"), "[a]|", "line 2: neither"},
    {TEXT("[hush\nb=c\n"), "", "line 1: the section's name has no ']'"},
    {TEXT("[a]\ns3=\n  hush\n"), "[a]|", "line 3: an indented line must be"},
    {TEXT("[a]\nb=c\0d\n"), "[a]|", "line 2: it contains a NUL byte"},
};

START_TEST(ini)
{
	const struct row *row = &rows[_i];
	struct strbuf seen = {0};
	char *error = NULL;
	int result = ini_parse(
	    row->text, row->length, write_down, &seen, &error);

	ck_assert_str_eq(strbuf_text(&seen), row->seen);
	ck_assert_int_eq(result, row->error != NULL ? -EINVAL : 0);
	if (row->error != NULL) {
		ck_assert_ptr_nonnull(error);
		ck_assert_msg(strstr(error, row->error) != NULL, "%s", error);
		ck_assert_ptr_null(strstr(error, "hush"));
	} else {
		ck_assert_ptr_null(error);
	}
	free(error);
	strbuf_done(&seen);
}
END_TEST

/* --- profiles ------------------------------------------------------------- */

static char directory[] = "/tmp/s3spool-profile.XXXXXX";

static void
write_file(const char *name, const char *text)
{
	char *path = mem_format("%s/%s", directory, name);
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	free(path);
}

static void
use_files(const char *config, const char *shared)
{
	char *path = mem_format("%s/config", directory);

	ck_assert_int_eq(setenv("HOME", "/nonexistent", 1), 0);
	ck_assert_int_eq(setenv("AWS_CONFIG_FILE", path, 1), 0);
	free(path);
	path = mem_format("%s/shared", directory);
	ck_assert_int_eq(setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1), 0);
	free(path);
	ck_assert_int_eq(unsetenv("AWS_PROFILE"), 0);
	ck_assert_int_eq(unsetenv("AWS_DEFAULT_PROFILE"), 0);
	write_file("config", config);
	write_file("shared", shared);
}

static struct profiles *
load(void)
{
	struct profiles *profiles = NULL;
	char *error = NULL;
	int result = profiles_load(&profiles, &error);

	ck_assert_msg(result == 0, "%s", error);
	return profiles;
}

START_TEST(merged)
{
	struct profiles *profiles;

	use_files("[default]\nregion = one\nca_bundle = /x\n"
		  "[profile b]\nregion = two\ns3 =\n  addressing_style = path\n"
		  "[profile \"c d\"]\nregion = three\n"
		  "[b]\nregion = nobody\n[sso-session s]\nregion = no\n",
	    "[default]\nregion = four\n[e]\n[profile x]\na=b\n");
	profiles = load();
	ck_assert_str_eq(profile_name(profiles), "default");
	ck_assert_str_eq(profile_get(profiles, "region"), "four");
	ck_assert_str_eq(profile_get(profiles, "ca_bundle"), "/x");
	ck_assert_ptr_null(profile_get(profiles, "nothing"));
	ck_assert_ptr_null(
	    profile_get_nested(profiles, "s3", "addressing_style"));
	ck_assert_str_eq(profile_get_of(profiles, "b", "region"), "two");
	ck_assert_ptr_null(profile_get_of(profiles, "b", "addressing_style"));
	ck_assert_str_eq(profile_get_of(profiles, "c d", "region"), "three");
	ck_assert(profile_exists(profiles, "e"));
	ck_assert(profile_exists(profiles, "profile x"));
	ck_assert(!profile_exists(profiles, "sso-session s"));
	ck_assert(!profile_exists(profiles, "x"));
	profiles_free(profiles);
	ck_assert_int_eq(setenv("AWS_PROFILE", "b", 1), 0);
	profiles = load();
	ck_assert_str_eq(
	    profile_get_nested(profiles, "s3", "addressing_style"), "path");
	profiles_free(profiles);
}
END_TEST

START_TEST(precedence)
{
	struct profiles *profiles;

	use_files("[default]\nregion = one\n", "");
	profiles = load();
	ck_assert_int_eq(setenv("S3SPOOL_T", "", 1), 0);
	ck_assert_str_eq(
	    profile_setting(profiles, "own", "S3SPOOL_T", "region"), "own");
	ck_assert_str_eq(
	    profile_setting(profiles, NULL, "S3SPOOL_T", "region"), "one");
	ck_assert_int_eq(setenv("S3SPOOL_T", "two", 1), 0);
	ck_assert_str_eq(
	    profile_setting(profiles, "", "S3SPOOL_T", "region"), "two");
	ck_assert_ptr_null(profile_setting(profiles, NULL, NULL, NULL));
	ck_assert_ptr_null(profile_setting(NULL, NULL, NULL, "region"));
	profiles_free(profiles);
	profiles_free(NULL);
}
END_TEST

static const struct bad {
	const char *config, *profile, *error;
} bads[] = {
    {"[default]\n", "nobody", "names the profile 'nobody', which is neither"},
    {"[default]\nhush\n", NULL, "config': line 2: neither"},
    {"[profile a]\nb=c\n", "profile a", "AWS_PROFILE names"},
};

START_TEST(refused)
{
	const struct bad *row = &bads[_i];
	struct profiles *profiles = NULL;
	char *error = NULL;

	use_files(row->config, "");
	if (row->profile != NULL)
		ck_assert_int_eq(setenv("AWS_PROFILE", row->profile, 1), 0);
	ck_assert_int_eq(profiles_load(&profiles, &error), -EINVAL);
	ck_assert_ptr_null(profiles);
	ck_assert_msg(strstr(error, row->error) != NULL, "%s", error);
	ck_assert_ptr_null(strstr(error, "hush"));
	free(error);
}
END_TEST

/* What isn't there is as an empty file. */
START_TEST(missing)
{
	struct profiles *profiles;

	use_files("", "");
	ck_assert_int_eq(setenv("AWS_CONFIG_FILE", "~/nothing", 1), 0);
	ck_assert_int_eq(
	    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/zero", 1), 0);
	profiles = load();
	ck_assert_ptr_null(profile_get(profiles, "region"));
	profiles_free(profiles);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("profile");
	TCase *tests = tcase_create("profile");
	SRunner *runner = srunner_create(suite);
	char *remove;
	int failed;

	if (mkdtemp(directory) == NULL)
		return EXIT_FAILURE;
	tcase_add_loop_test(tests, ini, 0, sizeof rows / sizeof *rows);
	tcase_add_test(tests, merged);
	tcase_add_test(tests, precedence);
	tcase_add_loop_test(tests, refused, 0, sizeof bads / sizeof *bads);
	tcase_add_test(tests, missing);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	remove = mem_format("%s/config", directory);
	(void)unlink(remove); /* or left in /tmp */
	free(remove);
	remove = mem_format("%s/shared", directory);
	(void)unlink(remove);
	free(remove);
	(void)rmdir(directory);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
