/* The command line of the stub: a table of options, each with the kind of its
 * value and the field that takes it. */
#include "tests/stub/stub_options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_script.h"
#include "tests/stub/stub_text.h"

enum kind { TEXT, NUMBER, SIGNED, ON, OFF, SPECIAL };

struct row {
	const char *name;
	enum kind kind;
	size_t field;
	const char *help;
};

#define FIELD(name) offsetof(struct stub_options, name)

static const struct row rows[] = {
    {"help", SPECIAL, 0, "  show this"},
    {"face", SPECIAL, 0, "NAME  s3 (default), imds, container or sts"},
    {"port", SPECIAL, 0, "N  to listen on; 0 (default): any free one"},
    {"log", TEXT, FIELD(log_path), "FILE  append a line a request"},
    {"script", TEXT, FIELD(script_path), "FILE  faults; see below"},
    {"seed", NUMBER, FIELD(seed), "N  for chance= in the script"},
    {"store", TEXT, FIELD(store_dir), "DIR  keep objects in files there"},
    {"discard", ON, FIELD(discard), "  forget bodies, GET gives zeros"},
    {"no-digests", OFF, FIELD(digests),
	"  no MD5, no SHA-256 but where a request needs it"},
    {"memory-limit", NUMBER, FIELD(memory_limit), "BYTES  of all bodies"},
    {"access-key", SPECIAL, 0, "KEY  (default stub-key)"},
    {"secret", SPECIAL, 0, "SECRET  (default stub-secret)"},
    {"token", SPECIAL, 0, "GLOB  session token that must come with it"},
    {"credential", SPECIAL, 0, "KEY:SECRET[:TOKEN]  one more"},
    {"region", TEXT, FIELD(region), "NAME  (default us-east-1)"},
    {"no-auth", OFF, FIELD(auth), "  look at no signature"},
    {"signed-payload", ON, FIELD(signed_payload),
	"  no UNSIGNED-PAYLOAD over plain http"},
    {"owner", TEXT, FIELD(owner), "ID  of every bucket"},
    {"domain", SPECIAL, 0, "NAME  virtual-hosted below it (localhost is)"},
    {"base-path", TEXT, FIELD(base_path), "/PATH  before the bucket"},
    {"clock-offset", SIGNED, FIELD(clock_offset_s), "SECONDS"},
    {"latency-ms", NUMBER, FIELD(latency_ms), "N  before each answer"},
    {"idle-timeout", NUMBER, FIELD(idle_timeout_s),
	"SECONDS  then close; 0 (default): never"},
    {"part-min", NUMBER, FIELD(part_min), "BYTES  (default 5 MiB)"},
    {"page", NUMBER, FIELD(page_max), "N  entries of a listing at most"},
    {"versions", ON, FIELD(versions), "  answer x-amz-version-id"},
    {"no-conditions", ON, FIELD(no_conditions), "  501 to If-None-Match"},
    {"ignore-conditions", ON, FIELD(ignore_conditions),
	"  overwrite in spite of If-None-Match"},
    {"answer-304", ON, FIELD(answer_304), "  in place of 412"},
    {"no-checksums", SPECIAL, 0, "  501 to x-amz-checksum-*, x-amz-sdk-*"},
    {"no-checksums-400", SPECIAL, 0, "  400 to them"},
    {"cert", TEXT, FIELD(cert_path), "FILE  PEM: speak TLS"},
    {"key", TEXT, FIELD(key_path), "FILE  PEM: its key"},
    {"client-ca", TEXT, FIELD(client_ca_path),
	"FILE  PEM: clients need a certificate of it"},
    {"role", TEXT, FIELD(role), "NAME  imds: of the instance (stub-role)"},
    {"authorization", TEXT, FIELD(authorization),
	"TEXT  container: what must come"},
    {"web-identity", TEXT, FIELD(web_identity_path),
	"FILE  sts: the token that must come"},
    {"expiry", SIGNED, FIELD(expiry_s),
	"SECONDS  of what faces hand out (3600)"},
    {"rotate", ON, FIELD(rotate), "  another session token each time"},
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static void
print_help(void)
{
	puts("usage: s3stub [options]\n"
	     "An S3 server for tests on 127.0.0.1; prints its URL once it "
	     "listens,\nstops on SIGTERM and when its parent ends.\n");
	for (size_t i = 0; i < ROWS; i++)
		printf("  --%s %s\n", rows[i].name,
		    rows[i].help + strspn(rows[i].help, " "));
	printf("\n%s", stub_script_help);
}

static void
set_text(char **field, const char *value)
{
	free(*field);
	*field = mem_copy(value);
}

static int
add_credential(struct stub_options *options, const char *value)
{
	struct stub_credential *credential;
	const char *secret = strchr(value, ':'), *token;

	if (secret == NULL || options->credential_count == STUB_CREDENTIALS_MAX)
		return -1;
	credential = &options->credentials[options->credential_count++];
	credential->access_key = mem_copy_n(value, (size_t)(secret - value));
	secret++;
	token = strchr(secret, ':');
	if (token == NULL) {
		credential->secret = mem_copy(secret);
		return 0;
	}
	credential->secret = mem_copy_n(secret, (size_t)(token - secret));
	credential->token = mem_copy(token + 1);
	return 0;
}

static int
set_face(struct stub_options *options, const char *value)
{
	static const char *const names[] = {"s3", "imds", "container", "sts"};

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(names[i], value) == 0) {
			options->face = (enum stub_face)i;
			return 0;
		}
	}
	return -1;
}

