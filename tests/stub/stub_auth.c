/* The judge of signatures (AWS Signature Version 4, in headers).
 *
 * Written from AWS's "Signature Calculations for the Authorization Header:
 * Transferring Payload in a Single Chunk" and "Create a signed AWS API
 * request"; nothing is shared with the uploader. Stricter than S3 in one way:
 * the path on the wire must already be in canonical form, where S3 would decode
 * it and encode it anew. A mismatch tells both strings, as S3 does. */
#include "tests/stub/stub_auth.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_text.h"

enum { SKEW_MAX_S = 15 * 60 };

struct authorization {
	char *access_key, *date, *region, *service, *end;
	char *signed_headers, *signature;
	char *copy; /* what these point into */
};

/* Moves past PREFIX and cuts the text there at the first of STOP. */
static char *
field(char *text, const char *prefix, const char *stop)
{
	char *at = strstr(text, prefix);

	if (at == NULL)
		return NULL;
	at += strlen(prefix);
	return mem_copy_n(at, strcspn(at, stop));
}

static char *
next_slash(char **rest)
{
	char *word = *rest;
	char *slash = word != NULL ? strchr(word, '/') : NULL;

	*rest = slash != NULL ? slash + 1 : NULL;
	if (slash != NULL)
		*slash = '\0';
	return word;
}

static bool
parse_authorization(const char *header, struct authorization *auth)
{
	static const char scheme[] = "AWS4-HMAC-SHA256";
	char *copy = mem_copy(header), *rest;

	*auth = (struct authorization){0};
	if (strncmp(header, scheme, strlen(scheme)) == 0) {
		auth->copy = field(copy, "Credential=", ", ");
		auth->signed_headers = field(copy, "SignedHeaders=", ", ");
		auth->signature = field(copy, "Signature=", ", ");
	}
	free(copy);
	rest = auth->copy;
	auth->access_key = next_slash(&rest);
	auth->date = next_slash(&rest);
	auth->region = next_slash(&rest);
	auth->service = next_slash(&rest);
	auth->end = next_slash(&rest);
	return auth->end != NULL && rest == NULL &&
	       strcmp(auth->end, "aws4_request") == 0 &&
	       auth->signed_headers != NULL && auth->signature != NULL;
}

static void
authorization_done(struct authorization *auth)
{
	free(auth->copy);
	free(auth->signed_headers);
	free(auth->signature);
}

/* Whether NAME stands in the list "a;b;c". */
static bool
is_signed(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (*list != '\0') {
		size_t word = strcspn(list, ";");

		if (word == length && strncmp(list, name, length) == 0)
			return true;
		list += word + (list[word] == ';');
	}
	return false;
}

static int
compare_text(const void *a, const void *b)
{
	const char *const *one = a, *const *other = b;

	return strcmp(*one, *other);
}

/* The parameters, each encoded, sorted by code point. S3 sorts by name and
 * then value; with '=' between them a name that begins another would come out
 * wrong ('-' and '.' sort before '='), so a byte below all stands there. */
static void
canonical_query(struct strbuf *buf, const struct stub_pairs *query)
{
	char **list = mem_zero(query->count + 1, sizeof(char *));

	for (size_t i = 0; i < query->count; i++) {
		struct strbuf one = {0};

		stub_text_percent(&one, query->items[i].name, false);
		strbuf_putc(&one, '\1');
		stub_text_percent(&one, query->items[i].value, false);
		list[i] = strbuf_take(&one);
	}
	qsort(list, query->count, sizeof(char *), compare_text);
	for (size_t i = 0; i < query->count; i++) {
		*strchr(list[i], '\1') = '=';
		strbuf_puts(buf, i > 0 ? "&" : "");
		strbuf_puts(buf, list[i]);
		free(list[i]);
	}
	free(list);
}

/* Appends the value with blanks at its ends removed and runs made one. */
static void
trimmed(struct strbuf *buf, const char *value)
{
	bool blank = false;
	size_t begin = buf->length;

	for (; *value != '\0'; value++) {
		if (*value == ' ' || *value == '\t') {
			blank = true;
			continue;
		}
		if (blank && buf->length > begin)
			strbuf_putc(buf, ' ');
		blank = false;
		strbuf_putc(buf, *value);
	}
}

/* The signed headers as lines; false when one named is not in the request, or
 * they are not in order. */
static bool
canonical_headers(
    struct strbuf *buf, const struct stub_request *req, const char *list)
{
	char *last = mem_copy("");
	bool good = true;

