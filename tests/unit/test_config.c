/* The configuration: values, defaults, and every error at its exact place. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/config_check.h"
#include "common/strbuf.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define NAME "/c.yaml"
/* A base_dir that is everywhere, and a bucket: lines 1 and 2. */
#define MIN "base_dir: /tmp\ns3_bucket: b\n"

enum { OVERRIDES_MAX = 3 };

static int
parse(const char *text, size_t length, const char *const *overrides,
    struct config **ret_config, char **ret_error)
{
	char *copies[OVERRIDES_MAX] = {0};
	size_t count = 0;
	int result;

	for (; overrides != NULL && count < OVERRIDES_MAX &&
	       overrides[count] != NULL;
	     count++)
		copies[count] = strdup(overrides[count]);
	result = config_parse(
	    NAME, text, length, copies, count, ret_config, ret_error);
	while (count > 0)
		free(copies[--count]);
	return result;
}

static struct config *
parse_well(const char *text, const char *const *overrides)
{
	struct config *config = NULL;
	char *error = NULL;
	int result = parse(text, strlen(text), overrides, &config, &error);

	ck_assert_msg(result == 0, "%s", error);
	ck_assert_ptr_null(error);
	return config;
}

static void
check_refused(const char *text, size_t length, const char *const *overrides,
    const char *expected)
{
	struct config *config = NULL;
	char *error = NULL;

	ck_assert_int_eq(
	    parse(text, length, overrides, &config, &error), -EINVAL);
	ck_assert_ptr_null(config);
	ck_assert_str_eq(error, expected);
	free(error);
}

START_TEST(has_defaults)
{
	struct config *config = parse_well(MIN, NULL);

	ck_assert_str_eq(config->base_dir, "/tmp");
	ck_assert_str_eq(config->bucket, "b");
	ck_assert_str_eq(config->spool_dir, "/tmp/.spool");
	ck_assert_uint_eq(config->patterns.count, 1);
	ck_assert_str_eq(config->patterns.items[0],
	    "*/[0-9]*/[0-9]*/[0-9]*/[0-9]*/[0-9]*-*.dat");
	ck_assert_int_eq(config->settle_seconds, 10);
	ck_assert_int_eq(config->settle_check, SETTLE_AUTO);
	ck_assert_str_eq(config->key_prefix, "");
	ck_assert_ptr_null(config->region);
	ck_assert_ptr_null(config->endpoint_url);
	ck_assert_int_eq(config->addressing_style, ADDRESSING_AUTO);
	ck_assert_int_eq(config->connections, 32);
	ck_assert_int_eq(config->max_attempts, 0); /* looked for elsewhere */
	ck_assert_int_eq(config->connect_timeout_seconds, 10);
	ck_assert_int_eq(config->stall_timeout_seconds, 60);
	ck_assert_int_eq(config->on_conflict, CONFLICT_QUARANTINE);
	ck_assert_int_eq(config->payload_signing, SIGNING_AUTO);
	ck_assert_int_eq(config->retain_seconds, 0);
	ck_assert_int_eq(config->prune_after_seconds, 93600);
	ck_assert_int_eq(config->ledger_retention_seconds, 0);
	ck_assert_int_eq(config->order, ORDER_OLDEST);
	ck_assert_uint_eq(config->include.count, 0);
	ck_assert_uint_eq(config->exclude.count, 0);
	ck_assert_int_eq(config->log_level, LOG_INFO);
	ck_assert_int_eq(config->log_format, LOG_AUTO);
	ck_assert_ptr_null(config->log_file);
	config_free(config);
}
END_TEST

