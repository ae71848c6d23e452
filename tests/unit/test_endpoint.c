/* From configuration and environment to scheme, host and URI. */
#include "uploader/endpoint.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct given {
	const char *bucket, *url, *region; /* configuration; NULL: not set */
	enum addressing_style style;
	const char *env_url_s3, *env_url, *env_region, *env_default_region;
};

static void
set(const char *name, const char *value)
{
	ck_assert_int_eq(
	    value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

static char *
copy(const char *text)
{
	char *result = text != NULL ? strdup(text) : NULL;

	ck_assert(text == NULL || result != NULL);
	return result;
}

static int
resolve(
    const struct given *given, struct endpoint **ret_endpoint, char **ret_error)
{
	struct config config = {.bucket = copy(given->bucket),
	    .endpoint_url = copy(given->url),
	    .region = copy(given->region),
	    .addressing_style = given->style};
	int result;

	set("AWS_ENDPOINT_URL_S3", given->env_url_s3);
	set("AWS_ENDPOINT_URL", given->env_url);
	set("AWS_REGION", given->env_region);
	set("AWS_DEFAULT_REGION", given->env_default_region);
	result = endpoint_resolve(&config, NULL, ret_endpoint, ret_error);
	free(config.bucket);
	free(config.endpoint_url);
	free(config.region);
	return result;
}

#define PATH ADDRESSING_PATH
#define VIRTUAL ADDRESSING_VIRTUAL

static const struct good {
	struct given given;
	const char *url; /* of the key "a b/c" */
	const char *region;
	bool is_aws;
} goods[] = {
    /* AWS and its partitions. */
    {{.bucket = "buck", .region = "eu-west-1"},
	"https://buck.s3.eu-west-1.amazonaws.com/a%20b/c", "eu-west-1", true},
    {{.bucket = "buck", .region = "cn-north-1"},
	"https://buck.s3.cn-north-1.amazonaws.com.cn/a%20b/c", "cn-north-1",
	true},
    {{.bucket = "buck", .region = "eusc-de-east-1"},
	"https://buck.s3.eusc-de-east-1.amazonaws.eu/a%20b/c", "eusc-de-east-1",
	true},
    {{.bucket = "buck", .region = "us-gov-west-1"},
	"https://buck.s3.us-gov-west-1.amazonaws.com/a%20b/c", "us-gov-west-1",
	true},
    {{.bucket = "buck", .region = "us-iso-east-1"},
	"https://buck.s3.us-iso-east-1.c2s.ic.gov/a%20b/c", "us-iso-east-1",
	true},
    {{.bucket = "buck", .region = "us-isob-east-1"},
	"https://buck.s3.us-isob-east-1.sc2s.sgov.gov/a%20b/c",
	"us-isob-east-1", true},
    /* The order of sources; empty counts as unset. */
    {{.bucket = "buck",
	 .region = "r-conf",
	 .env_region = "r-env",
	 .env_default_region = "r-default"},
	"https://buck.s3.r-conf.amazonaws.com/a%20b/c", "r-conf", true},
    {{.bucket = "buck",
	 .env_region = "r-env",
	 .env_default_region = "r-default"},
	"https://buck.s3.r-env.amazonaws.com/a%20b/c", "r-env", true},
    {{.bucket = "buck", .env_region = "", .env_default_region = "r-default"},
	"https://buck.s3.r-default.amazonaws.com/a%20b/c", "r-default", true},
    {{.bucket = "buck",
	 .url = "http://conf",
	 .env_url_s3 = "http://s3",
	 .env_url = "http://all"},
	"http://conf/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .env_url_s3 = "http://s3", .env_url = "http://all"},
	"http://s3/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck",
	 .env_url_s3 = "",
	 .env_url = "http://all",
	 .env_region = "garage"},
	"http://all/buck/a%20b/c", "garage", false},
    {{.bucket = "buck", .region = "x", .env_url_s3 = "", .env_url = ""},
	"https://buck.s3.x.amazonaws.com/a%20b/c", "x", true},
    /* Addressing styles. */
    {{.bucket = "buck", .region = "x", .style = PATH},
	"https://s3.x.amazonaws.com/buck/a%20b/c", "x", true},
    {{.bucket = "dot.ted", .region = "x"},
	"https://s3.x.amazonaws.com/dot.ted/a%20b/c", "x", true},
    {{.bucket = "dot.ted", .region = "x", .style = VIRTUAL},
	"https://dot.ted.s3.x.amazonaws.com/a%20b/c", "x", true},
    {{.bucket = "dot.ted", .url = "http://store.example", .style = VIRTUAL},
	"http://dot.ted.store.example/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "https://store.example:9000/", .style = VIRTUAL},
	"https://buck.store.example:9000/a%20b/c", "us-east-1", false},
    {{.bucket = "Old_Bucket", .region = "x"},
	"https://s3.x.amazonaws.com/Old_Bucket/a%20b/c", "x", true},
    /* Custom URLs. */
    {{.bucket = "buck", .url = "http://127.0.0.1:8080"},
	"http://127.0.0.1:8080/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "https://h:443/"}, "https://h/buck/a%20b/c",
	"us-east-1", false},
    {{.bucket = "buck", .url = "http://h:80"}, "http://h/buck/a%20b/c",
	"us-east-1", false},
    {{.bucket = "buck", .url = "http://h:443"}, "http://h:443/buck/a%20b/c",
	"us-east-1", false},
    {{.bucket = "buck", .url = "HTTPS://Store.Example"},
	"https://store.example/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "http://[::1]:9000"},
	"http://[::1]:9000/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "http://h/s3/"}, "http://h/s3/buck/a%20b/c",
	"us-east-1", false},
    {{.bucket = "buck", .url = "http://h/s3//"}, "http://h/s3/buck/a%20b/c",
	"us-east-1", false},
    {{.bucket = "buck", .url = "http://h/my%20s3/+x"},
	"http://h/my%20s3/%2Bx/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "http://h/s3", .style = VIRTUAL},
	"http://buck.h/s3/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "http://h:"}, "http://h/buck/a%20b/c",
	"us-east-1", false},
    {{.bucket = "buck", .url = "http://h:08080"}, "http://h:8080/buck/a%20b/c",
	"us-east-1", false},
    {{.bucket = "buck", .url = "http://[0:0::0001]"},
	"http://[::1]/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "http://h/..x/.../y.z"},
	"http://h/..x/.../y.z/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "http://s3.0xyz"}, "http://s3.0xyz/buck/a%20b/c",
	"us-east-1", false},
    {{.bucket = "buck", .url = "http://s3.1st.example"},
	"http://s3.1st.example/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "http://under_score"},
	"http://under_score/buck/a%20b/c", "us-east-1", false},
    /* AWS by a URL of the user's. */
    {{.bucket = "buck",
	 .url = "https://s3.eu-west-1.amazonaws.com",
	 .region = "eu-west-1"},
	"https://s3.eu-west-1.amazonaws.com/buck/a%20b/c", "eu-west-1", true},
    {{.bucket = "buck",
	 .url = "https://s3.cn-north-1.amazonaws.com.cn",
	 .region = "cn-north-1",
	 .style = VIRTUAL},
	"https://buck.s3.cn-north-1.amazonaws.com.cn/a%20b/c", "cn-north-1",
	true},
    /* ... and what only looks like it. */
    {{.bucket = "buck", .url = "https://notamazonaws.com"},
	"https://notamazonaws.com/buck/a%20b/c", "us-east-1", false},
    {{.bucket = "buck", .url = "https://s3.amazonaws.com.example"},
	"https://s3.amazonaws.com.example/buck/a%20b/c", "us-east-1", false},
};

START_TEST(resolves)
{
	const struct good *row = &goods[_i];
	struct endpoint *endpoint = NULL;
	struct strbuf url = {0};
	char *error = NULL;

	ck_assert_msg(resolve(&row->given, &endpoint, &error) == 0, "%s: %s",
	    row->url, error);
	strbuf_printf(&url, "%s://%s", endpoint->scheme, endpoint->host);
	endpoint_uri(endpoint, "a b/c", &url);
	ck_assert_str_eq(strbuf_text(&url), row->url);
	ck_assert_str_eq(endpoint->region, row->region);
	ck_assert_str_eq(endpoint->bucket, row->given.bucket);
	ck_assert_int_eq(endpoint->is_aws, row->is_aws);
	strbuf_done(&url);
	endpoint_free(endpoint);
}
END_TEST

#define LONG63 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct bad {
	struct given given;
	const char *said; /* part of the error */
} bads[] = {
    /* Buckets. */
    {{.bucket = "", .region = "x"}, "3 to 63"},
    {{.bucket = "ab", .region = "x"}, "3 to 63"},
    {{.bucket = "..", .url = "http://h"}, "3 to 63"},
    {{.bucket = LONG63 LONG63 LONG63 LONG63 "bbbb", .region = "x"}, "3 to 63"},
    {{.bucket = "a/b", .region = "x"}, "only letters"},
    {{.bucket = "../x", .region = "x"}, "only letters"},
    {{.bucket = "a b c", .region = "x"}, "only letters"},
    {{.bucket = "a%2fb", .region = "x"}, "only letters"},
    {{.bucket = "buck\r\nx: y", .region = "x"}, "only letters"},
    {{.bucket = "b\xc3\xbc"
		"ck",
	 .region = "x"},
	"only letters"},
    {{.bucket = "a@b.c", .region = "x"}, "only letters"},
    {{.bucket = "s3://buck", .region = "x"}, "without s3://"},
    {{.bucket = "arn:aws:s3:::buck", .region = "x"}, "ARN"},
    {{.bucket = "buck--use1-az4--x-s3", .region = "x"}, "Express"},
    /* Regions. */
    {{.bucket = "buck"}, "no region"},
    {{.bucket = "buck", .url = "https://s3.eu-west-1.amazonaws.com"},
	"no region"},
    {{.bucket = "buck", .region = "a/b"}, "region \"a/b\""},
    {{.bucket = "buck", .env_region = "a b"}, "AWS_REGION"},
    {{.bucket = "buck", .env_default_region = "x\r\ny: z"},
	"AWS_DEFAULT_REGION"},
    {{.bucket = "buck", .url = "http://h", .region = "evil/x"}, "region"},
    {{.bucket = "buck", .region = LONG63 "b"}, "region"},
    /* URLs. */
    {{.bucket = "buck", .url = "localhost:9000"},
	"begin with https:// or http://"},
    {{.bucket = "buck", .url = "store.example"},
	"begin with https:// or http://"},
    {{.bucket = "buck", .url = "ftp://h"}, "begin with https:// or http://"},
    {{.bucket = "buck", .url = "file:///etc/passwd"}, "endpoint_url"},
    {{.bucket = "buck", .url = "http://"}, "endpoint_url"},
    {{.bucket = "buck", .url = "http:///h"}, "names no host"},
    {{.bucket = "buck", .url = "http:h"}, "begin with https:// or http://"},
    {{.bucket = "buck", .url = "http://:80"}, "names no host"},
    {{.bucket = "buck", .url = "http://h:99999"}, "port"},
    {{.bucket = "buck", .url = "http://h:99999999999999999999"}, "port"},
    {{.bucket = "buck", .url = "http://h:0"}, "port"},
    {{.bucket = "buck", .url = "http://h:+80"}, "port"},
    {{.bucket = "buck", .url = "http://h:x"}, "port"},
    {{.bucket = "buck", .url = "http://h:80:80"}, "port"},
    {{.bucket = "buck", .url = "http://[::1]80"}, "port"},
    /* What one parser takes for an address, and another for a name. */
    {{.bucket = "buck", .url = "http://2130706433"}, "no IPv4"},
    {{.bucket = "buck", .url = "http://0x7F000001"}, "no IPv4"},
    {{.bucket = "buck", .url = "http://127.1"}, "no IPv4"},
    {{.bucket = "buck", .url = "http://127.0.0.256"}, "no IPv4"},
    {{.bucket = "buck", .url = "http://127.0.0.0x1"}, "no IPv4"},
    {{.bucket = "buck", .url = "http://h/a/../b"}, "'..'"},
    {{.bucket = "buck", .url = "http://h/%2e%2E"}, "'..'"},
    {{.bucket = "buck", .url = "http://h/./b"}, "'..'"},
    {{.bucket = "buck", .url = "http://h/a b"}, "space"},
    {{.bucket = "buck", .url = "http://h/a%2"}, "'%'"},
    {{.bucket = "buck", .url = "http://h h"}, "endpoint_url"},
    {{.bucket = "buck", .url = "http://h\r\nx: y"}, "endpoint_url"},
    {{.bucket = "buck", .url = "http://h%0d%0a"}, "endpoint_url"},
    {{.bucket = "buck",
	 .url = "http://b\xc3\xbc"
		"cher.example"},
	"xn--"},
    {{.bucket = "buck", .url = "http://h/?x=y"}, "query"},
    {{.bucket = "buck", .url = "http://h/#x"}, "fragment"},
    {{.bucket = "buck", .url = "http://h/%00"}, "endpoint_url"},
    {{.bucket = "buck", .url = "http://h/%0a"}, "endpoint_url"},
    {{.bucket = "buck", .url = "http://h/%ff"}, "UTF-8"},
    {{.bucket = "buck", .url = "http://[fe80::1%25eth0]:9000"}, "zone"},
    {{.bucket = "buck", .url = "http://[::zz]"}, "no IPv6"},
    {{.bucket = "buck", .url = "http://[::1"}, "no IPv6"},
    {{.bucket = "buck", .url = "http://[]"}, "no IPv6"},
    {{.bucket = "buck", .url = "http://user:hush@h"}, "must not hold a user"},
    {{.bucket = "buck", .url = "http://user@h"}, "must not hold a user"},
    {{.bucket = "buck", .url = "http://user:hush@h:x"}, "endpoint_url"},
    {{.bucket = "buck", .env_url_s3 = "nonsense"}, "AWS_ENDPOINT_URL_S3"},
    {{.bucket = "buck", .env_url = "nonsense"}, "AWS_ENDPOINT_URL \""},
    /* A bucket that can't be part of the host. */
    {{.bucket = "buck", .url = "http://127.0.0.1:8080", .style = VIRTUAL},
	"use path"},
    {{.bucket = "buck", .url = "http://[::1]", .style = VIRTUAL}, "use path"},
    {{.bucket = "Buck", .region = "x", .style = VIRTUAL}, "use path"},
    {{.bucket = "b_ck", .region = "x", .style = VIRTUAL}, "use path"},
    {{.bucket = "-buck", .region = "x", .style = VIRTUAL}, "use path"},
    {{.bucket = "buck-", .region = "x", .style = VIRTUAL}, "use path"},
    {{.bucket = "b..k", .region = "x", .style = VIRTUAL}, "use path"},
    {{.bucket = "b.-k", .region = "x", .style = VIRTUAL}, "use path"},
    {{.bucket = ".buck", .region = "x", .style = VIRTUAL}, "use path"},
    {{.bucket = LONG63 "b", .region = "x", .style = VIRTUAL}, "use path"},
};

