/* What the stub keeps: objects and unfinished multipart uploads. */
#ifndef STUB_STORE_H
#define STUB_STORE_H

#include "tests/stub/stub.h"
#include "tests/stub/stub_blob.h"

enum { STUB_PARTS_MAX = 10000, STUB_UPLOADS_MAX = 10000 };

struct stub_object {
	struct stub_object *next;
	char *bucket, *key;
	struct stub_blob *blob;
	uint64_t size;
	char *etag;		   /* in its quotes */
	struct stub_pairs headers; /* kept for HEAD and GET */
	enum stub_sum sum;
	char *checksum; /* base64, for COMPOSITE with -<parts>; NULL */
	bool composite;
	time_t modified;
	char version[33];
	char sha256[65];
};

struct stub_part {
	struct stub_blob *blob;
	uint64_t size;
	char *etag, *checksum;
	struct stub_sums sums;
	time_t modified;
};

struct stub_upload {
	struct stub_upload *next;
	char id[33];
	char *bucket, *key;
	struct stub_pairs headers;
	enum stub_sum sum;
	bool composite;
	time_t initiated;
	size_t highest; /* parts[1] to parts[highest], NULL where none */
	struct stub_part **parts;
};

/* NULL, with the reason on stderr, when the directory cannot be used. */
struct stub_store *stub_store_new(const struct stub_options *options);
void stub_store_free(struct stub_store *store);
struct stub_pool *stub_store_pool(struct stub_store *store);

struct stub_object *stub_store_find(
    struct stub_store *store, const char *bucket, const char *key);
struct stub_object *stub_store_object_new(const char *bucket, const char *key);
void stub_store_object_free(struct stub_object *object);
/* Takes the object, in place of one of that key. 0, -ENOSPC or an errno of
 * its files; the object is gone then. */
int stub_store_put(struct stub_store *store, struct stub_object *object);
/* As stub_store_put for what the directory has already. */
void stub_store_adopt(struct stub_store *store, struct stub_object *object);
void stub_store_delete(
    struct stub_store *store, const char *bucket, const char *key);
/* The objects with that prefix by their keys; an array of RET_COUNT that the
 * caller frees. */
struct stub_object **stub_store_list(struct stub_store *store,
    const char *bucket, const char *prefix, size_t *ret_count);

/* NULL when there are too many (or no random bytes for its id). */
struct stub_upload *stub_store_upload_new(
    struct stub_store *store, const char *bucket, const char *key);
/* The upload that the request's bucket, key and uploadId name; NULL. */
struct stub_upload *stub_store_upload_find(
    struct stub_store *store, const struct stub_request *req);
/* Takes the part in place of the one of that NUMBER. */
void stub_store_part_put(
    struct stub_upload *upload, size_t number, struct stub_part *part);
void stub_store_part_free(struct stub_part *part);
void stub_store_upload_drop(
    struct stub_store *store, struct stub_upload *upload);
/* The bucket's uploads by key and id, as stub_store_list. */
struct stub_upload **stub_store_uploads(
    struct stub_store *store, const char *bucket, size_t *ret_count);

#endif
