/* What the configuration says about objects, as the headers that say it. */
#include "uploader/s3_object_options.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/strbuf.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MIN "base_dir: /tmp\ns3_bucket: b\n"

static char https[] = "https", http[] = "http";
static const struct endpoint secure = {.scheme = https};
static const struct endpoint plain = {.scheme = http};

static struct config *
configure(const char *lines)
{
	struct strbuf text = {0};
	struct config *config = NULL;
	char *error = NULL;

	strbuf_printf(&text, MIN "%s", lines);
	ck_assert_msg(config_parse("c", strbuf_text(&text), text.length, NULL,
			  0, &config, &error) == 0,
	    "%s", error);
	strbuf_done(&text);
	return config;
}

static struct s3_object_options *
prepare(const struct config *config)
{
	struct s3_object_options *options = NULL;
	char *error = NULL;

	ck_assert_msg(
	    s3_object_options_new(config, &secure, &options, &error) == 0, "%s",
	    error);
	return options;
}

static const struct good {
	const char *lines;
	/* name: value, '-' before unsigned ones, of a new object's requests,
	 * then after "|" those of a part's, then of a HEAD's */
	const char *expected;
} goods[] = {
    {"", "||"},
    {"storage_class: GLACIER_IR\n", "[x-amz-storage-class: GLACIER_IR]||"},
    {"acl: bucket-owner-full-control\n",
	"[x-amz-acl: bucket-owner-full-control]||"},
    {"tags: {a: b, 'c d': 'e/+\xc3\xa9', f: ''}\n",
	"[x-amz-tagging: a=b&c%20d=e%2F%2B%C3%A9&f=]||"},
    {"metadata: {Site: north 5, b: c}\n",
	"[x-amz-meta-site: north 5][x-amz-meta-b: c]||"},
    {"cache_control: no-store\ncontent_encoding: gzip\n",
	"[-cache-control: no-store][-content-encoding: gzip]||"},
    {"expected_bucket_owner: 012345678901\n",
	"[x-amz-expected-bucket-owner: 012345678901]|"
	"[x-amz-expected-bucket-owner: 012345678901]|"
	"[x-amz-expected-bucket-owner: 012345678901]"},
    {"request_payer: requester\n",
	"[x-amz-request-payer: requester]|[x-amz-request-payer: requester]|"
	"[x-amz-request-payer: requester]"},
    {"server_side_encryption: AES256\n",
	"[x-amz-server-side-encryption: AES256]||"},
    {"server_side_encryption: aws:kms\nsse_kms_key_id: alias/k\n",
	"[x-amz-server-side-encryption: aws:kms]"
	"[x-amz-server-side-encryption-aws-kms-key-id: alias/k]||"},
    {"server_side_encryption: aws:kms:dsse\n",
	"[x-amz-server-side-encryption: aws:kms:dsse]||"},
    {"object_lock_mode: GOVERNANCE\n"
     "object_lock_retain_until: 2030-01-02T03:04:05+01:00\n",
	"[x-amz-object-lock-mode: GOVERNANCE]"
	"[x-amz-object-lock-retain-until-date: 2030-01-02T02:04:05.000Z]||"},
    {"object_lock_mode: COMPLIANCE\nobject_lock_retain_until: 7d\n",
	"[x-amz-object-lock-mode: COMPLIANCE]||"},
};

static void
add_headers(
    struct strbuf *text, const struct s3_object_options *options, unsigned use)
{
	for (size_t i = 0; i < options->count; i++)
		if ((options->headers[i].uses & use) != 0)
			strbuf_printf(text, "[%s%s: %s]",
			    options->headers[i].is_signed ? "" : "-",
			    options->headers[i].name,
			    options->headers[i].value);
}

