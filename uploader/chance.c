/* Random numbers from the kernel, a few at a time. */
#include "uploader/chance.h"

#include <sys/random.h>

#include "common/clock.h"

enum { STOCK = 64 }; /* getrandom gives as many bytes in any case */

uint32_t
chance_u32(void)
{
	static _Thread_local uint32_t stock[STOCK];
	static _Thread_local size_t left;

	if (left == 0) {
		if (getrandom(stock, sizeof stock, 0) != sizeof stock)
			/* Any spread is better than none. */
			return (uint32_t)clock_monotonic_ns() *
			       UINT32_C(2654435761);
		left = STOCK;
	}
	return stock[--left];
}

size_t
chance_below(size_t limit)
{
	/* The bias is at most LIMIT / 2^32, which spreads well enough. */
	return limit > 0 ? chance_u32() % limit : 0;
}
