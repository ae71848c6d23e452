/* The script of faults: parsing and matching. stub_script.h has the language.
 *
 * Strings of a rule point into its own copy of the line. */
#include "tests/stub/stub_script.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_text.h"

struct range {
	bool given; /* else everything is in it */
	uint64_t first, last;
};

struct rule {
	char *line;  /* cut into words */
	char *shown; /* for the log */
	const char *method, *operation, *bucket, *key;
	struct range part, at, nth;
	uint64_t chance; /* 0: always */
	uint64_t seen;
	struct stub_fault fault;
};

struct stub_script {
	struct rule *rules;
	size_t count;
	uint64_t random;
	bool seeded;
};

static const struct stub_fault no_fault;

const struct stub_fault *
stub_script_none(void)
{
	return &no_fault;
}

static int
parse_range(const char *text, struct range *ret_range)
{
	struct range range = {true, 0, UINT64_MAX};
	char *first = mem_copy(text);
	char *dash = strchr(first, '-');
	int result = 0;

	if (dash != NULL)
		*dash = '\0';
	if (*first != '\0')
		result = stub_text_number(first, UINT64_MAX, &range.first);
	if (dash == NULL)
		range.last = range.first;
	else if (result == 0 && dash[1] != '\0')
		result = stub_text_number(dash + 1, UINT64_MAX, &range.last);
	if (result == 0 && (*text == '\0' || range.last < range.first))
		result = -EINVAL;
	if (result == 0)
		*ret_range = range;
	free(first);
	return result;
}

static bool
in_range(const struct range *range, uint64_t number)
{
	return !range->given ||
	       (number >= range->first && number <= range->last);
}

static int
parse_matcher(struct rule *rule, const char *name, const char *value)
{
	if (strcmp(name, "op") == 0)
		rule->operation = value;
	else if (strcmp(name, "bucket") == 0)
		rule->bucket = value;
	else if (strcmp(name, "key") == 0)
		rule->key = value;
	else if (strcmp(name, "part") == 0)
		return parse_range(value, &rule->part);
	else if (strcmp(name, "at") == 0)
		return parse_range(value, &rule->at);
	else if (strcmp(name, "n") == 0)
		return parse_range(value, &rule->nth);
	else if (strcmp(name, "chance") == 0)
		return stub_text_number(value, 100, &rule->chance);
	else
		return -ENOENT;
	return 0;
}

static int
parse_flag(struct stub_fault *fault, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
	    {"store", &fault->store},
	    {"early", &fault->early},
	    {"lose", &fault->lose},
	    {"drop", &fault->drop},
	    {"stall", &fault->stall},
	    {"truncate-xml", &fault->truncate},
	    {"error-in-200", &fault->error_in_200},
	    {"wrong-etag", &fault->wrong_etag},
	    {"wrong-checksum", &fault->wrong_checksum},
	    {"no-conditions", &fault->no_conditions},
	    {"ignore-conditions", &fault->ignore_conditions},
	    {"answer-304", &fault->answer_304},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (strcmp(flags[i].name, name) == 0) {
			*flags[i].flag = true;
			return 0;
		}
	}
	if (strcmp(name, "no-checksums") != 0)
		return -EINVAL;
	fault->no_checksums = 501;
	return 0;
}

static int
parse_status(const char *value, unsigned *ret_status)
{
	uint64_t number;

	if (stub_text_number(value, 599, &number) < 0 || number < 200)
		return -EINVAL;
	*ret_status = (unsigned)number;
	return 0;
}

static int
parse_number_action(
    struct stub_fault *fault, const char *name, const char *value)
{
	uint64_t number = 0;
	bool negative = *value == '-' && strcmp(name, "date") == 0;

