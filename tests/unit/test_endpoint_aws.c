/* From all the places that settings come from to the URL, and elsewhere when
 * the store says so: AWS's partitions, kinds of endpoints and access points. */
#include "uploader/endpoint.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define ARN "arn:aws:s3:eu-west-1:012345678901:accesspoint/point"
#define POINT "point-012345678901.s3-accesspoint"
#define KEY "/k"

struct given {
	const char *lines;   /* of the configuration, after base_dir */
	const char *env;     /* "NAME=value NAME=value", or NULL */
	const char *profile; /* lines of [default], or NULL */
};

static void
set_environment(const char *env)
{
	static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION",
	    "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_USE_FIPS_ENDPOINT",
	    "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	    "AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
	char *copy = strdup(env != NULL ? env : "");
	char *rest = copy, *word;

	for (int i = 0; i < LENGTH(names); i++)
		ck_assert_int_eq(unsetenv(names[i]), 0);
	ck_assert_ptr_nonnull(copy);
	while ((word = strsep(&rest, " ")) != NULL && *word != '\0') {
		char *value = strchr(word, '=');

		ck_assert_ptr_nonnull(value);
		*value = '\0';
		ck_assert_int_eq(setenv(word, value + 1, 1), 0);
	}
	free(copy);
}

static struct profiles *
load_profiles(const char *lines)
{
	char profile_file[] = "/tmp/s3spool-test-XXXXXX";
	struct profiles *profiles = NULL;
	struct strbuf text = {0};
	char *error = NULL;
	int fd;

	if (lines == NULL)
		return NULL;
	fd = mkstemp(profile_file);
	ck_assert_int_ge(fd, 0);
	strbuf_printf(&text, "[default]\n%s", lines);
	ck_assert_int_eq(
	    write(fd, text.data, text.length), (ssize_t)text.length);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(setenv("AWS_CONFIG_FILE", profile_file, 1), 0);
	ck_assert_int_eq(
	    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1), 0);
	ck_assert_msg(
	    profiles_load(&profiles, &error) == 0, "profile: %s", error);
	ck_assert_int_eq(unlink(profile_file), 0);
	strbuf_done(&text);
	return profiles;
}

static int
resolve(
    const struct given *given, struct endpoint **ret_endpoint, char **ret_error)
{
	struct strbuf text = {0};
	struct config *config = NULL;
	struct profiles *profiles;
	char *error = NULL;
	int result;

	strbuf_printf(&text, "base_dir: /tmp\n%s", given->lines);
	ck_assert_msg(config_parse("c", strbuf_text(&text), text.length, NULL,
			  0, &config, &error) == 0,
	    "%s", error);
	strbuf_done(&text);
	set_environment(given->env);
	profiles = load_profiles(given->profile);
	result = endpoint_resolve(config, profiles, ret_endpoint, ret_error);
	profiles_free(profiles);
	config_free(config);
	return result;
}

#define B "s3_bucket: buck\n"
#define BR B "region: eu-west-1\n"
#define DOTS "s3_bucket: a.b\nregion: eu-west-1\n"
#define POINTED "s3_bucket: " ARN "\n"
#define FIPS "use_fips_endpoint: true\n"
#define DUAL "use_dualstack_endpoint: true\n"
#define FAST "use_accelerate_endpoint: true\n"
#define AS_PATH "addressing_style: path\n"
#define AS_VIRTUAL "addressing_style: virtual\n"

