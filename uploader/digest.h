/* The digests of one file's bytes, computed in slices so that the event loop
 * goes on meanwhile. */
#ifndef UPLOADER_DIGEST_H
#define UPLOADER_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uploader/mbedtls_compat.h"
#include "uploader/sigv4.h"

enum { DIGEST_CRC32C = 1, DIGEST_SHA256 = 2, DIGEST_MD5 = 4 };
enum { DIGEST_MD5_HEX = 33 };

struct digest {
	unsigned have; /* of the above: finished */
	unsigned want; /* being computed */
	uint32_t crc32c;
	char sha256_hex[SIGV4_HASH_HEX];
	char md5_hex[DIGEST_MD5_HEX];
	mbedtls_sha256_context sha256;
	mbedtls_md5_context md5;
};

/* Forgets everything: another file. */
void digest_reset(struct digest *digest);
/* Begins to compute those of WANT that it doesn't have. */
void digest_begin(struct digest *digest, unsigned want);
void digest_update(struct digest *digest, const void *bytes, size_t length);
/* What was wanted is had from now on. */
void digest_finish(struct digest *digest);

#endif
