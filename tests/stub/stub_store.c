/* What the stub keeps: objects and unfinished multipart uploads.
 *
 * Objects stand in a hash table of chains; below a directory each is also
 * written by stub_keep.c, so that a stub started anew still has them. Uploads
 * are few, a list does, and they end with the process. */
#include "tests/stub/stub_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/stub/stub_keep.h"
#include "tests/stub/stub_request.h"

enum {
	CHAINS = 1 << 16,
	OBJECT_COST = 1024, /* what a record counts against the limit */
};

struct stub_store {
	struct stub_pool pool;
	struct stub_object **chains;
	struct stub_upload *uploads;
	size_t upload_count;
	unsigned long upload_ids;
};

struct stub_store *
stub_store_new(const struct stub_options *options)
{
	struct stub_store *store = mem_zero(1, sizeof(*store));

	store->chains = mem_zero(CHAINS, sizeof(struct stub_object *));
	store->pool.dir = -1;
	store->pool.limit = options->memory_limit;
	if (options->discard)
		store->pool.mode = STUB_POOL_NOTHING;
	else if (options->store_dir != NULL)
		store->pool.mode = STUB_POOL_FILES;
	if (store->pool.mode == STUB_POOL_FILES &&
	    stub_keep_open(store, options->store_dir) < 0) {
		stub_store_free(store);
		return NULL;
	}
	return store;
}

struct stub_pool *
stub_store_pool(struct stub_store *store)
{
	return &store->pool;
}

void
stub_store_free(struct stub_store *store)
{
	if (store == NULL)
		return;
	while (store->uploads != NULL)
		stub_store_upload_drop(store, store->uploads);
	for (size_t i = 0; i < CHAINS; i++) {
		while (store->chains[i] != NULL) {
			struct stub_object *object = store->chains[i];

			store->chains[i] = object->next;
			stub_store_object_free(object);
		}
	}
	stub_keep_close(store);
	free(store->chains);
	free(store);
}

/* FNV-1a over the bucket, a slash and the key. */
static struct stub_object **
chain_of(struct stub_store *store, const char *bucket, const char *key)
{
	uint32_t hash = 2166136261U;

	for (; *bucket != '\0'; bucket++)
		hash = (hash ^ (unsigned char)*bucket) * 16777619U;
	hash = (hash ^ '/') * 16777619U;
	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619U;
	return &store->chains[(hash ^ hash >> 16) % CHAINS];
}

static struct stub_object **
place_of(struct stub_store *store, const char *bucket, const char *key)
{
	struct stub_object **at = chain_of(store, bucket, key);

	while (*at != NULL && (strcmp((*at)->key, key) != 0 ||
				  strcmp((*at)->bucket, bucket) != 0))
		at = &(*at)->next;
	return at;
}

struct stub_object *
stub_store_find(struct stub_store *store, const char *bucket, const char *key)
{
	return *place_of(store, bucket, key);
}

struct stub_object *
stub_store_object_new(const char *bucket, const char *key)
{
	struct stub_object *object = mem_zero(1, sizeof(*object));

	object->bucket = mem_copy(bucket);
	object->key = mem_copy(key);
	object->sum = STUB_SUM_NONE;
	return object;
}

void
stub_store_object_free(struct stub_object *object)
{
	if (object == NULL)
		return;
	stub_blob_unref(object->blob);
	stub_pairs_done(&object->headers);
	free(object->bucket);
	free(object->key);
	free(object->etag);
	free(object->checksum);
	free(object);
}

void
stub_store_adopt(struct stub_store *store, struct stub_object *object)
{
	struct stub_object **at = place_of(store, object->bucket, object->key);
	struct stub_object *old = *at;

	object->next = old != NULL ? old->next : NULL;
	*at = object;
	if (old != NULL)
		stub_store_object_free(old);
	else
		store->pool.used += OBJECT_COST;
}

int
stub_store_put(struct stub_store *store, struct stub_object *object)
{
	int result = 0;

	if (store->pool.mode == STUB_POOL_FILES)
		result = stub_keep_object(store, object);
	else if (store->pool.used + OBJECT_COST > store->pool.limit)
		result = -ENOSPC;
	if (result < 0)
		stub_store_object_free(object);
	else
		stub_store_adopt(store, object);
	return result;
}

