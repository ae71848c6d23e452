/* Answers as stores give them, and as nobody should. */
#include "uploader/s3_reply.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void
feed(struct s3_reply *reply, const char *lines)
{
	size_t length;

	/* Line by line with their ends, as libcurl does; each in memory of its
	 * own, so that a read beyond its end is found. */
	for (; *lines != '\0'; lines += length) {
		char *line;

		length = strcspn(lines, "\n");
		length += lines[length] == '\n';
		line = malloc(length);
		ck_assert_ptr_nonnull(line);
		memcpy(line, lines, length);
		s3_reply_header(reply, line, length);
		free(line);
	}
}

static void
start(struct s3_reply *reply, const char *lines)
{
	*reply = (struct s3_reply){0};
	s3_reply_reset(reply);
	feed(reply, lines);
}

/* --- headers ------------------------------------------------------------ */

START_TEST(all_headers)
{
	struct s3_reply r;

	start(&r, "HTTP/1.1 200 OK\r\n"
		  "ETag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\n"
		  "X-AMZ-VERSION-ID:v1\r\n"
		  "x-amz-request-id:  \t R1 \t \r\n"
		  "X-Amz-Id-2: a/b+c=\r\n"
		  "x-amz-bucket-region: eu-west-1\r\n"
		  "Date: Fri, 24 May 2013 00:00:00 GMT\r\n"
		  "x-amz-checksum-crc32c: 4waSgw==\r\n"
		  "x-amz-checksum-sha256: "
		  "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\r\n"
		  "x-amz-checksum-type: FULL_OBJECT\r\n"
		  "x-amz-meta-s3spool-crc32c: e3069283\r\n"
		  "x-amz-server-side-encryption: aws:kms\r\n"
		  "Content-Length: 12\r\n"
		  "Retry-After: 7\r\n"
		  "Server: x\r\n"
		  "\r\n");
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(
	    strbuf_text(&r.etag), "d41d8cd98f00b204e9800998ecf8427e");
	ck_assert_str_eq(strbuf_text(&r.version_id), "v1");
	ck_assert_str_eq(strbuf_text(&r.request_id), "R1");
	ck_assert_str_eq(strbuf_text(&r.id_2), "a/b+c=");
	ck_assert_str_eq(strbuf_text(&r.bucket_region), "eu-west-1");
	ck_assert_str_eq(strbuf_text(&r.date), "Fri, 24 May 2013 00:00:00 GMT");
	ck_assert_str_eq(strbuf_text(&r.checksum_crc32c), "4waSgw==");
	ck_assert_str_eq(strbuf_text(&r.checksum_sha256),
	    "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
	ck_assert_str_eq(strbuf_text(&r.checksum_type), "FULL_OBJECT");
	ck_assert_str_eq(strbuf_text(&r.meta_crc32c), "e3069283");
	ck_assert_str_eq(strbuf_text(&r.encryption), "aws:kms");
	ck_assert_int_eq(r.content_length, 12);
	ck_assert_int_eq(r.retry_after_ms, 7000);
	s3_reply_reset(&r);
	ck_assert_int_eq(r.status, 0);
	ck_assert_str_eq(strbuf_text(&r.etag), "");
	ck_assert_int_eq(r.content_length, -1);
	ck_assert_int_eq(r.retry_after_ms, -1);
	s3_reply_done(&r);
	s3_reply_done(NULL);
}
END_TEST

static const struct status {
	const char *line;
	int wanted;
} statuses[] = {
    {"HTTP/1.1 204 No Content\r\n", 204},
    {"HTTP/1.0 503\r\n", 503},
    {"HTTP/2 200 \r\n", 200},
    {"HTTP/3 404\n", 404},
    {"http/1.1 200 OK\r\n", 200},
    {"HTTP/1.1 2000 OK\r\n", 0},
    {"HTTP/1.1 20 OK\r\n", 0},
    {"HTTP/1.1 -20 OK\r\n", 0},
    {"HTTP/1.1 2x0 OK\r\n", 0},
    {"HTTP/1.1\r\n", 0},
    {"HTTP/1.1 \r\n", 0},
    {"HTTP/1.1 20", 0},
    {"HTTP/", 0},
    {"HTTP", 0},
    {"\r\n", 0},
};

START_TEST(status_lines)
{
	struct s3_reply r;

	start(&r, statuses[_i].line);
	ck_assert_int_eq(r.status, statuses[_i].wanted);
	s3_reply_done(&r);
}
END_TEST

/* The headers of "100 Continue", or of a proxy's answer to CONNECT, are not
 * those of the answer. */
START_TEST(interim_answers)
{
	struct s3_reply r;

	start(&r,
	    "HTTP/1.1 100 Continue\r\nETag: \"early\"\r\nRetry-After: 5\r\n"
	    "Content-Length: 3\r\n\r\n");
	ck_assert_int_eq(r.status, 100);
	feed(&r, "HTTP/1.1 200 OK\r\nx-amz-request-id: R\r\n\r\n");
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(strbuf_text(&r.etag), "");
	ck_assert_str_eq(strbuf_text(&r.request_id), "R");
	ck_assert_int_eq(r.content_length, -1);
	ck_assert_int_eq(r.retry_after_ms, -1);
	s3_reply_done(&r);
}
END_TEST

static const struct etag {
	const char *line, *wanted;
} etags[] = {
    {"ETag: \"abc\"\r\n", "abc"},
    {"etag:\"abc\"\r\n", "abc"},
    {"ETAG: abc\r\n", "abc"}, /* some stores forget the quotes */
    {"ETag: \"abc-12\"\r\n", "abc-12"},
    {"ETag: W/\"abc\"\r\n", "W/\"abc\""},
    {"ETag: \"\"\r\n", ""},
    {"ETag: \"\r\n", "\""},
    {"ETag:\r\n", ""},
    {"ETag: \"abc\" \t\r\n", "abc"},
    /* Nothing that would break a line of ours. */
    {"ETag: \"a\tb\"\r\n", ""},
    {"ETag: \"a\x01\"\r\n", ""},
    {"ETag: \"a\x7f\"\r\n", ""},
    {"ETag: \"a\rb\"\r\n", ""},
    /* No header of that name. */
    {"ETag \"abc\"\r\n", ""},
    {"XETag: \"abc\"\r\n", ""},
    {"ETagX: \"abc\"\r\n", ""},
    {" ETag: \"abc\"\r\n", ""},
    {": \"abc\"\r\n", ""},
};

START_TEST(etag)
{
	struct s3_reply r;

	start(&r, "HTTP/1.1 200 OK\r\n");
	feed(&r, etags[_i].line);
	ck_assert_str_eq(strbuf_text(&r.etag), etags[_i].wanted);
	s3_reply_done(&r);
}
END_TEST

START_TEST(the_last_counts)
{
	struct s3_reply r;

	start(&r, "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nETag: \"two\"\r\n");
	ck_assert_str_eq(strbuf_text(&r.etag), "two");
	s3_reply_done(&r);
}
END_TEST

START_TEST(customer_key)
{
	struct s3_reply r;

	start(&r,
	    "HTTP/1.1 200 OK\r\n"
	    "x-amz-server-side-encryption-customer-algorithm: AES256\r\n");
	ck_assert_str_eq(strbuf_text(&r.encryption), "SSE-C");
	s3_reply_done(&r);
}
END_TEST

START_TEST(embedded_nul)
{
	static const char line[] = "ETag: \"a\0b\"\r\n";
	struct s3_reply r;

	start(&r, "HTTP/1.1 200 OK\r\n");
	s3_reply_header(&r, line, sizeof line - 1);
	ck_assert_str_eq(strbuf_text(&r.etag), "");
	s3_reply_header(&r, "", 0);
	s3_reply_header(&r, "\0\0", 2);
	s3_reply_done(&r);
}
END_TEST

START_TEST(huge_headers)
{
	const size_t huge = (size_t)1024 * 1024;
	char *line = malloc(huge);
	struct s3_reply r;

	ck_assert_ptr_nonnull(line);
	start(&r, "HTTP/1.1 200 OK\r\n");
	memset(line, 'a', huge);
	s3_reply_header(&r, line, huge); /* no colon */
	for (size_t i = 0; i < 6; i++)
		line[i] = "ETag: "[i];
	s3_reply_header(&r, line, huge);
	ck_assert_str_eq(strbuf_text(&r.etag), "");
	s3_reply_header(&r, line, 6 + S3_REPLY_VALUE_MAX + 1);
	ck_assert_str_eq(strbuf_text(&r.etag), "");
	s3_reply_header(&r, line, 6 + S3_REPLY_VALUE_MAX);
	ck_assert_uint_eq(r.etag.length, S3_REPLY_VALUE_MAX);
	memset(line, ' ', huge);
	s3_reply_header(&r, line, huge);
	line[0] = ':';
	s3_reply_header(&r, line, huge);
	ck_assert_int_eq(r.status, 200);
	free(line);
	s3_reply_done(&r);
}
END_TEST

static const struct number {
	const char *line;
	int64_t length, retry_ms;
} numbers[] = {
    {"Content-Length: 0\r\n", 0, -1},
    {"content-length:5368709120\r\n", INT64_C(5368709120), -1},
    {"Content-Length: 9223372036854775807\r\n", INT64_MAX, -1},
    {"Content-Length: 9223372036854775808\r\n", -1, -1},
    {"Content-Length: 99999999999999999999999\r\n", -1, -1},
    {"Content-Length: -1\r\n", -1, -1},
    {"Content-Length: +1\r\n", -1, -1},
    {"Content-Length: 1 2\r\n", -1, -1},
    {"Content-Length: 0x10\r\n", -1, -1},
    {"Content-Length: 1, 1\r\n", -1, -1},
    {"Content-Length:\r\n", -1, -1},
    {"Retry-After: 0\r\n", -1, 0},
    {"Retry-After: 120\r\n", -1, 120000},
    {"Retry-After: 9223372036854775\r\n", -1, INT64_C(9223372036854775000)},
    {"Retry-After: 9223372036854776\r\n", -1, -1},
    {"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", -1, -1},
    {"Retry-After: 1.5\r\n", -1, -1},
    {"x-amz-retry-after: 1500\r\n", -1, 1500},
    {"x-amz-retry-after: soon\r\n", -1, -1},
    {"Retry-After: 2\r\nx-amz-retry-after: 1500\r\n", -1, 2000},
    {"x-amz-retry-after: 2500\r\nRetry-After: 2\r\n", -1, 2500},
};

START_TEST(number)
{
	struct s3_reply r;

	start(&r, "HTTP/1.1 503 Slow Down\r\n");
	feed(&r, numbers[_i].line);
	ck_assert_int_eq(r.content_length, numbers[_i].length);
	ck_assert_int_eq(r.retry_after_ms, numbers[_i].retry_ms);
	s3_reply_done(&r);
}
END_TEST

/* --- bodies ------------------------------------------------------------- */

START_TEST(body_is_bounded)
{
	char piece[1000];
	struct s3_reply r;

	memset(piece, 'x', sizeof piece);
	start(&r, "HTTP/1.1 500 Oh\r\n");
	for (int i = 0; i < 65; i++)
		s3_reply_body(&r, piece, sizeof piece);
	ck_assert(!r.body_cut);
	s3_reply_body(&r, piece, S3_REPLY_BODY_MAX - 65000);
	ck_assert(!r.body_cut);
	ck_assert_uint_eq(r.body.length, S3_REPLY_BODY_MAX);
	s3_reply_body(&r, piece, 0);
	ck_assert(!r.body_cut);
	s3_reply_body(&r, piece, 1);
	ck_assert(r.body_cut);
	s3_reply_body(&r, piece, sizeof piece);
	ck_assert_uint_eq(r.body.length, S3_REPLY_BODY_MAX);
	s3_reply_reset(&r);
	ck_assert(!r.body_cut);
	ck_assert_uint_eq(r.body.length, 0);
	s3_reply_done(&r);
}
END_TEST

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static const struct document {
	const char *body;
	const char *code, *message, *region, *request_id; /* NULL: no error */
} documents[] = {
    /* As AWS writes it. */
    {XML "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The "
	 "region 'x' is wrong &amp; bad</Message><Region>eu-west-1</Region>"
	 "<RequestId>R1</RequestId><HostId>h</HostId></Error>",
	"AuthorizationHeaderMalformed", "The region 'x' is wrong & bad",
	"eu-west-1", "R1"},
    /* As Swift does. */
    {"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>NoSuchBucket"
     "</Code><Message>The specified bucket does not exist.</Message>"
     "<RequestId>tx1</RequestId><BucketName>b</BucketName></Error>",
	"NoSuchBucket", "The specified bucket does not exist.", "", "tx1"},
    /* Blanks before it, as while a multipart upload is completed. */
    {" \n\r\n\t<Error><Code>InternalError</Code></Error>\n ", "InternalError",
	"", "", ""},
    {"\xef\xbb\xbf<Error><Code>C</Code></Error>", "C", "", "", ""},
    /* Namespaces. */
    {"<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Code>C"
     "</Code></Error>",
	"C", "", "", ""},
    {"<s3:Error xmlns:s3=\"u\"><s3:Code>C</s3:Code></s3:Error>", "C", "", "",
	""},
    {"<Error><Code><![CDATA[A<B]]></Code></Error>", "A<B", "", "", ""},
    {"<Error><Message>caf&#233; \xc3\xa9</Message><Code>C</Code></Error>", "C",
	"caf\xc3\xa9 \xc3\xa9", "", ""},
    {"<?xml version='1.0' encoding='ISO-8859-1'?><Error><Code>C</Code>"
     "<Message>\xe9</Message></Error>",
	"C", "\xc3\xa9", "", ""},
    /* No code is no success either. */
    {"<Error/>", "Unknown", "", "", ""},
    {"<Error><Code/><Message>m</Message></Error>", "Unknown", "m", "", ""},
    /* Only the root's own children, and the first of each. */
    {"<Error><Details><Code>inner</Code></Details><Code>outer</Code></Error>",
	"outer", "", "", ""},
    {"<Error><Code>one</Code><Code>two</Code></Error>", "one", "", "", ""},
    {"<Error><Code>a<b>c</b>d</Code></Error>", "a", "", "", ""},

    /* No error documents. */
    {"", NULL, NULL, NULL, NULL},
    {" \r\n", NULL, NULL, NULL, NULL},
    {"Service Unavailable", NULL, NULL, NULL, NULL},
    {"<html><body><h1>502 Bad Gateway</h1></body></html>", NULL, NULL, NULL,
	NULL},
    {"{\"Code\":\"x\"}", NULL, NULL, NULL, NULL},
    {XML "<CompleteMultipartUploadResult><ETag>e</ETag>"
	 "</CompleteMultipartUploadResult>",
	NULL, NULL, NULL, NULL},
    {"<Result><Error><Code>C</Code></Error></Result>", NULL, NULL, NULL, NULL},
    {"<error><Code>C</Code></error>", NULL, NULL, NULL, NULL},
    {"<Errors><Code>C</Code></Errors>", NULL, NULL, NULL, NULL},
    /* Malformed. */
    {"<Error><Code>C</Code>", NULL, NULL, NULL, NULL},
    {"<Error><Code>C</Error></Code>", NULL, NULL, NULL, NULL},
    {"<Error><Code>C</Code></Error><Error/>", NULL, NULL, NULL, NULL},
    {"<Error><Code>C</Code></Error>junk", NULL, NULL, NULL, NULL},
    {"<Error><Code>&undefined;</Code></Error>", NULL, NULL, NULL, NULL},
    {"<Error><Code>\xff</Code></Error>", NULL, NULL, NULL, NULL},
    {"<Error><Code>&#0;</Code></Error>", NULL, NULL, NULL, NULL},
    {"<?xml version='1.0' encoding='KOI8-R'?><Error><Code>C</Code></Error>",
	NULL, NULL, NULL, NULL},
    /* Document types, harmless or not. */
    {"<!DOCTYPE Error><Error><Code>C</Code></Error>", NULL, NULL, NULL, NULL},
    {"<!DOCTYPE Error [<!ENTITY a \"x\">]><Error><Code>&a;</Code></Error>",
	NULL, NULL, NULL, NULL},
    {"<!DOCTYPE Error [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><Error>"
     "<Code>&a;</Code></Error>",
	NULL, NULL, NULL, NULL},
    {"<!DOCTYPE Error SYSTEM \"http://127.0.0.1/x.dtd\"><Error><Code>C"
     "</Code></Error>",
	NULL, NULL, NULL, NULL},
    {"<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">"
     "<!ENTITY c \"&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;\">"
     "<!ENTITY e \"&d;&d;&d;&d;&d;\"><!ENTITY f \"&e;&e;&e;&e;&e;\">"
     "<!ENTITY g \"&f;&f;&f;&f;&f;\"><!ENTITY h \"&g;&g;&g;&g;&g;\">]>"
     "<Error><Code>&h;</Code></Error>",
	NULL, NULL, NULL, NULL},
};

static void
check_document(
    struct s3_reply *r, struct s3_error *error, const struct document *wanted)
{
	ck_assert_int_eq(s3_reply_error(r, error), wanted->code != NULL);
	ck_assert_str_eq(strbuf_text(&error->code),
	    wanted->code != NULL ? wanted->code : "");
	ck_assert_str_eq(strbuf_text(&error->message),
	    wanted->code != NULL ? wanted->message : "");
	ck_assert_str_eq(strbuf_text(&error->region),
	    wanted->code != NULL ? wanted->region : "");
	ck_assert_str_eq(strbuf_text(&error->request_id),
	    wanted->code != NULL ? wanted->request_id : "");
}

START_TEST(document)
{
	const struct document *row = &documents[_i];
	struct s3_error error = {.code = {0}};
	struct s3_reply r;

	start(&r, "HTTP/1.1 400 Bad Request\r\n");
	s3_reply_body(&r, row->body, strlen(row->body));
	check_document(&r, &error, row);
	s3_error_done(&error);
	s3_error_done(NULL);
	s3_reply_done(&r);
}
END_TEST

/* One error struct for all of them: nothing is left from the one before. */
START_TEST(nothing_is_left_over)
{
	struct s3_error error = {.code = {0}};
	struct s3_reply r;

	start(&r, "HTTP/1.1 400 Bad Request\r\n");
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		strbuf_reset(&r.body);
		s3_reply_body(&r, documents[0].body, strlen(documents[0].body));
		check_document(&r, &error, &documents[0]);
		strbuf_reset(&r.body);
		s3_reply_body(&r, documents[i].body, strlen(documents[i].body));
		check_document(&r, &error, &documents[i]);
	}
	s3_error_done(&error);
	s3_reply_done(&r);
}
END_TEST

