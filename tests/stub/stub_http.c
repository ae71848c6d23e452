/* The HTTP of the stub: libmicrohttpd around the operations.
 *
 * libmicrohttpd calls handle() once with the headers, then with each piece of
 * the body, then once more at its end; a call that suspended the connection is
 * repeated when it is resumed (seen in 0.9.75), which is why a held request has
 * a phase of its own. An answer can be queued in the first and the last of
 * these calls and in their repetitions. The epoll loop is ours, in this one
 * thread, so that waiting requests, signals and connections share one poll. */
#include "tests/stub/stub_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>

#include "common/mem.h"
#include "tests/stub/stub_blob.h"
#include "tests/stub/stub_body.h"
#include "tests/stub/stub_faces.h"
#include "tests/stub/stub_fault.h"
#include "tests/stub/stub_hold.h"
#include "tests/stub/stub_log.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_route.h"
#include "tests/stub/stub_s3.h"
#include "tests/stub/stub_script.h"
#include "tests/stub/stub_text.h"
#include "tests/stub/stub_tls.h"

enum {
	CONNECTIONS_MAX = 1000,
	CONNECTION_MEMORY = 64 << 10,
	CHUNK = 64 << 10,
	HEADERS_MAX = 200,
};

enum phase { HEADERS, HELD, BODY, SETTLED, ANSWERED };

/* A request inside libmicrohttpd. */
struct exchange {
	struct stub_request *req;
	struct MHD_Connection *connection;
	enum phase phase;
};

/* The body of an answer on its way out; outlives its exchange. */
struct outgoing {
	struct strbuf text;
	struct stub_blob *blob;
	uint64_t cut;
};

static struct stub_holds holds;
static uint64_t started_ms;