static void
check_all_values(const struct config *config)
{
	ck_assert_str_eq(config->base_dir, "/tmp");
	ck_assert_str_eq(config->bucket, "my-bucket");
	ck_assert_str_eq(config->spool_dir, "/var/spool/s3");
	ck_assert_uint_eq(config->patterns.count, 2);
	ck_assert_str_eq(config->patterns.items[0], "*/*.dat");
	ck_assert_str_eq(config->patterns.items[1], "b/*");
	ck_assert_int_eq(config->settle_seconds, 900);
	ck_assert_int_eq(config->settle_check, SETTLE_AGE);
	ck_assert_str_eq(config->key_prefix, "raw/\xc3\xa9/");
	ck_assert_str_eq(config->region, "eu-west-1");
	ck_assert_str_eq(config->endpoint_url, "http://127.0.0.1:8080");
	ck_assert_int_eq(config->addressing_style, ADDRESSING_VIRTUAL);
	ck_assert_int_eq(config->connections, 1024);
	ck_assert_int_eq(config->max_attempts, 1);
	ck_assert_int_eq(config->connect_timeout_seconds, 120);
	ck_assert_int_eq(config->stall_timeout_seconds, 1);
	ck_assert_int_eq(config->on_conflict, CONFLICT_KEEP_BOTH);
	ck_assert_int_eq(config->payload_signing, SIGNING_NEVER);
	ck_assert_int_eq(config->retain_seconds, 604800);
	ck_assert_int_eq(config->prune_after_seconds, 0);
	ck_assert_int_eq(config->log_level, LOG_ERROR);
	ck_assert_int_eq(config->log_format, LOG_JSON);
	ck_assert_str_eq(config->log_file, "/var/log/s3.log");
}

START_TEST(reads_yaml)
{
	struct config *config = parse_well(
	    "# all there is\n"
	    "base_dir: /tmp\n"
	    "s3_bucket: my-bucket # a comment\n"
	    "spool_dir: '/var/spool/s3'\n"
	    "pattern:\n"
	    "  - '*/*.dat'\n"
	    "  - b/*\n"
	    "settle_seconds: 15m\n"
	    "settle_check: age\n"
	    "key_prefix: raw/\xc3\xa9/\n"
	    "region: eu-west-1\n"
	    "endpoint_url: http://127.0.0.1:8080\n"
	    "addressing_style: virtual\n"
	    "connections: 1024\n"
	    "max_attempts: 1\n"
	    "connect_timeout_seconds: 2m\n"
	    "stall_timeout_seconds: 1\n"
	    "on_conflict: keep-both\n"
	    "payload_signing: never\n"
	    "retain: 7d\n"
	    "prune_after: 0\n"
	    "log_level: error\n"
	    "log_format: json\n"
	    "log_file: /var/log/s3.log\n",
	    NULL);

	check_all_values(config);
	config_free(config);
}
END_TEST

START_TEST(reads_json)
{
	struct config *config = parse_well("{\n"
					   "\t\"base_dir\": \"\\/tmp\",\n"
					   "\t\"s3_bucket\": \"my-bucket\",\n"
					   "\t\"spool_dir\": \"/var/spool/s3\","
					   "\"pattern\": [\"*/*.dat\","
					   "\"b/*\"],\r\n"
					   "  \"settle_seconds\": 900,\n"
					   "  \"settle_check\": \"age\",\n"
					   "  \"key_prefix\": "
					   "\"raw/\\u00e9/\",\n"
					   "  \"region\": \"eu-west-1\",\n"
					   "  \"endpoint_url\": "
					   "\"http://127.0.0.1:8080\",\n"
					   "  \"addressing_style\":\"virtual\","
					   "\n"
					   "  \"connections\":1024,\n"
					   "  \"max_attempts\": 1,\n"
					   "  \"connect_timeout_seconds\":120,"
					   "\n"
					   "  \"stall_timeout_seconds\": 1,\n"
					   "  \"on_conflict\": \"keep-both\",\n"
					   "  \"payload_signing\": \"never\",\n"
					   "  \"retain\": \"7d\",\n"
					   "  \"prune_after\": \"0\",\n"
					   "  \"log_level\": \"error\",\n"
					   "  \"log_format\": \"json\",\n"
					   "  \"log_file\": "
					   "\"/var/log/s3.log\"\n"
					   "}\n",
	    NULL);

	check_all_values(config);
	config_free(config);
}
END_TEST

/* Each gives a key_prefix of "x". */
static const char *const spellings[] = {
    MIN "key_prefix: x",		      /* no newline at the end */
    "---\n" MIN "key_prefix: x\n...\n",	      /* the document's marks */
    "%YAML 1.1\n---\n" MIN "key_prefix: x\n", /* a directive */
    "\xef\xbb\xbf" MIN "key_prefix: x\n",     /* a byte order mark */
    MIN "key_prefix: \"x\"\n",		      /* quotes */
    MIN "key_prefix: !!str x\n",	      /* a tag is not heeded */
    MIN "key_prefix: !!python/object x\n",    /* nor is that one */
    MIN "key_prefix: &a x\n",		      /* nor is an anchor */
    MIN "? key_prefix\n: x\n",		      /* the long form */
    MIN "key_prefix: >-\n  x\n",	      /* a folded block */
    "base_dir: /tmp\r\ns3_bucket: b\r\nkey_prefix: x\r\n", /* CRLF */
};

