/* mbedTLS 2.28 and 3.x under the names of 3.x.
 *
 * 2.28 has the checked functions as *_ret and keeps the unchecked ones of old
 * under the plain names; 3.x dropped the old ones and gave their names to the
 * checked. Whoever calls mbedTLS includes this header instead of theirs. */
#ifndef UPLOADER_MBEDTLS_COMPAT_H
#define UPLOADER_MBEDTLS_COMPAT_H

#include <stdio.h>
#include <stdlib.h>

#include <mbedtls/base64.h>
#include <mbedtls/md.h>
#include <mbedtls/md5.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_md5_starts mbedtls_md5_starts_ret
#define mbedtls_md5_update mbedtls_md5_update_ret
#define mbedtls_md5_finish mbedtls_md5_finish_ret
#define mbedtls_sha256 mbedtls_sha256_ret
#define mbedtls_sha256_starts mbedtls_sha256_starts_ret
#define mbedtls_sha256_update mbedtls_sha256_update_ret
#define mbedtls_sha256_finish mbedtls_sha256_finish_ret
#endif

/* Ends the process when RESULT is an error: over memory that is there, with
 * arguments that are ours, a hash fails only by a bug or a broken library,
 * and a wrong digest must never be sent. What was claimed stays claimed. */
static inline void
mbedtls_must(int result)
{
	if (result == 0)
		return;
	/* Nothing is left to do if even this can't be written. */
	(void)fprintf(stderr, "s3spool: mbedTLS failed with -0x%04x\n",
	    (unsigned)-result);
	abort();
}

#endif
