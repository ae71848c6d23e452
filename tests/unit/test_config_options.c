/* The configuration's options of objects and transport: mappings, flags,
 * sizes and files, and what is wrong with them at its exact place. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/strbuf.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define NAME "/etc/c.yaml"
#define MIN "base_dir: /tmp\ns3_bucket: b\n"

static int
parse(const char *text, const char *override, struct config **ret_config,
    char **ret_error)
{
	char *copy = override != NULL ? strdup(override) : NULL;
	int result;

	result = config_parse(NAME, text, strlen(text), &copy, copy != NULL,
	    ret_config, ret_error);
	free(copy);
	return result;
}

static struct config *
parse_well(const char *text, const char *override)
{
	struct config *config = NULL;
	char *error = NULL;

	ck_assert_msg(parse(text, override, &config, &error) == 0, "%s", error);
	return config;
}

/* On the command line an empty one stands for standard error. */
START_TEST(takes_the_log_back)
{
	struct config *config = parse_well(MIN "log_file: a.log\n", NULL);

	ck_assert_str_eq(config->log_file, "/etc/a.log");
	config_free(config);
	config = parse_well(MIN "log_file: a.log\n", "log_file=");
	ck_assert_ptr_null(config->log_file);
	config_free(config);
}
END_TEST

START_TEST(has_defaults)
{
	struct config *config = parse_well(MIN, NULL);

	ck_assert_int_eq(config->use_fips_endpoint, FLAG_UNSET);
	ck_assert_int_eq(config->use_dualstack_endpoint, FLAG_UNSET);
	ck_assert_int_eq(config->use_accelerate_endpoint, FLAG_UNSET);
	ck_assert_ptr_null(config->proxy);
	ck_assert_ptr_null(config->no_proxy);
	ck_assert_ptr_null(config->ca_bundle);
	ck_assert_ptr_null(config->client_cert);
	ck_assert_ptr_null(config->client_key);
	ck_assert_int_eq(config->bandwidth_limit_bytes, 0);
	ck_assert_ptr_null(config->storage_class);
	ck_assert_int_eq(config->server_side_encryption, ENCRYPTION_NONE);
	ck_assert_ptr_null(config->sse_kms_key_id);
	ck_assert_ptr_null(config->sse_customer_key_file);
	ck_assert_ptr_null(config->acl);
	ck_assert_uint_eq(config->tags.count, 0);
	ck_assert_uint_eq(config->metadata.count, 0);
	ck_assert_int_eq(config->metadata_mtime, FLAG_TRUE);
	ck_assert_ptr_null(config->content_type);
	ck_assert_uint_eq(config->content_types.count, 0);
	ck_assert_ptr_null(config->content_encoding);
	ck_assert_ptr_null(config->cache_control);
	ck_assert_ptr_null(config->expected_bucket_owner);
	ck_assert_int_eq(config->request_payer, PAYER_NONE);
	ck_assert_int_eq(config->object_lock_mode, LOCK_NONE);
	ck_assert_ptr_null(config->object_lock_retain_until);
	config_free(config);
}
END_TEST

START_TEST(reads_values)
{
	struct config *config = parse_well(MIN
	    "use_fips_endpoint: true\n"
	    "use_dualstack_endpoint: False\n"
	    "proxy: http://user:hush@proxy:3128\n"
	    "ca_bundle: ca.pem\n"
	    "client_key: /k.pem\n"
	    "bandwidth_limit: 2M\n"
	    "server_side_encryption: aws:kms:dsse\n"
	    "metadata_mtime: false\n"
	    "expected_bucket_owner: 012345678901\n"
	    "request_payer: requester\n"
	    "object_lock_mode: COMPLIANCE\n"
	    "object_lock_retain_until: 365d\n",
	    NULL);

	ck_assert_int_eq(config->use_fips_endpoint, FLAG_TRUE);
	ck_assert_int_eq(config->use_dualstack_endpoint, FLAG_FALSE);
	ck_assert_str_eq(config->proxy, "http://user:hush@proxy:3128");
	ck_assert_str_eq(config->ca_bundle, "/etc/ca.pem");
	ck_assert_str_eq(config->client_key, "/k.pem");
	ck_assert_int_eq(config->bandwidth_limit_bytes, 2 << 20);
	ck_assert_int_eq(config->server_side_encryption, ENCRYPTION_KMS_DSSE);
	ck_assert_int_eq(config->metadata_mtime, FLAG_FALSE);
	ck_assert_str_eq(config->expected_bucket_owner, "012345678901");
	ck_assert_int_eq(config->request_payer, PAYER_REQUESTER);
	ck_assert_int_eq(config->object_lock_mode, LOCK_COMPLIANCE);
	ck_assert_str_eq(config->object_lock_retain_until, "365d");
	config_free(config);
}
END_TEST

