/* Whether an object that is there already has the bytes at hand. */
#ifndef UPLOADER_COMPARE_H
#define UPLOADER_COMPARE_H

#include <stdint.h>

#include "uploader/digest.h"
#include "uploader/s3_reply.h"

enum compare {
	COMPARE_SAME,
	COMPARE_OTHER,
	COMPARE_UNKNOWN, /* the store tells nothing to go by */
	/* Ask again with this in the digest. */
	COMPARE_NEEDS_MD5,
	COMPARE_NEEDS_CRC32C,
	COMPARE_NEEDS_PARTS /* the ETag as of a multipart upload */
};

/* Judges the answer to a HEAD by, in this order: the size, the store's own
 * checksum, the ETag where it is the MD5, our own metadata. Size alone proves
 * a difference, never that two are the same. */
enum compare compare_object(const struct s3_reply *reply, int64_t size_bytes,
    const struct digest *digest);

/* Whether what the answer to a PUT says of the bytes it took contradicts
 * DIGEST: its checksum, or its ETag where that is their MD5. */
bool compare_contradicts(
    const struct s3_reply *reply, const struct digest *digest);
/* Whether the ETag of REPLY is the MD5 of the object's bytes. */
bool compare_is_md5(const struct s3_reply *reply);

#endif
