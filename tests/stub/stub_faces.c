/* The stub's other faces: where credentials come from.
 *
 *   imds       the instance metadata service, version 2 only (AWS, "Use the
 *              Instance Metadata Service to access instance metadata")
 *   container  the credentials endpoint of ECS and EKS Pod Identity
 *   sts        AssumeRoleWithWebIdentity and AssumeRole (AWS STS API Reference)
 *
 * The first credential of the command line is what they hand out; the others
 * are those with which AssumeRole may be signed. With --rotate each hand-out
 * has a session token of its own, <token>-<n>. */
#include "tests/stub/stub_faces.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_auth.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_text.h"

#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"

enum { TOKEN_TTL_MAX_S = 21600, TOKEN_FILE_LIMIT = 65536 };

static unsigned long handed_out;

struct handout {
	const char *access_key, *secret;
	char *token, *expiration;
};

static struct handout
hand_out(const struct stub_request *req)
{
	const struct stub_options *options = &req->stub->options;
	const struct stub_credential *first = &options->credentials[0];
	const char *token = first->token != NULL ? first->token : "stub-token";
	time_t end = stub_now(req->stub, NULL) + options->expiry_s;
	struct handout given = {first->access_key, first->secret, NULL, NULL};

	handed_out++;
	given.token = options->rotate ? mem_format("%s-%lu", token, handed_out)
				      : mem_copy(token);
	given.expiration = mem_copy(stub_text_iso_date(end, 0));
	/* The services write whole seconds: 2015-10-21T07:28:00Z. */
	memcpy(given.expiration + strlen(given.expiration) - 5, "Z", 2);
	return given;
}

static void
handout_done(struct handout *given)
{
	free(given->token);
	free(given->expiration);
}

static void
answer_text(struct stub_request *req, const char *type, const char *text)
{
	if (req->answer.status != 0)
		return;
	stub_pairs_set(&req->answer.headers, "Content-Type", type);
	strbuf_puts(&req->answer.body, text);
	stub_request_answer(req, 200);
}

static void
answer_json(struct stub_request *req)
{
	struct handout given = hand_out(req);
	char *json = mem_format("{\n  \"Code\" : \"Success\",\n"
				"  \"LastUpdated\" : \"%s\",\n"
				"  \"Type\" : \"AWS-HMAC\",\n"
				"  \"AccessKeyId\" : \"%s\",\n"
				"  \"SecretAccessKey\" : \"%s\",\n"
				"  \"Token\" : \"%s\",\n"
				"  \"Expiration\" : \"%s\"\n}\n",
	    stub_text_iso_date(stub_now(req->stub, NULL), 0), given.access_key,
	    given.secret, given.token, given.expiration);

	answer_text(req, "application/json", json);
	free(json);
	handout_done(&given);
}

/* --- instance metadata ---------------------------------------------------- */

static void
token_finish(struct stub_request *req)
{
	static const char name[] = "x-aws-ec2-metadata-token-ttl-seconds";
	const char *text = stub_request_header(req, name);
	uint64_t ttl;
	char *token;

	if (stub_request_header(req, "x-forwarded-for") != NULL) {
		stub_request_refuse(req, 403, "Forbidden", "Forbidden");
		return;
	}
	if (text == NULL || stub_text_number(text, TOKEN_TTL_MAX_S, &ttl) < 0 ||
	    ttl == 0) {
		stub_request_refuse(req, 400, "BadRequest", "Bad Request");
		return;
	}
	token = mem_format(
	    "IMDS-%lld", (long long)stub_now(req->stub, NULL) + (long long)ttl);
	stub_pairs_set(&req->answer.headers, name, text);
	answer_text(req, "text/plain", token);
	free(token);
}

/* The token tells its own end. */
static void
metadata_check(struct stub_request *req)
{
	const char *token = stub_request_header(
	    req, "x-aws-ec2-metadata-token");
	uint64_t end;

	if (token == NULL || strncmp(token, "IMDS-", 5) != 0 ||
	    stub_text_number(token + 5, INT64_MAX, &end) < 0 ||
	    (time_t)end < stub_now(req->stub, NULL))
		stub_request_refuse(req, 401, "Unauthorized", "Unauthorized");
}

static void
list_finish(struct stub_request *req)
{
	answer_text(req, "text/plain", req->stub->options.role);
}

static void
region_finish(struct stub_request *req)
{
	answer_text(req, "text/plain", req->stub->options.region);
}

static void
missing_finish(struct stub_request *req)
{
	stub_request_refuse(req, 404, "NotFound", "Not Found");
}

static const struct stub_operation imds_token = {
    "ImdsToken", NULL, token_finish, false};
static const struct stub_operation imds_list = {
    "ImdsList", metadata_check, list_finish, false};
static const struct stub_operation imds_credentials = {
    "ImdsCredentials", metadata_check, answer_json, false};
static const struct stub_operation imds_region = {
    "ImdsRegion", metadata_check, region_finish, false};
static const struct stub_operation missing = {
    "Unknown", NULL, missing_finish, false};

static const struct stub_operation *
imds_route(const struct stub_request *req)
{
	size_t length = strlen(ROLE_PATH);

	if (strcmp(req->method, "PUT") == 0 &&
	    strcmp(req->raw_path, "/latest/api/token") == 0)
		return &imds_token;
	if (strcmp(req->method, "GET") != 0)
		return &missing;
	if (strcmp(req->raw_path, "/latest/meta-data/placement/region") == 0)
		return &imds_region;
	if (strncmp(req->raw_path, ROLE_PATH, length) != 0)
		return &missing;
	if (req->raw_path[length] == '\0')
		return &imds_list;
	return strcmp(req->raw_path + length, req->stub->options.role) == 0
		   ? &imds_credentials
		   : &missing;
}

