/* Questions and answers of a check; see check_ask.h. The uploader's own
 * requests, signed and sent by its own code, so that what a check finds holds
 * for uploads, too. */
#include "uploader/check_ask.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "uploader/chance.h"
#include "uploader/check_report.h"
#include "uploader/checksum.h"
#include "uploader/client.h"
#include "uploader/digest.h"
#include "uploader/exchange.h"
#include "uploader/renewal.h"
#include "uploader/transfer.h"

enum { TRIES = 3, REPAIRS = 2 };

static const struct verdict_row unreachable_row = {VERDICT_RETRY, REPAIR_NONE,
    FAULT_STORE, "are endpoint_url and proxy right, and is the network up?"};
static const struct verdict_row untrusted_row = {VERDICT_RETRY, REPAIR_NONE,
    FAULT_STORE,
    "is ca_bundle its issuer's, and client_cert with client_key right?"};
static const struct verdict_row broken_row = {
    VERDICT_RETRY, REPAIR_NONE, FAULT_STORE, NULL};

static const char *const names[] = {
    [CHECK_LIST] = "ListObjectsV2",
    [CHECK_PUT] = "PutObject",
    [CHECK_HEAD] = "HeadObject",
    [CHECK_CREATE] = "CreateMultipartUpload",
    [CHECK_LIST_PARTS] = "ListParts",
    [CHECK_ABORT] = "AbortMultipartUpload",
    [CHECK_DELETE] = "DeleteObject",
};

/* up is the first member, and what client_set_up hands to its DONE. */
static struct check_ask *
ask_of(void *context)
{
	return (struct check_ask *)context;
}

void
check_ask_done(void *context, size_t slot, const struct transfer_result *result)
{
	struct check_ask *ask = ask_of(context);

	(void)slot;
	ask->is_done = true;
	ask->fault = result->fault;
	strbuf_reset(&ask->message);
	if (result->fault != TRANSFER_ANSWERED)
		strbuf_puts(&ask->message, result->message);
}

int
check_ask_begin(struct check_ask *ask)
{
	return transfer_note_tls(ask->up.transfer, 0, &ask->tls);
}

void
check_ask_signals(struct check_ask *ask)
{
	struct signalfd_siginfo info;
	int64_t now_ns = clock_monotonic_ns();

	while (read(ask->up.signal_fd, &info, sizeof info) == sizeof info) {
		/* From the process group, and again from a script in it. */
		if (ask->signals > 0 &&
		    now_ns - ask->signal_ns < CLOCK_NS_PER_S)
			continue;
		ask->signals++;
		ask->signal_ns = now_ns;
	}
	ask->up.stopping = ask->signals > ask->tolerated;
}

void
check_ask_tolerate(struct check_ask *ask)
{
	ask->tolerated = ask->signals;
	ask->up.stopping = false;
}

static void
make_put(struct check_ask *ask, const struct check_question *question)
{
	struct uploader *up = &ask->up;
	unsigned wanted = checksum_digest(up->checksum);
	char checksum[CHECKSUM_TEXT_MAX];
	char sha256_hex[SIGV4_HASH_HEX];
	struct digest digest = {0};
	/* Where a checksum goes with it, the signature must not be what fails.
	 */
	const char *hashed = wanted != 0 ? question->body : question->claimed;
	const struct s3_put put = {
	    .key = question->key,
	    .mtime_ns = exchange_now_ns(up),
	    .crc32c = crc32c_update(0, question->body, strlen(question->body)),
	    .sha256_hex = up->sign_payload ? sigv4_hash_hex(hashed,
						 strlen(hashed), sha256_hex)
					   : NULL,
	    .checksum_header = checksum_header(up->checksum),
	    .checksum = checksum,
	    .if_none_match = question->conditional,
	};

	digest_begin(&digest, wanted);
	digest_update(&digest, question->claimed, strlen(question->claimed));
	digest_finish(&digest);
	(void)checksum_base64(up->checksum, &digest, checksum);
	digest_done(&digest);
	s3_request_put(&ask->request, &up->client, &put, put.mtime_ns);
}

static void
make_request(struct check_ask *ask, const struct check_question *question)
{
	const struct s3_client *client = &ask->up.client;
	struct s3_request *request = &ask->request;
	int64_t now_ns = exchange_now_ns(&ask->up);

	switch (question->op) {
	case CHECK_LIST:
		s3_request_list(request, client, question->key, now_ns);
		return;
	case CHECK_PUT:
		make_put(ask, question);
		return;
	case CHECK_HEAD:
		s3_request_head(request, client, question->key, now_ns);
		return;
	case CHECK_CREATE:
		s3_request_create(request, client,
		    &(const struct s3_create){
			.key = question->key,
			.mtime_ns = now_ns,
			.algorithm = checksum_algorithm(ask->up.checksum),
			.full_object = ask->up.checksum == CHECKSUM_CRC32C,
		    },
		    now_ns);
		return;
	case CHECK_LIST_PARTS:
		s3_request_list_parts(request, client, question->key,
		    question->upload_id, 0, now_ns);
		return;
	case CHECK_ABORT:
		s3_request_abort(request, client, question->key,
		    question->upload_id, now_ns);
		return;
	case CHECK_DELETE:
		s3_request_delete(request, client, question->key, now_ns);
		return;
	}
}

