/* What is signed is what is sent: each request's signature is computed again
 * from the request's own URL and header lines, step by step and with another
 * part of mbedTLS, sharing nothing with sigv4.c. */
#include "uploader/s3_request.h"

#include <check.h>
#include <mbedtls/md.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WELCOME \
	"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static const int64_t now_ns = INT64_C(1369353600) * CLOCK_NS_PER_S + 5;
static const char secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

static char scheme_https[] = "https", scheme_http[] = "http";
static char aws_host[] = "buck.s3.us-east-1.amazonaws.com";
static char own_host[] = "127.0.0.1:8080";
static char no_path[] = "", base_path[] = "/s3";
static char bucket[] = "buck", region[] = "us-east-1";
static char access_key[] = "AKIAIOSFODNN7EXAMPLE";
static char own_secret[sizeof secret];
static char token[] = "tok/en+with==";

static const struct endpoint aws = {.scheme = scheme_https,
    .host = aws_host,
    .base_path = no_path,
    .bucket = bucket,
    .region = region,
    .is_aws = true};
static const struct endpoint own = {.scheme = scheme_http,
    .host = own_host,
    .base_path = base_path,
    .bucket = bucket,
    .region = region,
    .path_style = true};

/* --- an independent signature ------------------------------------------- */

static void
hmac(
    const void *key, size_t key_length, const char *text, unsigned char mac[32])
{
	ck_assert_int_eq(
	    mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key,
		key_length, (const unsigned char *)text, strlen(text), mac),
	    0);
}

static void
add_hex(struct strbuf *buf, const unsigned char hash[32])
{
	for (int i = 0; i < 32; i++)
		strbuf_printf(buf, "%02x", hash[i]);
}

/* The value of the one line called NAME, or NULL. */
static const char *
header(const struct s3_request *request, const char *name)
{
	size_t length = strlen(name);
	const char *found = NULL;

	for (size_t i = 0; i < request->header_count; i++) {
		const char *line = request->headers[i];

		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		ck_assert_ptr_null(found); /* once only */
		found = line + length + 1;
		found += strspn(found, " ");
	}
	return found;
}

static void
canonical_request(const struct s3_request *request, const char *names,
    struct strbuf *ret_text)
{
	const char *uri = strbuf_text(&request->url) + request->uri_offset;
	const char *query = strchr(uri, '?');
	size_t length;

	strbuf_printf(ret_text, "%s\n%.*s\n%s\n", request->method,
	    (int)strcspn(uri, "?"), uri, query != NULL ? query + 1 : "");
	for (const char *name = names; *name != '\0';
	     name += length + (name[length] == ';')) {
		char *copy;

		length = strcspn(name, ";");
		copy = strndup(name, length);
		ck_assert_ptr_nonnull(copy);
		ck_assert_ptr_nonnull(header(request, copy));
		strbuf_printf(ret_text, "%s:%s\n", copy, header(request, copy));
		free(copy);
	}
	strbuf_printf(ret_text, "\n%s\n%s", names,
	    header(request, "x-amz-content-sha256"));
}

static void
check_signature(const struct s3_request *request)
{
	static const char scope[] = "20130524/us-east-1/s3/aws4_request";
	const char *authorization = header(request, "Authorization");
	struct strbuf canonical = {0}, to_sign = {0}, wanted = {0};
	unsigned char mac[32];
	const char *names;
	char *names_copy;

	ck_assert_ptr_nonnull(authorization);
	names = strstr(authorization, "SignedHeaders=");
	ck_assert_ptr_nonnull(names);
	names += strlen("SignedHeaders=");
	names_copy = strndup(names, strcspn(names, ","));
	ck_assert_ptr_nonnull(names_copy);
	canonical_request(request, names_copy, &canonical);

	strbuf_printf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n",
	    header(request, "x-amz-date"), scope);
	ck_assert_int_eq(
	    mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
		(const unsigned char *)canonical.data, canonical.length, mac),
	    0);
	add_hex(&to_sign, mac);
	strbuf_printf(&wanted, "AWS4%s", secret);
	hmac(wanted.data, wanted.length, "20130524", mac);
	hmac(mac, sizeof mac, "us-east-1", mac);
	hmac(mac, sizeof mac, "s3", mac);
	hmac(mac, sizeof mac, "aws4_request", mac);
	hmac(mac, sizeof mac, to_sign.data, mac);

	strbuf_reset(&wanted);
	strbuf_printf(&wanted,
	    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/%s, "
	    "SignedHeaders=%s, Signature=",
	    scope, names_copy);
	add_hex(&wanted, mac);
	ck_assert_str_eq(authorization, strbuf_text(&wanted));
	free(names_copy);
	strbuf_done(&canonical);
	strbuf_done(&to_sign);
	strbuf_done(&wanted);
}