static const struct good {
	struct given given;
	const char *url;
	const char *region;
} goods[] = {
    /* one of each partition */
    {{BR, NULL, NULL}, "https://buck.s3.eu-west-1.amazonaws.com/k",
	"eu-west-1"},
    {{B "region: us-east-1\n", NULL, NULL},
	"https://buck.s3.us-east-1.amazonaws.com/k", "us-east-1"},
    {{B "region: mx-central-1\n", NULL, NULL},
	"https://buck.s3.mx-central-1.amazonaws.com/k", "mx-central-1"},
    {{B "region: cn-northwest-1\n", NULL, NULL},
	"https://buck.s3.cn-northwest-1.amazonaws.com.cn/k", "cn-northwest-1"},
    {{B "region: us-gov-east-1\n", NULL, NULL},
	"https://buck.s3.us-gov-east-1.amazonaws.com/k", "us-gov-east-1"},
    {{B "region: us-iso-west-1\n", NULL, NULL},
	"https://buck.s3.us-iso-west-1.c2s.ic.gov/k", "us-iso-west-1"},
    {{B "region: us-isob-east-1\n", NULL, NULL},
	"https://buck.s3.us-isob-east-1.sc2s.sgov.gov/k", "us-isob-east-1"},
    {{B "region: eu-isoe-west-1\n", NULL, NULL},
	"https://buck.s3.eu-isoe-west-1.cloud.adc-e.uk/k", "eu-isoe-west-1"},
    {{B "region: us-isof-south-1\n", NULL, NULL},
	"https://buck.s3.us-isof-south-1.csp.hci.ic.gov/k", "us-isof-south-1"},
    {{B "region: eusc-de-east-1\n", NULL, NULL},
	"https://buck.s3.eusc-de-east-1.amazonaws.eu/k", "eusc-de-east-1"},
    /* dualstack and FIPS, apart and together */
    {{BR DUAL, NULL, NULL},
	"https://buck.s3.dualstack.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{B DUAL "region: cn-north-1\n", NULL, NULL},
	"https://buck.s3.dualstack.cn-north-1.amazonaws.com.cn/k",
	"cn-north-1"},
    {{B FIPS "region: us-west-2\n", NULL, NULL},
	"https://buck.s3-fips.us-west-2.amazonaws.com/k", "us-west-2"},
    {{B FIPS "region: us-gov-west-1\n", NULL, NULL},
	"https://buck.s3-fips.us-gov-west-1.amazonaws.com/k", "us-gov-west-1"},
    {{B FIPS "region: us-iso-east-1\n", NULL, NULL},
	"https://buck.s3-fips.us-iso-east-1.c2s.ic.gov/k", "us-iso-east-1"},
    {{B FIPS DUAL "region: us-east-2\n", NULL, NULL},
	"https://buck.s3-fips.dualstack.us-east-2.amazonaws.com/k",
	"us-east-2"},
    {{BR FIPS AS_PATH, NULL, NULL},
	"https://s3-fips.eu-west-1.amazonaws.com/buck/k", "eu-west-1"},
    {{BR DUAL AS_PATH, NULL, NULL},
	"https://s3.dualstack.eu-west-1.amazonaws.com/buck/k", "eu-west-1"},
    {{DOTS FIPS DUAL, NULL, NULL},
	"https://s3-fips.dualstack.eu-west-1.amazonaws.com/a.b/k", "eu-west-1"},
    {{DOTS DUAL AS_VIRTUAL, NULL, NULL},
	"https://a.b.s3.dualstack.eu-west-1.amazonaws.com/k", "eu-west-1"},
    /* accelerated: no region in the host */
    {{BR FAST, NULL, NULL}, "https://buck.s3-accelerate.amazonaws.com/k",
	"eu-west-1"},
    {{BR FAST DUAL, NULL, NULL},
	"https://buck.s3-accelerate.dualstack.amazonaws.com/k", "eu-west-1"},
    {{BR FAST AS_VIRTUAL, NULL, NULL},
	"https://buck.s3-accelerate.amazonaws.com/k", "eu-west-1"},
    /* access points; the ARN's region counts */
    {{POINTED, NULL, NULL}, "https://" POINT ".eu-west-1.amazonaws.com/k",
	"eu-west-1"},
    {{POINTED "region: us-east-1\n", NULL, NULL},
	"https://" POINT ".eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{POINTED FIPS, NULL, NULL},
	"https://" POINT "-fips.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{POINTED DUAL, NULL, NULL},
	"https://" POINT ".dualstack.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{POINTED FIPS DUAL AS_VIRTUAL, NULL, NULL},
	"https://" POINT "-fips.dualstack.eu-west-1.amazonaws.com/k",
	"eu-west-1"},
    {{"s3_bucket: arn:aws:s3:eu-west-1:012345678901:accesspoint:point\n", NULL,
	 NULL},
	"https://" POINT ".eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{"s3_bucket: "
      "arn:aws-cn:s3:cn-north-1:012345678901:accesspoint/point\n",
	 NULL, NULL},
	"https://" POINT ".cn-north-1.amazonaws.com.cn/k", "cn-north-1"},
    {{"s3_bucket: "
      "arn:aws-us-gov:s3:us-gov-west-1:012345678901:accesspoint/point\n",
	 NULL, NULL},
	"https://" POINT ".us-gov-west-1.amazonaws.com/k", "us-gov-west-1"},
    {{POINTED "endpoint_url: https://store.example:8443/s3\n", NULL, NULL},
	"https://point-012345678901.store.example:8443/s3/k", "eu-west-1"},
    {{"s3_bucket: point-abcdefghijk-s3alias\nregion: eu-west-1\n", NULL, NULL},
	"https://point-abcdefghijk-s3alias.s3.eu-west-1.amazonaws.com/k",
	"eu-west-1"},
    /* the environment, behind the configuration */
    {{BR, "AWS_USE_FIPS_ENDPOINT=true AWS_USE_DUALSTACK_ENDPOINT=TRUE", NULL},
	"https://buck.s3-fips.dualstack.eu-west-1.amazonaws.com/k",
	"eu-west-1"},
    {{BR "use_fips_endpoint: false\n", "AWS_USE_FIPS_ENDPOINT=true", NULL},
	"https://buck.s3.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{BR, "AWS_USE_FIPS_ENDPOINT= AWS_REGION=us-east-1", NULL},
	"https://buck.s3.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{BR,
	 "AWS_ENDPOINT_URL_S3=http://e AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="
	 "true",
	 NULL},
	"https://buck.s3.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{BR "endpoint_url: http://e\n", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
	 NULL},
	"http://e/buck/k", "eu-west-1"},
    {{BR, "AWS_ENDPOINT_URL=http://e AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=false",
	 NULL},
	"http://e/buck/k", "eu-west-1"},
    /* the profile, behind both */
    {{B, NULL, "region = eu-north-1\n"},
	"https://buck.s3.eu-north-1.amazonaws.com/k", "eu-north-1"},
    {{B, "AWS_DEFAULT_REGION=eu-west-3", "region = eu-north-1\n"},
	"https://buck.s3.eu-west-3.amazonaws.com/k", "eu-west-3"},
    {{BR, NULL, "use_fips_endpoint = true\nuse_dualstack_endpoint = true\n"},
	"https://buck.s3-fips.dualstack.eu-west-1.amazonaws.com/k",
	"eu-west-1"},
    {{BR, "AWS_USE_FIPS_ENDPOINT=false", "use_fips_endpoint = true\n"},
	"https://buck.s3.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{BR, NULL, "s3 =\n  use_accelerate_endpoint = true\n"},
	"https://buck.s3-accelerate.amazonaws.com/k", "eu-west-1"},
    {{BR "use_accelerate_endpoint: false\n", NULL,
	 "s3 =\n  use_accelerate_endpoint = true\n"},
	"https://buck.s3.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{BR, NULL, "s3 =\n  addressing_style = path\n"},
	"https://s3.eu-west-1.amazonaws.com/buck/k", "eu-west-1"},
    {{BR AS_VIRTUAL, NULL, "s3 =\n  addressing_style = path\n"},
	"https://buck.s3.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{BR, NULL, "s3 =\n  use_dualstack_endpoint = true\n"},
	"https://buck.s3.dualstack.eu-west-1.amazonaws.com/k", "eu-west-1"},
    {{B, NULL, "endpoint_url = http://p:81/x\n"}, "http://p:81/x/buck/k",
	"us-east-1"},
    {{B, "AWS_ENDPOINT_URL=http://e", "endpoint_url = http://p\n"},
	"http://e/buck/k", "us-east-1"},
    {{BR, NULL,
	 "endpoint_url = http://p\nignore_configured_endpoint_urls = true\n"},
	"https://buck.s3.eu-west-1.amazonaws.com/k", "eu-west-1"},
};

