/* The digests and checksums by which S3 knows its bytes.
 *
 * The hashes are GnuTLS's, which libmicrohttpd brings along and the uploader
 * does not use. The CRCs are calculated here, eight bytes a step from eight
 * tables; all three are reflected with an initial value and a final xor of all
 * ones (RFC 3720 appendix B.4 for CRC-32C, the NVM Express specification for
 * CRC-64/NVME), so the 32-bit ones fit the 64-bit step. Two CRCs are joined by
 * multiplying the first with x^(8*length) modulo the polynomial. */
#include "tests/stub/stub_digest.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <strings.h>

#include "tests/stub/stub_text.h"

struct kind {
	const char *name;
	const char *upper;
	size_t size;
	uint64_t polynomial; /* reflected; 0 for a hash */
	gnutls_digest_algorithm_t hash;
};

static const struct kind kinds[STUB_SUM_ALL] = {
    [STUB_SUM_CRC32] = {"crc32", "CRC32", 4, 0xEDB88320, 0},
    [STUB_SUM_CRC32C] = {"crc32c", "CRC32C", 4, 0x82F63B78, 0},
    [STUB_SUM_CRC64NVME] = {"crc64nvme", "CRC64NVME", 8, 0x9A6C9329AC4BC9B5ULL,
	0},
    [STUB_SUM_SHA1] = {"sha1", "SHA1", 20, 0, GNUTLS_DIG_SHA1},
    [STUB_SUM_SHA256] = {"sha256", "SHA256", 32, 0, GNUTLS_DIG_SHA256},
    [STUB_SUM_MD5] = {"md5", "MD5", 16, 0, GNUTLS_DIG_MD5},
};

static uint64_t tables[STUB_SUM_KINDS][8][256];

const char *
stub_digest_name(enum stub_sum sum)
{
	return kinds[sum].name;
}

const char *
stub_digest_upper(enum stub_sum sum)
{
	return kinds[sum].upper;
}

enum stub_sum
stub_digest_find(const char *name)
{
	for (unsigned i = 0; i < STUB_SUM_KINDS; i++) {
		if (strcasecmp(kinds[i].name, name) == 0)
			return (enum stub_sum)i;
	}
	return STUB_SUM_NONE;
}

size_t
stub_digest_size(enum stub_sum sum)
{
	return kinds[sum].size;
}

bool
stub_digest_is_crc(enum stub_sum sum)
{
	return kinds[sum].polynomial != 0;
}

static uint64_t
all_ones(unsigned sum)
{
	return kinds[sum].size == 8 ? UINT64_MAX : UINT32_MAX;
}

static void
fill_tables(unsigned sum)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint64_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? kinds[sum].polynomial : 0);
		tables[sum][0][byte] = crc;
	}
	for (unsigned step = 1; step < 8; step++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			uint64_t crc = tables[sum][step - 1][byte];

			tables[sum][step][byte] = crc >> 8 ^
						  tables[sum][0][crc & 0xff];
		}
	}
}

static uint64_t
crc_update(unsigned sum, uint64_t crc, const unsigned char *at, size_t length)
{
	uint64_t(*table)[256] = tables[sum];

	for (; length >= 8; at += 8, length -= 8) {
		uint64_t word = 0;

		for (int i = 7; i >= 0; i--)
			word = word << 8 | at[i];
		word ^= crc;
		crc = 0;
		for (int i = 0; i < 8; i++)
			crc ^= table[7 - i][word >> (8 * i) & 0xff];
	}
	for (; length > 0; at++, length--)
		crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
	return crc;
}

void
stub_digest_begin(struct stub_digest *digest, unsigned mask)
{
	*digest = (struct stub_digest){.mask = mask};
	for (unsigned i = 0; i < STUB_SUM_ALL; i++) {
		gnutls_hash_hd_t hash;

		if ((mask & STUB_SUM_BIT(i)) == 0)
			continue;
		if (kinds[i].polynomial != 0) {
			if (tables[i][0][1] == 0)
				fill_tables(i);
			digest->crc[i] = all_ones(i);
		} else if (kinds[i].hash != 0) {
			if (gnutls_hash_init(&hash, kinds[i].hash) == 0)
				digest->hash[i] = hash;
		}
	}
}

void
stub_digest_update(struct stub_digest *digest, const void *bytes, size_t length)
{
	for (unsigned i = 0; i < STUB_SUM_ALL; i++) {
		if ((digest->mask & STUB_SUM_BIT(i)) == 0)
			continue;
		if (digest->hash[i] != NULL)
			(void)gnutls_hash(digest->hash[i], bytes, length);
		else if (i < STUB_SUM_KINDS)
			digest->crc[i] = crc_update(
			    i, digest->crc[i], bytes, length);
	}
}

static void
put_crc(unsigned char *value, size_t size, uint64_t crc)
{
	for (size_t i = size; i-- > 0; crc >>= 8)
		value[i] = (unsigned char)crc;
}

static uint64_t
get_crc(const unsigned char *value, size_t size)
{
	uint64_t crc = 0;

	for (size_t i = 0; i < size; i++)
		crc = crc << 8 | value[i];
	return crc;
}

void
stub_digest_end(struct stub_digest *digest, struct stub_sums *ret_sums)
{
	struct stub_sums sums = {.mask = digest->mask};

	for (unsigned i = 0; i < STUB_SUM_ALL; i++) {
		if (digest->hash[i] != NULL)
			gnutls_hash_deinit(digest->hash[i], sums.value[i]);
		else if (i < STUB_SUM_KINDS && kinds[i].polynomial != 0)
			put_crc(sums.value[i], kinds[i].size,
			    digest->crc[i] ^ all_ones(i));
	}
	*digest = (struct stub_digest){0};
	if (ret_sums != NULL)
		*ret_sums = sums;
}

/* A times B modulo the polynomial; the top bit stands for x^0. */
static uint64_t
multiply(uint64_t a, uint64_t b, uint64_t top, uint64_t polynomial)
{
	uint64_t product = 0;

	for (uint64_t bit = top; bit != 0; bit >>= 1) {
		if (a & bit)
			product ^= b;
		b = b >> 1 ^ (b & 1 ? polynomial : 0);
	}
	return product;
}

void
stub_digest_combine(enum stub_sum sum, unsigned char *value,
    const unsigned char *next, uint64_t length)
{
	size_t size = kinds[sum].size;
	uint64_t polynomial = kinds[sum].polynomial;
	uint64_t top = (uint64_t)1 << (8 * size - 1);
	uint64_t power = top >> 8, shift = top;

	assert(polynomial != 0);
	for (; length != 0; length >>= 1) {
		if (length & 1)
			shift = multiply(shift, power, top, polynomial);
		power = multiply(power, power, top, polynomial);
	}
	put_crc(value, size,
	    multiply(shift, get_crc(value, size), top, polynomial) ^
		get_crc(next, size));
}

void
stub_digest_hmac(const void *key, size_t key_length, const char *text,
    unsigned char ret_mac[32])
{
	(void)gnutls_hmac_fast(
	    GNUTLS_MAC_SHA256, key, key_length, text, strlen(text), ret_mac);
}

void
stub_digest_sha256_hex(struct strbuf *buf, const void *bytes, size_t length)
{
	unsigned char value[32] = {0};

	(void)gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, length, value);
	stub_text_hex(buf, value, sizeof(value));
}