/* What AWS demands of every request, and what libcurl must be handed. */
static void
check_lines(const struct s3_request *request, const struct endpoint *endpoint)
{
	const char *authorization = header(request, "Authorization");
	const char *names = strstr(authorization, "SignedHeaders=");
	struct strbuf prefix = {0};
	size_t i;

	ck_assert_uint_gt(request->header_count, 4);
	ck_assert_uint_le(request->header_count, S3_REQUEST_HEADERS_MAX);
	for (i = 0; i < request->header_count; i++) {
		const char *line = request->headers[i];
		size_t length = strcspn(line, ":");

		ck_assert_ptr_null(strpbrk(line, "\r\n"));
		ck_assert_uint_gt(length, 0);
		/* Each x-amz-* line and host is among the signed. */
		if (strncmp(line, "x-amz-", 6) == 0 || i == 0) {
			char *name = strndup(line, length);

			ck_assert_ptr_nonnull(name);
			ck_assert_ptr_nonnull(strstr(names, name));
			free(name);
		}
	}
	ck_assert_int_eq(
	    strncmp(request->headers[i - 4], "Authorization: ", 15), 0);
	ck_assert_str_eq(request->headers[i - 3], "Expect:");
	ck_assert_str_eq(request->headers[i - 2], "Accept:");
	ck_assert_str_eq(request->headers[i - 1], "Content-Type:");

	ck_assert_str_eq(header(request, "host"), endpoint->host);
	strbuf_printf(&prefix, "%s://%s", endpoint->scheme, endpoint->host);
	ck_assert_uint_eq(request->uri_offset, prefix.length);
	ck_assert_int_eq(strncmp(strbuf_text(&request->url),
			     strbuf_text(&prefix), prefix.length),
	    0);
	ck_assert_str_eq(header(request, "x-amz-date"), "20130524T000000Z");
	strbuf_done(&prefix);
}

/* --- tests -------------------------------------------------------------- */

struct fixture {
	struct credentials credentials;
	struct s3_client client;
	struct s3_request request;
};

static void
set_up(struct fixture *f, const struct endpoint *endpoint, bool with_token)
{
	memcpy(own_secret, secret, sizeof secret);
	*f = (struct fixture){
	    .credentials = {.access_key = access_key,
		.secret = own_secret,
		.session_token = with_token ? token : NULL},
	};
	f->client.endpoint = endpoint;
	f->client.credentials = &f->credentials;
	f->client.signer = sigv4_new(access_key, secret, region, "s3");
}

static void
tear_down(struct fixture *f)
{
	s3_request_done(&f->request);
	sigv4_free(f->client.signer);
}

