/* Requests in slots, by libcurl's multi interface (its sockets: sockets.c).
 *
 * What was measured and made it so: small bodies go as POSTFIELDS, so that
 * headers and body leave in one send; easy handles, header lists and URLs live
 * as long as their slot; what was started is sent before answers are read.
 *
 * A bandwidth limit is shared, so libcurl's own, which is per transfer, is of
 * no use: the read callback takes its share out of one bucket, or pauses; the
 * paused ones are resumed in turn when there is something to send. */
#include "uploader/transfer.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/mem.h"
#include "uploader/bandwidth.h"
#include "uploader/sockets.h"

enum {
	/* Slots with one multi handle, which walks over all its connections at
	 * the beginning and at the end of each request. */
	GROUP = 16,
	/* libcurl sends a longer body apart from the headers anyway. */
	POSTFIELDS_MAX = 64 * 1024,
	/* Of all slots' upload buffers, but for those of the least size. */
	BUFFERS_MAX = 8 * 1024 * 1024,
	BUFFER_FILE = 512 * 1024,
	/* Of what is in memory, or soon sent: more loses the L2 cache. */
	BUFFER_BYTES = 64 * 1024,
	SOON_SENT = 1024 * 1024,
	BUFFER_LEAST = 16 * 1024, /* libcurl's own limit */
	TRIM_BYTES = 4 * 1024 * 1024,
	MMAP_BYTES = 2 * 1024 * 1024, /* more than any of them */
	RECEIVE_BUFFER = 4 * 1024,    /* answers are short */
	/* Times stall_timeout_seconds: what a store that works may take. */
	PATIENCE = 10,
	/* Of one answer, with the interim ones before it and the trailers:
	 * libcurl keeps them all. */
	HEADERS_MAX = 256 * 1024
};

enum method {
	METHOD_NONE,
	METHOD_POSTFIELDS, /* and a name of its own: PUT, POST */
	METHOD_UPLOAD,
	METHOD_HEAD,
	METHOD_BARE /* no body, and a name of its own: GET, DELETE */
};

struct slot {
	struct transfer *transfer;
	CURL *easy;
	CURLM *multi;
	CURLU *url;	      /* of the last request without escapes */
	struct strbuf origin; /* what is before its path, as set in url */
	enum method method;   /* what the handle is set up for */
	const char *name;     /* its name, a literal */
	bool busy;
	struct curl_slist lines[S3_REQUEST_HEADERS_MAX];
	struct s3_reply *reply;
	struct transfer_body body;
	size_t buffer;	  /* libcurl's for it, in bytes; 0: its default */
	size_t buffering; /* the same while it is in use */
	long stall_s;	  /* how long it may move next to nothing */
	int64_t sent;	  /* of the body, by the read callback */
	size_t headers;	  /* bytes of them received */
	int64_t body_ns;  /* when the answer's body began, or 0 */
	bool is_late;	  /* and has no end yet */
	bool paused;	  /* until the bucket has something for it */
	bool file_failed; /* it got shorter or can't be read */
	char error[CURL_ERROR_SIZE];
};

struct transfer {
	struct sockets sockets;
	struct slot *slots;
	size_t count;
	size_t buffers; /* bytes of those that are in use */
	const struct config *config;
	const char *ca_bundle;
	struct bandwidth bandwidth;
	size_t paused;	  /* slots */
	size_t next_turn; /* the slot that comes first */
	void (*done)(
	    void *context, size_t slot, const struct transfer_result *result);
	void *context;
};

static size_t
on_header(char *line, size_t size, size_t count, void *context)
{
	struct slot *slot = context;

	slot->headers += size * count;
	if (slot->headers > HEADERS_MAX)
		return 0;
	s3_reply_header(slot->reply, line, size * count);
	return size * count;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct slot *slot = context;
	int64_t now_ns = clock_monotonic_ns();

	if (slot->body_ns == 0)
		slot->body_ns = now_ns;
	s3_reply_body(slot->reply, bytes, size * count);
	/* A byte now and then would keep it alive for hours. */
	slot->is_late = now_ns - slot->body_ns >
			PATIENCE * slot->stall_s * CLOCK_NS_PER_S;
	/* Nothing we ask for has such a long answer: no need to read on. */
	return slot->reply->body_cut || slot->is_late ? 0 : size * count;
}