static int
set_special(struct stub_options *options, const char *name, const char *value)
{
	struct stub_credential *first = &options->credentials[0];
	uint64_t number;

	if (strcmp(name, "face") == 0)
		return set_face(options, value);
	if (strcmp(name, "credential") == 0)
		return add_credential(options, value);
	if (strcmp(name, "access-key") == 0) {
		set_text(&first->access_key, value);
	} else if (strcmp(name, "secret") == 0) {
		set_text(&first->secret, value);
	} else if (strcmp(name, "token") == 0) {
		set_text(&first->token, value);
	} else if (strcmp(name, "no-checksums") == 0) {
		options->no_checksums = 501;
	} else if (strcmp(name, "no-checksums-400") == 0) {
		options->no_checksums = 400;
	} else if (strcmp(name, "domain") == 0) {
		if (options->domain_count == STUB_DOMAINS_MAX)
			return -1;
		options->domains[options->domain_count++] = value;
	} else {
		if (stub_text_number(value, UINT16_MAX, &number) < 0)
			return -1;
		options->port = (uint16_t)number;
	}
	return 0;
}

static int
set_option(
    struct stub_options *options, const struct row *row, const char *value)
{
	char *field = (char *)options + row->field;
	uint64_t number;
	int64_t sign;

	switch (row->kind) {
	case TEXT:
		memcpy(field, &value, sizeof(value));
		return 0;
	case NUMBER:
		if (stub_text_number(value, INT64_MAX, &number) < 0)
			return -1;
		memcpy(field, &number, sizeof(number));
		return 0;
	case SIGNED:
		sign = *value == '-' ? -1 : 1;
		if (stub_text_number(value + (sign < 0), INT64_MAX, &number) <
		    0)
			return -1;
		sign *= (int64_t)number;
		memcpy(field, &sign, sizeof(sign));
		return 0;
	case ON:
	case OFF:
		*(bool *)field = row->kind == ON;
		return 0;
	default:
		return set_special(options, row->name, value);
	}
}

/* Options without a value have a help text without its name. */
static bool
takes_value(const struct row *row)
{
	return row->help[0] != ' ';
}

static void
set_defaults(struct stub_options *options)
{
	*options = (struct stub_options){
	    .domains = {"localhost"},
	    .domain_count = 1,
	    .base_path = "",
	    .region = "us-east-1",
	    .auth = true,
	    .digests = true,
	    .memory_limit = (uint64_t)1 << 30,
	    .part_min = 5 << 20,
	    .page_max = 1000,
	    .role = "stub-role",
	    .expiry_s = 3600,
	};
	(void)add_credential(options, "stub-key:stub-secret");
}

int
stub_options_parse(struct stub_options *options, int argc, char **argv)
{
	struct option table[ROWS + 1] = {{0}};
	int index, found;

	set_defaults(options);
	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct option){rows[i].name,
		    takes_value(&rows[i]) ? required_argument : no_argument,
		    NULL, 1};
	while ((found = getopt_long(argc, argv, "", table, &index)) != -1) {
		if (found != 1)
			return -1; /* getopt has said why */
		if (strcmp(rows[index].name, "help") == 0) {
			print_help();
			stub_options_done(options);
			exit(0);
		}
		if (set_option(options, &rows[index], optarg) < 0) {
			fprintf(stderr, "--%s cannot be \"%s\"\n",
			    rows[index].name, optarg);
			return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "what is \"%s\"?\n", argv[optind]);
		return -1;
	}
	if ((options->cert_path == NULL) != (options->key_path == NULL)) {
		fputs("--cert and --key go together\n", stderr);
		return -1;
	}
	return 0;
}

void
stub_options_done(struct stub_options *options)
{
	for (size_t i = 0; i < options->credential_count; i++) {
		free(options->credentials[i].access_key);
		free(options->credentials[i].secret);
		free(options->credentials[i].token);
	}
	options->credential_count = 0;
}