START_TEST(reads_other_spellings)
{
	struct config *config = parse_well(spellings[_i], NULL);

	ck_assert_str_eq(config->key_prefix, "x");
	ck_assert_str_eq(config->bucket, "b");
	config_free(config);
}
END_TEST

static const struct path {
	const char *text;
	const char *path;
} paths[] = {
    {"/a", "/a"},			       /* nothing to do */
    {"/a/", "/a"},			       /* a slash at the end */
    {"//a///b//", "/a/b"},		       /* slashes */
    {"/./a/./b/.", "/a/b"},		       /* dots that mean nothing */
    {"/a/../b", "/a/../b"},		       /* these may cross a link */
    {"/a/.b/..c/...", "/a/.b/..c/..."},	       /* names, not dots */
    {"a b/\"\xc3\xa9\"", "/a b/\"\xc3\xa9\""}, /* below the file's */
    {"./s", "/s"},			       /* the same */
};

START_TEST(tidies_paths)
{
	const char *overrides[] = {NULL, NULL};
	struct strbuf text = {0};
	struct config *config;
	char current[PATH_MAX];

	strbuf_printf(&text, MIN "spool_dir: '%s'\n", paths[_i].text);
	config = parse_well(strbuf_text(&text), NULL);
	ck_assert_str_eq(config->spool_dir, paths[_i].path);
	config_free(config);
	/* From the command line it counts from where that was given. */
	strbuf_reset(&text);
	strbuf_printf(&text, "spool_dir=%s", paths[_i].text);
	overrides[0] = strbuf_text(&text);
	ck_assert_int_eq(chdir("/usr"), 0);
	ck_assert_ptr_nonnull(getcwd(current, sizeof current));
	config = parse_well(MIN, overrides);
	if (paths[_i].text[0] != '/') {
		ck_assert_int_eq(
		    strncmp(config->spool_dir, current, strlen(current)), 0);
		ck_assert_str_eq(
		    config->spool_dir + strlen(current), paths[_i].path);
	} else {
		ck_assert_str_eq(config->spool_dir, paths[_i].path);
	}
	config_free(config);
	strbuf_done(&text);
}
END_TEST

START_TEST(takes_overrides)
{
	static const char *const some[] = {
	    "connections=7", "pattern=*/#[x]: y", "connections=8"};
	static const char *const required[] = {
	    "base_dir=/tmp", "s3_bucket=c", NULL};
	static const char *const adaptive[] = {"connections=auto", NULL, NULL};
	struct config *config = parse_well(
	    MIN "connections: 5\npattern: [a, b]\n", some);

	ck_assert_int_eq(config->connections, 8);
	ck_assert_uint_eq(config->patterns.count, 1);
	ck_assert_str_eq(config->patterns.items[0], "*/#[x]: y");
	config_free(config);
	/* They may be all that gives a required key, or mend a bad one. */
	config = parse_well("{}", required);
	ck_assert_str_eq(config->bucket, "c");
	config_free(config);
	/* A word instead of a number. */
	config = parse_well(MIN "connections: 5\n", adaptive);
	ck_assert_int_eq(config->connections, 0);
	config_free(config);
	config = parse_well("base_dir: /no/such\n", required);
	ck_assert_str_eq(config->base_dir, "/tmp");
	config_free(config);
}
END_TEST

#define ONE "; write one 'key: value' a line"
#define UTF8 "; the file must be text in UTF-8 without control characters"
#define NOT_DURATION \
	" is no duration; write seconds, or a whole number with s, m, h or d " \
	"such as 26h"
#define SURROGATE \
	"JSON's surrogate pairs are not supported; write the character " \
	"itself, in UTF-8, instead of \\uD8xx\\uDCxx"