/* --- container ------------------------------------------------------------ */

static void
container_check(struct stub_request *req)
{
	const char *wanted = req->stub->options.authorization;
	const char *given = stub_request_header(req, "authorization");

	if (wanted != NULL && (given == NULL || strcmp(given, wanted) != 0))
		stub_request_refuse(req, 401, "Unauthorized", "Unauthorized");
}

static const struct stub_operation container = {
    "ContainerCredentials", container_check, answer_json, false};

/* --- STS ------------------------------------------------------------------ */

static void
answer_sts(struct stub_request *req, const char *action)
{
	struct handout given = hand_out(req);
	const char *role = stub_request_query(req, "RoleArn");
	const char *session = stub_request_query(req, "RoleSessionName");
	struct strbuf body = {0};
	char *arn = mem_format("%s/%s", role, session);

	strbuf_printf(&body,
	    "<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
	    "<%sResult><AssumedRoleUser>",
	    action, action);
	stub_text_element(&body, "Arn", arn);
	stub_text_element(&body, "AssumedRoleId", "STUBROLE:session");
	strbuf_puts(&body, "</AssumedRoleUser><Credentials>");
	stub_text_element(&body, "AccessKeyId", given.access_key);
	stub_text_element(&body, "SecretAccessKey", given.secret);
	stub_text_element(&body, "SessionToken", given.token);
	stub_text_element(&body, "Expiration", given.expiration);
	strbuf_printf(&body,
	    "</Credentials></%sResult><ResponseMetadata><RequestId>%016lX"
	    "</RequestId></ResponseMetadata></%sResponse>",
	    action, req->number, action);
	free(arn);
	handout_done(&given);
	stub_request_answer_xml(req, &body);
}

static bool
has_parameters(struct stub_request *req)
{
	const char *role = stub_request_query(req, "RoleArn");
	const char *session = stub_request_query(req, "RoleSessionName");

	if (role != NULL && strlen(role) >= 20 && session != NULL &&
	    strlen(session) >= 2 && strlen(session) <= 64)
		return true;
	stub_request_refuse(req, 400, "ValidationError",
	    "RoleArn or RoleSessionName is missing or out of its bounds");
	return false;
}

static void
web_identity_finish(struct stub_request *req)
{
	const char *path = req->stub->options.web_identity_path;
	const char *given = stub_request_query(req, "WebIdentityToken");
	char *wanted = NULL;
	bool good = given != NULL && *given != '\0';

	if (!has_parameters(req))
		return;
	/* Read each time: a test may replace it, as Kubernetes does. */
	if (path != NULL) {
		wanted = stub_text_file(path, TOKEN_FILE_LIMIT);
		if (wanted != NULL)
			wanted[strcspn(wanted, "\r\n")] = '\0';
		good = good && wanted != NULL && strcmp(given, wanted) == 0;
		free(wanted);
	}
	if (!good)
		stub_request_refuse(req, 400, "InvalidIdentityToken",
		    "The web identity token that was passed could not be "
		    "validated");
	else
		answer_sts(req, "AssumeRoleWithWebIdentity");
}

static void
assume_role_finish(struct stub_request *req)
{
	struct strbuf hash = {0};
	bool good = true;

	stub_digest_sha256_hex(
	    &hash, strbuf_text(&req->text), req->text.length);
	/* The form must not enter the query that is signed. */
	if (req->stub->options.auth) {
		struct stub_pairs form = req->query;

		req->query = (struct stub_pairs){0};
		good = stub_auth_check(req, "sts", strbuf_text(&hash));
		req->query = form;
	}
	strbuf_done(&hash);
	if (good && has_parameters(req))
		answer_sts(req, "AssumeRole");
}

static void
no_action_finish(struct stub_request *req)
{
	stub_request_refuse(req, 400, "InvalidAction",
	    "Could not find operation for version 2011-06-15");
}

const struct stub_operation stub_faces_sts = {
    "Sts", NULL, no_action_finish, false};
static const struct stub_operation no_action = {
    "Unknown", NULL, no_action_finish, false};
static const struct stub_operation web_identity = {
    "AssumeRoleWithWebIdentity", NULL, web_identity_finish, false};
static const struct stub_operation assume_role = {
    "AssumeRole", NULL, assume_role_finish, false};

void
stub_faces_read_form(struct stub_request *req)
{
	const char *at = strbuf_text(&req->text), *action, *version;

	while (*at != '\0') {
		size_t length = strcspn(at, "&"), name = strcspn(at, "=&");
		struct strbuf key = {0}, value = {0};

		(void)stub_text_unpercent(&key, at, name, true);
		if (name < length)
			(void)stub_text_unpercent(
			    &value, at + name + 1, length - name - 1, true);
		stub_pairs_add(
		    &req->query, strbuf_text(&key), strbuf_text(&value));
		strbuf_done(&key);
		strbuf_done(&value);
		at += length + (at[length] == '&');
	}
	action = stub_request_query(req, "Action");
	version = stub_request_query(req, "Version");
	req->operation = &no_action;
	if (action == NULL || version == NULL ||
	    strcmp(version, "2011-06-15") != 0)
		return;
	if (strcmp(action, web_identity.name) == 0)
		req->operation = &web_identity;
	else if (strcmp(action, assume_role.name) == 0)
		req->operation = &assume_role;
}

const struct stub_operation *
stub_faces_route(const struct stub_request *req)
{
	switch (req->stub->options.face) {
	case STUB_FACE_IMDS:
		return imds_route(req);
	case STUB_FACE_CONTAINER:
		return strcmp(req->method, "GET") == 0 ? &container : &missing;
	default:
		return strcmp(req->method, "POST") == 0 ? &stub_faces_sts
							: &missing;
	}
}
