/* The bytes of an object or a part: in memory, in a file, or only counted.
 *
 * A blob is written once, from the front. In a file it is tmp/<n> until it is
 * settled under its final name; while it is written its descriptor is open. */
#include "tests/stub/stub_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/strbuf.h"

struct stub_blob {
	unsigned refs;
	struct stub_pool *pool;
	uint64_t size;
	struct strbuf data;
	char *path;
	bool settled;
	int fd;
};

struct stub_blob *
stub_blob_new(struct stub_pool *pool)
{
	struct stub_blob *blob = mem_zero(1, sizeof(*blob));

	blob->refs = 1;
	blob->pool = pool;
	blob->fd = -1;
	return blob;
}

struct stub_blob *
stub_blob_of_file(struct stub_pool *pool, const char *path, uint64_t size)
{
	struct stub_blob *blob = stub_blob_new(pool);

	blob->path = mem_copy(path);
	blob->size = size;
	blob->settled = true;
	return blob;
}

struct stub_blob *
stub_blob_open(struct stub_blob *blob)
{
	struct stub_blob *reader;
	int fd;

	if (blob->path == NULL) {
		blob->refs++;
		return blob;
	}
	fd = openat(blob->pool->dir, blob->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	reader = stub_blob_of_file(blob->pool, blob->path, blob->size);
	reader->fd = fd;
	return reader;
}

void
stub_blob_unref(struct stub_blob *blob)
{
	if (blob == NULL || --blob->refs > 0)
		return;
	if (blob->fd >= 0)
		(void)close(blob->fd); /* a stub's file need not last */
	if (blob->path != NULL && !blob->settled)
		(void)unlinkat(blob->pool->dir, blob->path, 0);
	blob->pool->used -= blob->data.length;
	strbuf_done(&blob->data);
	free(blob->path);
	free(blob);
}

static int
write_file(struct stub_blob *blob, const char *bytes, size_t length)
{
	if (blob->path == NULL) {
		blob->path = mem_format("tmp/%lu", ++blob->pool->files);
		blob->fd = openat(blob->pool->dir, blob->path,
		    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (blob->fd < 0)
			return -errno;
	}
	while (length > 0) {
		ssize_t done = write(blob->fd, bytes, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		bytes += done;
		length -= (size_t)done;
	}
	return 0;
}

int
stub_blob_append(struct stub_blob *blob, const void *bytes, size_t length)
{
	struct stub_pool *pool = blob->pool;

	if (pool->mode == STUB_POOL_FILES) {
		int result = write_file(blob, bytes, length);

		if (result < 0)
			return result;
	} else if (pool->mode == STUB_POOL_MEMORY) {
		if (length > pool->limit - pool->used)
			return -ENOSPC;
		strbuf_add(&blob->data, bytes, length);
		pool->used += length;
	}
	blob->size += length;
	return 0;
}

int
stub_blob_join(struct stub_blob *blob, struct stub_blob *from)
{
	static char chunk[65536];
	struct stub_blob *reader;
	uint64_t at = 0;
	int result = 0;

	if (blob->pool->mode == STUB_POOL_NOTHING) {
		blob->size += from->size;
		return 0;
	}
	reader = stub_blob_open(from);
	if (reader == NULL)
		return -errno;
	while (result == 0 && at < from->size) {
		ssize_t got = stub_blob_read(reader, at, chunk, sizeof(chunk));

		if (got <= 0) {
			result = got < 0 ? -errno : -EIO;
			break;
		}
		result = stub_blob_append(blob, chunk, (size_t)got);
		at += (uint64_t)got;
	}
	stub_blob_unref(reader);
	return result;
}

int
stub_blob_settle(struct stub_blob *blob, const char *path)
{
	int result = write_file(blob, "", 0); /* an empty one has no file yet */

	if (result < 0)
		return result;
	if (renameat(blob->pool->dir, blob->path, blob->pool->dir, path) < 0)
		return -errno;
	free(blob->path);
	blob->path = mem_copy(path);
	blob->settled = true;
	(void)close(blob->fd); /* a stub's file need not last */
	blob->fd = -1;
	return 0;
}

uint64_t
stub_blob_size(const struct stub_blob *blob)
{
	return blob->size;
}

ssize_t
stub_blob_read(
    struct stub_blob *blob, uint64_t offset, char *buf, size_t length)
{
	if (offset >= blob->size)
		return 0;
	if (length > blob->size - offset)
		length = (size_t)(blob->size - offset);
	if (blob->fd >= 0)
		return pread(blob->fd, buf, length, (off_t)offset);
	if (blob->pool->mode == STUB_POOL_NOTHING)
		memset(buf, 0, length);
	else
		memcpy(buf, blob->data.data + offset, length);
	return (ssize_t)length;
}