static const struct bad {
	const char *text;
	const char *error; /* without the file's name */
} bad[] = {
    /* nothing at all */
    {"", "1:1: the file is empty; give at least base_dir and s3_bucket"},
    {"# only a comment\n",
	"1:1: the file is empty; give at least base_dir and s3_bucket"},
    /* no mapping */
    {"\n  hello\n", "2:3: the file is no mapping" ONE},
    {"- a\n- b\n", "1:1: the file is no mapping" ONE},
    {"---\n", "2:1: the file is no mapping" ONE},
    /* two documents */
    {MIN "---\n" MIN, "3:1: a second document begins; write one only"},
    /* what is required */
    {"s3_bucket: b\n",
	"1:1: key 'base_dir': it is required and missing; add it"},
    {"\n{base_dir: /tmp}\n",
	"2:1: key 's3_bucket': it is required and missing; add it"},
    /* unknown keys: near ones are suggested */
    {MIN "conections: 5\n", "3:1: key 'conections': there is no such key; "
			    "did you mean 'connections'?"},
    {MIN "Base-Dir: 5\n", "3:1: key 'Base-Dir': there is no such key; did "
			  "you mean 'base_dir'?"},
    {MIN "bucket: b\n", "3:1: key 'bucket': there is no such key; did you "
			"mean 's3_bucket'?"},
    {MIN "<<: b\n", "3:1: key '<<': there is no such key; 'man s3spool.yaml' "
		    "lists them all"},
    {"{\"base_dir\": \"/tmp\", \"colour\": 1}",
	"1:22: key 'colour': there is no such key; 'man s3spool.yaml' "
	"lists them all"},
    /* columns are characters */
    {"{key_prefix: \"\xc3\xa9\", x: 1}", "1:19: key 'x': there is no such key; "
					 "'man s3spool.yaml' lists them all"},
    /* a strange one does not break the line */
    {"\"a\\nb\": 1\n", "1:1: key 'a?b': there is no such key; 'man "
		       "s3spool.yaml' lists them all"},
    /* given twice */
    {MIN "s3_bucket: c\n",
	"3:1: key 's3_bucket': it was given at line 2 already; keep one"},
    /* keys that are no names */
    {"[a]: b\n", "1:1: a key must be a plain name" ONE},
    {"\"a\\0b\": c\n", "1:1: a key must be a plain name" ONE},
    /* values that are no scalars */
    {MIN "region: [a]\n",
	"3:9: key 'region': a list can't stand here; write one value"},
    {MIN "region:\n  a: b\n",
	"4:3: key 'region': a mapping can't stand here; write one value"},
    {"base_dir: &a /tmp\ns3_bucket: *a\n",
	"2:12: key 's3_bucket': an alias can't stand here; write the value "
	"itself"},
    {MIN "pattern: [a, [b]]\n",
	"3:14: key 'pattern': a list can't stand here; write one value"},
    {MIN "pattern: []\n", "3:10: key 'pattern': the list is empty; leave the "
			  "key out for the default"},
    /* no value */
    {MIN "region:\n", "3:8: key 'region': it has no value; write one, or "
		      "leave the key out"},
    {MIN "region: null\n", "3:9: key 'region': it has no value; write one, "
			   "or leave the key out"},
    {MIN "region: ~\n", "3:9: key 'region': it has no value; write one, or "
			"leave the key out"},
    {MIN "pattern: [a, ~]\n", "3:14: key 'pattern': it has no value; write "
			      "one, or leave the key out"},
    /* a NUL */
    {MIN "region: \"a\\0b\"\n",
	"3:9: key 'region': the value has a NUL character; take it out"},
    /* directories */
    {"base_dir: ''\ns3_bucket: b\n",
	"1:11: key 'base_dir': it is empty; name a directory"},
    {"base_dir: //./\ns3_bucket: b\n",
	"1:11: key 'base_dir': it is the root directory; name a directory "
	"below it"},
    {"base_dir: /no/such\ns3_bucket: b\n",
	"1:11: key 'base_dir': '/no/such' can't be looked at: No such file "
	"or directory; create it or correct the path"},
    {"s3_bucket: b\nbase_dir: /dev/null\n",
	"2:11: key 'base_dir': '/dev/null' is no directory; name the one "
	"that the producer writes to"},
    {MIN "spool_dir: /tmp/\n", "3:12: key 'spool_dir': it holds base_dir, "
			       "'/tmp'; name a directory of its own"},
    {"base_dir: /usr/bin\ns3_bucket: b\nspool_dir: /usr\n",
	"3:12: key 'spool_dir': it holds base_dir, '/usr/bin'; name a "
	"directory of its own"},
    /* words */
    {"base_dir: /tmp\ns3_bucket: ''\n",
	"2:12: key 's3_bucket': it is empty; give it a value"},
    {MIN "region: eu west\n", "3:9: key 'region': 'eu west': it has a blank, a "
			      "control character or one "
			      "beyond ASCII; take it out"},
    {MIN "endpoint_url: s3.example.com\n",
	"3:15: key 'endpoint_url': 's3.example.com': it is no http:// or "
	"https:// URL; write "
	"it such as https://s3.example.com"},
    {MIN "key_prefix: /a\n", "3:13: key 'key_prefix': '/a': it begins with a "
			     "slash, so that every key "
			     "would; leave that slash out"},
    {MIN "pattern: /a\n", "3:10: key 'pattern': '/a': the pattern is absolute; "
			  "write it relative to base_dir"},
    {MIN "pattern:\n  - a\n  - b//c\n",
	"5:5: key 'pattern': 'b//c': the pattern has an empty component; write "
	"one "
	"slash, between two names"},
    /* numbers */
    {MIN "connections: 0\n",
	"3:14: key 'connections': '0' is neither auto nor a whole number from "
	"1 to 1024; the default is 32"},
    {MIN "connections: 1025\n",
	"3:14: key 'connections': '1025' is neither auto nor a whole number "
	"from 1 to 1024; the default is 32"},
    {MIN "connections: 99999999999999999999\n",
	"3:14: key 'connections': '99999999999999999999' is neither auto nor a "
	"whole number from 1 to 1024; the default is 32"},
    {MIN "connections: Auto\n",
	"3:14: key 'connections': 'Auto' is neither auto nor a whole number "
	"from 1 to 1024; the default is 32"},
    {MIN "connections: ''\n",
	"3:14: key 'connections': '' is neither auto nor a whole number from 1 "
	"to 1024; the default is 32"},
    {MIN "max_attempts: 101\n",
	"3:15: key 'max_attempts': '101' is no whole number from 1 to 100; "
	"the default is 5"},
    {MIN "max_attempts: -1\n",
	"3:15: key 'max_attempts': '-1' is no whole number from 1 to 100; "
	"the default is 5"},
    /* durations */
    {MIN "retain: soon\n", "3:9: key 'retain': 'soon'" NOT_DURATION},
    {MIN "prune_after: 1.5h\n", "3:14: key 'prune_after': '1.5h'" NOT_DURATION},
    {MIN "prune_after: 36526d\n",
	"3:14: key 'prune_after': '36526d' is not from 0 to 3155760000 "
	"seconds; the default is 26h"},
    {MIN "connect_timeout_seconds: 0\n",
	"3:26: key 'connect_timeout_seconds': '0' is not from 1 to 86400 "
	"seconds; the default is 10"},
    {MIN "stall_timeout_seconds: 2d\n",
	"3:24: key 'stall_timeout_seconds': '2d' is not from 1 to 86400 "
	"seconds; the default is 60"},
    /* choices */
    {MIN "settle_check: Age\n", "3:15: key 'settle_check': 'Age' is none of "
				"its values; write auto, lease or age"},
    {MIN "on_conflict: keep_both\n",
	"3:14: key 'on_conflict': 'keep_both' is none of its values; write "
	"quarantine, keep-both or overwrite"},
    {MIN "payload_signing: 'true'\n",
	"3:18: key 'payload_signing': 'true' is none of its values; write "
	"auto, always or never"},
    {MIN "addressing_style: host\n",
	"3:19: key 'addressing_style': 'host' is none of its values; write "
	"auto, path or virtual"},
    {MIN "log_level: warn\n",
	"3:12: key 'log_level': 'warn' is none of its values; write debug, "
	"info, warning or error"},
    {MIN "log_format: \"js\\non\"\n",
	"3:13: key 'log_format': 'js?on' is none of its values; write auto, "
	"text, json or journal"},
    /* YAML's own errors */
    {"base_dir: /tmp\n s3_bucket: b\n",
	"2:11: mapping values are not allowed in this context" ONE},
    {MIN "region: 'x\n",
	"4:1: found unexpected end of stream while scanning a quoted scalar "
	"that began at line 3" ONE},
    {MIN "\tregion: x\n",
	"3:1: found a tab character that violates indentation while "
	"scanning a plain scalar that began at line 2" ONE},
    {"{base_dir: /tmp\n",
	"2:1: did not find expected ',' or '}' while parsing a flow mapping "
	"that began at line 1" ONE},
    {"%YAML 2.0\n---\na: b\n", "1:1: found incompatible YAML document" ONE},
    /* what is no text; columns are characters here, too */
    {MIN "region: \xff\n", "3:9: invalid leading UTF-8 octet" UTF8},
    {MIN "key_prefix: \xc3\xa9\xc3(\n",
	"3:15: invalid trailing UTF-8 octet" UTF8},
    {"a: b\r\nc: \x01\r\n", "2:4: control characters are not allowed" UTF8},
    {"a: b\rc: \x01", "2:4: control characters are not allowed" UTF8},
    {"\xff\xfe"
     "b\n",
	"1:1: invalid leading UTF-8 octet" UTF8}, /* UTF-16 */
    /* surrogates, of either case, wherever; other bad escapes aren't */
    {MIN "key_prefix: \"\\ud83d\\ude00\"\n", "3:14: " SURROGATE},
    {"{\"key_prefix\": \"\xc3\xa9\\uDFFF\"}", "1:18: " SURROGATE},
    {"\"\\uDABC\": x\n", "1:2: " SURROGATE},
    {"region: \"\\uD8G0\"\n",
	"1:12: did not find expected hexdecimal number while "
	"parsing a quoted scalar that began at line 1" ONE},
    {"region: \"\\U00110000\"\n",
	"1:12: found invalid Unicode character escape code while parsing a "
	"quoted scalar that began at line 1" ONE},
    {"region: \"\\/\\uD7FF\\x\"\n",
	"1:20: did not find expected hexdecimal number while parsing a "
	"quoted scalar that began at line 1" ONE},
};

