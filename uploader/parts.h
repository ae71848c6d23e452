/* The parts of one multipart upload: how a file is cut, and how far it is. */
#ifndef UPLOADER_PARTS_H
#define UPLOADER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "uploader/digest.h"
#include "uploader/s3_xml.h"

enum {
	PARTS_MAX = 10000 /* AWS, "Amazon S3 multipart upload limits" */
};

enum part_state {
	PART_MISSING,
	PART_LISTED, /* the store says it has it: to be compared */
	PART_BUSY,
	PART_DONE
};

struct part {
	enum part_state state;
	bool was_listed; /* busy: it is being compared first */
	int64_t listed_size;
	char *etag;	/* as the store gave it; NULL until then */
	char *checksum; /* listed, base64; NULL where there is none */
	uint32_t crc32c;
	uint64_t crc64nvme;
	unsigned char sha256[SHA256_BYTES];
};

struct parts {
	struct part *part;
	size_t count;
	int64_t file_size, part_size;
	size_t next; /* none before it is missing or listed */
	size_t busy, done;
};

/* The size of the parts for a file of FILE_SIZE: the one wished for, grown by
 * whole MiB so that 10,000 suffice. */
int64_t parts_size(int64_t file_size, int64_t wished_size);

void parts_init(struct parts *parts, int64_t file_size, int64_t part_size);
void parts_done(struct parts *parts);
/* All of them missing again. None may be busy. */
void parts_forget(struct parts *parts);
int64_t parts_offset(const struct parts *parts, size_t index);
int64_t parts_length(const struct parts *parts, size_t index);
/* Takes note of what ListParts says: parts that can't be ours (number, size)
 * stay missing, and are sent anew. */
void parts_list(struct parts *parts, const struct s3_listed_part *listed);
/* Takes the next one that there is something to do about: true and its index,
 * busy from now on. */
bool parts_take(struct parts *parts, size_t *ret_index);
/* Whether DIGEST, of the busy part's bytes, shows that the store's listed one
 * is the same; needs what parts_wanted says. */
bool parts_same(
    const struct parts *parts, size_t index, const struct digest *digest);
/* The digests that comparing a listed part needs, or 0. */
unsigned parts_wanted(const struct parts *parts, size_t index);
/* The busy part is stored; ETAG as answered (NULL: as listed). */
void parts_store(struct parts *parts, size_t index, const char *etag,
    const struct digest *digest);
/* The busy part isn't: it is missing again. */
void parts_release(struct parts *parts, size_t index);
/* The CRC-32C of the whole file; all parts must be done. */
uint32_t parts_crc32c(const struct parts *parts);

#endif
