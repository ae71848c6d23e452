/* Objects below a directory, so that a stub started anew still has them.
 *
 *   objects/<bucket>/<name>   the bytes, as they came
 *   meta/<bucket>/<name>      a line "field<TAB>value" each, percent-encoded
 *   tmp/                      bodies on their way; emptied at the start
 *
 * <name> is the key percent-encoded, slashes too; a key too long for a file's
 * name is ~ and its SHA-256. So a test can look at the bytes without asking the
 * server. The object is there from the rename of its bytes on. */
#include "tests/stub/stub_keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/stub/stub_text.h"

enum { NAME_LIMIT = 240, RECORD_LIMIT = 1 << 16 };

static char *
file_name(const char *text)
{
	struct strbuf name = {0};

	/* Neither "." nor ".." nor a hidden file. */
	if (*text == '.')
		strbuf_puts(&name, "%2E");
	stub_text_percent(&name, *text == '.' ? text + 1 : text, false);
	if (name.length > NAME_LIMIT) {
		strbuf_reset(&name);
		strbuf_putc(&name, '~');
		stub_digest_sha256_hex(&name, text, strlen(text));
	}
	return strbuf_take(&name);
}

static char *
path_of(const char *room, const struct stub_object *object)
{
	char *bucket = file_name(object->bucket);
	char *name = file_name(object->key);
	char *path = mem_format("%s/%s/%s", room, bucket, name);

	free(bucket);
	free(name);
	return path;
}

static void
add_field(struct strbuf *buf, const char *name, const char *value)
{
	stub_text_percent(buf, name, false);
	strbuf_putc(buf, '\t');
	stub_text_percent(buf, value, true);
	strbuf_putc(buf, '\n');
}

static int
write_record(struct stub_pool *pool, const struct stub_object *object)
{
	struct strbuf buf = {0};
	struct stub_blob *blob = stub_blob_new(pool);
	char *path = path_of("meta", object);
	char number[32];
	int result;

	add_field(&buf, "bucket", object->bucket);
	add_field(&buf, "key", object->key);
	add_field(&buf, "etag", object->etag);
	(void)snprintf(
	    number, sizeof(number), "%lld", (long long)object->modified);
	add_field(&buf, "modified", number);
	add_field(&buf, "sha256", object->sha256);
	add_field(&buf, "version", object->version);
	if (object->checksum != NULL) {
		add_field(&buf, "sum", stub_digest_name(object->sum));
		add_field(&buf, object->composite ? "composite" : "checksum",
		    object->checksum);
	}
	for (size_t i = 0; i < object->headers.count; i++) {
		char *name = mem_format(":%s", object->headers.items[i].name);

		add_field(&buf, name, object->headers.items[i].value);
		free(name);
	}
	result = stub_blob_append(blob, strbuf_text(&buf), buf.length);
	if (result == 0)
		result = stub_blob_settle(blob, path);
	stub_blob_unref(blob);
	strbuf_done(&buf);
	free(path);
	return result;
}

static int
make_rooms(struct stub_pool *pool, const struct stub_object *object)
{
	const char *const rooms[] = {"objects", "meta"};
	char *bucket = file_name(object->bucket);
	int result = 0;

	for (size_t i = 0; i < 2; i++) {
		char *path = mem_format("%s/%s", rooms[i], bucket);

		if (mkdirat(pool->dir, path, 0700) < 0 && errno != EEXIST)
			result = -errno;
		free(path);
	}
	free(bucket);
	return result;
}

int
stub_keep_object(struct stub_store *store, struct stub_object *object)
{
	struct stub_pool *pool = stub_store_pool(store);
	char *path = path_of("objects", object);
	int result = make_rooms(pool, object);

	if (result == 0)
		result = write_record(pool, object);
	if (result == 0)
		result = stub_blob_settle(object->blob, path);
	free(path);
	return result;
}

void
stub_keep_forget(struct stub_store *store, const struct stub_object *object)
{
	struct stub_pool *pool = stub_store_pool(store);
	char *bytes, *record;

	if (pool->mode != STUB_POOL_FILES)
		return;
	bytes = path_of("objects", object);
	record = path_of("meta", object);
	(void)unlinkat(pool->dir, bytes, 0);
	(void)unlinkat(pool->dir, record, 0);
	free(bytes);
	free(record);
}

