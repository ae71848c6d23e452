/* Requests that wait: for a delay to pass, or for ever. */
#ifndef STUB_HOLD_H
#define STUB_HOLD_H

#include <microhttpd.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stub_holds {
	struct stub_hold *first;
	size_t count;
};

uint64_t stub_hold_now_ms(void);
/* Suspends the connection for DELAY_MS; FOREVER: until its client is gone. */
void stub_hold_add(struct stub_holds *holds, struct MHD_Connection *connection,
    uint64_t delay_ms, bool forever);
/* Writes holds->count entries that wait for the clients to hang up. */
void stub_hold_poll(const struct stub_holds *holds, struct pollfd *polls);
/* Milliseconds until the next is due, at most MAX. */
int stub_hold_timeout(const struct stub_holds *holds, int max);
/* Resumes those that are due and, by POLLS, those whose client is gone. ALL:
 * every one. */
void stub_hold_resume(
    struct stub_holds *holds, const struct pollfd *polls, bool all);

#endif
