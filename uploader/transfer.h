/* The transfer loop: many HTTP/1.1 requests at once over connections that are
 * kept, in one thread, by epoll and libcurl's multi interface.
 *
 * A slot is one request at a time; its easy handle, made for the first one,
 * lives as long as the loop.
 */
#ifndef UPLOADER_TRANSFER_H
#define UPLOADER_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/config.h"
#include "uploader/s3_reply.h"
#include "uploader/s3_request.h"

enum transfer_fault {
	TRANSFER_ANSWERED,    /* the whole answer is there */
	TRANSFER_UNREACHABLE, /* name, connection or TLS failed */
	TRANSFER_UNTRUSTED,   /* a certificate is wrong, the store's or ours */
	TRANSFER_TIMED_OUT,   /* nothing moved for too long, or no answer's end
			       * came */
	TRANSFER_BROKEN,      /* cut, or no HTTP */
	TRANSFER_FILE	      /* the file got shorter, or can't be read */
};

struct transfer_result {
	enum transfer_fault fault;
	const char *message; /* for a person; valid during the call */
};

/* What a request sends: SIZE bytes at BYTES, or, where that is NULL, of the
 * file open at FD from OFFSET on. Neither is owned. */
struct transfer_body {
	const void *bytes;
	int fd;
	int64_t offset;
	int64_t size;
};

struct transfer;

/* Makes a loop of COUNT slots, of which those that are never used cost next to
 * nothing, that trusts CA_BUNDLE (NULL: the system's certificates). All bodies
 * together keep within config->bandwidth_limit_bytes a second. CONFIG and
 * CA_BUNDLE must outlive it. DONE is called, from transfer_poll alone, for
 * each request that has ended; it may start the slot's next one. Returns NULL
 * when libcurl can't be set up. */
struct transfer *transfer_new(const struct config *config, size_t count,
    const char *ca_bundle,
    void (*done)(
	void *context, size_t slot, const struct transfer_result *result),
    void *context);
void transfer_free(struct transfer *transfer);

/* Starts REQUEST in SLOT, which must be idle; REPLY is reset and filled. BODY
 * is NULL for requests without one. All three must stay as they are until
 * done is called. Returns 0, or -EIO when libcurl refuses it. */
int transfer_start(struct transfer *transfer, size_t slot,
    const struct s3_request *request, const struct transfer_body *body,
    struct s3_reply *reply);
/* Ends what goes on in SLOT without calling done. */
void transfer_cancel(struct transfer *transfer, size_t slot);

/* How much of its body what goes on in SLOT has sent. */
int64_t transfer_sent_bytes(const struct transfer *transfer, size_t slot);

/* From now on *RET_TLS, which must outlive the loop, says of SLOT's newest
 * connection over TLS what libcurl says of it ("TLSv1.3 / ..."). Its
 * certificate is verified always, or nothing is sent. Returns 0 or -EIO. */
int transfer_note_tls(
    struct transfer *transfer, size_t slot, struct strbuf *ret_tls);

/* Waits for at most TIMEOUT_MS (-1: as long as it takes) and does what is to
 * be done. Returns 1 when WAKE_FD (-1: none) is readable, 0 otherwise, or a
 * negative errno. */
int transfer_poll(struct transfer *transfer, int64_t timeout_ms, int wake_fd);
/* How long it has waited so far, with nothing to do. */
int64_t transfer_waited_ns(const struct transfer *transfer);

#endif
