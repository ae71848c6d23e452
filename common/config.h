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
enum server_side_encryption {
	ENCRYPTION_NONE, /* the bucket's own default */
	ENCRYPTION_AES256,
	ENCRYPTION_KMS,
	ENCRYPTION_KMS_DSSE
};
enum request_payer { PAYER_NONE, PAYER_REQUESTER };
enum object_lock_mode { LOCK_NONE, LOCK_GOVERNANCE, LOCK_COMPLIANCE };
/* True or false, or not said: then the environment's, or a default. */
enum config_flag { FLAG_UNSET, FLAG_FALSE, FLAG_TRUE };
/* Which hours the uploader takes first. */
enum pick_order { ORDER_OLDEST, ORDER_NEWEST };
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format {
	LOG_AUTO, /* as the journal likes it where it is that; else text */
	LOG_TEXT,
	LOG_JSON,
	LOG_JOURNAL
};

struct config_pair {
	char *name, *value;
};

/* A mapping, in the order of the file; no name twice. */
struct config_map {
	struct config_pair *pairs;
	size_t count;
};

/* Patterns, in the order of the file. */
struct config_list {
	char **items;
	size_t count;
};

/* Every key with its default is in the README's table. Strings are never
 * NULL unless said so. */
struct config {
	char *base_dir;		     /* absolute, no trailing slash, exists */
	char *bucket;		     /* s3_bucket */
	char *spool_dir;	     /* absolute; default base_dir/.spool */
	struct config_list patterns; /* at least one */
	struct config_list include;  /* none: all */
	struct config_list exclude;
	int64_t settle_seconds;
	enum settle_check settle_check;
	char *key_prefix;   /* put before every path as it is; default "" */
	char *region;	    /* NULL: the environment's */
	char *endpoint_url; /* NULL: the environment's, else AWS */
	enum addressing_style addressing_style;
	enum config_flag use_fips_endpoint;
	enum config_flag use_dualstack_endpoint;
	enum config_flag use_accelerate_endpoint;
	char *proxy;	   /* NULL: libcurl's environment; "": none */
	char *no_proxy;	   /* NULL: libcurl's environment */
	char *ca_bundle;   /* NULL: the environment's, else the system's */
	char *client_cert; /* NULL: none; PEM */
	char *client_key;  /* NULL: in client_cert */
	int64_t bandwidth_limit_bytes; /* a second; 0: none */
	int connections;	       /* 1..1024; 0: auto */
	int max_attempts;	       /* 1..100, the first try counted; 0: not
				  set */
	int64_t connect_timeout_seconds;
	int64_t stall_timeout_seconds;
	enum pick_order order;
	enum on_conflict on_conflict;
	enum payload_signing payload_signing;
	enum checksum checksum;
	int64_t multipart_threshold_bytes; /* larger files go in parts */
	int64_t part_size_bytes;
	int64_t multipart_abort_after_seconds;
	char *storage_class; /* this and the following: NULL for none */
	enum server_side_encryption server_side_encryption;
	char *sse_kms_key_id;
	char *sse_customer_key_file;
	char *acl;
	struct config_map tags;
	struct config_map metadata;	 /* names without x-amz-meta- */
	enum config_flag metadata_mtime; /* never unset */
	char *content_type;		 /* NULL: by extension */
	struct config_map content_types; /* by extension, without its dot */
	char *content_encoding;
	char *cache_control;
	char *expected_bucket_owner;
	enum request_payer request_payer;
	enum object_lock_mode object_lock_mode;
	char *object_lock_retain_until; /* RFC 3339, or a duration */
	int64_t retain_seconds;
	int64_t prune_after_seconds;
	int64_t ledger_retention_seconds; /* 0: for ever */
	enum log_level log_level;
	enum log_format log_format;
	char *log_file;	   /* NULL: stderr */
	char *metrics_dir; /* absolute; NULL: no metrics */
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
/* Wipes its texts: a proxy's URL may hold a password. NULL is fine. */
void config_free(struct config *config);

#endif