/* How many of LENGTH bytes the slot may send now; it is paused for none. */
static size_t
take_share(struct slot *slot, size_t length)
{
	struct transfer *transfer = slot->transfer;
	size_t share;

	if (transfer->bandwidth.rate == 0 || length == 0)
		return length;
	share = bandwidth_take(&transfer->bandwidth, length, transfer->paused,
	    clock_monotonic_ns());
	if (share == 0 && !slot->paused) {
		slot->paused = true;
		transfer->paused++;
	}
	return share;
}

static void
resume(struct slot *slot)
{
	if (!slot->paused)
		return;
	slot->paused = false;
	slot->transfer->paused--;
	/* Fails only where there is no connection any more, so nothing to
	 * resume. */
	(void)curl_easy_pause(slot->easy, CURLPAUSE_CONT);
}

/* Resumes as many of the paused slots, in turn, as can be served. */
static void
resume_some(struct transfer *transfer)
{
	size_t turns;

	if (transfer->paused == 0)
		return;
	turns = bandwidth_turns(&transfer->bandwidth, clock_monotonic_ns());
	for (size_t i = 0; i < transfer->count && turns > 0; i++) {
		struct slot *slot = &transfer->slots[transfer->next_turn];

		transfer->next_turn = (transfer->next_turn + 1) %
				      transfer->count;
		if (slot->paused)
			turns--;
		resume(slot);
	}
}

/* Never more than the size that was announced, whatever is appended to the
 * file meanwhile; less is an error, and the file is looked at again. */
static size_t
on_read(char *bytes, size_t size, size_t count, void *context)
{
	struct slot *slot = context;
	const struct transfer_body *body = &slot->body;
	int64_t left = body->size - slot->sent;
	size_t length = size * count;
	ssize_t n;

	if ((uint64_t)left < length)
		length = (size_t)left;
	if (length > 0) {
		length = take_share(slot, length);
		if (length == 0)
			return CURL_READFUNC_PAUSE;
	}
	if (body->bytes != NULL) {
		memcpy(bytes, (const char *)body->bytes + slot->sent, length);
		n = (ssize_t)length;
	} else {
		n = fsio_pread_all(
		    body->fd, bytes, length, body->offset + slot->sent);
	}
	if (n < 0 || (size_t)n < length) {
		slot->file_failed = true;
		return CURL_READFUNC_ABORT;
	}
	slot->sent += n;
	return length;
}

/* Before a request goes out, and again when libcurl repeats it on a new
 * connection since a kept one turned out closed. libcurl 7.88 doesn't always
 * rewind the body then (it asks on_seek to when it does): it would get no
 * further byte, and the store would wait for the body. */
static int
on_request(void *context, char *remote_ip, char *local_ip, int remote_port,
    int local_port)
{
	struct slot *slot = context;

	(void)remote_ip;
	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	slot->sent = 0;
	return CURL_PREREQFUNC_OK;
}

static int
on_seek(void *context, curl_off_t offset, int origin)
{
	struct slot *slot = context;

	if (origin != SEEK_SET || offset < 0 || offset > slot->body.size)
		return CURL_SEEKFUNC_FAIL;
	slot->sent = offset;
	return CURL_SEEKFUNC_OK;
}

/* Options that never change. All are known to any libcurl that has
 * CURLOPT_PROTOCOLS_STR, so a failure is lack of memory. */
#define SET(option, value) \
	(ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool
set_up(struct slot *slot)
{
	const struct config *config = slot->transfer->config;
	CURL *easy = slot->easy;
	bool ok = true;

	SET(CURLOPT_PRIVATE, slot);
	SET(CURLOPT_ERRORBUFFER, slot->error);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A resolver that hangs must hold up neither the loop nor its end. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_USERAGENT, "s3spool/" S3SPOOL_VERSION);
	SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	SET(CURLOPT_CONNECTTIMEOUT, (long)config->connect_timeout_seconds);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, slot);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, slot);
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_READDATA, slot);
	SET(CURLOPT_PREREQFUNCTION, on_request);
	SET(CURLOPT_PREREQDATA, slot);
	SET(CURLOPT_SEEKFUNCTION, on_seek);
	SET(CURLOPT_SEEKDATA, slot);
	ok = ok && sockets_serve(&slot->transfer->sockets, easy);
	return ok;
}