START_TEST(refuses)
{
	struct strbuf expected = {0};

	strbuf_printf(&expected, NAME ":%s", bad[_i].error);
	check_refused(
	    bad[_i].text, strlen(bad[_i].text), NULL, strbuf_text(&expected));
	strbuf_done(&expected);
}
END_TEST

static const struct bad_override {
	const char *override;
	const char *error;
} bad_overrides[] = {
    {"connections", /* no value */
	"-o connections: it has no value; write KEY=VALUE"},
    {"colour=1", /* unknown */
	"-o colour: there is no such key; 'man s3spool.yaml' lists them all"},
    {"a\nb=1", /* one that would break the line */
	"-o a?b: there is no such key; 'man s3spool.yaml' lists them all"},
    {"log-level=info", /* nearly known */
	"-o log-level: there is no such key; did you mean 'log_level'?"},
    {"connections=0", /* a bad value */
	"-o connections: '0' is neither auto nor a whole number from 1 to "
	"1024; the default is 32"},
    {"region=", /* an empty one */
	"-o region: it is empty; give it a value"},
    {"s3_bucket=", /* which does not reveal the file's */
	"-o s3_bucket: it is empty; give it a value"},
    {"base_dir=/no/such", /* judged late, with its own place */
	"-o base_dir: '/no/such' can't be looked at: No such file or "
	"directory; create it or correct the path"},
    {"spool_dir=/", /* no directory for it */
	"-o spool_dir: it is the root directory; name a directory below it"},
    {"spool_dir=/tmp", /* judged late as well */
	"-o spool_dir: it holds base_dir, '/tmp'; name a directory of its "
	"own"},
    {"key_prefix=\xff", /* YAML would never let it through */
	"-o key_prefix: '?': it is not valid UTF-8, and a key must be; write "
	"it "
	"in UTF-8"},
};

