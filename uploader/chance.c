/* Random numbers from the kernel: asked for only now and then. */
#include "uploader/chance.h"

#include <sys/random.h>

#include "common/clock.h"

uint32_t
chance_u32(void)
{
	uint32_t value;

	/* Without the kernel's randomness any spread is better than none. */
	if (getrandom(&value, sizeof value, 0) != sizeof value)
		value = (uint32_t)clock_monotonic_ns() * UINT32_C(2654435761);
	return value;
}

size_t
chance_below(size_t limit)
{
	/* The bias is at most LIMIT / 2^32, which spreads well enough. */
	return limit > 0 ? chance_u32() % limit : 0;
}
