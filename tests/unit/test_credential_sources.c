/* What sources of credentials give, read from anything: words of a command,
 * JSON, XML, URLs; and when credentials are renewed. */
#include <check.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/strbuf.h"
#include "uploader/credentials/container.h"
#include "uploader/credentials/http.h"
#include "uploader/credentials/json.h"
#include "uploader/credentials/process.h"
#include "uploader/credentials/refresh.h"
#include "uploader/credentials/sts.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

/* 2020-01-01T00:00:00Z */
#define NEW_YEAR (INT64_C(1577836800) * CLOCK_NS_PER_S)

/* --- words ---------------------------------------------------------------- */

static const struct command {
	const char *text;
	const char *words; /* each ended by |; NULL: -EINVAL */
} commands[] = {
    {"/bin/a", "/bin/a|"},
    {"  a  b\tc\r\nd ", "a|b|c|d|"},
    {"a 'b c' \"d e\"", "a|b c|d e|"},
    {"a b'c d'\"e f\"g", "a|bc de fg|"},
    {"a '' \"\"", "a|||"},
    {"a\\ b \\\" \\n", "a b|\"|n|"},
    {"a 'b\\' \"c\\\"d\\\\e\\f\"", "a|b\\|c\"d\\e\\f|"},
    {"a $HOME; `b` # c", "a|$HOME;|`b`|#|c|"},
    {"", NULL},
    {" \t", NULL},
    {"a 'b", NULL},
    {"a \"b", NULL},
    {"a \"b\\", NULL},
    {"a b\\", NULL},
};

START_TEST(split)
{
	const struct command *row = &commands[_i];
	struct strbuf seen = {0};
	char **words = NULL;
	int result = process_split(row->text, &words);

	ck_assert_int_eq(result, row->words != NULL ? 0 : -EINVAL);
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		strbuf_printf(&seen, "%s|", words[i]);
	if (row->words != NULL)
		ck_assert_str_eq(strbuf_text(&seen), row->words);
	strbuf_done(&seen);
	process_free_words(words);
}
END_TEST

/* --- environment ---------------------------------------------------------- */

static const struct variable {
	const char *text;
	bool is_passed_on;
} variables[] = {
    {"PATH=/bin", true},
    {"HOME=", true},
    {"LC_ALL=C", true},
    {"XDG_RUNTIME_DIR=/run/user/1", true},
    {"https_proxy=http://proxy", true},
    {"HTTPS_PROXY=http://proxy", true},
    {"AWS_PROFILE=a", true},
    {"AWS_CONFIG_FILE=/a=b", true},
    {"AWS_ENDPOINT_URL=http://a", true},
    {"AWS_ENDPOINT_URL_STS=http://a", true},
    /* secrets, and what would let others in */
    {"AWS_ACCESS_KEY_ID=A", false},
    {"AWS_SECRET_ACCESS_KEY=S", false},
    {"AWS_SESSION_TOKEN=T", false},
    {"AWS_CONTAINER_AUTHORIZATION_TOKEN=T", false},
    {"AWS_WEB_IDENTITY_TOKEN_FILE=/t", false},
    {"LD_PRELOAD=/evil.so", false},
    {"LD_LIBRARY_PATH=/evil", false},
    {"VAULT_TOKEN=T", false},
    /* only like one, and none at all */
    {"PATHS=/bin", false},
    {"PAT=/bin", false},
    {"path=/bin", false},
    {"AWS_PROFILES=a", false},
    {"LC=C", false},
    {"", false},
    {"=PATH", false},
};

START_TEST(environment)
{
	const struct variable *row = &variables[_i];
	char *text = strdup(row->text);
	char **picked = process_pick_environment((char *[]){text, NULL});

	if (row->is_passed_on) {
		ck_assert_ptr_eq(picked[0], text);
		ck_assert_ptr_null(picked[1]);
	} else {
		ck_assert_ptr_null(picked[0]);
	}
	free(picked);
	free(text);
}
END_TEST