static ssize_t
read_outgoing(void *cls, uint64_t at, char *buf, size_t max)
{
	struct outgoing *out = cls;
	uint64_t size = out->blob != NULL ? stub_blob_size(out->blob)
					  : out->text.length;
	ssize_t got;

	if (at >= out->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (max > out->cut - at)
		max = (size_t)(out->cut - at);
	if (at >= size)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (max > size - at)
		max = (size_t)(size - at);
	if (out->blob == NULL) {
		memcpy(buf, out->text.data + at, max);
		return (ssize_t)max;
	}
	got = stub_blob_read(out->blob, at, buf, max);
	return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void
free_outgoing(void *cls)
{
	struct outgoing *out = cls;

	strbuf_done(&out->text);
	stub_blob_unref(out->blob);
	free(out);
}

/* The headers that every answer has. */
static void
add_common_headers(struct stub_request *req)
{
	struct stub_pairs *headers = &req->answer.headers;
	const struct stub_fault *fault = req->fault;
	time_t now = stub_now(req->stub, NULL) + fault->date_offset_s;
	char id[24];

	(void)snprintf(id, sizeof(id), "%016lX", req->number);
	if (stub_pairs_get(&fault->headers, "Date") == NULL)
		stub_pairs_set(headers, "Date", stub_text_http_date(now));
	if (req->stub->options.face == STUB_FACE_S3) {
		if (stub_pairs_get(headers, "Server") == NULL)
			stub_pairs_set(headers, "Server", "AmazonS3");
		stub_pairs_set(headers, "x-amz-id-2", "stub");
		stub_pairs_set(headers, "x-amz-request-id", id);
	} else {
		stub_pairs_set(headers, "x-amzn-requestid", id);
	}
}

static enum MHD_Result
send_answer(struct exchange *exchange)
{
	struct stub_request *req = exchange->req;
	struct stub_answer *answer = &req->answer;
	struct outgoing *out = mem_zero(1, sizeof(*out));
	struct MHD_Response *response;
	enum MHD_Result result;
	uint64_t size;

	out->text = answer->body;
	answer->body = (struct strbuf){0};
	out->blob = answer->blob;
	answer->blob = NULL;
	out->cut = req->fault->cuts_response ? req->fault->cut_response
					     : UINT64_MAX;
	size = out->blob != NULL ? stub_blob_size(out->blob) : out->text.length;
	response = MHD_create_response_from_callback(
	    size, CHUNK, read_outgoing, out, free_outgoing);
	if (response == NULL) {
		free_outgoing(out);
		return MHD_NO;
	}
	add_common_headers(req);
	for (size_t i = 0; i < answer->headers.count; i++)
		(void)MHD_add_response_header(response,
		    answer->headers.items[i].name,
		    answer->headers.items[i].value); /* "" has no value */
	result = MHD_queue_response(
	    exchange->connection, answer->status, response);
	MHD_destroy_response(response);
	exchange->phase = ANSWERED;
	return result;
}

/* The outcome is known: log it, then wait, close or answer. */
static enum MHD_Result
settle(struct exchange *exchange)
{
	struct stub_request *req = exchange->req;
	const struct stub_fault *fault = req->fault;
	uint64_t delay = fault->delay_ms + req->stub->options.latency_ms;
	bool silent = fault->lose || fault->drop || fault->stall;

	stub_fault_apply(req);
	stub_log_request(req, silent ? 0 : req->answer.status);
	exchange->phase = SETTLED;
	if (delay > 0 || fault->stall) {
		stub_hold_add(
		    &holds, exchange->connection, delay, fault->stall);
		return MHD_YES;
	}
	return silent ? MHD_NO : send_answer(exchange);
}

static enum MHD_Result
add_header(
    void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct stub_pairs *headers = cls;
	char *lower = mem_copy(name);

	(void)kind; /* only headers are asked for */
	for (char *at = lower; *at != '\0'; at++) {
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	}
	stub_pairs_add(headers, lower, value != NULL ? value : "");
	free(lower);
	return headers->count < HEADERS_MAX ? MHD_YES : MHD_NO;
}

static void
apply_script(struct stub_request *req)
{
	stub_script_apply(
	    req->stub->script, req, (stub_hold_now_ms() - started_ms) / 1000);
}

/* What no operation looks at: the connection and the bounds. */
static void
check_client(struct exchange *exchange)
{
	struct stub_request *req = exchange->req;

	if (req->stub->options.client_ca_path != NULL &&
	    !stub_tls_client_known(exchange->connection))
		stub_request_refuse(req, 403, "AccessDenied",
		    "A client certificate is required");
	if (req->headers.count >= HEADERS_MAX)
		stub_request_refuse(req, 400, "RequestHeaderSectionTooLarge",
		    "There are too many headers");
}

static enum MHD_Result
take_headers(struct exchange *exchange, const char *method)
{
	struct stub_request *req = exchange->req;
	bool s3 = req->stub->options.face == STUB_FACE_S3;

	free(req->method);
	req->method = mem_copy(method);
	MHD_get_connection_values(
	    exchange->connection, MHD_HEADER_KIND, add_header, &req->headers);
	stub_request_parse(req);
	req->operation = s3 ? stub_route_s3(req) : stub_faces_route(req);
	if (req->operation != &stub_faces_sts)
		apply_script(req);
	exchange->phase = BODY;
	if (stub_fault_acts(req)) {
		check_client(exchange);
		if (s3)
			stub_s3_check(req);
		if (req->answer.status == 0 && req->operation->check != NULL)
			req->operation->check(req);
		if (req->answer.status == 0)
			stub_body_begin(req);
	}
	if ((!stub_fault_acts(req) || req->answer.status != 0) &&
	    stub_fault_early(req))
		return settle(exchange);
	if (req->fault->delay_before_ms > 0) {
		exchange->phase = HELD;
		stub_hold_add(&holds, exchange->connection,
		    req->fault->delay_before_ms, false);
	}
	return MHD_YES;
}

static enum MHD_Result
take_body(struct exchange *exchange, const char *data, size_t length)
{
	struct stub_request *req = exchange->req;
	const struct stub_fault *fault = req->fault;

	if (stub_fault_acts(req))
		stub_body_add(req, data, length);
	req->received += length;
	if (fault->cuts_request && req->received >= fault->cut_request) {
		stub_log_request(req, 0);
		return MHD_NO;
	}
	return MHD_YES;
}

static enum MHD_Result
take_end(struct exchange *exchange)
{
	struct stub_request *req = exchange->req;

	if (req->operation == &stub_faces_sts) {
		/* Only its body says which operation it is. */
		stub_faces_read_form(req);
		apply_script(req);
	}
	if (stub_fault_acts(req) && req->answer.status == 0) {
		stub_body_end(req);
		if (req->answer.status == 0)
			req->operation->finish(req);
	}
	return settle(exchange);
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *length,
    void **context)
{
	struct exchange *exchange = *context;
	struct stub *stub = cls;
	const struct stub_fault *fault;
	enum MHD_Result result;

	(void)url; /* it is decoded; the raw one came before */
	(void)version;
	if (exchange == NULL || stub->stopping)
		return MHD_NO;
	fault = exchange->req->fault;
	exchange->connection = connection;
	switch (exchange->phase) {
	case HEADERS:
		return take_headers(exchange, method);
	case HELD:
		exchange->phase = BODY;
		return MHD_YES;
	case BODY:
		if (*length == 0)
			return take_end(exchange);
		result = take_body(exchange, data, *length);
		*length = 0;
		return result;
	case SETTLED:
		/* Resumed: the delay is over, or the client is gone. */
		if (fault->lose || fault->drop || fault->stall)
			return MHD_NO;
		return send_answer(exchange);
	default:
		*length = 0;
		return MHD_YES;
	}
}

static void *
on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *exchange = mem_zero(1, sizeof(*exchange));
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const unsigned long *number = info != NULL ? info->socket_context
						   : NULL;

	exchange->connection = connection;
	exchange->req = stub_request_new(cls, uri);
	exchange->req->connection_number = number != NULL ? *number : 0;
	exchange->req->over_tls = exchange->req->stub->options.cert_path !=
				  NULL;
	return exchange;
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode how)
{
	struct exchange *exchange = *context;

	(void)cls;
	(void)connection;
	(void)how; /* the log tells what was decided, not what arrived */
	if (exchange == NULL)
		return;
	stub_log_request(exchange->req, 0);
	stub_request_free(exchange->req);
	free(exchange);
	*context = NULL;
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	struct stub *stub = cls;

	(void)connection;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		unsigned long *number = mem_alloc(sizeof(*number));

		*number = ++stub->connections;
		*context = number;
	} else {
		free(*context);
		*context = NULL;
	}
}

