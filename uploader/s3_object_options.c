/* The headers of objects (AWS, "PutObject", "CreateMultipartUpload").
 *
 * Everything but the time is known when a run begins, so the lines are made
 * then, and requests copy them. The configuration has checked that each value
 * fits on a line; what only makes sense together is judged here.
 *
 * A customer's key (SSE-C) is 32 bytes that the store forgets after each
 * request, so every request that writes or reads the object carries it, with
 * its MD5 against slips of the wire. It is wiped after use; the requests that
 * carry it wipe their own copies. */
#include "uploader/s3_object_options.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/strbuf.h"
#include "common/timefmt.h"
#include "common/units.h"
#include "uploader/mbedtls_compat.h"

enum {
	KEY_BYTES = 32,
	KEY_BASE64 = 44,
	MD5_BYTES = 16,
	MD5_BASE64 = 24,
	/* More than a key in base64 and its line ending. */
	KEY_FILE_MAX = 64,
	DECIMALS = 9
};
static const char default_type[] = "application/octet-stream";

static const unsigned everywhere = S3_USE_CREATE | S3_USE_PART | S3_USE_LOOK |
				   S3_USE_PARTS | S3_USE_OTHER;

/* By extension, where the configuration has none of it; sorted. */
static const struct known_type {
	const char *extension, *type;
} known_types[] = {
    {"bz2", "application/x-bzip2"},
    {"csv", "text/csv"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"h5", "application/x-hdf5"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"json", "application/json"},
    {"log", "text/plain"},
    {"md", "text/markdown"},
    {"mp4", "video/mp4"},
    {"nc", "application/x-netcdf"},
    {"parquet", "application/vnd.apache.parquet"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"txt", "text/plain"},
    {"wav", "audio/wav"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

/* Takes NAME, which is made lower case, and VALUE. */
static void
add_owned(struct s3_object_options *options, char *name, char *value,
    unsigned uses, bool is_signed)
{
	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	options->headers = mem_grow(
	    options->headers, options->count + 1, sizeof *options->headers);
	options->headers[options->count++] = (struct s3_object_header){
	    name, value, uses, is_signed};
}

/* Adds a header that is signed, unless VALUE is NULL. */
static void
add(struct s3_object_options *options, const char *name, const char *value,
    unsigned uses)
{
	if (value != NULL)
		add_owned(options, mem_copy(name), mem_copy(value), uses, true);
}

/* One that a proxy may touch, so that it isn't signed. */
static void
add_plain(
    struct s3_object_options *options, const char *name, const char *value)
{
	if (value != NULL)
		add_owned(options, mem_copy(name), mem_copy(value),
		    S3_USE_CREATE, false);
}

static void
add_tags(struct s3_object_options *options, const struct config_map *tags)
{
	struct strbuf text = {0};

	if (tags->count == 0)
		return;
	for (size_t i = 0; i < tags->count; i++) {
		if (i > 0)
			strbuf_putc(&text, '&');
		percent_encode_component(&text, tags->pairs[i].name);
		strbuf_putc(&text, '=');
		percent_encode_component(&text, tags->pairs[i].value);
	}
	add(options, "x-amz-tagging", strbuf_text(&text), S3_USE_CREATE);
	strbuf_done(&text);
}

static void
add_metadata(
    struct s3_object_options *options, const struct config_map *metadata)
{
	for (size_t i = 0; i < metadata->count; i++) {
		const struct config_pair *pair = &metadata->pairs[i];

		add_owned(options, mem_format("x-amz-meta-%s", pair->name),
		    mem_copy(pair->value), S3_USE_CREATE, true);
		/* The user's own wins. */
		if (strcasecmp(pair->name, "mtime") == 0)
			options->sends_mtime = false;
	}
}

/* --- encryption ----------------------------------------------------------- */

/* The key that the LENGTH bytes at TEXT are, or hold in base64. */
static bool
decode_key(const unsigned char *text, size_t length, unsigned char *key)
{
	unsigned char decoded[KEY_FILE_MAX];
	size_t decoded_length = 0;
	bool ok;

	if (length == KEY_BYTES) {
		memcpy(key, text, KEY_BYTES);
		return true;
	}
	while (length > 0 && isspace(text[length - 1]))
		length--;
	ok = length == KEY_BASE64 &&
	     mbedtls_base64_decode(
		 decoded, sizeof decoded, &decoded_length, text, length) == 0 &&
	     decoded_length == KEY_BYTES;
	if (ok)
		memcpy(key, decoded, KEY_BYTES);
	mbedtls_platform_zeroize(decoded, sizeof decoded);
	return ok;
}

static int
read_key(const char *file, unsigned char key[KEY_BYTES], char **ret_error)
{
	unsigned char text[KEY_FILE_MAX];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t length = fd < 0 ? -errno
				: fsio_pread_all(fd, text, sizeof text, 0);
	int result = 0;

	if (fd >= 0)
		(void)close(fd); /* only read from */
	if (length < 0) {
		*ret_error = mem_format(
		    "sse_customer_key_file \"%s\" can't be read: %s", file,
		    strerror((int)-length));
		return (int)length;
	}
	if (!decode_key(text, (size_t)length, key)) {
		*ret_error = mem_format(
		    "sse_customer_key_file \"%s\" holds no key; it must be "
		    "32 bytes, or these in base64",
		    file);
		result = -EINVAL;
	}
	mbedtls_platform_zeroize(text, sizeof text);
	return result;
}

static void
add_key(struct s3_object_options *options, const unsigned char key[KEY_BYTES])
{
	static const unsigned uses = S3_USE_CREATE | S3_USE_PART | S3_USE_LOOK |
				     S3_USE_PARTS;
	unsigned char md5[MD5_BYTES];
	char key_text[KEY_BASE64 + 1], md5_text[MD5_BASE64 + 1];
	mbedtls_md5_context context;
	size_t length;

	mbedtls_md5_init(&context);
	mbedtls_must(mbedtls_md5_starts(&context));
	mbedtls_must(mbedtls_md5_update(&context, key, KEY_BYTES));
	mbedtls_must(mbedtls_md5_finish(&context, md5));
	mbedtls_md5_free(&context);
	mbedtls_must(mbedtls_base64_encode((unsigned char *)key_text,
	    sizeof key_text, &length, key, KEY_BYTES));
	mbedtls_must(mbedtls_base64_encode((unsigned char *)md5_text,
	    sizeof md5_text, &length, md5, sizeof md5));
	add(options, "x-amz-server-side-encryption-customer-algorithm",
	    "AES256", uses);
	add(options, "x-amz-server-side-encryption-customer-key", key_text,
	    uses);
	add(options, "x-amz-server-side-encryption-customer-key-md5", md5_text,
	    uses);
	mbedtls_platform_zeroize(key_text, sizeof key_text);
}

static int
refuse(char **ret_error, const char *fault)
{
	*ret_error = mem_copy(fault);
	return -EINVAL;
}

static int
add_encryption(struct s3_object_options *options, const struct config *config,
    const struct endpoint *endpoint, char **ret_error)
{
	static const char *const names[] = {
	    NULL, "AES256", "aws:kms", "aws:kms:dsse"};
	enum server_side_encryption how = config->server_side_encryption;
	unsigned char key[KEY_BYTES];
	int result;

	if (config->sse_kms_key_id != NULL && how != ENCRYPTION_KMS &&
	    how != ENCRYPTION_KMS_DSSE)
		return refuse(ret_error, "sse_kms_key_id is set, but "
					 "server_side_encryption isn't aws:kms "
					 "or aws:kms:dsse; set it as well");
	add(options, "x-amz-server-side-encryption", names[how], S3_USE_CREATE);
	add(options, "x-amz-server-side-encryption-aws-kms-key-id",
	    config->sse_kms_key_id, S3_USE_CREATE);
	if (config->sse_customer_key_file == NULL)
		return 0;
	if (how != ENCRYPTION_NONE)
		return refuse(ret_error,
		    "server_side_encryption and sse_customer_key_file exclude "
		    "each other; keep one");
	if (strcmp(endpoint->scheme, "https") != 0)
		return refuse(ret_error,
		    "sse_customer_key_file: the key travels with each "
		    "request, so the endpoint must be https");
	result = read_key(config->sse_customer_key_file, key, ret_error);
	if (result == 0)
		add_key(options, key);
	mbedtls_platform_zeroize(key, sizeof key);
	return result;
}

/* --- object lock ---------------------------------------------------------- */

static int
add_lock(struct s3_object_options *options, const struct config *config,
    char **ret_error)
{
	static const char *const names[] = {NULL, "GOVERNANCE", "COMPLIANCE"};
	const char *until = config->object_lock_retain_until;
	char text[TIMEFMT_MAX];
	int64_t value = 0;

	if ((config->object_lock_mode == LOCK_NONE) != (until == NULL))
		return refuse(ret_error,
		    "object_lock_mode and object_lock_retain_until need each "
		    "other; set both or neither");
	if (until == NULL)
		return 0;
	options->needs_checksum = true;
	add(options, "x-amz-object-lock-mode", names[config->object_lock_mode],
	    S3_USE_CREATE);
	if (units_parse_duration(until, &value) == 0) {
		if (value == 0)
			return refuse(ret_error,
			    "object_lock_retain_until: a lock of 0 seconds is "
			    "none; leave it out, and the mode");
		options->retain_ns = value * CLOCK_NS_PER_S;
		return 0;
	}
	if (timefmt_parse(until, &value) < 0)
		return refuse(ret_error,
		    "object_lock_retain_until is neither a time nor a "
		    "duration");
	add(options, "x-amz-object-lock-retain-until-date",
	    timefmt_rfc3339(value, text), S3_USE_CREATE);
	return 0;
}

/* --- all of it ------------------------------------------------------------ */

int
s3_object_options_new(const struct config *config,
    const struct endpoint *endpoint, struct s3_object_options **ret_options,
    char **ret_error)
{
	struct s3_object_options *options = mem_zero(1, sizeof *options);
	int result;

	options->config = config;
	options->sends_mtime = config->metadata_mtime == FLAG_TRUE;
	add(options, "x-amz-storage-class", config->storage_class,
	    S3_USE_CREATE);
	add(options, "x-amz-acl", config->acl, S3_USE_CREATE);
	add_tags(options, &config->tags);
	add_metadata(options, &config->metadata);
	add_plain(options, "cache-control", config->cache_control);
	add_plain(options, "content-encoding", config->content_encoding);
	add(options, "x-amz-expected-bucket-owner",
	    config->expected_bucket_owner, everywhere);
	if (config->request_payer == PAYER_REQUESTER)
		add(options, "x-amz-request-payer", "requester", everywhere);
	result = add_encryption(options, config, endpoint, ret_error);
	if (result == 0)
		result = add_lock(options, config, ret_error);
	if (result < 0) {
		s3_object_options_free(options);
		return result;
	}
	*ret_options = options;
	return 0;
}

void
s3_object_options_free(struct s3_object_options *options)
{
	if (options == NULL)
		return;
	for (size_t i = 0; i < options->count; i++) {
		struct s3_object_header *header = &options->headers[i];

		mbedtls_platform_zeroize(header->value, strlen(header->value));
		free(header->name);
		free(header->value);
	}
	free(options->headers);
	free(options);
}

static int
compare_extension(const void *key, const void *element)
{
	const struct known_type *row = element;

	return strcasecmp(key, row->extension);
}

const char *
s3_object_options_content_type(
    const struct s3_object_options *options, const char *key)
{
	const struct config *config = options->config;
	const struct config_map *types = &config->content_types;
	const char *slash = strrchr(key, '/');
	const char *dot = strrchr(slash != NULL ? slash : key, '.');
	const struct known_type *known;

	if (config->content_type != NULL)
		return config->content_type;
	if (dot == NULL)
		return default_type;
	for (size_t i = 0; i < types->count; i++)
		if (strcasecmp(types->pairs[i].name, dot + 1) == 0)
			return types->pairs[i].value;
	known = bsearch(dot + 1, known_types,
	    sizeof known_types / sizeof *known_types, sizeof *known_types,
	    compare_extension);
	return known != NULL ? known->type : default_type;
}

const char *
s3_object_options_mtime(int64_t mtime_ns, char text[S3_OBJECT_MTIME_MAX])
{
	/* The magnitude, without overflow at INT64_MIN. */
	uint64_t ns = mtime_ns < 0 ? -(uint64_t)mtime_ns : (uint64_t)mtime_ns;
	char *end = text + S3_OBJECT_MTIME_MAX - 1;
	char *c = end;

	/* From the right, at least "0.000000000"; each file's request does
	 * this, and printf would take a tenth of all its time. */
	*c = '\0';
	for (int digits = 0; ns > 0 || digits <= DECIMALS; digits++) {
		if (digits == DECIMALS)
			*--c = '.';
		*--c = (char)('0' + ns % 10);
		ns /= 10;
	}
	if (mtime_ns < 0)
		*--c = '-';
	return c;
}