/* Whom it trusts, as whom it shows itself, and through whom it goes. Where the
 * configuration says nothing of proxies, libcurl asks the environment. */
static bool
set_up_way(struct slot *slot)
{
	const struct config *config = slot->transfer->config;
	const char *ca_bundle = slot->transfer->ca_bundle;
	CURL *easy = slot->easy;
	bool ok = true;

	if (ca_bundle != NULL) {
		SET(CURLOPT_CAINFO, ca_bundle);
		SET(CURLOPT_PROXY_CAINFO, ca_bundle);
	}
	if (config->client_cert != NULL)
		SET(CURLOPT_SSLCERT, config->client_cert);
	if (config->client_key != NULL)
		SET(CURLOPT_SSLKEY, config->client_key);
	if (config->proxy != NULL)
		SET(CURLOPT_PROXY, config->proxy);
	if (config->no_proxy != NULL)
		SET(CURLOPT_NOPROXY, config->no_proxy);
	return ok;
}

/* The multi handle of the slot INDEX, or NULL. */
static CURLM *
open_multi(struct transfer *transfer, size_t index)
{
	size_t group = index / GROUP;
	size_t left = transfer->count - group * GROUP;

	return sockets_multi(
	    &transfer->sockets, group, left < GROUP ? left : GROUP);
}

/* Makes the slot's handles, unless they are there. */
static bool
open_slot(struct transfer *transfer, struct slot *slot)
{
	if (slot->easy != NULL)
		return true;
	slot->transfer = transfer;
	slot->multi = open_multi(transfer, (size_t)(slot - transfer->slots));
	slot->url = curl_url();
	slot->easy = curl_easy_init();
	if (slot->multi != NULL && slot->url != NULL && slot->easy != NULL &&
	    set_up(slot) && set_up_way(slot))
		return true;
	curl_easy_cleanup(slot->easy);
	slot->easy = NULL;
	curl_url_cleanup(slot->url);
	slot->url = NULL;
	return false;
}

/* libcurl takes its upload buffer anew for each transfer, and each file that is
 * read whole has memory of its own; to fetch these from the kernel and give
 * them back each time cost a fifth of the CPU at 256 KiB. */
static void
keep_buffers(void)
{
#ifdef M_TRIM_THRESHOLD
	/* Where it fails, it is only slower. */
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
#endif
}

struct transfer *
transfer_new(const struct config *config, size_t count, const char *ca_bundle,
    void (*done)(
	void *context, size_t slot, const struct transfer_result *result),
    void *context)
{
	struct transfer *transfer = mem_zero(1, sizeof *transfer);

	transfer->sockets.epoll_fd = -1;
	transfer->done = done;
	transfer->context = context;
	bandwidth_init(&transfer->bandwidth, config->bandwidth_limit_bytes,
	    clock_monotonic_ns());
	transfer->config = config;
	transfer->ca_bundle = ca_bundle;
	transfer->count = count;
	transfer->slots = mem_zero(count, sizeof *transfer->slots);
	keep_buffers();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
	    sockets_init(&transfer->sockets, (count + GROUP - 1) / GROUP) ==
		0 &&
	    open_slot(transfer, transfer->slots))
		return transfer;
	transfer_free(transfer);
	return NULL;
}

/* CURLOPT_DEBUGFUNCTION. libcurl tells the protocol nowhere else without the
 * TLS library's own calls; its TLS backends agree on these words. */
static int
on_debug(
    CURL *easy, curl_infotype type, char *text, size_t length, void *context)
{
	static const char words[] = "SSL connection using ";
	struct strbuf *tls = context;
	const char *at, *end;

	(void)easy;
	if (type != CURLINFO_TEXT)
		return 0;
	at = memmem(text, length, words, strlen(words));
	if (at == NULL)
		return 0;
	at += strlen(words);
	end = memchr(at, '\n', (size_t)(text + length - at));
	strbuf_reset(tls);
	strbuf_add(tls, at, (size_t)((end != NULL ? end : text + length) - at));
	return 0;
}

