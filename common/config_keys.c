/* The table of configuration keys; see config_keys.h.
 *
 * A row says all there is to say about a key, its default included, which is
 * written as a user would write it and read by the same code. What depends on
 * several keys or on the file system is config.c's. */
#include "common/config_keys.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_check.h"
#include "common/config_set.h"
#include "common/mem.h"
#include "common/units.h"

#define MIB (INT64_C(1024) * 1024)
#define GIB (1024 * MIB)

enum { NAME_MAX_LENGTH = 32, DAY_SECONDS = 86400 };

/* The order of each is that of its enum in config.h. */
static const char *const settle_checks[] = {"auto", "lease", "age", NULL};
static const char *const conflicts[] = {
    "quarantine", "keep-both", "overwrite", NULL};
static const char *const signings[] = {"auto", "always", "never", NULL};
static const char *const checksums[] = {
    "auto", "crc32c", "crc64nvme", "sha256", "md5", "none", NULL};
static const char *const addressings[] = {"auto", "path", "virtual", NULL};
static const char *const encryptions[] = {
    "none", "AES256", "aws:kms", "aws:kms:dsse", NULL};
static const char *const lock_modes[] = {
    "none", "GOVERNANCE", "COMPLIANCE", NULL};
static const char *const payers[] = {"none", "requester", NULL};
static const char *const orders[] = {"oldest", "newest", NULL};
static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const formats[] = {"auto", "text", "json", "journal", NULL};
static const char *const adaptive[] = {"auto", NULL};