/* libmicrohttpd complains of each connection that we close on purpose. */
static void
ignore_complaint(void *cls, const char *format, va_list args)
{
	(void)cls;
	(void)format;
	(void)args;
}

static struct MHD_Daemon *
start(struct stub *stub, const struct stub_tls *tls)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_ERROR_LOG |
			 (tls != NULL ? MHD_USE_TLS : 0U);
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct MHD_OptionItem tls_options[] = {
	    {MHD_OPTION_END, 0, NULL},
	    {MHD_OPTION_END, 0, NULL},
	    {MHD_OPTION_END, 0, NULL},
	    {MHD_OPTION_END, 0, NULL},
	};

	if (tls != NULL)
		stub_tls_options(tls, tls_options);
	address.sin_port = htons(stub->options.port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return MHD_start_daemon(flags, stub->options.port, NULL, NULL, handle,
	    stub, MHD_OPTION_EXTERNAL_LOGGER, ignore_complaint, NULL,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
	    MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)stub->options.idle_timeout_s, MHD_OPTION_URI_LOG_CALLBACK,
	    on_uri, stub, MHD_OPTION_NOTIFY_COMPLETED, on_completed, stub,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, stub, MHD_OPTION_ARRAY,
	    tls_options, MHD_OPTION_END);
}

static void
loop(struct MHD_Daemon *daemon, int epoll_fd, int signal_fd)
{
	for (;;) {
		size_t held = holds.count;
		struct pollfd *polls = mem_zero(held + 2, sizeof(*polls));
		MHD_UNSIGNED_LONG_LONG next;
		int timeout = -1;
		bool ends;

		polls[0] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
		polls[1] = (struct pollfd){.fd = epoll_fd, .events = POLLIN};
		stub_hold_poll(&holds, polls + 2);
		if (MHD_get_timeout(daemon, &next) == MHD_YES)
			timeout = next < 60000 ? (int)next : 60000;
		timeout = stub_hold_timeout(&holds, timeout);
		if (poll(polls, held + 2, timeout) < 0)
			for (size_t i = 0; i < held + 2; i++)
				polls[i].revents = 0;
		ends = polls[0].revents != 0;
		stub_hold_resume(&holds, polls + 2, ends);
		free(polls);
		if (ends)
			return;
		(void)MHD_run(daemon);
	}
}

int
stub_http_serve(struct stub *stub)
{
	const union MHD_DaemonInfo *port, *epoll;
	struct stub_tls *tls = NULL;
	struct MHD_Daemon *daemon;
	sigset_t signals;
	int signal_fd;

	if (stub->options.cert_path != NULL &&
	    (tls = stub_tls_load(&stub->options)) == NULL)
		return -1;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	started_ms = stub_hold_now_ms();
	daemon = start(stub, tls);
	if (signal_fd < 0 || daemon == NULL) {
		fprintf(stderr, "cannot listen on 127.0.0.1: %s\n",
		    strerror(errno));
		stub_tls_free(tls);
		return -1;
	}
	port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	printf("%s://127.0.0.1:%u\n", tls != NULL ? "https" : "http",
	    (unsigned)port->port);
	fflush(stdout);
	epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
	loop(daemon, epoll->epoll_fd, signal_fd);
	stub->stopping = true;
	(void)MHD_run(daemon); /* the resumed ones end, or it could not stop */
	MHD_stop_daemon(daemon);
	stub_tls_free(tls);
	return 0;
}