int
transfer_note_tls(
    struct transfer *transfer, size_t slot_index, struct strbuf *ret_tls)
{
	struct slot *slot = &transfer->slots[slot_index];
	bool ok = open_slot(transfer, slot);
	CURL *easy = slot->easy;

	SET(CURLOPT_DEBUGFUNCTION, on_debug);
	SET(CURLOPT_DEBUGDATA, ret_tls);
	SET(CURLOPT_VERBOSE, 1L);
	return ok ? 0 : -EIO;
}

void
transfer_free(struct transfer *transfer)
{
	if (transfer == NULL)
		return;
	for (size_t i = 0; i < transfer->count; i++) {
		if (transfer->slots[i].busy)
			transfer_cancel(transfer, i);
		curl_easy_cleanup(transfer->slots[i].easy);
		curl_url_cleanup(transfer->slots[i].url);
		strbuf_done(&transfer->slots[i].origin);
	}
	sockets_done(&transfer->sockets);
	curl_global_cleanup();
	free(transfer->slots);
	free(transfer);
}

/* Sets the handle up for METHOD, unless it is already, and for its NAME. */
static bool
set_method(struct slot *slot, enum method method, const char *name)
{
	CURL *easy = slot->easy;
	bool ok = true;

	if (slot->method == method && slot->name == name)
		return true;
	/* Each of these changes the method as a side effect, so the old ones
	 * go first. */
	SET(CURLOPT_NOBODY, 0L);
	SET(CURLOPT_UPLOAD, 0L);
	SET(CURLOPT_HTTPGET, 1L);
	SET(CURLOPT_CUSTOMREQUEST, NULL);
	switch (method) {
	case METHOD_POSTFIELDS:
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_CUSTOMREQUEST, name);
		break;
	case METHOD_UPLOAD:
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_CUSTOMREQUEST, name);
		break;
	case METHOD_HEAD:
		SET(CURLOPT_NOBODY, 1L);
		break;
	case METHOD_BARE:
		SET(CURLOPT_CUSTOMREQUEST, name);
		break;
	case METHOD_NONE:
		break;
	}
	slot->method = ok ? method : METHOD_NONE;
	slot->name = name;
	return ok;
}

/* The buffer through which libcurl sends BODY. */
static bool
set_buffer(struct slot *slot, const struct transfer_body *body)
{
	CURL *easy = slot->easy;
	struct transfer *transfer = slot->transfer;
	size_t buffer = body->size <= SOON_SENT ? BUFFER_BYTES : BUFFER_FILE;
	size_t left = transfer->buffers < BUFFERS_MAX
			  ? BUFFERS_MAX - transfer->buffers
			  : 0;
	bool ok = true;

	/* So that the last ones aren't left with the least at once. */
	while (buffer > BUFFER_LEAST && buffer > left / 4)
		buffer /= 2;
	if (buffer != slot->buffer)
		SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)buffer);
	slot->buffer = buffer;
	slot->buffering = buffer;
	transfer->buffers += buffer;
	return ok;
}

static void
leave_buffer(struct slot *slot)
{
	slot->transfer->buffers -= slot->buffering;
	slot->buffering = 0;
}

static bool
set_body(struct slot *slot, const struct s3_request *request,
    const struct transfer_body *body)
{
	CURL *easy = slot->easy;
	const char *name = request->method;
	bool ok = true;

	if (body == NULL)
		return set_method(slot,
		    strcmp(name, "HEAD") == 0 ? METHOD_HEAD : METHOD_BARE,
		    name);
	slot->body = *body;
	/* What is limited must go through the read callback. */
	if ((slot->transfer->bandwidth.rate > 0 && body->size > 0) ||
	    (body->bytes == NULL && body->size > 0) ||
	    body->size > POSTFIELDS_MAX) {
		ok = set_method(slot, METHOD_UPLOAD, name) &&
		     set_buffer(slot, body);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)body->size);
		return ok;
	}
	ok = set_method(slot, METHOD_POSTFIELDS, name);
	SET(CURLOPT_POSTFIELDS, body->size > 0 ? body->bytes : "");
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->size);
	return ok;
}