static void
check_url(const struct endpoint *endpoint, const char *expected)
{
	struct strbuf url = {0};

	strbuf_printf(&url, "%s://%s", endpoint->scheme, endpoint->host);
	endpoint_uri(endpoint, "k", &url);
	ck_assert_str_eq(strbuf_text(&url), expected);
	strbuf_done(&url);
}

START_TEST(resolves)
{
	const struct good *row = &goods[_i];
	struct endpoint *endpoint = NULL;
	char *error = NULL;

	ck_assert_msg(resolve(&row->given, &endpoint, &error) == 0, "%s: %s",
	    row->url, error);
	check_url(endpoint, row->url);
	ck_assert_str_eq(endpoint->region, row->region);
	endpoint_free(endpoint);
}
END_TEST

#define BAD_ARN(rest) "s3_bucket: arn:" rest "\nregion: eu-west-1\n"

static const struct bad {
	struct given given;
	const char *said;
} bads[] = {
    /* wishes against each other, the partition, the endpoint */
    {{BR FAST FIPS, NULL, NULL}, "exclude each other"},
    {{BR FAST AS_PATH, NULL, NULL}, "addressing_style path"},
    {{DOTS FAST, NULL, NULL}, "without dots"},
    {{B FAST "region: cn-north-1\n", NULL, NULL}, "region has none"},
    {{B FAST "region: us-gov-west-1\n", NULL, NULL}, "region has none"},
    {{B FIPS "region: cn-north-1\n", NULL, NULL}, "region has none"},
    {{B DUAL "region: us-iso-east-1\n", NULL, NULL}, "region has none"},
    {{POINTED FAST, NULL, NULL}, "not accelerated"},
    {{POINTED AS_PATH, NULL, NULL}, "access points"},
    {{POINTED "endpoint_url: http://127.0.0.1\n", NULL, NULL}, "no address"},
    {{B FIPS "endpoint_url: http://e\n", NULL, NULL}, "use_fips_endpoint"},
    {{B DUAL "endpoint_url: http://e\n", NULL, NULL}, "use_dualstack"},
    {{B FAST "endpoint_url: http://e\n", NULL, NULL}, "use_accelerate"},
    {{B, "AWS_USE_FIPS_ENDPOINT=true AWS_ENDPOINT_URL=http://e", NULL},
	"use_fips_endpoint"},
    /* what can't be understood is named by its place */
    {{BR, "AWS_USE_FIPS_ENDPOINT=yes", NULL}, "AWS_USE_FIPS_ENDPOINT \"yes\""},
    {{BR, NULL, "use_fips_endpoint = 1\n"}, "profile's use_fips_endpoint"},
    {{BR, NULL, "s3 =\n  addressing_style = host\n"},
	"profile's s3 addressing_style \"host\""},
    {{B, NULL, "region = a/b\n"}, "profile's region \"a/b\""},
    {{B, NULL, "endpoint_url = nonsense\n"}, "profile's endpoint_url"},
    /* kinds of buckets and ARNs */
    {{"s3_bucket: b--usw2-az1--x-s3\n", NULL, NULL}, "S3 Express"},
    {{"s3_bucket: p--usw2-az1--xa-s3\n", NULL, NULL}, "S3 Express"},
    {{"s3_bucket: p-x--ol-s3\n", NULL, NULL}, "Object Lambda"},
    {{"s3_bucket: p-x--op-s3\n", NULL, NULL}, "Outposts"},
    {{"s3_bucket: p-x--table-s3\n", NULL, NULL}, "table buckets"},
    {{"s3_bucket: mfzwi23gnjvgw.mrap\n", NULL, NULL}, "Multi-Region"},
    {{BAD_ARN("aws:s3:::buck"), NULL, NULL}, "instead of its ARN"},
    {{BAD_ARN("aws:s3::012345678901:accesspoint/x.mrap"), NULL, NULL},
	"Multi-Region"},
    {{BAD_ARN("aws:s3-outposts:us-west-2:012345678901:outpost/op-1/"
	      "accesspoint/x"),
	 NULL, NULL},
	"Outposts"},
    {{BAD_ARN("aws:s3-object-lambda:eu-west-1:012345678901:accesspoint/x"),
	 NULL, NULL},
	"Object Lambda"},
    {{BAD_ARN("aws:s3express:us-west-2:012345678901:bucket/x"), NULL, NULL},
	"S3 Express"},
    {{BAD_ARN("aws:sqs:us-west-2:012345678901:x"), NULL, NULL}, "only ARNs"},
    {{BAD_ARN("aws:s3:eu-west-1:012345678901:bucket/x"), NULL, NULL},
	"only ARNs"},
    {{BAD_ARN("aws:s3"), NULL, NULL}, "no whole ARN"},
    {{BAD_ARN("aws:s3:eu-west-1:12:accesspoint/point"), NULL, NULL},
	"12 digits"},
    {{BAD_ARN("aws:s3:eu-west-1:01234567890x:accesspoint/point"), NULL, NULL},
	"12 digits"},
    {{BAD_ARN("aws:s3:eu-west-1:012345678901:accesspoint/ab"), NULL, NULL},
	"3 to 50"},
    {{BAD_ARN("aws:s3:eu-west-1:012345678901:accesspoint/a/b"), NULL, NULL},
	"3 to 50"},
    {{BAD_ARN("aws:s3:eu-west-1:012345678901:accesspoint/-ab"), NULL, NULL},
	"3 to 50"},
    {{BAD_ARN("aws:s3:eu/x:012345678901:accesspoint/abc"), NULL, NULL},
	"region is none"},
    {{BAD_ARN("aws:s3:evil.example:012345678901:accesspoint/abc"), NULL, NULL},
	"region is none"},
    {{BAD_ARN("aws-cn:s3:eu-west-1:012345678901:accesspoint/abc"), NULL, NULL},
	"no such region"},
};

