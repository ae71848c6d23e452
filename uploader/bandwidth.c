/* The bucket is refilled when it is asked, holds a quarter of a second's
 * bytes, and is counted in millionths of a byte, so that rate times
 * microseconds is exact, fits (2^40 * 250,000 < 2^63), and nothing is lost
 * however often it is asked.
 *
 * A turn is at most 16 KiB (a TLS record) and at most what 1/64 second gives,
 * so that with hundreds of transfers on a slow line each gets its turn long
 * before it counts as stalled. */
#include "uploader/bandwidth.h"

#include "common/clock.h"

enum {
	NS_PER_US = 1000,
	MILLION = 1000000,
	BURST_US = 250000,
	TURN_MAX = 16 * 1024,
	TURNS_PER_SECOND = 64
};

static int64_t
turn_of(const struct bandwidth *bandwidth)
{
	int64_t turn = bandwidth->rate / TURNS_PER_SECOND;

	return turn > TURN_MAX ? TURN_MAX : turn < 1 ? 1 : turn;
}

static void
refill(struct bandwidth *bandwidth, int64_t now_ns)
{
	int64_t now_us = now_ns / NS_PER_US;
	int64_t elapsed_us = now_us - bandwidth->then_us;
	int64_t most = bandwidth->rate * BURST_US;

	if (most < MILLION)
		most = MILLION; /* a whole byte fits in */
	bandwidth->then_us = now_us;
	if (elapsed_us > most / bandwidth->rate)
		elapsed_us = most / bandwidth->rate;
	bandwidth->level += elapsed_us * bandwidth->rate;
	if (bandwidth->level > most)
		bandwidth->level = most;
}

void
bandwidth_init(struct bandwidth *bandwidth, int64_t rate, int64_t now_ns)
{
	*bandwidth = (struct bandwidth){.rate = rate,
	    .level = rate * BURST_US,
	    .then_us = now_ns / NS_PER_US};
}

size_t
bandwidth_take(
    struct bandwidth *bandwidth, size_t want, size_t others, int64_t now_ns)
{
	int64_t turn = turn_of(bandwidth);
	int64_t available, share;

	if (bandwidth->rate == 0)
		return want;
	refill(bandwidth, now_ns);
	available = bandwidth->level / MILLION;
	share = available / (int64_t)(others + 1);
	if (share < turn)
		share = turn;
	if (available < turn && (uint64_t)available < want)
		return 0;
	if (share > available)
		share = available;
	if ((uint64_t)share > want)
		share = (int64_t)want;
	bandwidth->level -= share * MILLION;
	return (size_t)share;
}

size_t
bandwidth_turns(struct bandwidth *bandwidth, int64_t now_ns)
{
	if (bandwidth->rate == 0)
		return SIZE_MAX;
	refill(bandwidth, now_ns);
	return (size_t)(bandwidth->level / MILLION / turn_of(bandwidth));
}

int64_t
bandwidth_wait_ns(struct bandwidth *bandwidth, int64_t now_ns)
{
	int64_t missing;

	if (bandwidth->rate == 0)
		return 0;
	refill(bandwidth, now_ns);
	missing = turn_of(bandwidth) * MILLION - bandwidth->level;
	if (missing <= 0)
		return 0;
	return ((missing + bandwidth->rate - 1) / bandwidth->rate) * NS_PER_US;
}