static void
check_map(const struct config_map *map, const char *expected)
{
	struct strbuf text = {0};

	for (size_t i = 0; i < map->count; i++)
		strbuf_printf(
		    &text, "[%s=%s]", map->pairs[i].name, map->pairs[i].value);
	ck_assert_str_eq(strbuf_text(&text), expected);
	strbuf_done(&text);
}

static const struct map_row {
	const char *text, *override, *expected;
} map_rows[] = {
    {"tags:\n  a: b\n  'c d': ''\n", NULL, "[a=b][c d=]"},
    {"tags: {a: 1, \xc3\xa9: '~'}\n", NULL, "[a=1][\xc3\xa9=~]"},
    {"tags: {}\n", NULL, ""},
    {"tags: a=b&c=d\n", NULL, "[a=b][c=d]"},
    {"tags: ''\n", NULL, ""},
    {"tags: a%26b=c%3Dd+e&f==\n", NULL, "[a&b=c=d+e][f==]"},
    {"tags: {a: b}\n", "tags=x=y", "[x=y]"},
    {"tags: {a: b}\n", "tags=", ""},
};

START_TEST(reads_mappings)
{
	const struct map_row *row = &map_rows[_i];
	struct strbuf text = {0};
	struct config *config;

	strbuf_printf(&text, MIN "%s", row->text);
	config = parse_well(strbuf_text(&text), row->override);
	check_map(&config->tags, row->expected);
	config_free(config);
	strbuf_done(&text);
}
END_TEST

START_TEST(reads_all_mappings)
{
	struct config *config = parse_well(MIN
	    "metadata: {Site: north 5, x.y-z_1: 'a: b'}\n"
	    "content_types: {dat: text/csv; charset=utf-8}\n",
	    NULL);

	check_map(&config->metadata, "[Site=north 5][x.y-z_1=a: b]");
	check_map(&config->content_types, "[dat=text/csv; charset=utf-8]");
	config_free(config);
}
END_TEST

#define LONG64 \
	"0123456789012345678901234567890123456789012345678901234567890123"
#define LONG256 LONG64 LONG64 LONG64 LONG64

