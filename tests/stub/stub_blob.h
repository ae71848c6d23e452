/* The bytes of an object or a part: in memory, in a file, or only counted. */
#ifndef STUB_BLOB_H
#define STUB_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum stub_pool_mode { STUB_POOL_MEMORY, STUB_POOL_FILES, STUB_POOL_NOTHING };

/* Where blobs live. */
struct stub_pool {
	enum stub_pool_mode mode;
	int dir;	      /* of files; there is a tmp/ in it */
	uint64_t limit, used; /* bytes in memory */
	unsigned long files;  /* names given so far */
};

struct stub_blob;

/* An empty one to append to; with one reference. */
struct stub_blob *stub_blob_new(struct stub_pool *pool);
/* The blob of SIZE bytes that a file of the pool holds already. */
struct stub_blob *stub_blob_of_file(
    struct stub_pool *pool, const char *path, uint64_t size);
/* A further reference for reading, which a replaced file does not disturb;
 * NULL with errno when the file cannot be opened. */
struct stub_blob *stub_blob_open(struct stub_blob *blob);
/* NULL does no harm. A file that was never settled goes with the last one. */
void stub_blob_unref(struct stub_blob *blob);

/* 0, -ENOSPC when the pool is full, or another errno of writing. */
int stub_blob_append(struct stub_blob *blob, const void *bytes, size_t length);
int stub_blob_join(struct stub_blob *blob, struct stub_blob *from);
/* Moves its file to PATH in the pool's directory, replacing what is there. */
int stub_blob_settle(struct stub_blob *blob, const char *path);
uint64_t stub_blob_size(const struct stub_blob *blob);
/* As pread; zeros where only the size is known. */
ssize_t stub_blob_read(
    struct stub_blob *blob, uint64_t offset, char *buf, size_t length);

#endif
