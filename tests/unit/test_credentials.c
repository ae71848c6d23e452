/* The chain of credentials: which are taken, which refused, and that no secret
 * shows in what is said about them. */
#include "uploader/credentials/credentials.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
set(const char *name, const char *value)
{
	ck_assert_int_eq(
	    value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

static int
load(const char *id, const char *secret, const char *token,
    struct credentials **ret_credentials, char **ret_error)
{
	const struct credentials_context context = {
	    .region = "us-east-1", .cancel_fd = -1};

	set("AWS_ACCESS_KEY_ID", id);
	set("AWS_SECRET_ACCESS_KEY", secret);
	set("AWS_SESSION_TOKEN", token);
	set("HOME", "/nonexistent");
	set("AWS_CONFIG_FILE", "/dev/null");
	set("AWS_EC2_METADATA_DISABLED", "true");
	return credentials_load(&context, ret_credentials, ret_error);
}

static const struct good {
	const char *id, *secret, *token, *wanted_token;
} goods[] = {
    {"AKIAIOSFODNN7EXAMPLE", "se/cr+et=", NULL, NULL},
    {"AKIAIOSFODNN7EXAMPLE", "se/cr+et=", "tok/en==", "tok/en=="},
    {"ID", "secret", "", NULL},		     /* empty counts as unset */
    {"test:tester", "testing", NULL, NULL},  /* OpenStack Swift's form */
    {"ID", "a secret of words", NULL, NULL}, /* it never travels */
    {"ID",
	"s\xc3\xa9"
	"cret",
	NULL, NULL},
};

START_TEST(taken)
{
	const struct good *row = &goods[_i];
	struct credentials *credentials = NULL;
	char *error = NULL;

	ck_assert_int_eq(
	    load(row->id, row->secret, row->token, &credentials, &error), 0);
	ck_assert_ptr_null(error);
	ck_assert_str_eq(credentials->access_key, row->id);
	ck_assert_str_eq(credentials->secret, row->secret);
	ck_assert_pstr_eq(credentials->session_token, row->wanted_token);
	ck_assert_str_eq(credentials->source, "the environment");
	ck_assert(credentials->expires_ns == INT64_MAX);
	credentials_free(credentials);
}
END_TEST

static const struct bad {
	const char *id, *secret, *token;
	int result;
	const char *said; /* part of the error */
} bads[] = {
    /* None at all. */
    {NULL, NULL, NULL, -ENOENT, "no credentials found; tried: the environment"},
    {"", "", "", -ENOENT, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
    {NULL, NULL, "hush", -ENOENT, "no credentials found"},
    /* One without the other. */
    {"hushid", NULL, NULL, -EINVAL, "AWS_SECRET_ACCESS_KEY is not"},
    {"hushid", "", NULL, -EINVAL, "AWS_SECRET_ACCESS_KEY is not"},
    {NULL, "hush", NULL, -EINVAL, "AWS_ACCESS_KEY_ID is not"},
    {"", "hush", NULL, -EINVAL, "AWS_ACCESS_KEY_ID is not"},
    /* What would forge a header line, or end a field. */
    {"hush\r\nx: y", "hush", NULL, -EINVAL, "the access key"},
    {"hush\n", "hush", NULL, -EINVAL, "stray line ending"},
    {"hush id", "hush", NULL, -EINVAL, "the access key"},
    {"hush,", "hush", NULL, -EINVAL, "the access key"},
    {"hush\x7f", "hush", NULL, -EINVAL, "the access key"},
    {"id", "hush\r", NULL, -EINVAL, "the secret key"},
    {"id", "hush\x01", NULL, -EINVAL, "the secret key"},
    {"id", "hush", "hush\r\nx: y", -EINVAL, "the session token"},
    {"id", "hush", "hush hush", -EINVAL, "the session token"},
};

START_TEST(refused)
{
	const struct bad *row = &bads[_i];
	struct credentials *credentials = NULL;
	char *error = NULL;

	ck_assert_int_eq(
	    load(row->id, row->secret, row->token, &credentials, &error),
	    row->result);
	ck_assert_ptr_null(credentials);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(
	    strstr(error, row->said) != NULL, "\"%s\" is missing", error);
	ck_assert_ptr_null(strstr(error, "hush"));
	ck_assert_ptr_null(strpbrk(error, "\r\n"));
	free(error);
}
END_TEST

START_TEST(free_of_nothing)
{
	credentials_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("credentials");
	TCase *tests = tcase_create("credentials");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tests, taken, 0, sizeof goods / sizeof *goods);
	tcase_add_loop_test(tests, refused, 0, sizeof bads / sizeof *bads);
	tcase_add_test(tests, free_of_nothing);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
