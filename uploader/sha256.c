/* SHA-256 (FIPS 180-4) by either library; HAVE_LIBCRYPTO is GNUmakefile's.
 * Over memory that is there a hash fails only by a bug or a broken library, and
 * a wrong one must never be sent: then the process ends. */
#include "uploader/sha256.h"

#include <stdlib.h>

#include "common/mem.h"

#ifdef HAVE_LIBCRYPTO

#include <openssl/evp.h>
#include <stdio.h>

struct sha256 {
	EVP_MD_CTX *context;
};

static void
must(int result)
{
	if (result == 1)
		return;
	/* Nothing is left to do if even this can't be written. */
	(void)fputs("s3spool: libcrypto can't compute SHA-256\n", stderr);
	abort();
}

struct sha256 *
sha256_new(void)
{
	struct sha256 *state = mem_alloc(sizeof *state);

	state->context = EVP_MD_CTX_new();
	must(state->context != NULL);
	must(EVP_DigestInit_ex(state->context, EVP_sha256(), NULL));
	return state;
}

void
sha256_free(struct sha256 *state)
{
	if (state != NULL)
		EVP_MD_CTX_free(state->context);
	free(state);
}

void
sha256_begin(struct sha256 *state)
{
	/* The algorithm is looked up once: that takes longer than the hash of
	 * a small file. */
	must(EVP_DigestInit_ex(state->context, NULL, NULL));
}

void
sha256_update(struct sha256 *state, const void *bytes, size_t length)
{
	must(EVP_DigestUpdate(state->context, bytes, length));
}

void
sha256_finish(struct sha256 *state, unsigned char ret_hash[SHA256_BYTES])
{
	must(EVP_DigestFinal_ex(state->context, ret_hash, NULL));
}

#else

#include "uploader/mbedtls_compat.h"

struct sha256 {
	mbedtls_sha256_context context;
};

struct sha256 *
sha256_new(void)
{
	struct sha256 *state = mem_alloc(sizeof *state);

	mbedtls_sha256_init(&state->context);
	return state;
}

void
sha256_free(struct sha256 *state)
{
	if (state != NULL)
		mbedtls_sha256_free(&state->context);
	free(state);
}

void
sha256_begin(struct sha256 *state)
{
	mbedtls_must(mbedtls_sha256_starts(&state->context, 0));
}

void
sha256_update(struct sha256 *state, const void *bytes, size_t length)
{
	mbedtls_must(mbedtls_sha256_update(&state->context, bytes, length));
}

void
sha256_finish(struct sha256 *state, unsigned char ret_hash[SHA256_BYTES])
{
	mbedtls_must(mbedtls_sha256_finish(&state->context, ret_hash));
}

#endif