#define AT(member) .offset = offsetof(struct config, member)
#define FOREVER .max = UNITS_DURATION_MAX_SECONDS
static const struct config_key keys[] = {
    {"base_dir", CONFIG_PATH, AT(base_dir), .required = true},
    {"s3_bucket", CONFIG_TEXT, AT(bucket), .required = true,
	.check = config_check_word},
    {"spool_dir", CONFIG_PATH, AT(spool_dir)},
    {"pattern", CONFIG_PATTERNS, AT(patterns),
	.initial = "*/[0-9]*/[0-9]*/[0-9]*/[0-9]*/[0-9]*-*.dat",
	.check = config_check_pattern},
    {"include", CONFIG_PATTERNS, AT(include), .check = config_check_pattern},
    {"exclude", CONFIG_PATTERNS, AT(exclude), .check = config_check_pattern},
    {"settle_seconds", CONFIG_DURATION, AT(settle_seconds), .initial = "10",
	FOREVER},
    {"settle_check", CONFIG_CHOICE, AT(settle_check), .initial = "auto",
	.words = settle_checks},
    {"key_prefix", CONFIG_TEXT, AT(key_prefix), .initial = "",
	.check = config_check_prefix},
    {"region", CONFIG_TEXT, AT(region), .check = config_check_word},
    {"endpoint_url", CONFIG_TEXT, AT(endpoint_url),
	.check = config_check_endpoint},
    {"addressing_style", CONFIG_CHOICE, AT(addressing_style), .initial = "auto",
	.words = addressings},
    {"use_fips_endpoint", CONFIG_FLAG, AT(use_fips_endpoint)},
    {"use_dualstack_endpoint", CONFIG_FLAG, AT(use_dualstack_endpoint)},
    {"use_accelerate_endpoint", CONFIG_FLAG, AT(use_accelerate_endpoint)},
    {"proxy", CONFIG_TEXT, AT(proxy), .check = config_check_proxy},
    {"no_proxy", CONFIG_TEXT, AT(no_proxy), .check = config_check_line},
    {"ca_bundle", CONFIG_FILE, AT(ca_bundle)},
    {"client_cert", CONFIG_FILE, AT(client_cert)},
    {"client_key", CONFIG_FILE, AT(client_key)},
    {"bandwidth_limit", CONFIG_SIZE, AT(bandwidth_limit_bytes), .initial = "0",
	.max = INT64_C(1) << 40},
    {"connections", CONFIG_NUMBER, AT(connections), .initial = "32", .min = 1,
	.max = 1024, .words = adaptive},
    {"max_attempts", CONFIG_NUMBER, AT(max_attempts), .elsewhere = "5",
	.min = 1, .max = 100},
    {"connect_timeout_seconds", CONFIG_DURATION, AT(connect_timeout_seconds),
	.initial = "10", .min = 1, .max = DAY_SECONDS},
    {"stall_timeout_seconds", CONFIG_DURATION, AT(stall_timeout_seconds),
	.initial = "60", .min = 1, .max = DAY_SECONDS},
    {"order", CONFIG_CHOICE, AT(order), .initial = "oldest", .words = orders},
    {"on_conflict", CONFIG_CHOICE, AT(on_conflict), .initial = "quarantine",
	.words = conflicts},
    {"payload_signing", CONFIG_CHOICE, AT(payload_signing), .initial = "auto",
	.words = signings},
    {"checksum", CONFIG_CHOICE, AT(checksum), .initial = "auto",
	.words = checksums},
    {"multipart_threshold", CONFIG_SIZE, AT(multipart_threshold_bytes),
	.initial = "64M", .min = 1, .max = 5 * GIB},
    {"part_size", CONFIG_SIZE, AT(part_size_bytes), .initial = "16M",
	.min = 5 * MIB, .max = 5 * GIB},
    {"multipart_abort_after", CONFIG_DURATION,
	AT(multipart_abort_after_seconds), .initial = "7d", FOREVER},
    {"storage_class", CONFIG_TEXT, AT(storage_class),
	.check = config_check_word},
    {"server_side_encryption", CONFIG_CHOICE, AT(server_side_encryption),
	.initial = "none", .words = encryptions},
    {"sse_kms_key_id", CONFIG_TEXT, AT(sse_kms_key_id),
	.check = config_check_word},
    {"sse_customer_key_file", CONFIG_FILE, AT(sse_customer_key_file)},
    {"acl", CONFIG_TEXT, AT(acl), .check = config_check_word},
    {"tags", CONFIG_MAP, AT(tags), .check_pair = config_check_tag},
    {"metadata", CONFIG_MAP, AT(metadata), .check_pair = config_check_metadata},
    {"metadata_mtime", CONFIG_FLAG, AT(metadata_mtime), .initial = "true"},
    {"content_type", CONFIG_TEXT, AT(content_type),
	.check = config_check_header},
    {"content_types", CONFIG_MAP, AT(content_types),
	.check_pair = config_check_content_type},
    {"content_encoding", CONFIG_TEXT, AT(content_encoding),
	.check = config_check_header},
    {"cache_control", CONFIG_TEXT, AT(cache_control),
	.check = config_check_header},
    {"expected_bucket_owner", CONFIG_TEXT, AT(expected_bucket_owner),
	.check = config_check_word},
    {"request_payer", CONFIG_CHOICE, AT(request_payer), .initial = "none",
	.words = payers},
    {"object_lock_mode", CONFIG_CHOICE, AT(object_lock_mode), .initial = "none",
	.words = lock_modes},
    {"object_lock_retain_until", CONFIG_TEXT, AT(object_lock_retain_until),
	.check = config_check_moment},
    {"retain", CONFIG_DURATION, AT(retain_seconds), .initial = "0", FOREVER},
    {"prune_after", CONFIG_DURATION, AT(prune_after_seconds), .initial = "26h",
	FOREVER},
    {"ledger_retention", CONFIG_DURATION, AT(ledger_retention_seconds),
	.initial = "0", FOREVER},
    {"log_level", CONFIG_CHOICE, AT(log_level), .initial = "info",
	.words = levels},
    {"log_format", CONFIG_CHOICE, AT(log_format), .initial = "auto",
	.words = formats},
    {"log_file", CONFIG_FILE, AT(log_file), .may_be_none = true},
    {"metrics_dir", CONFIG_PATH, AT(metrics_dir), .may_be_none = true},
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

size_t
config_keys_count(void)
{
	return KEY_COUNT;
}

const char *
config_keys_name(size_t key)
{
	return keys[key].name;
}

bool
config_keys_takes_list(size_t key)
{
	return keys[key].type == CONFIG_PATTERNS;
}

bool
config_keys_takes_map(size_t key)
{
	return keys[key].type == CONFIG_MAP;
}

bool
config_keys_find(const char *name, size_t *ret_key)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		if (strcmp(keys[key].name, name) == 0) {
			*ret_key = key;
			return true;
		}
	}
	return false;
}