/* All of them, in their order. */
START_TEST(environments)
{
	char first[] = "HOME=/", second[] = "LD_PRELOAD=x", third[] = "TZ=UTC";
	char *given[] = {first, second, third, NULL};
	char **picked = process_pick_environment(given);

	ck_assert_ptr_eq(picked[0], first);
	ck_assert_ptr_eq(picked[1], third);
	ck_assert_ptr_null(picked[2]);
	free(picked);
	picked = process_pick_environment(given + 3);
	ck_assert_ptr_null(picked[0]);
	free(picked);
}
END_TEST

/* --- programs ------------------------------------------------------------- */

static const struct program {
	const char *command;
	int64_t timeout_ms;
	int result;
	const char *error; /* part of it */
} programs[] = {
    {"echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}'",
	10000, 0, NULL},
    /* Nothing is on its standard input; signals are as at birth. */
    {"sh -c 'read x || kill -TERM $$'", 10000, -EIO, "killed by signal 15"},
    {"false", 10000, -EIO, "'false': it ended with status 1"},
    {"/nonexistent hush", 10000, -EIO, "'/nonexistent': No such file"},
    {"sleep 100", 50, -EIO, "it took longer than"},
    /* The program is gone, but somebody holds its output. */
    {"sh -c 'sleep 100 & exit 0'", 200, -EIO, "it took longer than"},
    {"cat /dev/zero", 10000, -EIO, "it wrote more than 64 KiB"},
    {"true", 10000, -EINVAL, "it is no JSON"},
    {"echo hush", 10000, -EINVAL, "it is no JSON"},
    {"echo 'hush", 10000, -EINVAL, "has no counterpart"},
};