static const struct bad {
	const char *text;
	const char *error; /* after the file's name */
} bads[] = {
    {"use_fips_endpoint: maybe\n",
	":3:20: key 'use_fips_endpoint': 'maybe' is none of its values; write "
	"true or false"},
    {"bandwidth_limit: fast\n",
	":3:18: key 'bandwidth_limit': 'fast' is no size; write bytes, or a "
	"whole number with K, M, G or T such as 16M"},
    {"bandwidth_limit: 2T\n",
	":3:18: key 'bandwidth_limit': '2T' is not from 0 to 1T; the "
	"default is 0"},
    {"ca_bundle: ''\n", ":3:12: key 'ca_bundle': it is empty; name a file"},
    {"client_cert: /\n",
	":3:14: key 'client_cert': it is the root directory; name a file"},
    {"server_side_encryption: aes\n",
	":3:25: key 'server_side_encryption': 'aes' is none of its values; "
	"write none, AES256, aws:kms or aws:kms:dsse"},
    {"cache_control: \"a\\nb\"\n",
	":3:16: key 'cache_control': 'a?b': it has a control character or one "
	"beyond "
	"ASCII, which no header can carry; take it out, or encode it"},
    {"content_type: 'a  b'\n", ":3:15: key 'content_type': 'a  b': it begins "
			       "or ends with a blank or has two "
			       "in a row, which no store keeps; take them out"},
    {"object_lock_retain_until: soon\n",
	":3:27: key 'object_lock_retain_until': 'soon': it is neither a time "
	"such as "
	"2030-01-31T00:00:00Z nor a duration such as 365d; write one of them"},
    {"proxy: 'a b'\n", ":3:8: key 'proxy': 'a b': it has a blank, a control "
		       "character or one beyond "
		       "ASCII; take it out"},
    {"proxy: 'http://me:secret@proxy/ '\n",
	":3:8: key 'proxy': it has a blank, a control character or one beyond "
	"ASCII; take it out"}, /* and perhaps a password */
    {"part_size: 1M\n",
	":3:12: key 'part_size': '1M' is not from 5M to 5G; the default is "
	"16M"},
    {"multipart_threshold: 6G\n",
	":3:22: key 'multipart_threshold': '6G' is not from 1 to 5G; the "
	"default is 64M"},
    /* mappings: the place is the value's */
    {"tags: [a]\n",
	":3:7: key 'tags': a list can't stand here; write one value"},
    {"region: {a: b}\n",
	":3:9: key 'region': a mapping can't stand here; write one value"},
    {"tags:\n  a: b\n  a: c\n",
	":5:6: key 'tags': 'a': it is there already; keep one"},
    {"tags:\n  a: {b: c}\n",
	":4:6: key 'tags': a mapping can't stand here; write one value"},
    {"tags:\n  a:\n",
	":4:5: key 'tags': it has no value; write one, or leave the key out"},
    {"tags:\n  [a]: b\n",
	":4:3: key 'tags': a list can't stand here; write one value"},
    {"tags: a&b\n",
	":3:7: key 'tags': a name has no value; write name=value, and & "
	"between two of them"},
    {"tags: a=%zz\n",
	":3:7: key 'tags': a percent sign begins no %XX in hex; write %25 for "
	"the sign itself"},
    {"tags: a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1\n",
	":3:7: key 'tags': 'k': an object has at most 10 tags; leave some "
	"out"},
    {"tags: {AWS:x: y}\n",
	":3:15: key 'tags': 'AWS:x': tags that begin with aws: are AWS's own; "
	"choose another name"},
    {"tags: {'': y}\n",
	":3:12: key 'tags': '': a tag's name has 1 to 128 characters, all of "
	"them printable; change it"},
    {"tags: {" LONG64 LONG64 "x: y}\n",
	":3:139: key 'tags': '" LONG64 "...': a tag's name has 1 to 128 "
	"characters, all of them printable; change it"},
    {"tags: {a: " LONG256 "x}\n",
	":3:11: key 'tags': 'a': a tag's value has at most 256 characters, "
	"all of them printable; change it"},
    {"tags: {a: \"x\\ty\"}\n",
	":3:11: key 'tags': 'a': a tag's value has at most 256 characters, "
	"all of them printable; change it"},
    {"metadata: {a b: c}\n",
	":3:17: key 'metadata': 'a b': a name of metadata has only letters, "
	"digits, '-', '_' and '.'; change it"},
    {"metadata: {a: \xc3\xa9}\n",
	":3:15: key 'metadata': 'a': it has a control character or one beyond "
	"ASCII, which no header can carry; take it out, or encode it"},
    {"metadata: {a: \"b\\r\\nx-amz-acl: public-read\"}\n",
	":3:15: key 'metadata': 'a': it has a control character or one beyond "
	"ASCII, which no header can carry; take it out, or encode it"},
    {"metadata: {a: ''}\n",
	":3:15: key 'metadata': 'a': it is empty; give it a value"},
    {"metadata: {a: b, A: c}\n",
	":3:21: key 'metadata': 'A': it is there already (case counts for "
	"nothing in it); keep one"},
    {"metadata: {X-Amz-Meta-a: b}\n",
	":3:26: key 'metadata': 'X-Amz-Meta-a': x-amz-meta- is put before it "
	"anyway; leave that out"},
    {"metadata: {s3spool-crc32c: b}\n",
	":3:28: key 'metadata': 's3spool-crc32c': names that begin with "
	"s3spool- are our own; choose another"},
    {"metadata: {a: " LONG256 LONG256 LONG256 LONG256
     ", b: " LONG256 LONG256 LONG256 LONG64 LONG64 LONG64 "}\n",
	":3:1044: key 'metadata': 'b': an object's metadata has at most 2 KB "
	"and here 32 names; leave some out"},
    {"content_types: {.csv: text/csv}\n",
	":3:23: key 'content_types': '.csv': it is no extension; write it "
	"without its dot, such as csv"},
    {"content_types: {csv: a, CSV: b}\n",
	":3:30: key 'content_types': 'CSV': it is there already (case counts "
	"for nothing in it); keep one"},
};

START_TEST(refuses)
{
	struct strbuf text = {0}, expected = {0};
	struct config *config = NULL;
	char *error = NULL;

	strbuf_printf(&text, MIN "%s", bads[_i].text);
	strbuf_printf(&expected, NAME "%s", bads[_i].error);
	ck_assert_int_eq(
	    parse(strbuf_text(&text), NULL, &config, &error), -EINVAL);
	ck_assert_str_eq(error, strbuf_text(&expected));
	free(error);
	strbuf_done(&text);
	strbuf_done(&expected);
}
END_TEST

/* The most that the limits let pass. */
START_TEST(takes_the_most)
{
	struct strbuf text = {0};
	struct config *config;

	strbuf_puts(&text, MIN "metadata:\n");
	for (int i = 0; i < 32; i++)
		strbuf_printf(&text, "  name%02d: v\n", i);
	strbuf_puts(&text, "tags:\n");
	for (int i = 0; i < 10; i++)
		strbuf_printf(&text,
		    "  %d" LONG64 "012345678901234567890123456789012345678901"
		    "23456789012345678901: " LONG256 "\n",
		    i);
	config = parse_well(strbuf_text(&text), NULL);
	ck_assert_uint_eq(config->metadata.count, 32);
	ck_assert_uint_eq(config->tags.count, 10);
	config_free(config);
	strbuf_done(&text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config_options");
	TCase *tcase = tcase_create("config_options");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, has_defaults);
	tcase_add_test(tcase, takes_the_log_back);
	tcase_add_test(tcase, reads_values);
	tcase_add_loop_test(tcase, reads_mappings, 0, LENGTH(map_rows));
	tcase_add_test(tcase, reads_all_mappings);
	tcase_add_loop_test(tcase, refuses, 0, LENGTH(bads));
	tcase_add_test(tcase, takes_the_most);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