	if (strcmp(name, "status") == 0)
		return parse_status(value, &fault->status);
	if (strcmp(name, "no-checksums") == 0)
		return parse_status(value, &fault->no_checksums);
	if (stub_text_number(value + negative, INT32_MAX, &number) < 0)
		return -EINVAL;
	if (strcmp(name, "delay") == 0)
		fault->delay_ms = number;
	else if (strcmp(name, "delay-before") == 0)
		fault->delay_before_ms = number;
	else if (strcmp(name, "date") == 0)
		fault->date_offset_s = negative ? -(int64_t)number
						: (int64_t)number;
	else if (strcmp(name, "cut-request") == 0) {
		fault->cuts_request = true;
		fault->cut_request = number;
	} else if (strcmp(name, "cut-response") == 0) {
		fault->cuts_response = true;
		fault->cut_response = number;
	} else if (strcmp(name, "truncate-xml") == 0) {
		fault->truncate = true;
		fault->truncate_at = number;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int
parse_action(struct stub_fault *fault, const char *name, char *value)
{
	char *colon;

	if (strcmp(name, "code") == 0)
		fault->code = value;
	else if (strcmp(name, "message") == 0)
		fault->message = value;
	else if (strcmp(name, "body") == 0)
		fault->body = value;
	else if (strcmp(name, "region") == 0)
		fault->region = value;
	else if (strcmp(name, "endpoint") == 0)
		fault->endpoint = value;
	else if (strcmp(name, "retry-after") == 0)
		stub_pairs_add(&fault->headers, "Retry-After", value);
	else if (strcmp(name, "header") == 0) {
		colon = strchr(value, ':');
		if (colon == NULL)
			return -EINVAL;
		*colon++ = '\0';
		colon += strspn(colon, " ");
		stub_pairs_add(&fault->headers, value, colon);
	} else {
		return parse_number_action(fault, name, value);
	}
	return 0;
}

/* Cuts the next word off *AT, taking its quotes away; NULL at the end. */
static char *
next_word(char **at)
{
	char *from = *at + strspn(*at, " \t\r");
	char *word = from, *to = from;
	bool quoted = false;

	if (*from == '\0')
		return NULL;
	for (; *from != '\0'; from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (!quoted && strchr(" \t\r", *from) != NULL) {
			from++;
			break;
		}
		*to++ = *from;
	}
	/* FROM is past TO, or both are at the end. */
	*at = from;
	*to = '\0';
	return word;
}

static int
parse_rule(struct rule *rule, const char *line, size_t number)
{
	char *at, *word;

	rule->shown = mem_format("%zu:%s", number, line);
	rule->line = mem_copy(line);
	at = rule->line;
	rule->method = next_word(&at);
	while ((word = next_word(&at)) != NULL) {
		char *value = strchr(word, '=');
		int result;

		if (value == NULL) {
			result = parse_flag(&rule->fault, word);
		} else {
			*value++ = '\0';
			result = parse_matcher(rule, word, value);
			if (result == -ENOENT)
				result = parse_action(
				    &rule->fault, word, value);
		}
		if (result < 0) {
			fprintf(stderr, "line %zu: \"%s\" is not understood\n",
			    number, word);
			return -EINVAL;
		}
	}
	if (rule->fault.code != NULL && rule->fault.status == 0 &&
	    !rule->fault.error_in_200) {
		fprintf(stderr, "line %zu: code without status\n", number);
		return -EINVAL;
	}
	return 0;
}

struct stub_script *
stub_script_parse(const char *text, const char *name)
{
	struct stub_script *script = mem_zero(1, sizeof(*script));
	size_t number = 1;

	for (; *text != '\0'; number++) {
		size_t length = strcspn(text, "\n");
		size_t blank = strspn(text, " \t\r");
		char *line = mem_copy_n(text, length);
		int result = 0;

		if (blank < length && text[blank] != '#') {
			script->rules = mem_grow(script->rules,
			    script->count + 1, sizeof(*script->rules));
			script->rules[script->count] = (struct rule){0};
			result = parse_rule(
			    &script->rules[script->count++], line, number);
		}
		free(line);
		if (result < 0) {
			fprintf(stderr, "the script \"%s\" is wrong\n", name);
			stub_script_free(script);
			return NULL;
		}
		text += length;
		if (*text == '\n')
			text++;
	}
	return script;
}

void
stub_script_free(struct stub_script *script)
{
	if (script == NULL)
		return;
	for (size_t i = 0; i < script->count; i++) {
		free(script->rules[i].line);
		free(script->rules[i].shown);
		stub_pairs_done(&script->rules[i].fault.headers);
	}
	free(script->rules);
	free(script);
}

static bool
matches(const char *pattern, const char *text)
{
	return pattern == NULL || fnmatch(pattern, text, 0) == 0;
}

static bool
rule_matches(
    struct rule *rule, const struct stub_request *req, uint64_t seconds)
{
	const char *number = stub_request_query(req, "partNumber");
	uint64_t part = 0;

	if (number != NULL)
		(void)stub_text_number(number, UINT32_MAX, &part);
	if (strcmp(rule->method, "*") != 0 &&
	    strcmp(rule->method, req->method) != 0)
		return false;
	return matches(rule->operation, req->operation->name) &&
	       matches(rule->bucket, req->bucket) &&
	       matches(rule->key, req->key) && in_range(&rule->part, part) &&
	       in_range(&rule->at, seconds);
}

/* xorshift64* (Marsaglia; Vigna 2016): the same everywhere for one seed. */
static uint64_t
percent(struct stub_script *script, uint64_t seed)
{
	if (!script->seeded) {
		script->random = (seed * 2 + 1) * 0x9E3779B97F4A7C15ULL;
		script->seeded = true;
	}
	script->random ^= script->random >> 12;
	script->random ^= script->random << 25;
	script->random ^= script->random >> 27;
	return (script->random * 0x2545F4914F6CDD1DULL >> 33) % 100;
}

void
stub_script_apply(
    struct stub_script *script, struct stub_request *req, uint64_t seconds)
{
	if (script == NULL)
		return;
	for (size_t i = 0; i < script->count; i++) {
		struct rule *rule = &script->rules[i];

		if (!rule_matches(rule, req, seconds))
			continue;
		rule->seen++;
		if (req->fault_text != NULL ||
		    !in_range(&rule->nth, rule->seen))
			continue;
		if (rule->chance != 0 &&
		    percent(script, req->stub->options.seed) >= rule->chance)
			continue;
		req->fault = &rule->fault;
		req->fault_text = rule->shown;
	}
}

const char stub_script_help[] =
    "The script: a rule a line, METHOD (or *), then matchers and actions.\n"
    "  matchers  op=GLOB bucket=GLOB key=GLOB part=RANGE at=RANGE (seconds)\n"
    "            n=RANGE (counted for each rule)  chance=PERCENT\n"
    "            RANGE: 3  2-5  4-  -6\n"
    "  answer    status=N code=C message=M body=TEXT header=\"Name: value\"\n"
    "            retry-after=S region=R endpoint=URL date=SECONDS\n"
    "  when      delay=MS (after acting)  delay-before=MS (before the body)\n"
    "            early (without reading the body)  stall (never)\n"
    "  close     lose (after acting)  drop (before acting)  cut-request=N\n"
    "            cut-response=N (bytes of the body)\n"
    "  lie       truncate-xml[=N] error-in-200 wrong-etag wrong-checksum\n"
    "  store     no-conditions (501) ignore-conditions answer-304\n"
    "            no-checksums[=STATUS]\n"
    "  store     act although status= or stall says otherwise\n"
    "The first rule that matches acts; all that match count the request.\n"
    "  PUT key=*/a.dat n=1-3 status=503 code=SlowDown retry-after=1\n"
    "  POST op=CompleteMultipartUpload n=1 error-in-200 code=InternalError\n"
    "  PUT op=UploadPart part=2 n=1 lose\n";
