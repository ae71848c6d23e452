/* Signatures against those that AWS publishes ("Authenticating Requests: Using
 * the Authorization Header", "Example: ..."), and the caches against a signer
 * that has none yet. */
#include "uploader/sigv4.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define ID "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WELCOME \
	"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define SCOPE "20130524/us-east-1/s3/aws4_request"
#define HOST \
	{ \
		"host", "examplebucket.s3.amazonaws.com" \
	}
#define DATE \
	{ \
		"x-amz-date", "20130524T000000Z" \
	}

/* 2013-05-24T00:00:00Z */
static const int64_t day_ns = INT64_C(1369353600) * CLOCK_NS_PER_S;

static const struct example {
	const char *method, *uri, *query, *payload_hash;
	struct sigv4_header headers[8];
	size_t count;
	const char *names, *signature;
} examples[] = {
    /* GET Object: a header that is signed although it needn't be. */
    {"GET", "/test.txt", "", EMPTY,
	{HOST, {"range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY}, DATE},
	4, "host;range;x-amz-content-sha256;x-amz-date",
	"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    /* PUT Object: a payload, and a key that needs encoding. */
    {"PUT", "/test%24file.text", "", WELCOME,
	{{"date", "Fri, 24 May 2013 00:00:00 GMT"}, HOST,
	    {"x-amz-content-sha256", WELCOME}, DATE,
	    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
	5, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    /* GET Bucket lifecycle: a query without a value. */
    {"GET", "/", "lifecycle=", EMPTY,
	{HOST, {"x-amz-content-sha256", EMPTY}, DATE}, 3,
	"host;x-amz-content-sha256;x-amz-date",
	"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    /* GET Bucket (List Objects): two parameters. */
    {"GET", "/", "max-keys=2&prefix=J", EMPTY,
	{HOST, {"x-amz-content-sha256", EMPTY}, DATE}, 3,
	"host;x-amz-content-sha256;x-amz-date",
	"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

enum { EXAMPLE_COUNT = sizeof examples / sizeof *examples };

static void
sign(struct sigv4_signer *signer, const struct example *example, int64_t now_ns,
    struct strbuf *ret_authorization)
{
	strbuf_reset(ret_authorization);
	sigv4_sign(signer, now_ns, example->method, example->uri,
	    example->query, example->headers, example->count,
	    example->payload_hash, ret_authorization);
}

START_TEST(published_examples)
{
	struct sigv4_signer *signer = sigv4_new(ID, SECRET, "us-east-1", "s3");
	const struct example *example = &examples[_i];
	struct strbuf got = {0}, wanted = {0};

	strbuf_printf(&wanted,
	    "AWS4-HMAC-SHA256 Credential=" ID "/" SCOPE
	    ", SignedHeaders=%s, Signature=%s",
	    example->names, example->signature);
	sign(signer, example, day_ns, &got);
	ck_assert_str_eq(strbuf_text(&got), strbuf_text(&wanted));
	/* Once more, from the cache and within the same second. */
	sign(signer, example, day_ns + CLOCK_NS_PER_S - 1, &got);
	ck_assert_str_eq(strbuf_text(&got), strbuf_text(&wanted));
	strbuf_done(&got);
	strbuf_done(&wanted);
	sigv4_free(signer);
}
END_TEST

START_TEST(appends)
{
	struct sigv4_signer *signer = sigv4_new(ID, SECRET, "us-east-1", "s3");
	struct strbuf got = {0};

	strbuf_puts(&got, "Authorization: ");
	sigv4_sign(signer, day_ns, "GET", "/",
	    "lifecycle=", examples[2].headers, 3, EMPTY, &got);
	ck_assert_int_eq(
	    strncmp(strbuf_text(&got), "Authorization: AWS4-", 20), 0);
	strbuf_done(&got);
	sigv4_free(signer);
}
END_TEST

/* A signer that goes through seconds and days, back too (a corrected clock),
 * signs as a new one does. */
START_TEST(caches_follow_time)
{
	static const int64_t steps_s[] = {
	    0, 0, 1, 86399, 86400, 86401, 86399, 0, 2678400, -1, 86400};
	struct sigv4_signer *old = sigv4_new(ID, SECRET, "us-east-1", "s3");
	struct strbuf got = {0}, wanted = {0};

	for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++) {
		int64_t now_ns = day_ns + steps_s[i] * CLOCK_NS_PER_S;
		struct sigv4_signer *new = sigv4_new(
		    ID, SECRET, "us-east-1", "s3");

		sign(old, &examples[0], now_ns, &got);
		sign(new, &examples[0], now_ns, &wanted);
		ck_assert_str_eq(strbuf_text(&got), strbuf_text(&wanted));
		sigv4_free(new);
	}
	strbuf_done(&got);
	strbuf_done(&wanted);
	sigv4_free(old);
}
END_TEST

START_TEST(date_follows_time)
{
	struct sigv4_signer *signer = sigv4_new(ID, SECRET, "us-east-1", "s3");

	ck_assert_str_eq(sigv4_date(signer, day_ns), "20130524T000000Z");
	ck_assert_str_eq(
	    sigv4_date(signer, day_ns + 999999999), "20130524T000000Z");
	ck_assert_str_eq(
	    sigv4_date(signer, day_ns + CLOCK_NS_PER_S), "20130524T000001Z");
	ck_assert_str_eq(sigv4_date(signer, day_ns - 1), "20130523T235959Z");
	ck_assert_str_eq(sigv4_date(signer, 0), "19700101T000000Z");
	sigv4_free(signer);
}
END_TEST

/* Each thing that a signature covers changes it. */
START_TEST(everything_counts)
{
	struct sigv4_header other[2] = {HOST, {"x-amz-date", "x"}};
	struct sigv4_signer *signers[] = {
	    sigv4_new(ID, SECRET, "us-east-1", "s3"),
	    sigv4_new(ID, "other", "us-east-1", "s3"),
	    sigv4_new(ID, SECRET, "us-east-2", "s3"),
	    sigv4_new(ID, SECRET, "us-east-1", "sts"),
	};
	struct strbuf got[8] = {{0}};
	const char *signatures[8];

	for (size_t i = 0; i < 4; i++)
		sigv4_sign(signers[i], day_ns, "PUT", "/a", "",
		    examples[0].headers, 2, EMPTY, &got[i]);
	sigv4_sign(signers[0], day_ns, "GET", "/a", "", examples[0].headers, 2,
	    EMPTY, &got[4]);
	sigv4_sign(signers[0], day_ns, "PUT", "/b", "", examples[0].headers, 2,
	    EMPTY, &got[5]);
	sigv4_sign(
	    signers[0], day_ns, "PUT", "/a", "", other, 2, EMPTY, &got[6]);
	sigv4_sign(signers[0], day_ns, "PUT", "/a", "", examples[0].headers, 2,
	    WELCOME, &got[7]);
	for (size_t i = 0; i < 8; i++) {
		signatures[i] = strstr(strbuf_text(&got[i]), "Signature=");
		ck_assert_ptr_nonnull(signatures[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(signatures[i], signatures[j]);
	}
	for (size_t i = 0; i < 8; i++)
		strbuf_done(&got[i]);
	for (size_t i = 0; i < 4; i++)
		sigv4_free(signers[i]);
}
END_TEST

/* HMAC takes the hash of a key that is longer than its block. */
START_TEST(long_secret)
{
	char secret[201];
	struct sigv4_signer *signer;
	struct strbuf got = {0};

	memset(secret, 's', sizeof secret - 1);
	secret[sizeof secret - 1] = '\0';
	signer = sigv4_new("test:tester", secret, "us-east-1", "s3");
	sign(signer, &examples[2], day_ns, &got);
	/* Computed with Python's hmac. */
	ck_assert_str_eq(strbuf_text(&got),
	    "AWS4-HMAC-SHA256 Credential=test:tester/" SCOPE
	    ", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
	    "a02ecc4d4d4785993783df4f2d56bff2c5a29480a2f5aa960c3b85f9d7fd8c08");
	strbuf_done(&got);
	sigv4_free(signer);
}
END_TEST

START_TEST(hash_hex)
{
	char hex[SIGV4_HASH_HEX];

	ck_assert_str_eq(sigv4_hash_hex("", 0, hex), EMPTY);
	ck_assert_str_eq(
	    sigv4_hash_hex("Welcome to Amazon S3.", 21, hex), WELCOME);
	sigv4_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sigv4");
	TCase *tests = tcase_create("sigv4");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tests, published_examples, 0, EXAMPLE_COUNT);
	tcase_add_test(tests, appends);
	tcase_add_test(tests, caches_follow_time);
	tcase_add_test(tests, date_follows_time);
	tcase_add_test(tests, everything_counts);
	tcase_add_test(tests, long_secret);
	tcase_add_test(tests, hash_hex);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
