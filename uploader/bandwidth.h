/* A limit of bytes a second that many transfers share: a token bucket. Pure:
 * time is an argument. */
#ifndef UPLOADER_BANDWIDTH_H
#define UPLOADER_BANDWIDTH_H

#include <stddef.h>
#include <stdint.h>

struct bandwidth {
	int64_t rate;	 /* bytes a second, 1 to 2^40; 0: no limit */
	int64_t level;	 /* what may be sent now, in millionths of a byte */
	int64_t then_us; /* when level was right */
};

/* Begins, full, at NOW_NS of a clock that only goes forward. */
void bandwidth_init(struct bandwidth *bandwidth, int64_t rate, int64_t now_ns);
/* How many of WANT bytes may be sent now, while OTHERS are waiting for their
 * share: 0 when it isn't worth the while yet. They count as sent. */
size_t bandwidth_take(
    struct bandwidth *bandwidth, size_t want, size_t others, int64_t now_ns);
/* How many transfers can be served now: at least one's turn is worth it. */
size_t bandwidth_turns(struct bandwidth *bandwidth, int64_t now_ns);
/* How long until one can be. */
int64_t bandwidth_wait_ns(struct bandwidth *bandwidth, int64_t now_ns);

#endif
