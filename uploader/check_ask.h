/* One question to the store at a time, and its answer: the transfer loop for
 * those who can wait. */
#ifndef UPLOADER_CHECK_ASK_H
#define UPLOADER_CHECK_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "uploader/s3_reply.h"
#include "uploader/s3_request.h"
#include "uploader/uploader.h"
#include "uploader/verdict.h"

enum check_op {
	CHECK_LIST, /* ListObjectsV2 of the key as a prefix */
	CHECK_PUT,
	CHECK_HEAD,
	CHECK_CREATE,
	CHECK_LIST_PARTS,
	CHECK_ABORT,
	CHECK_DELETE
};

struct check_question {
	enum check_op op;
	const char *key;
	const char *upload_id; /* of LIST_PARTS, ABORT */
	const char *body;      /* of PUT */
	const char *claimed;   /* of PUT: the text whose checksum is sent, or
				  where none is, whose hash is signed */
	bool conditional;      /* of PUT */
};

/* up.config, up.stage and up.signal_fd are the caller's to set. */
struct check_ask {
	struct uploader up;
	struct s3_request request;
	struct s3_reply reply;
	struct s3_error error;
	struct strbuf tls;     /* see transfer_note_tls */
	struct strbuf message; /* what went wrong, for a person */
	int64_t skew_ns;       /* the store's clock minus ours ... */
	bool has_skew;	       /* ... once it has told its own */
	bool moved;	       /* it was repaired: another region */
	bool is_done;
	enum transfer_fault fault;
	unsigned signals, tolerated; /* that came; that stop nothing */
	int64_t signal_ns;	     /* when the last of them came */
};

/* Prepares for questions, after client_set_up (with check_ask_done as DONE).
 * Returns 0 or a negative errno. */
int check_ask_begin(struct check_ask *ask);
/* Asks, again where that may help, and after repairing clock or region. The
 * verdict on the last answer, never NULL; ask->reply, ask->error and
 * ask->message tell more. Where a signal came, ask->up.stopping is true. */
const struct verdict_row *check_ask(
    struct check_ask *ask, const struct check_question *question);
/* Whether the answer was that we may not. */
bool check_ask_is_denied(const struct check_ask *ask);
/* Reports that ITEM failed, as the last answer and its verdict ROW say. */
void check_ask_fail(
    struct check_ask *ask, const char *item, const struct verdict_row *row);
/* Reads what signals have come. */
void check_ask_signals(struct check_ask *ask);
/* From now on the signals that have come stop nothing: for cleaning up. */
void check_ask_tolerate(struct check_ask *ask);

void check_ask_done(
    void *context, size_t slot, const struct transfer_result *result);
void check_ask_end(struct check_ask *ask);

#endif
