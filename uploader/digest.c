/* CRC-32C by ISA-L, SHA-256 and MD5 by mbedTLS. MD5 is no protection against
 * anybody: it is what stores use as ETag. */
#include "uploader/digest.h"

#include "common/crc32c.h"

void
digest_reset(struct digest *digest)
{
	*digest = (struct digest){0};
}

void
digest_begin(struct digest *digest, unsigned want)
{
	digest->want = want & ~digest->have;
	if ((digest->want & DIGEST_CRC32C) != 0)
		digest->crc32c = 0;
	if ((digest->want & DIGEST_SHA256) != 0) {
		mbedtls_sha256_init(&digest->sha256);
		mbedtls_must(mbedtls_sha256_starts(&digest->sha256, 0));
	}
	if ((digest->want & DIGEST_MD5) != 0) {
		mbedtls_md5_init(&digest->md5);
		mbedtls_must(mbedtls_md5_starts(&digest->md5));
	}
}

void
digest_update(struct digest *digest, const void *bytes, size_t length)
{
	if ((digest->want & DIGEST_CRC32C) != 0)
		digest->crc32c = crc32c_update(digest->crc32c, bytes, length);
	if ((digest->want & DIGEST_SHA256) != 0)
		mbedtls_must(
		    mbedtls_sha256_update(&digest->sha256, bytes, length));
	if ((digest->want & DIGEST_MD5) != 0)
		mbedtls_must(mbedtls_md5_update(&digest->md5, bytes, length));
}

static void
write_hex(char *hex, const unsigned char *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 15];
	}
	*hex = '\0';
}

void
digest_finish(struct digest *digest)
{
	unsigned char bytes[SIGV4_HASH_BYTES];

	if ((digest->want & DIGEST_SHA256) != 0) {
		mbedtls_must(mbedtls_sha256_finish(&digest->sha256, bytes));
		mbedtls_sha256_free(&digest->sha256);
		write_hex(digest->sha256_hex, bytes, SIGV4_HASH_BYTES);
	}
	if ((digest->want & DIGEST_MD5) != 0) {
		mbedtls_must(mbedtls_md5_finish(&digest->md5, bytes));
		mbedtls_md5_free(&digest->md5);
		write_hex(digest->md5_hex, bytes, 16);
	}
	digest->have |= digest->want;
	digest->want = 0;
}