START_TEST(refuses)
{
	const struct bad *row = &bads[_i];
	struct endpoint *endpoint = NULL;
	char *error = NULL;

	ck_assert_msg(resolve(&row->given, &endpoint, &error) == -EINVAL,
	    "row %d was taken", _i);
	ck_assert_ptr_null(endpoint);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(
	    strstr(error, row->said) != NULL, "row %d: %s", _i, error);
	ck_assert_ptr_null(strstr(error, "hush"));
	free(error);
}
END_TEST

/* A key is encoded once, and nothing in it is normalised. */
START_TEST(keys)
{
	static const char *const rows[][2] = {
	    {"a/../b", "/buck/a/../b"},
	    {"a//b/./c/", "/buck/a//b/./c/"},
	    {"/a", "/buck//a"},
	    {"..", "/buck/.."},
	    {"a+b %41\n\"'?#", "/buck/a%2Bb%20%2541%0A%22%27%3F%23"},
	    {"\xc3\xbc", "/buck/%C3%BC"},
	};
	struct given given = {.bucket = "buck", .url = "http://h"};
	struct endpoint *endpoint = NULL;
	struct strbuf uri = {0};
	char *error = NULL;

	ck_assert_int_eq(resolve(&given, &endpoint, &error), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		strbuf_reset(&uri);
		endpoint_uri(endpoint, rows[i][0], &uri);
		ck_assert_str_eq(strbuf_text(&uri), rows[i][1]);
	}
	strbuf_done(&uri);
	endpoint_free(endpoint);
	endpoint_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *tests = tcase_create("endpoint");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tests, resolves, 0, sizeof goods / sizeof *goods);
	tcase_add_loop_test(tests, refuses, 0, sizeof bads / sizeof *bads);
	tcase_add_test(tests, keys);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
