/* Checksums by name (AWS, "Checking object integrity"): CRCs travel as base64
 * of their big-endian bytes. Content-MD5 is the old way, which every store
 * knows; the x-amz-checksum-* are newer than many. */
#include "uploader/checksum.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

static const struct row {
	unsigned digest;
	const char *header, *algorithm, *element;
} rows[] = {
    [CHECKSUM_CRC32C] = {DIGEST_CRC32C, "x-amz-checksum-crc32c", "CRC32C",
	"ChecksumCRC32C"},
    [CHECKSUM_CRC64NVME] = {DIGEST_CRC64NVME, "x-amz-checksum-crc64nvme",
	"CRC64NVME", "ChecksumCRC64NVME"},
    [CHECKSUM_SHA256] = {DIGEST_SHA256, "x-amz-checksum-sha256", "SHA256",
	"ChecksumSHA256"},
    [CHECKSUM_MD5] = {DIGEST_MD5, "content-md5", NULL, NULL},
    [CHECKSUM_NONE] = {0, NULL, NULL, NULL},
};

enum checksum
checksum_resolve(enum checksum kind, bool is_signed)
{
	const char *when = getenv("AWS_REQUEST_CHECKSUM_CALCULATION");

	if (kind != CHECKSUM_AUTO)
		return kind;
	if (is_signed ||
	    (when != NULL && strcasecmp(when, "when_required") == 0))
		return CHECKSUM_NONE;
	return CHECKSUM_CRC32C;
}

unsigned
checksum_digest(enum checksum kind)
{
	return rows[kind].digest;
}

const char *
checksum_header(enum checksum kind)
{
	return rows[kind].header;
}

const char *
checksum_algorithm(enum checksum kind)
{
	return rows[kind].algorithm;
}

const char *
checksum_element(enum checksum kind)
{
	return rows[kind].element;
}

static size_t
big_endian(unsigned char *bytes, uint64_t value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (unsigned char)(value >> (8 * (count - 1 - i)));
	return count;
}

const char *
checksum_base64(enum checksum kind, const struct digest *digest,
    char text[CHECKSUM_TEXT_MAX])
{
	unsigned char number[8];
	const unsigned char *bytes = number;
	size_t count = 0, length;

	assert((digest->have & rows[kind].digest) == rows[kind].digest);
	switch (kind) {
	case CHECKSUM_CRC32C:
		count = big_endian(number, digest->crc32c, 4);
		break;
	case CHECKSUM_CRC64NVME:
		count = big_endian(number, digest->crc64nvme, 8);
		break;
	case CHECKSUM_SHA256:
		bytes = digest->sha256;
		count = sizeof digest->sha256;
		break;
	case CHECKSUM_MD5:
		bytes = digest->md5;
		count = sizeof digest->md5;
		break;
	case CHECKSUM_AUTO:
	case CHECKSUM_NONE:
		break;
	}
	*text = '\0'; /* mbedTLS writes nothing at all for no bytes */
	mbedtls_must(mbedtls_base64_encode(
	    (unsigned char *)text, CHECKSUM_TEXT_MAX, &length, bytes, count));
	return text;
}