/* --- the nearest name ----------------------------------------------------- */

/* People slip between these, too: Base-Dir. */
static char
fold(char c)
{
	return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

/* How many letters must be added, dropped or changed to make NAME of TYPED
 * (Levenshtein's distance, one row of the matrix at a time). */
static size_t
edit_distance(const char *typed, const char *name)
{
	size_t row[NAME_MAX_LENGTH + 1];
	size_t length = strlen(name);

	for (size_t i = 0; i <= length; i++)
		row[i] = i;
	for (; *typed != '\0'; typed++) {
		size_t diagonal = row[0]++;

		for (size_t i = 1; i <= length; i++) {
			size_t best = diagonal +
				      (fold(*typed) != fold(name[i - 1]));

			diagonal = row[i];
			if (row[i - 1] + 1 < best)
				best = row[i - 1] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[i] = best;
		}
	}
	return row[length];
}

/* The name that NAME is probably a slip for, or NULL. */
static const char *
find_nearest(const char *name)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t key = 0; key < KEY_COUNT; key++) {
		size_t distance = edit_distance(name, keys[key].name);

		/* Further than a third of its letters is another word. */
		if (distance < least &&
		    distance * 3 <= strlen(keys[key].name)) {
			least = distance;
			nearest = keys[key].name;
		}
	}
	return nearest;
}

char *
config_keys_explain_unknown(const char *name)
{
	const char *nearest = find_nearest(name);

	if (nearest != NULL)
		return mem_format(
		    "there is no such key; did you mean '%s'?", nearest);
	return mem_copy(
	    "there is no such key; 'man s3spool.yaml' lists them all");
}

/* --- values --------------------------------------------------------------- */

static void *
value_of(struct config *config, const struct config_key *key)
{
	return (char *)config + key->offset;
}

void
config_keys_clear(struct config *config, size_t key)
{
	if (keys[key].type == CONFIG_PATTERNS)
		config_set_clear_list(value_of(config, &keys[key]));
	else
		config_set_clear_map(value_of(config, &keys[key]));
}

char *
config_keys_add(struct config *config, size_t key, const char *text)
{
	return config_set_add_item(
	    value_of(config, &keys[key]), &keys[key], text);
}

char *
config_keys_add_pair(
    struct config *config, size_t key, const char *name, const char *value)
{
	return config_set_add_pair(
	    value_of(config, &keys[key]), &keys[key], name, value);
}

char *
config_keys_set(
    struct config *config, size_t key, const char *text, const char *directory)
{
	return config_set_value(
	    value_of(config, &keys[key]), &keys[key], text, directory);
}

void
config_keys_set_defaults(struct config *config)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		char *problem = NULL;

		if (keys[key].initial != NULL)
			problem = config_keys_set(
			    config, key, keys[key].initial, "/");
		assert(problem == NULL);
	}
}

bool
config_keys_find_missing(const struct config *config, size_t *ret_key)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		const void *value = (const char *)config + keys[key].offset;

		if (keys[key].required && *(char *const *)value == NULL) {
			*ret_key = key;
			return true;
		}
	}
	return false;
}

void
config_keys_done(struct config *config)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		char **text = value_of(config, &keys[key]);

		switch (keys[key].type) {
		case CONFIG_TEXT:
		case CONFIG_PATH:
		case CONFIG_FILE:
			/* A proxy's URL may hold a password. */
			if (*text != NULL)
				explicit_bzero(*text, strlen(*text));
			free(*text);
			*text = NULL;
			break;
		case CONFIG_PATTERNS:
		case CONFIG_MAP:
			config_keys_clear(config, key);
			break;
		case CONFIG_NUMBER:
		case CONFIG_DURATION:
		case CONFIG_SIZE:
		case CONFIG_FLAG:
		case CONFIG_CHOICE:
			break;
		}
	}
}