START_TEST(program)
{
	const struct program *row = &programs[_i];
	const struct credentials_context context = {.cancel_fd = -1};
	struct credentials *credentials = NULL;
	char *error = NULL;

	ck_assert_int_eq(process_load(&context, row->command, row->timeout_ms,
			     &credentials, &error),
	    row->result);
	ck_assert((credentials != NULL) == (row->result == 0));
	if (row->error != NULL) {
		ck_assert_msg(strstr(error, row->error) != NULL, "%s", error);
		ck_assert_ptr_null(strstr(error, "hush"));
		ck_assert_ptr_null(strpbrk(error, "\r\n"));
	}
	/* No child is left behind. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	credentials_free(credentials);
	free(error);
}
END_TEST

/* --- JSON ----------------------------------------------------------------- */

#define KEYS "\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\""

static const struct json {
	const char *text;
	enum json_form form;
	const char *token;
	int64_t expires_ns;
	const char *error;
} jsons[] = {
    {"{\"Version\":1," KEYS "}", JSON_PROCESS, NULL, INT64_MAX, NULL},
    {"{\"Version\":1," KEYS ",\"SessionToken\":\"T\","
     "\"Expiration\":\"2020-01-01T00:00:00Z\",\"More\":[{}]}",
	JSON_PROCESS, "T", NEW_YEAR, NULL},
    {"{\"Version\":1," KEYS ",\"SessionToken\":null,"
     "\"Expiration\":\"2020-01-01T01:00:00+01:00\"}",
	JSON_PROCESS, NULL, NEW_YEAR, NULL},
    {"{\"Code\":\"Success\"," KEYS ",\"Token\":\"T\"}", JSON_SERVICE, "T",
	INT64_MAX, NULL},
    {"{" KEYS "}", JSON_SERVICE, NULL, INT64_MAX, NULL},
    /* Refused. */
    {"", JSON_SERVICE, NULL, 0, "it is no JSON (line 1"},
    {"<html>hush", JSON_SERVICE, NULL, 0, "it is no JSON (line 1"},
    {"[\"hush\"]", JSON_SERVICE, NULL, 0, "it is no JSON object"},
    {"{" KEYS "} hush", JSON_SERVICE, NULL, 0, "it is no JSON"},
    {"{" KEYS "," KEYS "}", JSON_SERVICE, NULL, 0, "it is no JSON"},
    {"{\"AccessKeyId\":\"hush\\u0000x\"}", JSON_SERVICE, NULL, 0,
	"it is no JSON"},
    {"{\"AccessKeyId\":\"hush\"}", JSON_SERVICE, NULL, 0, "is missing"},
    {"{\"AccessKeyId\":1,\"SecretAccessKey\":\"hush\"}", JSON_SERVICE, NULL, 0,
	"is missing"},
    {"{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"hush\"}", JSON_SERVICE, NULL,
	0, "is missing"},
    {"{\"AccessKeyId\":\"hush\",\"SecretAccessKey\":\"\"}", JSON_SERVICE, NULL,
	0, "is missing"},
    {"{" KEYS ",\"Token\":1}", JSON_SERVICE, NULL, 0, "Token is no text"},
    {"{" KEYS ",\"Expiration\":\"hush\"}", JSON_SERVICE, NULL, 0,
	"Expiration is no time"},
    {"{" KEYS ",\"Expiration\":5}", JSON_SERVICE, NULL, 0,
	"Expiration is no time"},
    {"{\"Code\":\"Failed\"," KEYS "}", JSON_SERVICE, NULL, 0,
	"its code is Failed"},
    {"{\"Code\":\"<hush\\n>\"}", JSON_SERVICE, NULL, 0, "its code is unknown"},
    {"{" KEYS "}", JSON_PROCESS, NULL, 0, "\"Version\" must be 1"},
    {"{\"Version\":\"1\"," KEYS "}", JSON_PROCESS, NULL, 0, "must be 1"},
    {"{\"Version\":2," KEYS "}", JSON_PROCESS, NULL, 0, "must be 1"},
};

START_TEST(json)
{
	const struct json *row = &jsons[_i];
	struct credentials *credentials = NULL;
	char *error = NULL;
	int result = json_credentials(
	    row->text, strlen(row->text), row->form, &credentials, &error);

	ck_assert_int_eq(result, row->error != NULL ? -EINVAL : 0);
	if (row->error != NULL) {
		ck_assert_ptr_null(credentials);
		ck_assert_msg(strstr(error, row->error) != NULL, "%s", error);
		ck_assert_ptr_null(strstr(error, "hush"));
	} else {
		ck_assert_str_eq(credentials->access_key, "A");
		ck_assert_str_eq(credentials->secret, "S");
		ck_assert_pstr_eq(credentials->session_token, row->token);
		ck_assert(credentials->expires_ns == row->expires_ns);
	}
	credentials_free(credentials);
	free(error);
}
END_TEST

/* --- XML ------------------------------------------------------------------ */

#define GIVEN(body) \
	"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/" \
	"2011-06-15/\"><AssumeRoleResult><AssumedRoleUser><Arn>x</Arn>" \
	"</AssumedRoleUser><Credentials>" body \
	"</Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define XML_KEYS \
	"<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>" \
	"<SessionToken>T</SessionToken>"

static const struct xml {
	const char *text;
	const char *error;
} xmls[] = {
    {GIVEN(XML_KEYS "<Expiration>2020-01-01T00:00:00Z</Expiration>"), NULL},
    {"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
     "<Message>no &amp; no</Message></Error></ErrorResponse>",
	"AccessDenied: no & no"},
    /* What STS repeats of the request is not for a log. */
    {"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>It does "
     "not match.\n\nThe String-to-Sign:\nx-amz-security-token:hush"
     "</Message></Error></ErrorResponse>",
	"SignatureDoesNotMatch: It does not match."},
    {"<ErrorResponse><Error><Code>A\nB</Code><Message>a\tb\x7f</Message>"
     "</Error></ErrorResponse>",
	"A B: a b "},
    {GIVEN(XML_KEYS "<Expiration>hush</Expiration>"), "Expiration is no time"},
    {GIVEN(XML_KEYS), "Expiration is no time"},
    {GIVEN("<AccessKeyId>hush</AccessKeyId>"), "no credentials"},
    {"<html>hush</html>", "no credentials"},
    {"<html>hush", "is no XML"},
    {"{}", "is no XML"},
    {"", "is no XML"},
    {"<!DOCTYPE x [<!ENTITY e \"hush\">]>" GIVEN(XML_KEYS), "is no XML"},
    {"<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>",
	"is no XML"},
};

START_TEST(xml)
{
	const struct xml *row = &xmls[_i];
	struct credentials *credentials = NULL;
	char *error = NULL;
	int result = sts_parse(
	    row->text, strlen(row->text), &credentials, &error);

	ck_assert_int_eq(result, row->error != NULL ? -EINVAL : 0);
	if (row->error != NULL) {
		ck_assert_ptr_null(credentials);
		ck_assert_msg(strstr(error, row->error) != NULL, "%s", error);
		ck_assert_ptr_null(strstr(error, "hush"));
	} else {
		ck_assert_str_eq(credentials->access_key, "A");
		ck_assert_str_eq(credentials->secret, "S");
		ck_assert_str_eq(credentials->session_token, "T");
		ck_assert(credentials->expires_ns == NEW_YEAR);
	}
	credentials_free(credentials);
	free(error);
}
END_TEST

/* --- containers ----------------------------------------------------------- */

static const struct url {
	const char *url;
	bool allowed;
} urls[] = {
    {"http://localhost/x", true},
    {"http://LOCALHOST:1234/", false}, /* write it as everybody does */
    {"http://127.0.0.1/", true},
    {"http://127.9.9.9:80/", true},
    {"http://[::1]:1/", true},
    {"http://169.254.170.2/v2", true},
    {"http://169.254.170.23/v1", true},
    {"http://[fd00:ec2::23]/v1", true},
    {"http://[fd00:ec2:0:0::23]/v1", true},
    {"https://anything.example/", true},
    {"http://169.254.170.3/", false},
    {"http://169.254.169.254/", false},
    {"http://[fd00:ec2::254]/", false},
    {"http://127.0.0.1.example/", false},
    {"http://localhost.example/", false},
    {"http://localhost@192.0.2.1/", false},
    {"http://192.0.2.1/localhost", false},
    {"http://[::ffff:192.0.2.1]/", false},
    {"http://0.0.0.0/", false},
    {"ftp://localhost/", false},
    {"file:///etc/passwd", false},
    {"localhost", false},
    {"", false},
};

START_TEST(container_url)
{
	const struct url *row = &urls[_i];
	const char *fault = container_url_fault(row->url);

	ck_assert_msg((fault == NULL) == row->allowed, "%s", row->url);
}
END_TEST

/* --- renewing ------------------------------------------------------------- */

#define MINUTE INT64_C(60)

static const struct wait_row {
	int64_t left_s;
	uint32_t random;
	int64_t min_s, max_s;
} waits[] = {
    /* 10 to 15 minutes before they expire. */
    {60 * MINUTE, 0, 50 * MINUTE, 50 * MINUTE},
    {60 * MINUTE, UINT32_MAX, 45 * MINUTE, 45 * MINUTE + 1},
    {60 * MINUTE, UINT32_MAX / 2, 47 * MINUTE, 48 * MINUTE},
    {INT32_MAX, 0, INT32_MAX - 10 * MINUTE, INT32_MAX - 10 * MINUTE},
    /* Those that live shorter are used for half of it. */
    {15 * MINUTE, 0, 450, 450},
    {16 * MINUTE, UINT32_MAX, 480, 480},
    {10, 0, 5, 5},
    {1, 0, 1, 1},
    /* Expired, by our clock. */
    {0, 0, 30, 30},
    {-5, UINT32_MAX, 59, 60},
    {-INT32_MAX, 0, 30, 30},
};

START_TEST(wait_time)
{
	const struct wait_row *row = &waits[_i];
	int64_t wait_ns = credentials_refresh_wait_ns(
	    row->left_s * CLOCK_NS_PER_S, row->random);

	ck_assert_int_ge(wait_ns, row->min_s * CLOCK_NS_PER_S);
	ck_assert_int_le(wait_ns, row->max_s * CLOCK_NS_PER_S);
}
END_TEST

START_TEST(wait_for_ever)
{
	ck_assert(credentials_refresh_wait_ns(INT64_MAX, 0) == INT64_MAX);
	ck_assert(
	    credentials_refresh_wait_ns(INT64_MIN, 0) == 30 * CLOCK_NS_PER_S);
	/* After a failure: by chance, but not past their end. */
	ck_assert(
	    credentials_refresh_retry_ns(INT64_MAX, 0) == 30 * CLOCK_NS_PER_S);
	ck_assert(credentials_refresh_retry_ns(20 * CLOCK_NS_PER_S, 0) ==
		  10 * CLOCK_NS_PER_S);
	ck_assert(
	    credentials_refresh_retry_ns(CLOCK_NS_PER_S, 0) == CLOCK_NS_PER_S);
}
END_TEST

static void
set(const char *name, const char *value)
{
	ck_assert_int_eq(setenv(name, value, 1), 0);
}

/* Only the environment, so that nothing is asked. */
static void
use_environment(void)
{
	set("AWS_ACCESS_KEY_ID", "A");
	set("AWS_SECRET_ACCESS_KEY", "S");
	ck_assert_int_eq(unsetenv("AWS_SESSION_TOKEN"), 0);
	ck_assert_int_eq(unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE"), 0);
}

START_TEST(in_the_background)
{
	const struct credentials_context context = {.region = "us-east-1"};
	struct credentials_refresh *refresh;
	struct credentials *credentials = NULL;
	struct pollfd ready = {.events = POLLIN};
	char *error = NULL;
	int result = -1;

	use_environment();
	refresh = credentials_refresh_new(&context);
	ck_assert_ptr_nonnull(refresh);
	ready.fd = credentials_refresh_fd(refresh);
	for (int i = 0; i < 100; i++) {
		ck_assert(!credentials_refresh_take(
		    refresh, &result, &credentials, &error));
		ck_assert_int_eq(
		    credentials_refresh_start(refresh, NULL, 0), 0);
		ck_assert_int_eq(
		    credentials_refresh_start(refresh, NULL, 0), 0);
		ck_assert_int_eq(poll(&ready, 1, 10000), 1);
		ck_assert(credentials_refresh_take(
		    refresh, &result, &credentials, &error));
		ck_assert_int_eq(result, 0);
		ck_assert_str_eq(credentials->access_key, "A");
		credentials_free(credentials);
	}
	/* Another source must not step in. */
	ck_assert_int_eq(
	    credentials_refresh_start(refresh, "web identity", 0), 0);
	ck_assert_int_eq(poll(&ready, 1, 10000), 1);
	ck_assert(
	    credentials_refresh_take(refresh, &result, &credentials, &error));
	ck_assert_int_eq(result, -ENOENT);
	ck_assert_str_eq(error, "no credentials found; tried: web identity "
				"(AWS_WEB_IDENTITY_TOKEN_FILE and "
				"AWS_ROLE_ARN)");
	free(error);
	/* Freed while it may still run. */
	ck_assert_int_eq(credentials_refresh_start(refresh, NULL, 0), 0);
	credentials_refresh_free(refresh);
	credentials_refresh_free(NULL);
}
END_TEST

/* Whoever waits for a silent service can stop at once. */
START_TEST(cancelled)
{
	struct http_request request = {.method = "GET",
	    .url = "http://192.0.2.1/", /* nobody is there */
	    .timeout_ms = 60000,
	    .attempts = 3,
	    .no_proxy = true};
	struct http_reply reply = {0};
	char *error = NULL;
	int ends[2];
	int result;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	request.cancel_fd = ends[0];
	ck_assert_int_eq(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
	result = http_ask(&request, &reply, &error);
	ck_assert_msg(result == -ECANCELED, "%s", error);
	free(error);
	http_reply_done(&reply);
	curl_global_cleanup();
	(void)close(ends[0]);
	(void)close(ends[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("credential sources");
	TCase *tests = tcase_create("credential sources");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, split, 0, COUNT(commands));
	tcase_add_loop_test(tests, environment, 0, COUNT(variables));
	tcase_add_test(tests, environments);
	tcase_add_loop_test(tests, program, 0, COUNT(programs));
	tcase_add_loop_test(tests, json, 0, COUNT(jsons));
	tcase_add_loop_test(tests, xml, 0, COUNT(xmls));
	tcase_add_loop_test(tests, container_url, 0, COUNT(urls));
	tcase_add_loop_test(tests, wait_time, 0, COUNT(waits));
	tcase_add_test(tests, wait_for_ever);
	tcase_add_test(tests, in_the_background);
	tcase_add_test(tests, cancelled);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
