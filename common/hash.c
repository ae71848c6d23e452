/* Fowler, Noll, Vo: "The FNV Non-Cryptographic Hash Algorithm", FNV-1a with its
 * 64-bit offset basis and prime. Whoever chooses the bytes can choose the hash,
 * too: only what may collide is found by it. */
#include "common/hash.h"

uint64_t
hash_bytes(const void *bytes, size_t length)
{
	const unsigned char *byte = bytes;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}