static void
set_text(char *to, size_t size, const char *value)
{
	(void)snprintf(to, size, "%s", value);
}

static void
take_field(struct stub_object *object, const char *name, const char *value)
{
	char **text = NULL;

	if (strcmp(name, "bucket") == 0)
		text = &object->bucket;
	else if (strcmp(name, "key") == 0)
		text = &object->key;
	else if (strcmp(name, "etag") == 0)
		text = &object->etag;
	else if (strcmp(name, "checksum") == 0 ||
		 strcmp(name, "composite") == 0)
		text = &object->checksum;
	else if (strcmp(name, "modified") == 0)
		object->modified = (time_t)strtoll(value, NULL, 10);
	else if (strcmp(name, "sha256") == 0)
		set_text(object->sha256, sizeof(object->sha256), value);
	else if (strcmp(name, "version") == 0)
		set_text(object->version, sizeof(object->version), value);
	else if (strcmp(name, "sum") == 0)
		object->sum = stub_digest_find(value);
	else if (*name == ':')
		stub_pairs_add(&object->headers, name + 1, value);
	if (strcmp(name, "composite") == 0)
		object->composite = true;
	if (text != NULL) {
		free(*text);
		*text = mem_copy(value);
	}
}

static struct stub_object *
parse_record(const char *text)
{
	struct stub_object *object = stub_store_object_new("", "");

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		size_t split = strcspn(text, "\t\n");
		struct strbuf name = {0}, value = {0};

		(void)stub_text_unpercent(&name, text, split, false);
		if (split < length)
			(void)stub_text_unpercent(&value, text + split + 1,
			    length - split - 1, false);
		take_field(object, strbuf_text(&name), strbuf_text(&value));
		strbuf_done(&name);
		strbuf_done(&value);
		text += length + (text[length] == '\n');
	}
	return object;
}

/* A record without its bytes is what a killed stub left: no object. */
static void
load_record(struct stub_store *store, const char *path)
{
	struct stub_pool *pool = stub_store_pool(store);
	char *full = mem_format("/proc/self/fd/%d/%s", pool->dir, path);
	char *text = stub_text_file(full, RECORD_LIMIT);
	struct stub_object *object = parse_record(text != NULL ? text : "");
	char *bytes = path_of("objects", object);
	struct stat st;

	if (*object->key != '\0' && object->etag != NULL &&
	    (object->sum == STUB_SUM_NONE) == (object->checksum == NULL) &&
	    fstatat(pool->dir, bytes, &st, 0) == 0) {
		object->size = (uint64_t)st.st_size;
		object->blob = stub_blob_of_file(pool, bytes, object->size);
		stub_store_adopt(store, object);
	} else {
		stub_store_object_free(object);
	}
	free(bytes);
	free(text);
	free(full);
}

/* Calls VISIT for each entry of the directory PATH. */
static void
each_entry(struct stub_store *store, const char *path,
    void (*visit)(struct stub_store *, const char *))
{
	int fd = openat(stub_store_pool(store)->dir, path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd); /* nothing was written */
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		char *name;

		if (entry->d_name[0] == '.')
			continue;
		name = mem_format("%s/%s", path, entry->d_name);
		visit(store, name);
		free(name);
	}
	(void)closedir(dir);
}

static void
load_bucket(struct stub_store *store, const char *path)
{
	each_entry(store, path, load_record);
}

static void
remove_file(struct stub_store *store, const char *path)
{
	(void)unlinkat(stub_store_pool(store)->dir, path, 0);
}

int
stub_keep_open(struct stub_store *store, const char *dir)
{
	const char *const rooms[] = {"objects", "meta", "tmp"};
	struct stub_pool *pool = stub_store_pool(store);

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		goto fail;
	pool->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pool->dir < 0)
		goto fail;
	for (size_t i = 0; i < 3; i++) {
		if (mkdirat(pool->dir, rooms[i], 0700) < 0 && errno != EEXIST)
			goto fail;
	}
	each_entry(store, "tmp", remove_file);
	each_entry(store, "meta", load_bucket);
	return 0;
fail:
	fprintf(stderr, "cannot use the directory \"%s\": %s\n", dir,
	    strerror(errno));
	return -EIO;
}

void
stub_keep_close(struct stub_store *store)
{
	if (stub_store_pool(store)->dir >= 0)
		(void)close(stub_store_pool(store)->dir);
}