/* Cut anywhere, a document is none. */
START_TEST(truncated)
{
	const char *body = documents[0].body;
	struct s3_error error = {.code = {0}};
	struct s3_reply r;

	start(&r, "HTTP/1.1 400 Bad Request\r\n");
	for (size_t length = 0; length < strlen(body); length++) {
		strbuf_reset(&r.body);
		s3_reply_body(&r, body, length);
		ck_assert(!s3_reply_error(&r, &error));
		ck_assert_uint_eq(error.code.length, 0);
	}
	strbuf_reset(&r.body);
	s3_reply_body(&r, body, strlen(body));
	r.body_cut = true; /* there was more, and it was lost */
	ck_assert(!s3_reply_error(&r, &error));
	s3_error_done(&error);
	s3_reply_done(&r);
}
END_TEST

static bool
nested(struct s3_error *error, int depth)
{
	struct s3_reply r;
	bool result;

	start(&r, "HTTP/1.1 400 Bad Request\r\n");
	s3_reply_body(&r, "<Error><Code>C</Code>", 21);
	for (int i = 1; i < depth; i++)
		s3_reply_body(&r, "<a>", 3);
	for (int i = 1; i < depth; i++)
		s3_reply_body(&r, "</a>", 4);
	s3_reply_body(&r, "</Error>", 8);
	result = s3_reply_error(&r, error);
	s3_reply_done(&r);
	return result;
}