START_TEST(refuses_overrides)
{
	const char *overrides[] = {
	    "region=x", bad_overrides[_i].override, NULL};

	check_refused(MIN, strlen(MIN), overrides, bad_overrides[_i].error);
}
END_TEST

/* What a table of strings can't hold. */
START_TEST(refuses_what_is_no_string)
{
	static const char nul[] = MIN "region: a\0b\n";
	struct strbuf text = {0};

	check_refused(nul, sizeof nul - 1, NULL,
	    NAME ":3:10: control characters are not allowed" UTF8);
	/* As long as may be, and then a byte more. */
	strbuf_puts(&text, MIN "#");
	while (text.length < 1 << 20)
		strbuf_putc(&text, '#');
	config_free(parse_well(strbuf_text(&text), NULL));
	strbuf_putc(&text, '#');
	check_refused(strbuf_text(&text), text.length, NULL,
	    NAME ": the file is larger than 1 MiB; is it the configuration?");
	/* A name without an end is not shown in full. */
	strbuf_reset(&text);
	for (int i = 0; i < 100; i++)
		strbuf_puts(&text, "k");
	strbuf_puts(&text, ": 1\n");
	check_refused(strbuf_text(&text), text.length, NULL,
	    NAME ":1:1: key "
		 "'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
		 "kkkkkk...': there is no such key; 'man s3spool.yaml' lists "
		 "them all");
	strbuf_done(&text);
}
END_TEST

