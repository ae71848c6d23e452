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