	while (good && *list != '\0') {
		size_t length = strcspn(list, ";"), found = 0;
		char *name = mem_copy_n(list, length);

		list += length + (list[length] == ';');
		strbuf_printf(buf, "%s:", name);
		for (size_t i = 0; i < req->headers.count; i++) {
			if (strcmp(req->headers.items[i].name, name) != 0)
				continue;
			strbuf_puts(buf, found++ > 0 ? "," : "");
			trimmed(buf, req->headers.items[i].value);
		}
		strbuf_putc(buf, '\n');
		good = found > 0 && strcmp(last, name) < 0;
		free(last);
		last = name;
	}
	free(last);
	return good;
}

/* What S3 would take for the path: decoded and encoded once. */
static void
canonical_path(struct strbuf *buf, const struct stub_request *req)
{
	struct strbuf plain = {0};

	(void)stub_text_unpercent(
	    &plain, req->raw_path, strlen(req->raw_path), false);
	stub_text_percent(buf, strbuf_text(&plain), true);
	strbuf_done(&plain);
}

static char *
expected_signature(const struct authorization *auth, const char *secret,
    const char *string_to_sign)
{
	struct strbuf hex = {0};
	unsigned char key[32];
	char *first = mem_format("AWS4%s", secret);

	stub_digest_hmac(first, strlen(first), auth->date, key);
	stub_digest_hmac(key, sizeof(key), auth->region, key);
	stub_digest_hmac(key, sizeof(key), auth->service, key);
	stub_digest_hmac(key, sizeof(key), auth->end, key);
	stub_digest_hmac(key, sizeof(key), string_to_sign, key);
	stub_text_hex(&hex, key, sizeof(key));
	free(first);
	return strbuf_take(&hex);
}

static void
refuse_mismatch(
    struct stub_request *req, const char *canonical, const char *string_to_sign)
{
	struct strbuf more = {0};

	stub_text_element(&more, "StringToSign", string_to_sign);
	stub_text_element(&more, "CanonicalRequest", canonical);
	stub_request_refuse_with(req, 403, "SignatureDoesNotMatch",
	    "The request signature we calculated does not match the signature "
	    "you provided. Check your key and signing method.",
	    strbuf_text(&more));
	strbuf_done(&more);
}

static bool
check_signature(struct stub_request *req, const struct authorization *auth,
    const char *secret, const char *amz_date, const char *payload_hash)
{
	struct strbuf canonical = {0}, path = {0}, query = {0}, sign = {0};
	bool good;
	char *signature;

	canonical_path(&path, req);
	canonical_query(&query, &req->query);
	strbuf_printf(&canonical, "%s\n%s\n%s\n", req->method,
	    strbuf_text(&path), strbuf_text(&query));
	good = canonical_headers(&canonical, req, auth->signed_headers);
	strbuf_printf(
	    &canonical, "\n%s\n%s", auth->signed_headers, payload_hash);
	strbuf_printf(&sign, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/%s\n", amz_date,
	    auth->date, auth->region, auth->service, auth->end);
	stub_digest_sha256_hex(
	    &sign, strbuf_text(&canonical), canonical.length);
	signature = expected_signature(auth, secret, strbuf_text(&sign));
	good = good && strcmp(signature, auth->signature) == 0 &&
	       strcmp(strbuf_text(&path), req->raw_path) == 0;
	if (!good)
		refuse_mismatch(
		    req, strbuf_text(&canonical), strbuf_text(&sign));
	free(signature);
	strbuf_done(&canonical);
	strbuf_done(&path);
	strbuf_done(&query);
	strbuf_done(&sign);
	return good;
}

/* Everything that must be signed is: S3 names what is not. */
static bool
check_signed_headers(struct stub_request *req, const char *list)
{
	struct strbuf more = {0};

	for (size_t i = 0; i < req->headers.count; i++) {
		const char *name = req->headers.items[i].name;

		if ((strncmp(name, "x-amz-", 6) == 0 ||
			strcmp(name, "host") == 0) &&
		    !is_signed(list, name))
			stub_text_element(&more, "HeadersNotSigned", name);
	}
	if (more.length > 0)
		stub_request_refuse_with(req, 403, "AccessDenied",
		    "There were headers present in the request which were not "
		    "signed",
		    strbuf_text(&more));
	strbuf_done(&more);
	return req->answer.status == 0;
}

