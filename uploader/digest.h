/* The digests of a stretch of bytes, which may come in any number of pieces. */
#ifndef UPLOADER_DIGEST_H
#define UPLOADER_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "uploader/mbedtls_compat.h"
#include "uploader/sha256.h"
#include "uploader/sigv4.h"

enum {
	DIGEST_CRC32C = 1,
	DIGEST_SHA256 = 2,
	DIGEST_MD5 = 4,
	DIGEST_CRC64NVME = 8,
	DIGEST_MD5_PARTS = 16 /* as a multipart upload's ETag */
};
enum {
	DIGEST_MD5_BYTES = 16,
	DIGEST_MD5_HEX = 33,
	DIGEST_ETAG_MAX = 48 /* MD5, "-", number of parts */
};

/* Zeroed before its first use. */
struct digest {
	unsigned have; /* of the above: finished */
	unsigned want; /* being computed */
	uint32_t crc32c;
	uint64_t crc64nvme;
	unsigned char sha256[SHA256_BYTES];
	char sha256_hex[SIGV4_HASH_HEX];
	unsigned char md5[DIGEST_MD5_BYTES];
	char md5_hex[DIGEST_MD5_HEX];
	char parts_etag[DIGEST_ETAG_MAX];
	int64_t part_size; /* to be set for DIGEST_MD5_PARTS */

	struct sha256 *sha256_state; /* NULL: none was needed yet */
	mbedtls_md5_context md5_state;
	mbedtls_md5_context part_state, parts_state;
	int64_t part_left;
	unsigned part_count;
};

/* Forgets everything: another file. */
void digest_reset(struct digest *digest);
void digest_done(struct digest *digest);
/* Begins to compute those of WANT that it doesn't have. */
void digest_begin(struct digest *digest, unsigned want);
void digest_update(struct digest *digest, const void *bytes, size_t length);
/* What was wanted is had from now on. */
void digest_finish(struct digest *digest);
/* COUNT bytes as lower-case hex; HEX has room for twice that and a NUL. */
void digest_hex(char *hex, const unsigned char *bytes, size_t count);

#endif
