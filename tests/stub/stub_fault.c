/* What a rule of the script does to the answer. Times and cuts are no matter of
 * the answer: stub_http.c sees to them. */
#include "tests/stub/stub_fault.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "tests/stub/stub_blob.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_text.h"

bool
stub_fault_acts(const struct stub_request *req)
{
	const struct stub_fault *fault = req->fault;

	if (fault->drop)
		return false;
	return fault->store ||
	       (fault->status == 0 && !fault->error_in_200 && !fault->stall);
}

bool
stub_fault_early(const struct stub_request *req)
{
	const char *expect = stub_request_header(req, "expect");
	const struct stub_fault *fault = req->fault;

	if (fault->delay_before_ms > 0 || fault->cuts_request)
		return false;
	return fault->early ||
	       (expect != NULL && strcasecmp(expect, "100-continue") == 0);
}

static void
forget_answer(struct stub_request *req)
{
	stub_pairs_done(&req->answer.headers);
	strbuf_done(&req->answer.body);
	stub_blob_unref(req->answer.blob);
	req->answer = (struct stub_answer){0};
}

static const char *
default_code(unsigned status)
{
	switch (status) {
	case 301:
		return "PermanentRedirect";
	case 307:
		return "TemporaryRedirect";
	case 403:
		return "AccessDenied";
	case 404:
		return "NoSuchKey";
	case 409:
		return "ConditionalRequestConflict";
	case 412:
		return "PreconditionFailed";
	case 500:
		return "InternalError";
	case 501:
		return "NotImplemented";
	case 503:
		return "SlowDown";
	default:
		return "StubError";
	}
}

static void
answer_error(struct stub_request *req)
{
	const struct stub_fault *fault = req->fault;
	unsigned status = fault->status != 0 ? fault->status : 500;
	const char *code = fault->code != NULL ? fault->code
					       : default_code(status);
	const char *message = fault->message != NULL ? fault->message
						     : "The script says so";
	struct strbuf more = {0};

	forget_answer(req);
	if (fault->region != NULL)
		stub_text_element(&more, "Region", fault->region);
	if (fault->endpoint != NULL)
		stub_text_element(&more, "Endpoint", fault->endpoint);
	if (fault->error_in_200 || status >= 300)
		stub_request_refuse_with(
		    req, status, code, message, strbuf_text(&more));
	else
		stub_request_answer(req, status);
	if (fault->error_in_200)
		req->answer.status = 200;
	strbuf_done(&more);
}

/* Changes the first letter or digit of TEXT from AT on into another hex one. */
static void
change(char *text, size_t at)
{
	while (text[at] == '"' || text[at] == '&')
		at += text[at] == '&' ? strlen("&quot;") : 1;
	if (text[at] != '\0' && text[at] != '<')
		text[at] = text[at] == '0' ? '1' : '0';
}

static void
change_elements(struct strbuf *body, const char *prefix)
{
	char *at = body->data;

	while (at != NULL && (at = strstr(at, prefix)) != NULL) {
		char *end = strchr(at, '>');

		/* An algorithm's name is no value. */
		if (end != NULL && strncmp(at, "<ChecksumA", 10) != 0 &&
		    strncmp(at, "<ChecksumT", 10) != 0)
			change(end + 1, 0);
		at++;
	}
}

static void
lie(struct stub_request *req)
{
	struct stub_answer *answer = &req->answer;

	for (size_t i = 0; i < answer->headers.count; i++) {
		struct stub_pair *pair = &answer->headers.items[i];

		if (req->fault->wrong_etag &&
		    strcasecmp(pair->name, "ETag") == 0)
			change(pair->value, 0);
		if (req->fault->wrong_checksum &&
		    strncasecmp(pair->name, "x-amz-checksum-", 15) == 0 &&
		    strcasecmp(pair->name, "x-amz-checksum-type") != 0)
			change(pair->value, 0);
	}
	if (req->fault->wrong_etag)
		change_elements(&answer->body, "<ETag>");
	if (req->fault->wrong_checksum)
		change_elements(&answer->body, "<Checksum");
}

static void
truncate_xml(struct strbuf *body, uint64_t at)
{
	if (at == 0)
		at = body->length / 2;
	if (at < body->length)
		strbuf_truncate(body, (size_t)at);
}

void
stub_fault_apply(struct stub_request *req)
{
	const struct stub_fault *fault = req->fault;
	struct stub_answer *answer = &req->answer;

	if (fault->status != 0 || fault->error_in_200)
		answer_error(req);
	lie(req);
	if (fault->truncate && answer->body.length > 0)
		truncate_xml(&answer->body, fault->truncate_at);
	if (fault->body != NULL) {
		stub_blob_unref(answer->blob);
		answer->blob = NULL;
		strbuf_reset(&answer->body);
		strbuf_puts(&answer->body, fault->body);
	}
	if (fault->region != NULL)
		stub_pairs_set(
		    &answer->headers, "x-amz-bucket-region", fault->region);
	if (fault->endpoint != NULL) {
		char *location = mem_format(
		    "%s%s", fault->endpoint, req->raw_uri);

		stub_pairs_set(&answer->headers, "Location", location);
		free(location);
	}
	for (size_t i = 0; i < fault->headers.count; i++) {
		const struct stub_pair *pair = &fault->headers.items[i];

		stub_pairs_set(&answer->headers, pair->name,
		    *pair->value != '\0' ? pair->value : NULL);
	}
}