void
stub_store_delete(struct stub_store *store, const char *bucket, const char *key)
{
	struct stub_object **at = place_of(store, bucket, key);
	struct stub_object *object = *at;

	if (object == NULL)
		return;
	*at = object->next;
	store->pool.used -= OBJECT_COST;
	stub_keep_forget(store, object);
	stub_store_object_free(object);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct stub_object *const *one = a, *const *other = b;

	return strcmp((*one)->key, (*other)->key);
}

struct stub_object **
stub_store_list(struct stub_store *store, const char *bucket,
    const char *prefix, size_t *ret_count)
{
	struct stub_object **list = NULL;
	size_t count = 0, room = 0;

	for (size_t i = 0; i < CHAINS; i++) {
		for (struct stub_object *object = store->chains[i];
		     object != NULL; object = object->next) {
			if (strcmp(object->bucket, bucket) != 0 ||
			    strncmp(object->key, prefix, strlen(prefix)) != 0)
				continue;
			if (count == room) {
				room = room * 2 + 64;
				list = mem_grow(
				    list, room, sizeof(struct stub_object *));
			}
			list[count++] = object;
		}
	}
	if (count > 0)
		qsort(list, count, sizeof(struct stub_object *), compare_keys);
	*ret_count = count;
	return list;
}

struct stub_upload *
stub_store_upload_new(
    struct stub_store *store, const char *bucket, const char *key)
{
	struct stub_upload *upload;
	unsigned char stamp[5];

	/* Another process's ids must not come again in this one. */
	if (store->upload_count == STUB_UPLOADS_MAX ||
	    getentropy(stamp, sizeof(stamp)) < 0)
		return NULL;
	upload = mem_zero(1, sizeof(*upload));
	store->upload_count++;
	store->upload_ids++;
	(void)snprintf(upload->id, sizeof(upload->id),
	    "U%08lx%02x%02x%02x%02x%02x", store->upload_ids, stamp[0], stamp[1],
	    stamp[2], stamp[3], stamp[4]);
	upload->bucket = mem_copy(bucket);
	upload->key = mem_copy(key);
	upload->sum = STUB_SUM_NONE;
	upload->next = store->uploads;
	store->uploads = upload;
	return upload;
}

struct stub_upload *
stub_store_upload_find(struct stub_store *store, const struct stub_request *req)
{
	const char *id = stub_request_query(req, "uploadId");

	for (struct stub_upload *upload = store->uploads; upload != NULL;
	     upload = upload->next) {
		if (id != NULL && strcmp(upload->id, id) == 0 &&
		    strcmp(upload->key, req->key) == 0 &&
		    strcmp(upload->bucket, req->bucket) == 0)
			return upload;
	}
	return NULL;
}

void
stub_store_part_free(struct stub_part *part)
{
	if (part == NULL)
		return;
	stub_blob_unref(part->blob);
	free(part->etag);
	free(part->checksum);
	free(part);
}

void
stub_store_part_put(
    struct stub_upload *upload, size_t number, struct stub_part *part)
{
	if (number > upload->highest) {
		upload->parts = mem_grow(
		    upload->parts, number + 1, sizeof(struct stub_part *));
		for (size_t i = upload->highest + 1; i <= number; i++)
			upload->parts[i] = NULL;
		upload->highest = number;
	}
	stub_store_part_free(upload->parts[number]);
	upload->parts[number] = part;
}

void
stub_store_upload_drop(struct stub_store *store, struct stub_upload *upload)
{
	struct stub_upload **at = &store->uploads;

	while (*at != upload)
		at = &(*at)->next;
	*at = upload->next;
	store->upload_count--;
	for (size_t i = 1; i <= upload->highest; i++)
		stub_store_part_free(upload->parts[i]);
	free(upload->parts);
	stub_pairs_done(&upload->headers);
	free(upload->bucket);
	free(upload->key);
	free(upload);
}

static int
compare_uploads(const void *a, const void *b)
{
	const struct stub_upload *const *one = a, *const *other = b;
	int order = strcmp((*one)->key, (*other)->key);

	return order != 0 ? order : strcmp((*one)->id, (*other)->id);
}

struct stub_upload **
stub_store_uploads(
    struct stub_store *store, const char *bucket, size_t *ret_count)
{
	struct stub_upload **list = mem_zero(
	    store->upload_count + 1, sizeof(struct stub_upload *));
	size_t count = 0;

	for (struct stub_upload *upload = store->uploads; upload != NULL;
	     upload = upload->next) {
		if (strcmp(upload->bucket, bucket) == 0)
			list[count++] = upload;
	}
	qsort(list, count, sizeof(struct stub_upload *), compare_uploads);
	*ret_count = count;
	return list;
}
