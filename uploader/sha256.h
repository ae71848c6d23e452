/* SHA-256 of what is sent, of which there may be gigabytes: by libcrypto, which
 * uses what the processor has for it, where libcurl brings that into the
 * process anyway; else by mbedTLS. (Signatures are always mbedTLS's: sigv4.c.)
 */
#ifndef UPLOADER_SHA256_H
#define UPLOADER_SHA256_H

#include <stddef.h>

enum { SHA256_BYTES = 32 };

struct sha256;

struct sha256 *sha256_new(void);
/* NULL is fine. */
void sha256_free(struct sha256 *state);

/* Begins anew, whatever went before. */
void sha256_begin(struct sha256 *state);
void sha256_update(struct sha256 *state, const void *bytes, size_t length);
void sha256_finish(struct sha256 *state, unsigned char ret_hash[SHA256_BYTES]);

#endif
