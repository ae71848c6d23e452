/* Comparing without downloading.
 *
 * A checksum of type COMPOSITE is one of checksums, a multipart ETag one of
 * MD5s (with "-N" behind it), and under SSE-KMS and SSE-C an ETag is no MD5
 * (AWS, "Checking object integrity"): these prove nothing here. */
#include "uploader/compare.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CRC_BYTES = 4 };

/* The CRC as x-amz-checksum-crc32c carries it. */
static const char *
crc_base64(uint32_t crc, char text[16])
{
	const unsigned char bytes[CRC_BYTES] = {(unsigned char)(crc >> 24),
	    (unsigned char)(crc >> 16), (unsigned char)(crc >> 8),
	    (unsigned char)crc};
	size_t length;

	mbedtls_must(mbedtls_base64_encode(
	    (unsigned char *)text, 16, &length, bytes, CRC_BYTES));
	return text;
}

static bool
is_md5(const struct s3_reply *reply)
{
	const char *encryption = strbuf_text(&reply->encryption);
	const char *etag = strbuf_text(&reply->etag);

	if (strstr(encryption, "kms") != NULL ||
	    strcmp(encryption, "SSE-C") == 0)
		return false;
	return strlen(etag) == DIGEST_MD5_HEX - 1 &&
	       strspn(etag, "0123456789abcdefABCDEF") == DIGEST_MD5_HEX - 1;
}

enum compare
compare_object(const struct s3_reply *reply, int64_t size_bytes,
    const struct digest *digest)
{
	char text[16];

	if (reply->content_length >= 0 && reply->content_length != size_bytes)
		return COMPARE_OTHER;
	if (reply->checksum_crc32c.length > 0 &&
	    strcasecmp(strbuf_text(&reply->checksum_type), "COMPOSITE") != 0 &&
	    strchr(strbuf_text(&reply->checksum_crc32c), '-') == NULL)
		return strcmp(strbuf_text(&reply->checksum_crc32c),
			   crc_base64(digest->crc32c, text)) == 0
			   ? COMPARE_SAME
			   : COMPARE_OTHER;
	if (is_md5(reply)) {
		if ((digest->have & DIGEST_MD5) == 0)
			return COMPARE_NEEDS_MD5;
		return strcasecmp(strbuf_text(&reply->etag), digest->md5_hex) ==
			       0
			   ? COMPARE_SAME
			   : COMPARE_OTHER;
	}
	if (reply->meta_crc32c.length > 0 && reply->content_length >= 0) {
		(void)snprintf(text, sizeof text, "%08x",
		    (unsigned)digest->crc32c); /* 8 digits fit */
		return strcasecmp(strbuf_text(&reply->meta_crc32c), text) == 0
			   ? COMPARE_SAME
			   : COMPARE_OTHER;
	}
	return COMPARE_UNKNOWN;
}
