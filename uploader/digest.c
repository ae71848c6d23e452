/* CRCs by common/, SHA-256 by sha256.c, MD5 by mbedTLS. MD5 protects nothing
 * against anybody: it is what stores use as ETag, and what old ones verify.
 *
 * A multipart upload's ETag is the MD5 of its parts' MD5s, "-" and how many
 * they are (AWS, "Checking object integrity", composite checksums). */
#include "uploader/digest.h"

#include <stdio.h>

#include "common/crc32c.h"
#include "common/crc64nvme.h"

void
digest_reset(struct digest *digest)
{
	/* It is worth keeping. */
	*digest = (struct digest){.sha256_state = digest->sha256_state};
}

void
digest_done(struct digest *digest)
{
	sha256_free(digest->sha256_state);
	*digest = (struct digest){0};
}

static void
begin_md5(mbedtls_md5_context *state)
{
	mbedtls_md5_init(state);
	mbedtls_must(mbedtls_md5_starts(state));
}

void
digest_begin(struct digest *digest, unsigned want)
{
	digest->want = want & ~digest->have;
	if ((digest->want & DIGEST_CRC32C) != 0)
		digest->crc32c = 0;
	if ((digest->want & DIGEST_CRC64NVME) != 0)
		digest->crc64nvme = 0;
	if ((digest->want & DIGEST_SHA256) != 0) {
		if (digest->sha256_state == NULL)
			digest->sha256_state = sha256_new();
		sha256_begin(digest->sha256_state);
	}
	if ((digest->want & DIGEST_MD5) != 0)
		begin_md5(&digest->md5_state);
	if ((digest->want & DIGEST_MD5_PARTS) != 0) {
		begin_md5(&digest->parts_state);
		begin_md5(&digest->part_state);
		digest->part_left = digest->part_size;
		digest->part_count = 0;
	}
}

static void
end_part(struct digest *digest)
{
	unsigned char md5[DIGEST_MD5_BYTES];

	mbedtls_must(mbedtls_md5_finish(&digest->part_state, md5));
	mbedtls_md5_free(&digest->part_state);
	mbedtls_must(mbedtls_md5_update(&digest->parts_state, md5, sizeof md5));
	digest->part_count++;
	begin_md5(&digest->part_state);
	digest->part_left = digest->part_size;
}

static void
update_parts(struct digest *digest, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		size_t take = (uint64_t)digest->part_left < length
				  ? (size_t)digest->part_left
				  : length;

		mbedtls_must(
		    mbedtls_md5_update(&digest->part_state, bytes, take));
		digest->part_left -= (int64_t)take;
		bytes += take;
		length -= take;
		if (digest->part_left == 0)
			end_part(digest);
	}
}

void
digest_update(struct digest *digest, const void *bytes, size_t length)
{
	if ((digest->want & DIGEST_CRC32C) != 0)
		digest->crc32c = crc32c_update(digest->crc32c, bytes, length);
	if ((digest->want & DIGEST_CRC64NVME) != 0)
		digest->crc64nvme = crc64nvme_update(
		    digest->crc64nvme, bytes, length);
	if ((digest->want & DIGEST_SHA256) != 0)
		sha256_update(digest->sha256_state, bytes, length);
	if ((digest->want & DIGEST_MD5) != 0)
		mbedtls_must(
		    mbedtls_md5_update(&digest->md5_state, bytes, length));
	if ((digest->want & DIGEST_MD5_PARTS) != 0)
		update_parts(digest, bytes, length);
}

void
digest_hex(char *hex, const unsigned char *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 15];
	}
	*hex = '\0';
}

static void
finish_parts(struct digest *digest)
{
	unsigned char md5[DIGEST_MD5_BYTES];
	char hex[DIGEST_MD5_HEX];

	if (digest->part_left < digest->part_size)
		end_part(digest);
	mbedtls_md5_free(&digest->part_state);
	mbedtls_must(mbedtls_md5_finish(&digest->parts_state, md5));
	mbedtls_md5_free(&digest->parts_state);
	digest_hex(hex, md5, sizeof md5);
	(void)snprintf(digest->parts_etag, sizeof digest->parts_etag, "%s-%u",
	    hex, digest->part_count); /* 32 and at most 11 characters */
}

void
digest_finish(struct digest *digest)
{
	if ((digest->want & DIGEST_SHA256) != 0) {
		sha256_finish(digest->sha256_state, digest->sha256);
		digest_hex(
		    digest->sha256_hex, digest->sha256, sizeof digest->sha256);
	}
	if ((digest->want & DIGEST_MD5) != 0) {
		mbedtls_must(
		    mbedtls_md5_finish(&digest->md5_state, digest->md5));
		mbedtls_md5_free(&digest->md5_state);
		digest_hex(digest->md5_hex, digest->md5, sizeof digest->md5);
	}
	if ((digest->want & DIGEST_MD5_PARTS) != 0)
		finish_parts(digest);
	digest->have |= digest->want;
	digest->want = 0;
}