/* Hostile nesting costs neither the stack nor much time. */
START_TEST(survives_nesting)
{
	static const char *const openings[] = {"[", "{", "- ", "? ", "a: {"};

	for (int i = 0; i < LENGTH(openings); i++) {
		struct strbuf text = {0};
		struct config *config = NULL;
		char *error = NULL;

		strbuf_puts(&text, "pattern: ");
		for (int depth = 0; depth < 200000; depth++)
			strbuf_puts(&text, openings[i]);
		ck_assert_int_eq(parse(strbuf_text(&text), text.length, NULL,
				     &config, &error),
		    -EINVAL);
		free(error);
		strbuf_done(&text);
	}
}
END_TEST

/* Every beginning of a good file, unterminated: an error or a configuration,
 * and, under the sanitizer, nothing read beyond it. */
START_TEST(survives_every_truncation)
{
	static const char text[] = MIN
	    "pattern: [a, \"\\u00e9\\ud83d\", 'b']\r\nretain: 7d\r";

	for (size_t length = 0; length < sizeof text; length++) {
		char *exact = malloc(length != 0 ? length : 1);
		struct config *config = NULL;
		char *error = NULL;

		memcpy(exact, text, length);
		(void)parse(exact, length, NULL, &config, &error);
		ck_assert((config == NULL) != (error == NULL));
		config_free(config);
		free(error);
		free(exact);
	}
}
END_TEST

static const struct check {
	const char *(*check)(const char *text);
	const char *text;
	bool good;
} checks[] = {
    {config_check_word, "my.bucket-1_A", true},		/* a name */
    {config_check_word, "a\x7f", false},		/* DEL */
    {config_check_word, "a\n", false},			/* a line break */
    {config_check_word, "\xc3\xa9", false},		/* not ASCII */
    {config_check_endpoint, "http://h", true},		/* the least */
    {config_check_endpoint, "https://[::1]:1/x", true}, /* a path */
    {config_check_endpoint, "HTTP://h", false},		/* as S3 tools do */
    {config_check_endpoint, "ftp://h", false},		/* not HTTP */
    {config_check_endpoint, "http:/h", false},		/* a slash short */
    {config_check_endpoint, "http://", false},		/* no host */
    {config_check_endpoint, "https:///x", false},	/* no host */
    {config_check_endpoint, "http://:80", false},	/* no host */
    {config_check_endpoint, "http://h h", false},	/* a blank */
    {config_check_endpoint, "", false},			/* nothing */
    {config_check_prefix, "", true},			/* the default */
    {config_check_prefix, "a//b", true},		/* odd, but a key */
    {config_check_prefix, "/", false},			/* a leading slash */
    {config_check_prefix, "\xc3", false},		/* no UTF-8 */
    {config_check_pattern, "*", true},			/* the least */
    {config_check_pattern, "a/.b/..c", true},		/* names with dots */
    {config_check_pattern, "", false},			/* nothing */
    {config_check_pattern, "a/", false},		/* ends in a slash */
    {config_check_pattern, ".", false},			/* a dot alone */
    {config_check_pattern, "./a", false},		/* a dot first */
    {config_check_pattern, "a/..", false},		/* dots last */
    {config_check_pattern, "a/../b", false},		/* dots between */
};

