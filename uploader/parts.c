/* Cutting a file into parts and keeping count of them. No input, no output.
 *
 * A listed part is believed only when its size is right and its checksum or
 * its ETag (the MD5, but under SSE-KMS) is that of the bytes at hand. */
#include "uploader/parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/crc32c.h"
#include "common/mem.h"
#include "uploader/checksum.h"

static const int64_t mib = INT64_C(1024) * 1024;

int64_t
parts_size(int64_t file_size, int64_t wished_size)
{
	int64_t least = (file_size + PARTS_MAX - 1) / PARTS_MAX;

	if (wished_size >= least)
		return wished_size;
	return (least + mib - 1) / mib * mib;
}

void
parts_init(struct parts *parts, int64_t file_size, int64_t part_size)
{
	*parts = (struct parts){
	    .file_size = file_size,
	    .part_size = part_size,
	    .count = (size_t)((file_size + part_size - 1) / part_size),
	};
	parts->part = mem_zero(parts->count, sizeof *parts->part);
}

static void
forget(struct part *part)
{
	free(part->etag);
	free(part->checksum);
	*part = (struct part){.state = PART_MISSING};
}

void
parts_forget(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		forget(&parts->part[i]);
	parts->next = parts->busy = parts->done = 0;
}

void
parts_done(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		forget(&parts->part[i]);
	free(parts->part);
	*parts = (struct parts){0};
}

int64_t
parts_offset(const struct parts *parts, size_t index)
{
	return (int64_t)index * parts->part_size;
}

int64_t
parts_length(const struct parts *parts, size_t index)
{
	int64_t left = parts->file_size - parts_offset(parts, index);

	return left < parts->part_size ? left : parts->part_size;
}

void
parts_list(struct parts *parts, const struct s3_listed_part *listed)
{
	struct part *part;

	if (listed->number < 1 || (size_t)listed->number > parts->count)
		return;
	part = &parts->part[listed->number - 1];
	if (part->state != PART_MISSING || listed->etag.length == 0 ||
	    listed->size != parts_length(parts, (size_t)listed->number - 1))
		return;
	part->state = PART_LISTED;
	part->etag = mem_copy(strbuf_text(&listed->etag));
	if (listed->crc32c.length > 0)
		part->checksum = mem_copy(strbuf_text(&listed->crc32c));
}

bool
parts_take(struct parts *parts, size_t *ret_index)
{
	for (; parts->next < parts->count; parts->next++) {
		struct part *part = &parts->part[parts->next];

		if (part->state != PART_MISSING && part->state != PART_LISTED)
			continue;
		part->was_listed = part->state == PART_LISTED;
		part->state = PART_BUSY;
		parts->busy++;
		*ret_index = parts->next++;
		return true;
	}
	return false;
}

unsigned
parts_wanted(const struct parts *parts, size_t index)
{
	const struct part *part = &parts->part[index];

	if (!part->was_listed)
		return 0;
	return part->checksum != NULL ? DIGEST_CRC32C : DIGEST_MD5;
}

bool
parts_same(const struct parts *parts, size_t index, const struct digest *digest)
{
	const struct part *part = &parts->part[index];
	char text[CHECKSUM_TEXT_MAX];

	if (!part->was_listed)
		return false;
	if (part->checksum != NULL)
		return strcmp(part->checksum,
			   checksum_base64(CHECKSUM_CRC32C, digest, text)) == 0;
	return strcasecmp(part->etag, digest->md5_hex) == 0;
}

void
parts_store(struct parts *parts, size_t index, const char *etag,
    const struct digest *digest)
{
	struct part *part = &parts->part[index];

	if (etag != NULL) {
		free(part->etag);
		part->etag = mem_copy(etag);
	}
	part->crc32c = digest->crc32c;
	part->crc64nvme = digest->crc64nvme;
	memcpy(part->sha256, digest->sha256, sizeof part->sha256);
	part->state = PART_DONE;
	parts->busy--;
	parts->done++;
}

void
parts_release(struct parts *parts, size_t index)
{
	forget(&parts->part[index]);
	parts->busy--;
	if (index < parts->next)
		parts->next = index;
}

uint32_t
parts_crc32c(const struct parts *parts)
{
	uint32_t crc = 0;

	for (size_t i = 0; i < parts->count; i++)
		crc = crc32c_combine(crc, parts->part[i].crc32c,
		    (uint64_t)parts_length(parts, i));
	return crc;
}