START_TEST(makes_headers)
{
	struct config *config = configure(goods[_i].lines);
	struct s3_object_options *options = prepare(config);
	struct strbuf text = {0};

	add_headers(&text, options, S3_USE_CREATE);
	strbuf_putc(&text, '|');
	add_headers(&text, options, S3_USE_PART);
	strbuf_putc(&text, '|');
	add_headers(&text, options, S3_USE_LOOK);
	ck_assert_str_eq(strbuf_text(&text), goods[_i].expected);
	strbuf_done(&text);
	s3_object_options_free(options);
	config_free(config);
}
END_TEST

static const struct bad {
	const char *lines;
	const char *said;
} bads[] = {
    {"sse_kms_key_id: k\n", "server_side_encryption isn't aws:kms"},
    {"sse_kms_key_id: k\nserver_side_encryption: AES256\n",
	"server_side_encryption isn't aws:kms"},
    {"server_side_encryption: AES256\nsse_customer_key_file: /k\n",
	"exclude each other"},
    {"sse_customer_key_file: /no/such/file\n", "No such file"},
    {"sse_customer_key_file: /tmp\n", "can't be read"},
    {"sse_customer_key_file: /dev/null\n", "holds no key"},
    {"object_lock_mode: GOVERNANCE\n", "need each other"},
    {"object_lock_retain_until: 1d\n", "need each other"},
    {"object_lock_mode: COMPLIANCE\nobject_lock_retain_until: 0\n",
	"0 seconds"},
};

START_TEST(refuses)
{
	struct config *config = configure(bads[_i].lines);
	struct s3_object_options *options = NULL;
	char *error = NULL;

	ck_assert_int_lt(
	    s3_object_options_new(config, &secure, &options, &error), 0);
	ck_assert_ptr_null(options);
	ck_assert_msg(strstr(error, bads[_i].said) != NULL, "%s", error);
	free(error);
	config_free(config);
}
END_TEST

/* The key of 32 bytes '0', and its MD5, by openssl. */
#define KEY_RAW "00000000000000000000000000000000"
#define KEY_BASE64 "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
#define KEY_HEADERS \
	"[x-amz-server-side-encryption-customer-algorithm: AES256]" \
	"[x-amz-server-side-encryption-customer-key: " KEY_BASE64 "]" \
	"[x-amz-server-side-encryption-customer-key-md5: " \
	"zZ5FnqcIqUjVwvWmyog4zw==]"

static const struct key_row {
	const char *text;
	bool good;
} key_rows[] = {
    {KEY_RAW, true},
    {KEY_BASE64, true},
    {KEY_BASE64 "\r\n", true},
    {KEY_RAW "\n", false}, /* 33 bytes: which one is too many? */
    {"0000000000000000000000000000000", false},
    {"MDAw", false},
    {"MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw", false}, /* 33 */
    {KEY_BASE64 KEY_BASE64, false},
    {"", false},
};

START_TEST(reads_customer_keys)
{
	const struct key_row *row = &key_rows[_i];
	char file[] = "/tmp/s3spool-test-XXXXXX";
	int fd = mkstemp(file);
	struct strbuf lines = {0}, text = {0};
	struct s3_object_options *options = NULL;
	struct config *config;
	char *error = NULL;
	size_t length = strlen(row->text);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, row->text, length), (ssize_t)length);
	ck_assert_int_eq(close(fd), 0);
	strbuf_printf(&lines, "sse_customer_key_file: %s\n", file);
	config = configure(strbuf_text(&lines));
	/* Never over plain http. */
	ck_assert_int_eq(
	    s3_object_options_new(config, &plain, &options, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "https"));
	free(error);
	error = NULL;
	ck_assert_int_eq(
	    s3_object_options_new(config, &secure, &options, &error),
	    row->good ? 0 : -EINVAL);
	ck_assert_int_eq(unlink(file), 0);
	if (row->good) {
		for (unsigned use = S3_USE_CREATE; use <= S3_USE_PARTS;
		     use *= 2) {
			strbuf_reset(&text);
			add_headers(&text, options, use);
			ck_assert_str_eq(strbuf_text(&text), KEY_HEADERS);
		}
		strbuf_reset(&text);
		add_headers(&text, options, S3_USE_OTHER);
		ck_assert_str_eq(strbuf_text(&text), "");
	} else {
		/* Nothing of what may be a key is told. */
		ck_assert_ptr_nonnull(strstr(error, "holds no key"));
		ck_assert_ptr_null(strstr(error, "0000"));
		ck_assert_ptr_null(strstr(error, "MDAw"));
	}
	free(error);
	s3_object_options_free(options);
	config_free(config);
	strbuf_done(&lines);
	strbuf_done(&text);
}
END_TEST