START_TEST(depth_is_bounded)
{
	struct s3_error error = {.code = {0}};

	ck_assert(nested(&error, 16));
	ck_assert(!nested(&error, 17));
	ck_assert(!nested(&error, 9000));
	s3_error_done(&error);
}
END_TEST

/* Text is cut at 4 KiB, and in front of a character. */
START_TEST(text_is_bounded)
{
	struct s3_error error = {.code = {0}};
	struct s3_reply r;

	for (int shift = 0; shift < 3; shift++) {
		start(&r, "HTTP/1.1 400 Bad Request\r\n");
		s3_reply_body(&r, "<Error><Message>xx", 16 + (size_t)shift);
		for (int i = 0; i < 5000; i++)
			s3_reply_body(&r, "\xe2\x82\xac", 3);
		s3_reply_body(&r, "&amp;</Message><Code>C</Code></Error>", 37);
		ck_assert(s3_reply_error(&r, &error));
		ck_assert_str_eq(strbuf_text(&error.code), "C");
		ck_assert_uint_le(error.message.length, 4096);
		ck_assert_uint_gt(error.message.length, 4096 - 3);
		ck_assert_uint_eq(
		    (error.message.length - (size_t)shift) % 3, 0);
		ck_assert(error.message.data[error.message.length - 1] != '&');
		s3_reply_done(&r);
	}
	s3_error_done(&error);
}
END_TEST

