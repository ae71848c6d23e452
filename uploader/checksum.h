/* The checksums that requests carry and answers repeat. */
#ifndef UPLOADER_CHECKSUM_H
#define UPLOADER_CHECKSUM_H

#include <stdbool.h>

#include "common/config.h"
#include "uploader/digest.h"

enum { CHECKSUM_TEXT_MAX = 48 /* base64 of 32 bytes, and its NUL */ };

/* The one to use, where KIND is CHECKSUM_AUTO: CRC-32C; none where the body
 * is signed anyway (SIGNED), or where AWS_REQUEST_CHECKSUM_CALCULATION asks
 * for none that isn't required. Never CHECKSUM_AUTO. */
enum checksum checksum_resolve(enum checksum kind, bool is_signed);
/* The digest it needs, DIGEST_...; 0 for CHECKSUM_NONE. */
unsigned checksum_digest(enum checksum kind);
/* Its request header in lower case; NULL for CHECKSUM_NONE. */
const char *checksum_header(enum checksum kind);
/* As x-amz-checksum-algorithm names it; NULL for those it doesn't. */
const char *checksum_algorithm(enum checksum kind);
/* Its element in the XML of multipart uploads; NULL as above. */
const char *checksum_element(enum checksum kind);
/* Its value as base64, from a digest that has it. Returns TEXT. */
const char *checksum_base64(enum checksum kind, const struct digest *digest,
    char text[CHECKSUM_TEXT_MAX]);

#endif