/* libcurl keeps the list it is given and copies nothing, so it is made anew
 * from the request's lines, in memory that is the slot's. */
static bool
set_headers(struct slot *slot, const struct s3_request *request)
{
	CURL *easy = slot->easy;
	bool ok = true;

	for (size_t i = 0; i < request->header_count; i++) {
		slot->lines[i].data = request->headers[i];
		slot->lines[i].next = i + 1 < request->header_count
					  ? &slot->lines[i + 1]
					  : NULL;
	}
	SET(CURLOPT_HTTPHEADER, slot->lines);
	return ok;
}

/* How long it may move next to nothing. */
static bool
set_patience(struct slot *slot, const struct s3_request *request)
{
	CURL *easy = slot->easy;
	bool ok = true;

	slot->stall_s = (long)slot->transfer->config->stall_timeout_seconds *
			(request->is_slow ? PATIENCE : 1);
	SET(CURLOPT_LOW_SPEED_TIME, slot->stall_s);
	return ok;
}

/* Has slot->url be URL, whose path begins at OFFSET. */
static bool
set_path(struct slot *slot, const char *url, size_t offset)
{
	struct strbuf *origin = &slot->origin;

	if (origin->length != offset ||
	    memcmp(strbuf_text(origin), url, offset) != 0) {
		strbuf_reset(origin);
		strbuf_add(origin, url, offset);
		if (curl_url_set(slot->url, CURLUPART_URL, strbuf_text(origin),
			0) != CURLUE_OK) {
			strbuf_reset(origin);
			return false;
		}
	}
	return curl_url_set(slot->url, CURLUPART_PATH, url + offset, 0) ==
	       CURLUE_OK;
}

/* Where only the path is another each time, libcurl need not take the URL
 * apart, which costs as much as our signature. (It may write escapes in lower
 * case then, as 7.88 does: that isn't what was signed.) */
static bool
set_url(struct slot *slot, const struct s3_request *request)
{
	CURL *easy = slot->easy;
	const char *url = strbuf_text(&request->url);
	bool ok = true;

	if (strpbrk(url + request->uri_offset, "%?") == NULL &&
	    set_path(slot, url, request->uri_offset)) {
		SET(CURLOPT_CURLU, slot->url);
		return ok;
	}
	SET(CURLOPT_CURLU, NULL);
	SET(CURLOPT_URL, url);
	return ok;
}

int
transfer_start(struct transfer *transfer, size_t slot_index,
    const struct s3_request *request, const struct transfer_body *body,
    struct s3_reply *reply)
{
	struct slot *slot = &transfer->slots[slot_index];
	bool ok = open_slot(transfer, slot);
	CURL *easy = slot->easy;

	assert(!slot->busy);
	slot->reply = reply;
	s3_reply_reset(reply);
	slot->sent = 0;
	slot->headers = 0;
	slot->body_ns = 0;
	slot->is_late = false;
	slot->file_failed = false;
	*slot->error = '\0';
	ok = ok && set_url(slot, request) && set_body(slot, request, body) &&
	     set_headers(slot, request) && set_patience(slot, request);
	slot->busy = ok && curl_multi_add_handle(slot->multi, easy) == CURLM_OK;
	if (!slot->busy)
		leave_buffer(slot);
	return slot->busy ? 0 : -EIO;
}

/* Takes the slot's request out of the loop. */
static void
end(struct slot *slot)
{
	resume(slot);
	/* Can fail only for handles that aren't there. */
	(void)curl_multi_remove_handle(slot->multi, slot->easy);
	leave_buffer(slot);
	slot->busy = false;
}

void
transfer_cancel(struct transfer *transfer, size_t slot_index)
{
	struct slot *slot = &transfer->slots[slot_index];

	if (slot->busy)
		end(slot);
}

int64_t
transfer_sent_bytes(const struct transfer *transfer, size_t slot)
{
	return transfer->slots[slot].busy ? transfer->slots[slot].sent : 0;
}

