/* The configuration file: YAML (or JSON, which is YAML), a flat mapping. */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settle_check { SETTLE_AUTO, SETTLE_LEASE, SETTLE_AGE };
enum on_conflict {
	CONFLICT_QUARANTINE,
	CONFLICT_KEEP_BOTH,
	CONFLICT_OVERWRITE
};
enum payload_signing { SIGNING_AUTO, SIGNING_ALWAYS, SIGNING_NEVER };
enum checksum {
	CHECKSUM_AUTO,
	CHECKSUM_CRC32C,
	CHECKSUM_CRC64NVME,
	CHECKSUM_SHA256,
	CHECKSUM_MD5,
	CHECKSUM_NONE
};
enum addressing_style { ADDRESSING_AUTO, ADDRESSING_PATH, ADDRESSING_VIRTUAL };
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Every key with its default is in the README's table. Strings are never
 * NULL unless said so. */
struct config {
	char *base_dir;	 /* absolute, no trailing slash, exists */
	char *bucket;	 /* s3_bucket */
	char *spool_dir; /* absolute; default base_dir/.spool */
	char **patterns; /* at least one */
	size_t pattern_count;
	int64_t settle_seconds;
	enum settle_check settle_check;
	char *key_prefix;   /* put before every path as it is; default "" */
	char *region;	    /* NULL: the environment's */
	char *endpoint_url; /* NULL: the environment's, else AWS */
	enum addressing_style addressing_style;
	int connections;  /* 1..1024 */
	int max_attempts; /* 1..100, the first try counted */
	int64_t connect_timeout_seconds;
	int64_t stall_timeout_seconds;
	enum on_conflict on_conflict;
	enum payload_signing payload_signing;
	enum checksum checksum;
	int64_t multipart_threshold_bytes; /* larger files go in parts */
	int64_t part_size_bytes;
	int64_t multipart_abort_after_seconds;
	int64_t retain_seconds;
	int64_t prune_after_seconds;
	enum log_level log_level;
	enum log_format log_format;
};

/* Reads FILE, then the OVERRIDES, each "key=value" from the command line,
 * which win over the file. On success *ret_config is the caller's, to be given
 * to config_free. Otherwise returns -EINVAL (what the file says) or another
 * negative errno (the file can't be read), and *ret_error is one line for the
 * user, the caller's to free: "FILE:LINE:COLUMN: key 'KEY': what is wrong;
 * hint", or "-o KEY: what is wrong; hint" for an override. */
int config_load(const char *file, char *const *overrides, size_t override_count,
    struct config **ret_config, char **ret_error);
/* As config_load, from the LENGTH bytes at TEXT, which may be anything. NAME
 * stands for the file in messages, and relative paths count from its
 * directory. */
int config_parse(const char *name, const char *text, size_t length,
    char *const *overrides, size_t override_count, struct config **ret_config,
    char **ret_error);
/* Wipes nothing: a configuration holds no secrets. NULL is fine. */
void config_free(struct config *config);

#endif