START_TEST(refuses)
{
	struct endpoint *endpoint = NULL;
	char *error = NULL;

	ck_assert_msg(resolve(&bads[_i].given, &endpoint, &error) == -EINVAL,
	    "row %d was taken", _i);
	ck_assert_ptr_null(endpoint);
	ck_assert_msg(strstr(error, bads[_i].said) != NULL, "%s", error);
	free(error);
}
END_TEST

static const struct move {
	struct given given;
	const char *region;
	const char *url; /* NULL: it stays */
} moves[] = {
    {{BR, NULL, NULL}, "us-west-2",
	"https://buck.s3.us-west-2.amazonaws.com/k"},
    {{BR FIPS DUAL, NULL, NULL}, "us-west-2",
	"https://buck.s3-fips.dualstack.us-west-2.amazonaws.com/k"},
    {{DOTS, NULL, NULL}, "us-west-2",
	"https://s3.us-west-2.amazonaws.com/a.b/k"},
    {{BR FAST, NULL, NULL}, "us-west-2",
	"https://buck.s3-accelerate.amazonaws.com/k"},
    {{B "region: cn-north-1\n", NULL, NULL}, "cn-northwest-1",
	"https://buck.s3.cn-northwest-1.amazonaws.com.cn/k"},
    /* a custom URL of AWS's */
    {{BR "endpoint_url: https://s3.eu-west-1.amazonaws.com\n", NULL, NULL},
	"us-west-2", "https://s3.us-west-2.amazonaws.com/buck/k"},
    {{BR "endpoint_url: https://vpce-1.s3.eu-west-1.vpce.amazonaws.com\n", NULL,
	 NULL},
	"us-west-2", "https://vpce-1.s3.eu-west-1.vpce.amazonaws.com/buck/k"},
    {{BR "endpoint_url: https://s3.amazonaws.com\n", NULL, NULL}, "us-west-2",
	"https://s3.amazonaws.com/buck/k"},
    /* other stores: only the signature's scope */
    {{B "endpoint_url: http://h:9000\n", NULL, NULL}, "garage",
	"http://h:9000/buck/k"},
    {{B "endpoint_url: http://h\n", NULL, NULL}, "My_Region.1",
	"http://h/buck/k"},
    /* what must not be believed */
    {{BR, NULL, NULL}, "eu-west-1", NULL},
    {{BR, NULL, NULL}, "", NULL},
    {{BR, NULL, NULL}, "cn-north-1", NULL},
    {{BR, NULL, NULL}, "us-gov-west-1", NULL},
    {{BR, NULL, NULL}, "evil.example", NULL},
    {{BR, NULL, NULL}, "a/b", NULL},
    {{BR, NULL, NULL}, "a@b", NULL},
    {{BR, NULL, NULL}, "a\r\nx: y", NULL},
    {{B "endpoint_url: http://h\n", NULL, NULL}, "a/b", NULL},
    {{POINTED, NULL, NULL}, "us-west-2", NULL},
};

START_TEST(goes_elsewhere)
{
	const struct move *row = &moves[_i];
	struct endpoint *endpoint = NULL;
	char *error = NULL;
	char *before;

	ck_assert_msg(
	    resolve(&row->given, &endpoint, &error) == 0, "%s", error);
	before = strdup(endpoint->host);
	ck_assert_int_eq(
	    endpoint_move(endpoint, row->region), row->url ? 0 : -EINVAL);
	if (row->url != NULL) {
		check_url(endpoint, row->url);
		ck_assert_str_eq(endpoint->region, row->region);
	} else {
		ck_assert_str_eq(endpoint->host, before);
	}
	free(before);
	endpoint_free(endpoint);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("endpoint_aws");
	TCase *tcase = tcase_create("endpoint_aws");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, resolves, 0, LENGTH(goods));
	tcase_add_loop_test(tcase, refuses, 0, LENGTH(bads));
	tcase_add_loop_test(tcase, goes_elsewhere, 0, LENGTH(moves));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
