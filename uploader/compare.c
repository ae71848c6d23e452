/* Comparing without downloading.
 *
 * A checksum of type COMPOSITE is one of checksums, a multipart ETag one of
 * MD5s (with "-N" behind it), and under SSE-KMS and SSE-C an ETag is no MD5
 * (AWS, "Checking object integrity"): these prove nothing here. */
#include "uploader/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "uploader/checksum.h"

static bool
is_encrypted(const struct s3_reply *reply)
{
	const char *encryption = strbuf_text(&reply->encryption);

	return strstr(encryption, "kms") != NULL ||
	       strcmp(encryption, "SSE-C") == 0;
}

bool
compare_is_md5(const struct s3_reply *reply)
{
	const char *etag = strbuf_text(&reply->etag);

	return !is_encrypted(reply) && strlen(etag) == DIGEST_MD5_HEX - 1 &&
	       strspn(etag, "0123456789abcdefABCDEF") == DIGEST_MD5_HEX - 1;
}

/* Whether the ETag may be that of a multipart upload in parts of the size that
 * the digest goes by. */
static bool
may_be_parts(const struct s3_reply *reply, int64_t size_bytes,
    const struct digest *digest)
{
	const char *etag = strbuf_text(&reply->etag);
	long long count;

	if (is_encrypted(reply) || digest->part_size <= 0 ||
	    strspn(etag, "0123456789abcdefABCDEF") != DIGEST_MD5_HEX - 1 ||
	    etag[DIGEST_MD5_HEX - 1] != '-')
		return false;
	count = strtoll(etag + DIGEST_MD5_HEX, NULL, 10);
	return count ==
	       (size_bytes + digest->part_size - 1) / digest->part_size;
}

static enum compare
equal(bool are)
{
	return are ? COMPARE_SAME : COMPARE_OTHER;
}

enum compare
compare_object(const struct s3_reply *reply, int64_t size_bytes,
    const struct digest *digest)
{
	char text[CHECKSUM_TEXT_MAX];
	bool has_crc = (digest->have & DIGEST_CRC32C) != 0;

	if (reply->content_length >= 0 && reply->content_length != size_bytes)
		return COMPARE_OTHER;
	if (reply->checksum_crc32c.length > 0 &&
	    strcasecmp(strbuf_text(&reply->checksum_type), "COMPOSITE") != 0 &&
	    strchr(strbuf_text(&reply->checksum_crc32c), '-') == NULL) {
		if (!has_crc)
			return COMPARE_NEEDS_CRC32C;
		return equal(
		    strcmp(strbuf_text(&reply->checksum_crc32c),
			checksum_base64(CHECKSUM_CRC32C, digest, text)) == 0);
	}
	if (compare_is_md5(reply)) {
		if ((digest->have & DIGEST_MD5) == 0)
			return COMPARE_NEEDS_MD5;
		return equal(strcasecmp(strbuf_text(&reply->etag),
				 digest->md5_hex) == 0);
	}
	if (may_be_parts(reply, size_bytes, digest)) {
		if ((digest->have & DIGEST_MD5_PARTS) == 0)
			return COMPARE_NEEDS_PARTS;
		/* Another says nothing: its parts may have had other sizes. */
		if (strcasecmp(strbuf_text(&reply->etag), digest->parts_etag) ==
		    0)
			return COMPARE_SAME;
	}
	if (reply->meta_crc32c.length > 0 && reply->content_length >= 0) {
		if (!has_crc)
			return COMPARE_NEEDS_CRC32C;
		(void)snprintf(text, sizeof text, "%08x",
		    (unsigned)digest->crc32c); /* 8 digits fit */
		return equal(
		    strcasecmp(strbuf_text(&reply->meta_crc32c), text) == 0);
	}
	return COMPARE_UNKNOWN;
}

bool
compare_contradicts(const struct s3_reply *reply, const struct digest *digest)
{
	const char *theirs = strbuf_text(&reply->checksum_crc32c);
	char ours[CHECKSUM_TEXT_MAX];

	if (*theirs != '\0' && strchr(theirs, '-') == NULL &&
	    (digest->have & DIGEST_CRC32C) != 0)
		return strcmp(theirs,
			   checksum_base64(CHECKSUM_CRC32C, digest, ours)) != 0;
	return (digest->have & DIGEST_MD5) != 0 && compare_is_md5(reply) &&
	       strcasecmp(strbuf_text(&reply->etag), digest->md5_hex) != 0;
}
