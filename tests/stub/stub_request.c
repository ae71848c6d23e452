/* One request: what its bytes say, and the answers anything may give it.
 *
 * The bucket stands in the host (virtual-hosted style: <bucket>.<domain> for a
 * domain of ours) or leads the path (path style). A URI in absolute form, as a
 * proxy gets it (RFC 9112, 3.2.2), is cut down to its path: so the stub can
 * also play a plain HTTP proxy. */
#include "tests/stub/stub_request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "tests/stub/stub_blob.h"
#include "tests/stub/stub_script.h"
#include "tests/stub/stub_text.h"

struct stub_request *
stub_request_new(struct stub *stub, const char *raw_uri)
{
	struct stub_request *req = mem_zero(1, sizeof(*req));

	req->stub = stub;
	req->number = ++stub->requests;
	req->raw_uri = mem_copy(raw_uri);
	req->method = mem_copy("");
	req->raw_path = mem_copy("");
	req->raw_query = mem_copy("");
	req->bucket = mem_copy("");
	req->key = mem_copy("");
	req->fault = stub_script_none();
	req->sum = STUB_SUM_NONE;
	return req;
}

void
stub_request_free(struct stub_request *req)
{
	if (req == NULL)
		return;
	free(req->method);
	free(req->raw_uri);
	free(req->raw_path);
	free(req->raw_query);
	free(req->bucket);
	free(req->key);
	stub_pairs_done(&req->headers);
	stub_pairs_done(&req->query);
	stub_pairs_done(&req->answer.headers);
	strbuf_done(&req->answer.body);
	strbuf_done(&req->text);
	stub_blob_unref(req->blob);
	stub_blob_unref(req->answer.blob);
	stub_digest_end(&req->digest, NULL);
	free(req);
}

const char *
stub_request_header(const struct stub_request *req, const char *name)
{
	return stub_pairs_get(&req->headers, name);
}

/* Query parameters differ by case. */
const char *
stub_request_query(const struct stub_request *req, const char *name)
{
	for (size_t i = 0; i < req->query.count; i++) {
		if (strcmp(req->query.items[i].name, name) == 0)
			return req->query.items[i].value;
	}
	return NULL;
}

static char *
decode(struct stub_request *req, const char *text, size_t length)
{
	struct strbuf buf = {0};

	if (stub_text_unpercent(&buf, text, length, false) < 0)
		req->uri_bad = true;
	return strbuf_take(&buf);
}

static void
parse_query(struct stub_request *req)
{
	const char *at = req->raw_query;

	while (*at != '\0') {
		size_t length = strcspn(at, "&");
		const char *equals = memchr(at, '=', length);
		size_t name_length = equals != NULL ? (size_t)(equals - at)
						    : length;
		char *name = decode(req, at, name_length);
		char *value = equals != NULL ? decode(req, equals + 1,
						   length - name_length - 1)
					     : mem_copy("");

		if (length > 0)
			stub_pairs_add(&req->query, name, value);
		free(name);
		free(value);
		at += length;
		if (*at == '&')
			at++;
	}
}

/* The bucket that the Host header names before one of our domains. */
static char *
bucket_of_host(const struct stub_request *req)
{
	const struct stub_options *options = &req->stub->options;
	const char *host = stub_request_header(req, "host");
	size_t length;

	if (host == NULL)
		return NULL;
	length = strcspn(host, ":");
	for (size_t i = 0; i < options->domain_count; i++) {
		size_t domain = strlen(options->domains[i]);

		if (length > domain + 1 && host[length - domain - 1] == '.' &&
		    strncasecmp(host + length - domain, options->domains[i],
			domain) == 0)
			return mem_copy_n(host, length - domain - 1);
	}
	return NULL;
}

static void
split_path(struct stub_request *req)
{
	const char *path = req->raw_path;
	const char *base = req->stub->options.base_path;
	char *bucket = bucket_of_host(req);
	size_t length;

	if (strncmp(path, base, strlen(base)) == 0)
		path += strlen(base);
	else
		req->uri_bad = true;
	if (*path == '/')
		path++;
	else if (*path != '\0')
		req->uri_bad = true;
	req->virtual_host = bucket != NULL;
	if (bucket == NULL) {
		length = strcspn(path, "/");
		bucket = decode(req, path, length);
		path += length;
		if (*path == '/')
			path++;
	}
	free(req->bucket);
	free(req->key);
	req->bucket = bucket;
	req->key = decode(req, path, strlen(path));
}

void
stub_request_parse(struct stub_request *req)
{
	const char *uri = req->raw_uri;
	size_t length;

	if (strncasecmp(uri, "http://", 7) == 0 ||
	    strncasecmp(uri, "https://", 8) == 0) {
		uri = strchr(uri, ':') + 3;
		uri += strcspn(uri, "/?");
	}
	length = strcspn(uri, "?");
	free(req->raw_path);
	free(req->raw_query);
	req->raw_path = mem_copy_n(uri, length);
	req->raw_query = mem_copy(uri[length] == '?' ? uri + length + 1 : "");
	parse_query(req);
	if (req->stub->options.face == STUB_FACE_S3)
		split_path(req);
}

void
stub_request_error_xml(const struct stub_request *req, struct strbuf *buf,
    const char *code, const char *message, const char *more)
{
	bool sts = req->stub->options.face == STUB_FACE_STS;

	strbuf_puts(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	if (sts)
		strbuf_puts(buf,
		    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/"
		    "2011-06-15/\">");
	strbuf_puts(buf, sts ? "<Error><Type>Sender</Type>" : "<Error>");
	stub_text_element(buf, "Code", code);
	stub_text_element(buf, "Message", message);
	if (!sts)
		stub_text_element(buf, "Resource", req->raw_path);
	strbuf_puts(buf, more);
	strbuf_puts(buf, sts ? "</Error>" : "");
	strbuf_printf(buf, "<RequestId>%016lX</RequestId>", req->number);
	strbuf_puts(buf, sts ? "</ErrorResponse>" : "");
	strbuf_puts(buf, sts ? "" : "<HostId>stub</HostId></Error>");
}

void
stub_request_refuse_with(struct stub_request *req, unsigned status,
    const char *code, const char *message, const char *more)
{
	struct stub_answer *answer = &req->answer;

	if (answer->status != 0)
		return;
	answer->status = status;
	/* An answer to HEAD has no body that could carry the code. */
	if (strcmp(req->method, "HEAD") == 0 || status == 304)
		return;
	stub_pairs_set(&answer->headers, "Content-Type", "application/xml");
	stub_request_error_xml(req, &answer->body, code, message, more);
}

void
stub_request_refuse(struct stub_request *req, unsigned status, const char *code,
    const char *message)
{
	stub_request_refuse_with(req, status, code, message, "");
}

void
stub_request_answer(struct stub_request *req, unsigned status)
{
	if (req->answer.status == 0)
		req->answer.status = status;
}

void
stub_request_answer_xml(struct stub_request *req, struct strbuf *body)
{
	struct stub_answer *answer = &req->answer;

	if (answer->status == 0) {
		answer->status = 200;
		stub_pairs_set(
		    &answer->headers, "Content-Type", "application/xml");
		strbuf_puts(&answer->body,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
		strbuf_add(&answer->body, strbuf_text(body), body->length);
	}
	strbuf_done(body);
}