static bool
check_date(struct stub_request *req, const struct authorization *auth,
    const char *amz_date)
{
	struct strbuf more = {0};
	time_t when, now = stub_now(req->stub, NULL);

	if (amz_date == NULL || stub_text_amz_date(amz_date, &when) < 0 ||
	    strncmp(amz_date, auth->date, 8) != 0 || strlen(auth->date) != 8) {
		stub_request_refuse(req, 403, "AccessDenied",
		    "AWS authentication requires a valid Date or x-amz-date "
		    "header");
		return false;
	}
	if (when - now <= SKEW_MAX_S && now - when <= SKEW_MAX_S)
		return true;
	stub_text_element(&more, "RequestTime", amz_date);
	stub_text_element(&more, "ServerTime", stub_text_iso_date(now, 0));
	stub_text_element(&more, "MaxAllowedSkewMilliseconds", "900000");
	stub_request_refuse_with(req, 403, "RequestTimeTooSkewed",
	    "The difference between the request time and the current time is "
	    "too large.",
	    strbuf_text(&more));
	strbuf_done(&more);
	return false;
}

static bool
check_scope(struct stub_request *req, const struct authorization *auth,
    const char *service)
{
	const char *region = req->stub->options.region;
	struct strbuf more = {0};
	char *message;

	if (strcmp(auth->service, service) == 0 &&
	    strcmp(auth->region, region) == 0)
		return true;
	message = mem_format("The authorization header is malformed; the "
			     "region '%s' is wrong; expecting '%s'",
	    auth->region, region);
	stub_text_element(&more, "Region", region);
	stub_pairs_set(&req->answer.headers, "x-amz-bucket-region", region);
	stub_request_refuse_with(req, 400, "AuthorizationHeaderMalformed",
	    message, strbuf_text(&more));
	free(message);
	strbuf_done(&more);
	return false;
}

static bool
check_token(struct stub_request *req, const struct stub_credential *credential)
{
	const char *token = stub_request_header(req, "x-amz-security-token");

	if (credential->token == NULL && token == NULL)
		return true;
	if (credential->token != NULL && token != NULL &&
	    fnmatch(credential->token, token, 0) == 0)
		return true;
	stub_request_refuse(req, 400, "InvalidToken",
	    "The provided token is malformed or otherwise invalid.");
	return false;
}

static const struct stub_credential *
find_credential(const struct stub_options *options, const char *access_key)
{
	for (size_t i = 0; i < options->credential_count; i++) {
		if (strcmp(options->credentials[i].access_key, access_key) == 0)
			return &options->credentials[i];
	}
	return NULL;
}

static bool
check_all(struct stub_request *req, const struct authorization *auth,
    const char *service, const char *payload_hash)
{
	const char *amz_date = stub_request_header(req, "x-amz-date");
	const struct stub_credential *credential = find_credential(
	    &req->stub->options, auth->access_key);

	if (credential == NULL) {
		stub_request_refuse(req, 403, "InvalidAccessKeyId",
		    "The AWS Access Key Id you provided does not exist in our "
		    "records.");
		return false;
	}
	return check_scope(req, auth, service) &&
	       check_date(req, auth, amz_date) &&
	       check_token(req, credential) &&
	       check_signed_headers(req, auth->signed_headers) &&
	       check_signature(
		   req, auth, credential->secret, amz_date, payload_hash);
}

bool
stub_auth_check(
    struct stub_request *req, const char *service, const char *payload_hash)
{
	const char *header = stub_request_header(req, "authorization");
	struct authorization auth;
	bool good = false;

	if (header == NULL) {
		stub_request_refuse(req, 403, "AccessDenied", "Access Denied");
		return false;
	}
	if (!parse_authorization(header, &auth))
		stub_request_refuse(req, 400, "AuthorizationHeaderMalformed",
		    "The authorization header is malformed.");
	else
		good = check_all(req, &auth, service, payload_hash);
	authorization_done(&auth);
	return good;
}

static bool
is_hex_digest(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

void
stub_auth_check_s3(struct stub_request *req)
{
	const char *hash = stub_request_header(req, "x-amz-content-sha256");
	const struct stub_options *options = &req->stub->options;

	if (!options->auth || !stub_auth_check(req, "s3", hash ? hash : ""))
		return;
	if (hash == NULL)
		stub_request_refuse(req, 400, "InvalidRequest",
		    "Missing required header for this request: "
		    "x-amz-content-sha256");
	else if (strncmp(hash, "STREAMING-", 10) == 0)
		stub_request_refuse(req, 501, "NotImplemented",
		    "A header you provided implies functionality that is not "
		    "implemented");
	else if (strcmp(hash, "UNSIGNED-PAYLOAD") == 0) {
		if (options->signed_payload && !req->over_tls)
			stub_request_refuse(req, 400, "InvalidRequest",
			    "UNSIGNED-PAYLOAD is not taken over plain http");
	} else if (!is_hex_digest(hash))
		stub_request_refuse(req, 400, "InvalidArgument",
		    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, or a valid "
		    "sha256 value.");
}
