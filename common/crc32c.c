/* CRC-32C over ISA-L's crc32_iscsi, which takes an int length and a pointer
 * that isn't const though it only reads, and leaves both inversions to the
 * caller. */
#include "common/crc32c.h"

#include <isa-l/crc.h>

enum { CHUNK = 1 << 30 }; /* 1 GiB */

uint32_t
crc32c_update(uint32_t crc, const void *bytes, size_t length)
{
	union {
		const void *given;
		unsigned char *taken;
	} next = {bytes};

	crc = ~crc;
	while (length > 0) {
		int part = length < CHUNK ? (int)length : CHUNK;

		crc = crc32_iscsi(next.taken, part, crc);
		next.taken += part;
		length -= (size_t)part;
	}
	return ~crc;
}

/* Multiplies the polynomials A and B, bits reflected, modulo CRC-32C's. */
static uint32_t
multiply(uint32_t a, uint32_t b)
{
	const uint32_t polynomial = 0x82f63b78;
	uint32_t product = 0;

	for (uint32_t bit = UINT32_C(1) << 31; bit != 0; bit >>= 1) {
		if ((a & bit) != 0)
			product ^= b;
		b = (b >> 1) ^ ((b & 1) != 0 ? polynomial : 0);
	}
	return product;
}

uint32_t
crc32c_combine(uint32_t first, uint32_t second, uint64_t length)
{
	uint32_t power = UINT32_C(1) << 23; /* x^8: one byte further */
	uint32_t shift = UINT32_C(1) << 31; /* x^0 */

	/* x^(8 length), by squaring. */
	for (; length != 0; length >>= 1) {
		if ((length & 1) != 0)
			shift = multiply(shift, power);
		power = multiply(power, power);
	}
	return multiply(shift, first) ^ second;
}
