/* One request at a time over libcurl's multi interface, which, other than the
 * easy one, can wait for a descriptor of ours as well: whoever wants to end
 * needn't wait for a silent service.
 *
 * The answer holds secrets, so its buffer is as large as it may get from the
 * beginning: growing would leave copies behind. */
#include "uploader/credentials/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/mem.h"
#include "uploader/chance.h"
#include "uploader/mbedtls_compat.h"

enum { PAUSE_MS = 200, DOUBLINGS_MAX = 5 };

struct exchange {
	CURLM *multi;
	CURL *easy;
	struct curl_slist lines[HTTP_HEADERS_MAX + 1];
	struct http_reply *reply;
	char error[CURL_ERROR_SIZE];
};

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *exchange = context;
	struct strbuf *body = &exchange->reply->body;

	if (size * count > HTTP_BODY_MAX - body->length)
		return 0;
	strbuf_add(body, bytes, size * count);
	return size * count;
}

/* A credential_process must not inherit it. */
static curl_socket_t
on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);

	(void)context;
	(void)purpose;
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

#define SET(option, value) \
	(ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool
set_headers(struct exchange *exchange, const struct http_request *request)
{
	CURL *easy = exchange->easy;
	static char no_expect[] = "Expect:";
	bool ok = true;
	size_t count = 0;

	exchange->lines[count++].data = no_expect;
	for (size_t i = 0; i < HTTP_HEADERS_MAX && request->headers[i] != NULL;
	     i++)
		exchange->lines[count++].data = mem_copy(request->headers[i]);
	for (size_t i = 0; i + 1 < count; i++)
		exchange->lines[i].next = &exchange->lines[i + 1];
	SET(CURLOPT_HTTPHEADER, exchange->lines);
	return ok;
}

static bool
set_up(struct exchange *exchange, const struct http_request *request)
{
	CURL *easy = exchange->easy;
	bool ok = true;

	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_ERRORBUFFER, exchange->error);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "s3spool/" S3SPOOL_VERSION);
	SET(CURLOPT_TIMEOUT_MS, request->timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, request->timeout_ms);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, exchange);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A resolver that hangs must not hold us up when we are cancelled. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	if (request->no_proxy)
		SET(CURLOPT_PROXY, "");
	else if (request->proxy != NULL)
		SET(CURLOPT_PROXY, request->proxy);
	if (request->no_proxy_for != NULL)
		SET(CURLOPT_NOPROXY, request->no_proxy_for);
	if (request->ca_bundle != NULL) {
		SET(CURLOPT_CAINFO, request->ca_bundle);
		SET(CURLOPT_PROXY_CAINFO, request->ca_bundle);
	}
	if (request->body != NULL)
		SET(CURLOPT_POSTFIELDS, request->body);
	else if (strcmp(request->method, "PUT") == 0)
		SET(CURLOPT_POSTFIELDS, "");
	if (strcmp(request->method, "PUT") == 0)
		SET(CURLOPT_CUSTOMREQUEST, "PUT");
	return ok && set_headers(exchange, request);
}

/* Waits until the request has ended. Returns 0 and libcurl's result, or
 * -ECANCELED. */
static int
perform(struct exchange *exchange, int cancel_fd, CURLcode *ret_code)
{
	struct curl_waitfd extra = {
	    .fd = cancel_fd, .events = CURL_WAIT_POLLIN};
	CURLMsg *message;
	int running = 1, left;

	*ret_code = CURLE_OUT_OF_MEMORY;
	while (curl_multi_perform(exchange->multi, &running) == CURLM_OK) {
		message = curl_multi_info_read(exchange->multi, &left);
		if (message != NULL && message->msg == CURLMSG_DONE) {
			*ret_code = message->data.result;
			break;
		}
		extra.revents = 0;
		if (curl_multi_poll(exchange->multi, &extra,
			cancel_fd >= 0 ? 1 : 0, 1000, NULL) != CURLM_OK)
			break;
		if (extra.revents != 0)
			return -ECANCELED;
	}
	return 0;
}

static int
error_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	default:
		return -EIO;
	}
}

static void
done(struct exchange *exchange)
{
	if (exchange->multi != NULL && exchange->easy != NULL)
		/* Fails only for a handle that isn't there. */
		(void)curl_multi_remove_handle(exchange->multi, exchange->easy);
	curl_easy_cleanup(exchange->easy);
	curl_multi_cleanup(exchange->multi);
	for (size_t i = 1; i <= HTTP_HEADERS_MAX; i++) {
		char *line = exchange->lines[i].data;

		if (line != NULL)
			mbedtls_platform_zeroize(line, strlen(line));
		free(line);
	}
}

static int
ask_once(const struct http_request *request, struct http_reply *reply,
    char **ret_error)
{
	struct exchange exchange = {.reply = reply};
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long status = 0;
	int result = 0;

	strbuf_reset(&reply->body);
	(void)strbuf_reserve(&reply->body, HTTP_BODY_MAX);
	reply->status = 0;
	exchange.multi = curl_multi_init();
	exchange.easy = curl_easy_init();
	if (exchange.multi != NULL && exchange.easy != NULL &&
	    set_up(&exchange, request) &&
	    curl_multi_add_handle(exchange.multi, exchange.easy) == CURLM_OK)
		result = perform(&exchange, request->cancel_fd, &code);
	if (result < 0) {
		*ret_error = mem_copy("cancelled");
	} else if (code == CURLE_OK) {
		/* Can't fail for a request that has ended. */
		(void)curl_easy_getinfo(
		    exchange.easy, CURLINFO_RESPONSE_CODE, &status);
		reply->status = (int)status;
	} else {
		result = error_of(code);
		*ret_error = mem_copy(*exchange.error != '\0'
					  ? exchange.error
					  : curl_easy_strerror(code));
	}
	done(&exchange);
	return result;
}

/* Half a pause that doubles, and up to half by chance. False: cancelled. */
static bool
pause_before_next(const struct http_request *request, int attempt)
{
	struct pollfd cancel = {.fd = request->cancel_fd, .events = POLLIN};
	int doublings = attempt <= DOUBLINGS_MAX ? attempt - 1 : DOUBLINGS_MAX;
	int bound_ms = PAUSE_MS << doublings;
	int pause_ms = bound_ms / 2 + (int)chance_below((size_t)bound_ms / 2);

	/* A signal cuts the pause short, which does no harm. */
	return poll(&cancel, 1, pause_ms) <= 0;
}

bool
http_is_outage(int result, int status)
{
	if (result < 0)
		return result != -ECANCELED;
	return status >= 500 || status == 429;
}

int
http_ask(const struct http_request *request, struct http_reply *reply,
    char **ret_error)
{
	for (int attempt = 1;; attempt++) {
		int result = ask_once(request, reply, ret_error);

		if (!http_is_outage(result, reply->status) ||
		    attempt >= request->attempts)
			return result;
		if (result < 0)
			free(*ret_error);
		*ret_error = NULL;
		if (!pause_before_next(request, attempt)) {
			*ret_error = mem_copy("cancelled");
			return -ECANCELED;
		}
	}
}

void
http_reply_done(struct http_reply *reply)
{
	if (reply->body.data != NULL)
		mbedtls_platform_zeroize(
		    reply->body.data, reply->body.capacity);
	strbuf_done(&reply->body);
}
