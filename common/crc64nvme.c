/* CRC-64/NVME (NVM Express, "NVM Command Set Specification", 64b Guard):
 * polynomial AD93D23594C93659, reflected, initial value and final xor all
 * ones. Eight bytes a step ("slicing-by-8"): table k holds the CRC of a byte
 * that k zero bytes follow. */
#include "common/crc64nvme.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

enum { SLICES = 8 };

/* The polynomial with its bits in the order that they are sent. */
static const uint64_t polynomial = UINT64_C(0x9a6c9329ac4bc9b5);
static uint64_t tables[SLICES][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT; /* made by any thread */

static void
make_tables(void)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint64_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
		tables[0][byte] = crc;
	}
	for (unsigned byte = 0; byte < 256; byte++)
		for (int k = 1; k < SLICES; k++) {
			uint64_t before = tables[k - 1][byte];

			tables[k][byte] = tables[0][before & 0xff] ^
					  (before >> 8);
		}
}

uint64_t
crc64nvme_update(uint64_t crc, const void *bytes, size_t length)
{
	const unsigned char *next = bytes;

	(void)pthread_once(&tables_once, make_tables); /* can't fail */
	crc = ~crc;
	for (; length >= SLICES; length -= SLICES, next += SLICES) {
		uint64_t word;

		memcpy(&word, next, sizeof word);
		crc ^= le64toh(word);
		crc = tables[7][crc & 0xff] ^ tables[6][crc >> 8 & 0xff] ^
		      tables[5][crc >> 16 & 0xff] ^
		      tables[4][crc >> 24 & 0xff] ^
		      tables[3][crc >> 32 & 0xff] ^
		      tables[2][crc >> 40 & 0xff] ^
		      tables[1][crc >> 48 & 0xff] ^ tables[0][crc >> 56];
	}
	for (; length > 0; length--, next++)
		crc = tables[0][(crc ^ *next) & 0xff] ^ (crc >> 8);
	return ~crc;
}