START_TEST(put_to_aws)
{
	struct s3_put put = {.key = "a b/\xc3\xbc+%.dat",
	    .crc32c = 0xe3069283,
	    .checksum_header = "x-amz-checksum-crc32c",
	    .checksum = "4waSgw==",
	    .if_none_match = true};
	struct fixture f;

	set_up(&f, &aws, true);
	s3_request_put(&f.request, &f.client, &put, now_ns);
	ck_assert_str_eq(f.request.method, "PUT");
	ck_assert_str_eq(strbuf_text(&f.request.url),
	    "https://buck.s3.us-east-1.amazonaws.com/a%20b/%C3%BC%2B%25.dat");
	ck_assert_str_eq(
	    header(&f.request, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
	/* Base64 of E3 06 92 83. */
	ck_assert_str_eq(
	    header(&f.request, "x-amz-checksum-crc32c"), "4waSgw==");
	ck_assert_str_eq(header(&f.request, "x-amz-security-token"), token);
	ck_assert_str_eq(header(&f.request, "If-None-Match"), "*");
	ck_assert_ptr_null(header(&f.request, "x-amz-meta-s3spool-crc32c"));
	check_lines(&f.request, &aws);
	check_signature(&f.request);
	tear_down(&f);
}
END_TEST

START_TEST(put_to_another_store)
{
	struct s3_put put = {
	    .key = "k", .crc32c = 0x00000a0b, .sha256_hex = WELCOME};
	struct fixture f;

	set_up(&f, &own, false);
	s3_request_put(&f.request, &f.client, &put, now_ns);
	ck_assert_str_eq(
	    strbuf_text(&f.request.url), "http://127.0.0.1:8080/s3/buck/k");
	ck_assert_str_eq(header(&f.request, "x-amz-content-sha256"), WELCOME);
	ck_assert_str_eq(
	    header(&f.request, "x-amz-meta-s3spool-crc32c"), "00000a0b");
	ck_assert_ptr_null(header(&f.request, "x-amz-checksum-crc32c"));
	ck_assert_ptr_null(header(&f.request, "x-amz-security-token"));
	ck_assert_ptr_null(header(&f.request, "If-None-Match"));
	check_lines(&f.request, &own);
	check_signature(&f.request);
	tear_down(&f);
}
END_TEST

START_TEST(head)
{
	struct fixture f;

	set_up(&f, &own, true);
	s3_request_head(&f.request, &f.client, "../a?b#c", now_ns);
	ck_assert_str_eq(f.request.method, "HEAD");
	ck_assert_str_eq(strbuf_text(&f.request.url),
	    "http://127.0.0.1:8080/s3/buck/../a%3Fb%23c");
	ck_assert_str_eq(header(&f.request, "x-amz-checksum-mode"), "ENABLED");
	ck_assert_str_eq(header(&f.request, "x-amz-content-sha256"), EMPTY);
	check_lines(&f.request, &own);
	check_signature(&f.request);
	tear_down(&f);
}
END_TEST

START_TEST(delete_and_list)
{
	struct fixture f;

	set_up(&f, &own, true);
	s3_request_delete(&f.request, &f.client, "a b", now_ns);
	ck_assert_str_eq(f.request.method, "DELETE");
	ck_assert_str_eq(
	    strbuf_text(&f.request.url), "http://127.0.0.1:8080/s3/buck/a%20b");
	check_lines(&f.request, &own);
	check_signature(&f.request);
	s3_request_list(&f.request, &f.client, "a b/c", now_ns);
	ck_assert_str_eq(f.request.method, "GET");
	ck_assert_str_eq(strbuf_text(&f.request.url),
	    "http://127.0.0.1:8080/s3/buck/"
	    "?list-type=2&max-keys=1&prefix=a%20b%2Fc");
	check_lines(&f.request, &own);
	check_signature(&f.request);
	tear_down(&f);
}
END_TEST

/* What the user wants of objects: on the requests that take it, signed. */
START_TEST(with_options)
{
	static const char text[] =
	    "base_dir: /tmp\ns3_bucket: b\nstorage_class: GLACIER\n"
	    "metadata: {a: b, Z9: c}\ncache_control: no-store\n"
	    "request_payer: requester\nobject_lock_mode: COMPLIANCE\n"
	    "object_lock_retain_until: 1d\n";
	char sha256_hex[] = WELCOME;
	struct s3_put put = {.key = "k.csv",
	    .checksum_header = "x-amz-checksum-crc32c",
	    .checksum = "4waSgw==",
	    .mtime_ns = INT64_C(1234567890123456789),
	    .crc32c = 0xe3069283,
	    .sha256_hex = sha256_hex};
	struct s3_object_options *options = NULL;
	struct config *config = NULL;
	char *error = NULL;
	struct fixture f;

	ck_assert_int_eq(
	    config_parse("c", text, sizeof text - 1, NULL, 0, &config, &error),
	    0);
	set_up(&f, &aws, true);
	ck_assert_int_eq(
	    s3_object_options_new(config, &aws, &options, &error), 0);
	f.client.options = options;
	s3_request_put(&f.request, &f.client, &put, now_ns);
	check_signature(&f.request);
	ck_assert_str_eq(header(&f.request, "content-type"), "text/csv");
	ck_assert_str_eq(header(&f.request, "x-amz-storage-class"), "GLACIER");
	ck_assert_str_eq(header(&f.request, "x-amz-meta-z9"), "c");
	ck_assert_str_eq(
	    header(&f.request, "x-amz-meta-mtime"), "1234567890.123456789");
	ck_assert_str_eq(header(&f.request, "cache-control"), "no-store");
	ck_assert_str_eq(
	    header(&f.request, "x-amz-request-payer"), "requester");
	ck_assert_str_eq(
	    header(&f.request, "x-amz-object-lock-retain-until-date"),
	    "2013-05-25T00:00:00.000Z");
	ck_assert_str_eq(
	    header(&f.request, "x-amz-checksum-crc32c"), "4waSgw==");
	ck_assert_ptr_nonnull(strstr(header(&f.request, "Authorization"),
	    "SignedHeaders=content-type;host;x-amz-checksum-crc32c;"
	    "x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-meta-mtime;"
	    "x-amz-meta-z9;x-amz-object-lock-mode;"
	    "x-amz-object-lock-retain-until-date;x-amz-request-payer;"
	    "x-amz-security-token;x-amz-storage-class,"));
	s3_request_head(&f.request, &f.client, "k", now_ns);
	check_lines(&f.request, &aws);
	check_signature(&f.request);
	ck_assert_str_eq(
	    header(&f.request, "x-amz-request-payer"), "requester");
	ck_assert_ptr_null(header(&f.request, "x-amz-storage-class"));
	s3_request_get(&f.request, &f.client, "k", now_ns);
	check_signature(&f.request);
	ck_assert_str_eq(
	    header(&f.request, "x-amz-request-payer"), "requester");
	tear_down(&f);
	s3_object_options_free(options);
	config_free(config);
}
END_TEST

/* Every way a PUT can be made, on one request used again and again, with keys
 * that make its buffers move. */
START_TEST(reused)
{
	char key[1025];
	char sha256_hex[] = WELCOME;
	struct fixture f;

	for (int way = 0; way < 32; way++) {
		const struct endpoint *endpoint = way & 1 ? &aws : &own;
		struct s3_put put = {.key = key,
		    .crc32c = (uint32_t)way << 24,
		    .sha256_hex = way & 2 ? sha256_hex : NULL,
		    .if_none_match = (way & 4) != 0};

		set_up(&f, endpoint, (way & 8) != 0);
		for (size_t length = 1; length < sizeof key; length += 31) {
			memset(key, way & 16 ? ' ' : 'k', length);
			key[length] = '\0';
			s3_request_put(&f.request, &f.client, &put, now_ns);
			check_lines(&f.request, endpoint);
			check_signature(&f.request);
			s3_request_head(&f.request, &f.client, key, now_ns);
			check_lines(&f.request, endpoint);
			check_signature(&f.request);
		}
		tear_down(&f);
	}
}
END_TEST

/* Once grown, the buffers stay where they are. */
START_TEST(rewritten_in_place)
{
	struct s3_put put = {.key = "a/key", .crc32c = 1};
	struct fixture f;
	const char *text, *url, *authorization;

	set_up(&f, &aws, true);
	s3_request_put(&f.request, &f.client, &put, now_ns);
	text = f.request.text.data;
	url = f.request.url.data;
	authorization = f.request.authorization.data;
	put.key = "b/key";
	s3_request_put(&f.request, &f.client, &put, now_ns);
	ck_assert_ptr_eq(f.request.text.data, text);
	ck_assert_ptr_eq(f.request.url.data, url);
	ck_assert_ptr_eq(f.request.authorization.data, authorization);
	check_signature(&f.request);
	tear_down(&f);
	s3_request_done(&f.request); /* twice is harmless */
	s3_request_done(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("s3_request");
	TCase *tests = tcase_create("s3_request");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, put_to_aws);
	tcase_add_test(tests, put_to_another_store);
	tcase_add_test(tests, head);
	tcase_add_test(tests, delete_and_list);
	tcase_add_test(tests, with_options);
	tcase_add_test(tests, reused);
	tcase_add_test(tests, rewritten_in_place);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