/* Every byte of a document changed to every value: no crash, no leak. */
START_TEST(garbled)
{
	char body[512];
	size_t length = strlen(documents[0].body);
	struct s3_error error = {.code = {0}};
	struct s3_reply r;

	ck_assert_uint_lt(length, sizeof body);
	memcpy(body, documents[0].body, length);
	start(&r, "HTTP/1.1 400 Bad Request\r\n");
	for (size_t at = 0; at < length; at += 3)
		for (int byte = 0; byte < 256; byte += 5) {
			char kept = body[at];

			body[at] = (char)byte;
			strbuf_reset(&r.body);
			s3_reply_body(&r, body, length);
			(void)s3_reply_error(&r, &error);
			body[at] = kept;
		}
	s3_error_done(&error);
	s3_reply_done(&r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("s3_reply");
	TCase *headers = tcase_create("headers");
	TCase *bodies = tcase_create("bodies");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(headers, all_headers);
	tcase_add_loop_test(
	    headers, status_lines, 0, sizeof statuses / sizeof *statuses);
	tcase_add_test(headers, interim_answers);
	tcase_add_loop_test(headers, etag, 0, sizeof etags / sizeof *etags);
	tcase_add_test(headers, the_last_counts);
	tcase_add_test(headers, customer_key);
	tcase_add_test(headers, embedded_nul);
	tcase_add_test(headers, huge_headers);
	tcase_add_loop_test(
	    headers, number, 0, sizeof numbers / sizeof *numbers);
	suite_add_tcase(suite, headers);
	tcase_add_test(bodies, body_is_bounded);
	tcase_add_loop_test(
	    bodies, document, 0, sizeof documents / sizeof *documents);
	tcase_add_test(bodies, nothing_is_left_over);
	tcase_add_test(bodies, truncated);
	tcase_add_test(bodies, depth_is_bounded);
	tcase_add_test(bodies, text_is_bounded);
	tcase_add_test(bodies, garbled);
	suite_add_tcase(suite, bodies);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