START_TEST(checks_text)
{
	const char *problem = checks[_i].check(checks[_i].text);

	ck_assert_msg(
	    (problem == NULL) == checks[_i].good, "'%s'", checks[_i].text);
	/* Every one has a hint. */
	ck_assert(problem == NULL || strstr(problem, "; ") != NULL);
}
END_TEST

START_TEST(checks_the_prefix_length)
{
	char prefix[1026];

	memset(prefix, 'p', sizeof prefix);
	prefix[1025] = '\0';
	ck_assert_ptr_nonnull(config_check_prefix(prefix));
	prefix[1024] = '\0';
	ck_assert_ptr_null(config_check_prefix(prefix));
}
END_TEST

static void
write_file(const char *file, const char *text)
{
	FILE *out = fopen(file, "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_int_ge(fputs(text, out), 0);
	ck_assert_int_eq(fclose(out), 0);
}

/* Loads FILE, which can't be read. */
static void
check_unreadable(const char *file, int result, const char *reason)
{
	struct config *config = NULL;
	struct strbuf expected = {0};
	char *error = NULL;

	ck_assert_int_eq(config_load(file, NULL, 0, &config, &error), result);
	ck_assert_ptr_null(config);
	strbuf_printf(
	    &expected, "%s: the configuration can't be read: %s", file, reason);
	ck_assert_str_eq(error, strbuf_text(&expected));
	strbuf_done(&expected);
	free(error);
}

START_TEST(loads_files)
{
	char directory[] = "/tmp/test_config.XXXXXX";
	struct config *config = NULL;
	struct strbuf path = {0};
	char *error = NULL;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_int_eq(mkdir("conf", 0700), 0);
	ck_assert_int_eq(mkdir("conf/data", 0700), 0);
	write_file(
	    "conf/c.yaml", "base_dir: data/\ns3_bucket: b\nspool_dir: ../s\n");
	/* Named relatively or absolutely, the paths count from the file. */
	strbuf_printf(&path, "%s/conf/c.yaml", directory);
	for (int i = 0; i < 2; i++) {
		struct strbuf want = {0};

		ck_assert_int_eq(
		    config_load(i == 0 ? "conf/c.yaml" : strbuf_text(&path),
			NULL, 0, &config, &error),
		    0);
		strbuf_printf(&want, "%s/conf/data", directory);
		ck_assert_str_eq(config->base_dir, strbuf_text(&want));
		strbuf_reset(&want);
		strbuf_printf(&want, "%s/conf/../s", directory);
		ck_assert_str_eq(config->spool_dir, strbuf_text(&want));
		strbuf_done(&want);
		config_free(config);
		config = NULL;
	}
	check_unreadable("conf", -EISDIR, "Is a directory");
	check_unreadable("none.yaml", -ENOENT, "No such file or directory");
	/* Nothing tells where we are any more. */

	ck_assert_int_eq(unlink("conf/c.yaml"), 0);
	ck_assert_int_eq(rmdir("conf/data"), 0);
	ck_assert_int_eq(rmdir("conf"), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	check_refused(MIN, strlen(MIN), (const char *[]){"spool_dir=s", NULL},
	    "-o spool_dir: it is relative, and the current directory is "
	    "unknown (No such file or directory); write an absolute path");

	strbuf_done(&path);
}
END_TEST

START_TEST(frees_nothing)
{
	config_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, has_defaults);
	tcase_add_test(tcase, reads_yaml);
	tcase_add_test(tcase, reads_json);
	tcase_add_loop_test(tcase, reads_other_spellings, 0, LENGTH(spellings));
	tcase_add_loop_test(tcase, tidies_paths, 0, LENGTH(paths));
	tcase_add_test(tcase, takes_overrides);
	tcase_add_loop_test(tcase, refuses, 0, LENGTH(bad));
	tcase_add_loop_test(tcase, refuses_overrides, 0, LENGTH(bad_overrides));
	tcase_add_test(tcase, refuses_what_is_no_string);
	tcase_add_test(tcase, survives_nesting);
	tcase_add_test(tcase, survives_every_truncation);
	tcase_add_loop_test(tcase, checks_text, 0, LENGTH(checks));
	tcase_add_test(tcase, checks_the_prefix_length);
	tcase_add_test(tcase, loads_files);
	tcase_add_test(tcase, frees_nothing);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