START_TEST(knows_what_follows)
{
	struct config *config = configure("object_lock_mode: GOVERNANCE\n"
					  "object_lock_retain_until: 2h\n"
					  "metadata: {MTime: x}\n");
	struct s3_object_options *options = prepare(config);

	ck_assert(options->needs_checksum);
	ck_assert_int_eq(options->retain_ns, 7200 * CLOCK_NS_PER_S);
	ck_assert(!options->sends_mtime); /* the user's own */
	s3_object_options_free(options);
	config_free(config);
	config = configure("");
	options = prepare(config);
	ck_assert(!options->needs_checksum);
	ck_assert_int_eq(options->retain_ns, 0);
	ck_assert(options->sends_mtime);
	s3_object_options_free(options);
	config_free(config);
	config = configure("metadata_mtime: false\n");
	options = prepare(config);
	ck_assert(!options->sends_mtime);
	s3_object_options_free(options);
	config_free(config);
	s3_object_options_free(NULL);
}
END_TEST

static const struct type_row {
	const char *lines, *key, *type;
} type_rows[] = {
    {"", "a/b.dat", "application/octet-stream"},
    {"", "a/b", "application/octet-stream"},
    {"", "a.csv/b", "application/octet-stream"},
    {"", "a/b.", "application/octet-stream"},
    {"", "a/b.csv", "text/csv"},
    {"", "b.CSV", "text/csv"},
    {"", "b.csv.gz", "application/gzip"},
    {"", ".txt", "text/plain"},
    {"", "b.bz2", "application/x-bzip2"}, /* the table's ends */
    {"", "b.zst", "application/zstd"},
    {"content_types: {dat: a/b, CSV: c/d}\n", "x.DAT", "a/b"},
    {"content_types: {dat: a/b, CSV: c/d}\n", "x.csv", "c/d"},
    {"content_types: {dat: a/b, CSV: c/d}\n", "x.txt", "text/plain"},
    {"content_types: {dat: a/b}\ncontent_type: e/f\n", "x.dat", "e/f"},
};

START_TEST(tells_types)
{
	struct config *config = configure(type_rows[_i].lines);
	struct s3_object_options *options = prepare(config);

	ck_assert_str_eq(
	    s3_object_options_content_type(options, type_rows[_i].key),
	    type_rows[_i].type);
	s3_object_options_free(options);
	config_free(config);
}
END_TEST

START_TEST(writes_times)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
	    {0, "0.000000000"},
	    {1, "0.000000001"},
	    {-1, "-0.000000001"},
	    {INT64_C(1600000000123456789), "1600000000.123456789"},
	    {INT64_C(1600000000) * CLOCK_NS_PER_S, "1600000000.000000000"},
	    {INT64_MAX, "9223372036.854775807"},
	    {INT64_MIN, "-9223372036.854775808"},
	};
	char text[S3_OBJECT_MTIME_MAX];

	for (int i = 0; i < LENGTH(rows); i++)
		ck_assert_str_eq(
		    s3_object_options_mtime(rows[i].ns, text), rows[i].text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("s3_object_options");
	TCase *tcase = tcase_create("s3_object_options");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, makes_headers, 0, LENGTH(goods));
	tcase_add_loop_test(tcase, refuses, 0, LENGTH(bads));
	tcase_add_loop_test(tcase, reads_customer_keys, 0, LENGTH(key_rows));
	tcase_add_test(tcase, knows_what_follows);
	tcase_add_loop_test(tcase, tells_types, 0, LENGTH(type_rows));
	tcase_add_test(tcase, writes_times);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
