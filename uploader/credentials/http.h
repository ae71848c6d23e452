/* Small requests for credentials: blocking, bounded, one at a time. */
#ifndef UPLOADER_CREDENTIALS_HTTP_H
#define UPLOADER_CREDENTIALS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"

enum { HTTP_HEADERS_MAX = 8, HTTP_BODY_MAX = 65536 };

struct http_request {
	const char *method; /* GET, PUT or POST */
	const char *url;    /* http or https; redirects are not followed */
	const char *headers[HTTP_HEADERS_MAX]; /* "Name: value" */
	const char *body;		       /* NULL: none */
	const char *ca_bundle;		       /* NULL: libcurl's own */
	const char *proxy, *no_proxy_for;      /* NULL: the environment's */
	long timeout_ms; /* for all of it, connecting too */
	int attempts;	 /* after silence, 429 or 5xx it is asked again */
	int cancel_fd;	 /* readable: stop; -1: none */
	bool no_proxy;	 /* whatever the environment says */
};

struct http_reply {
	int status;
	struct strbuf body;
};

/* Asks until there is an answer that isn't 429 or 5xx, or the attempts are
 * used up; waits between them. Returns 0 and the last answer in REPLY (zeroed
 * before the first use; whatever the status), or -ETIMEDOUT, -ECONNREFUSED
 * (no name, no connection), -EIO (no HTTP, TLS refused, an answer of more than
 * HTTP_BODY_MAX bytes) or -ECANCELED, and libcurl's words in *ret_error (the
 * caller's to free). */
int http_ask(const struct http_request *request, struct http_reply *reply,
    char **ret_error);
/* Whether what it returned, with the answer's STATUS, says no more than that
 * the service is down or overloaded. */
bool http_is_outage(int result, int status);
/* Wipes it. */
void http_reply_done(struct http_reply *reply);

#endif