/* One request, to its end or to a signal. */
static void
ask_once(struct check_ask *ask, const struct check_question *question)
{
	const struct transfer_body body = {
	    .bytes = question->op == CHECK_PUT ? question->body : "",
	    .fd = -1,
	    .size = question->op == CHECK_PUT ? (int64_t)strlen(question->body)
					      : 0,
	};
	bool has_body = question->op == CHECK_PUT ||
			question->op == CHECK_CREATE;
	struct transfer *transfer = ask->up.transfer;
	int rc;

	make_request(ask, question);
	ask->is_done = false;
	ask->fault = TRANSFER_BROKEN;
	strbuf_reset(&ask->message);
	rc = transfer_start(
	    transfer, 0, &ask->request, has_body ? &body : NULL, &ask->reply);
	while (rc >= 0 && !ask->is_done && !ask->up.stopping) {
		rc = transfer_poll(transfer, -1, ask->up.signal_fd);
		if (rc == 1)
			check_ask_signals(ask);
	}
	if (ask->is_done)
		return;
	transfer_cancel(transfer, 0);
	strbuf_puts(&ask->message,
	    rc < 0 ? "libcurl refuses the request" : "interrupted");
}

/* The store's clock, as its first answer tells it. */
static void
note_clock(struct check_ask *ask)
{
	int64_t offset_ns = ask->up.clock_offset_ns;

	if (ask->has_skew ||
	    !client_learn_clock(&ask->up, strbuf_text(&ask->reply.date)))
		return;
	ask->has_skew = true;
	ask->skew_ns = ask->up.clock_offset_ns;
	ask->up.clock_offset_ns = offset_ns; /* unless it has to be */
}

static const struct verdict_row *
judge(struct check_ask *ask, const struct check_question *question)
{
	const char *code;

	if (ask->fault == TRANSFER_UNTRUSTED)
		return &untrusted_row;
	if (ask->fault != TRANSFER_ANSWERED)
		return ask->fault == TRANSFER_UNREACHABLE ||
			       ask->fault == TRANSFER_TIMED_OUT
			   ? &unreachable_row
			   : &broken_row;
	note_clock(ask);
	(void)s3_reply_error(&ask->reply, &ask->error); /* emptied if none */
	code = strbuf_text(&ask->error.code);
	strbuf_reset(&ask->message);
	if (*code != '\0')
		strbuf_printf(&ask->message, "%s: %s: %s", names[question->op],
		    code, strbuf_text(&ask->error.message));
	else
		strbuf_printf(&ask->message, "%s: HTTP status %d",
		    names[question->op], ask->reply.status);
	return verdict_of(ask->reply.status, code, question->conditional);
}

/* As uploads do; false: it can't be. */
static bool
repair(struct check_ask *ask, const struct verdict_row *row)
{
	const struct strbuf *named = ask->reply.bucket_region.length > 0
					 ? &ask->reply.bucket_region
					 : &ask->error.region;

	if (row->repair == REPAIR_CLOCK)
		return client_learn_clock(
		    &ask->up, strbuf_text(&ask->reply.date));
	if (row->repair != REPAIR_REGION || named->length == 0 ||
	    endpoint_move(ask->up.endpoint, strbuf_text(named)) < 0)
		return false;
	renewal_resign(&ask->up);
	ask->moved = true;
	return true;
}

static void
back_off(struct check_ask *ask, int attempt)
{
	struct pollfd signals = {.fd = ask->up.signal_fd, .events = POLLIN};

	if (poll(&signals, 1,
		(int)retry_delay_ms(
		    attempt, chance_u32(), ask->reply.retry_after_ms)) > 0)
		check_ask_signals(ask);
}

const struct verdict_row *
check_ask(struct check_ask *ask, const struct check_question *question)
{
	const struct verdict_row *row;
	int repairs = 0;

	for (int attempt = 1;;) {
		ask_once(ask, question);
		row = judge(ask, question);
		if (ask->up.stopping)
			return row;
		if (row->verdict == VERDICT_REPAIR && repairs < REPAIRS &&
		    repair(ask, row)) {
			repairs++;
			continue;
		}
		/* Who waits for a report won't wait for a dead store. */
		if ((row->verdict != VERDICT_RETRY &&
			row->verdict != VERDICT_THROTTLED) ||
		    row == &unreachable_row || attempt >= TRIES)
			return row;
		back_off(ask, attempt++);
	}
}

/* The exit status of a question that failed so. */
static int
status_of(const struct verdict_row *row)
{
	return row->verdict == VERDICT_FILE ? EX_CONFIG
					    : verdict_status(row->fault);
}

void
check_ask_fail(
    struct check_ask *ask, const char *item, const struct verdict_row *row)
{
	check_fail(ask->up.stage, status_of(row), item, "%s%s%s",
	    strbuf_text(&ask->message), row->hint != NULL ? "; " : "",
	    row->hint != NULL ? row->hint : "");
}

bool
check_ask_is_denied(const struct check_ask *ask)
{
	const char *code = strbuf_text(&ask->error.code);

	return ask->fault == TRANSFER_ANSWERED &&
	       (strncmp(code, "AccessDenied", 12) == 0 ||
		   (*code == '\0' &&
		       (ask->reply.status == 401 || ask->reply.status == 403)));
}

void
check_ask_end(struct check_ask *ask)
{
	client_tear_down(&ask->up);
	s3_request_done(&ask->request);
	s3_reply_done(&ask->reply);
	s3_error_done(&ask->error);
	strbuf_done(&ask->tls);
	strbuf_done(&ask->message);
}