static enum transfer_fault
fault_of(const struct slot *slot, CURLcode code)
{
	if (slot->file_failed)
		return TRANSFER_FILE;
	if (slot->is_late)
		return TRANSFER_TIMED_OUT;
	switch (code) {
	case CURLE_OK:
		return TRANSFER_ANSWERED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
		return TRANSFER_UNREACHABLE;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_PEER_FAILED_VERIFICATION:
		return TRANSFER_UNTRUSTED;
	case CURLE_OPERATION_TIMEDOUT:
		return TRANSFER_TIMED_OUT;
	case CURLE_SEND_ERROR:
		/* A store that refuses a request may answer and close before
		 * it has read the body. */
		return slot->reply->status >= 300 ? TRANSFER_ANSWERED
						  : TRANSFER_BROKEN;
	default:
		return TRANSFER_BROKEN;
	}
}

static void
hand_over(struct transfer *transfer, CURLMsg *message)
{
	struct transfer_result result;
	CURLcode code = message->data.result;
	struct slot *slot;
	char *private;

	/* Can't fail: it was set when the slot was made. */
	(void)curl_easy_getinfo(
	    message->easy_handle, CURLINFO_PRIVATE, &private);
	slot = (struct slot *)(void *)private;
	result.fault = fault_of(slot, code);
	result.message = *slot->error != '\0' ? slot->error
					      : curl_easy_strerror(code);
	/* libcurl takes the end of the connection for that of the answer. */
	if (result.fault == TRANSFER_ANSWERED && !slot->reply->headers_end) {
		result.fault = TRANSFER_BROKEN;
		result.message = "the connection ended within the answer";
	}
	if (slot->is_late)
		result.message = "the answer doesn't come to its end";
	if (result.fault == TRANSFER_FILE)
		result.message = "the file got shorter, or can't be read";
	end(slot);
	transfer->done(
	    transfer->context, (size_t)(slot - transfer->slots), &result);
}

/* True: there were some. */
static bool
hand_over_all(struct transfer *transfer)
{
	const struct sockets *sockets = &transfer->sockets;
	bool any = false;

	for (size_t i = 0; i < sockets->multi_count; i++) {
		CURLM *multi = sockets->multis[i].handle;
		CURLMsg *message;
		int left;

		while (multi != NULL &&
		       (message = curl_multi_info_read(multi, &left)) != NULL) {
			if (message->msg != CURLMSG_DONE)
				continue;
			hand_over(transfer, message);
			any = true;
		}
	}
	return any;
}

/* The sooner of MS (-1: never) and LEFT_NS from now, rounded up. */
static int64_t
sooner_ms(int64_t ms, int64_t left_ns)
{
	int64_t left_ms = left_ns <= 0 ? 0
				       : (left_ns + CLOCK_NS_PER_MS - 1) /
					     CLOCK_NS_PER_MS;

	return ms < 0 || left_ms < ms ? left_ms : ms;
}

/* The soonest of TIMEOUT_MS, libcurl's timer and the next turn. */
static int
wait_ms(struct transfer *transfer, int64_t timeout_ms)
{
	int64_t now_ns = clock_monotonic_ns();
	int64_t ms = timeout_ms;
	int64_t timer_ns = sockets_timer_ns(&transfer->sockets);

	if (timer_ns < INT64_MAX)
		ms = sooner_ms(ms, timer_ns - now_ns);
	if (transfer->paused > 0)
		ms = sooner_ms(
		    ms, bandwidth_wait_ns(&transfer->bandwidth, now_ns));
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int
transfer_poll(struct transfer *transfer, int64_t timeout_ms, int wake_fd)
{
	int woken;

	/* What was started goes out before anything else is looked at. */
	if (sockets_run_timers(&transfer->sockets) < 0)
		return -EIO;
	if (hand_over_all(transfer))
		timeout_ms = 0;
	woken = sockets_wait(
	    &transfer->sockets, wait_ms(transfer, timeout_ms), wake_fd);
	if (woken < 0)
		return woken;
	resume_some(transfer);
	(void)hand_over_all(transfer);
	return woken;
}

int64_t
transfer_waited_ns(const struct transfer *transfer)
{
	return transfer->sockets.waited_ns;
}
