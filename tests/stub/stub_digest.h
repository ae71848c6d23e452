/* The digests and checksums by which S3 knows its bytes. */
#ifndef STUB_DIGEST_H
#define STUB_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

enum stub_sum {
	STUB_SUM_CRC32,
	STUB_SUM_CRC32C,
	STUB_SUM_CRC64NVME,
	STUB_SUM_SHA1,
	STUB_SUM_SHA256,
	STUB_SUM_KINDS, /* those an x-amz-checksum-* header can carry */
	STUB_SUM_NONE = STUB_SUM_KINDS,
	STUB_SUM_MD5,
	STUB_SUM_ALL,
};

#define STUB_SUM_BIT(sum) (1U << (sum))

/* What came out; present in the bytes that MASK names. */
struct stub_sums {
	unsigned mask;
	unsigned char value[STUB_SUM_ALL][32];
};

/* A calculation under way; all zero is none. */
struct stub_digest {
	unsigned mask;
	uint64_t crc[STUB_SUM_KINDS];
	void *hash[STUB_SUM_ALL];
};

/* "crc32c" as in x-amz-checksum-crc32c; "CRC32C" as in an algorithm's name
 * and, after Checksum, in an element's. */
const char *stub_digest_name(enum stub_sum sum);
const char *stub_digest_upper(enum stub_sum sum);
/* The checksum of that name in either case; STUB_SUM_NONE. */
enum stub_sum stub_digest_find(const char *name);
size_t stub_digest_size(enum stub_sum sum);
bool stub_digest_is_crc(enum stub_sum sum);

void stub_digest_begin(struct stub_digest *digest, unsigned mask);
void stub_digest_update(
    struct stub_digest *digest, const void *bytes, size_t length);
/* Ends the calculation; RET_SUMS may be NULL. */
void stub_digest_end(struct stub_digest *digest, struct stub_sums *ret_sums);

/* Makes VALUE, the CRC of some bytes, that of these and the LENGTH bytes after
 * them, whose CRC is NEXT. */
void stub_digest_combine(enum stub_sum sum, unsigned char *value,
    const unsigned char *next, uint64_t length);

void stub_digest_hmac(const void *key, size_t key_length, const char *text,
    unsigned char ret_mac[32]);
/* Appends the hex SHA-256 of the bytes. */
void stub_digest_sha256_hex(
    struct strbuf *buf, const void *bytes, size_t length);

#endif
