/* Where requests go: scheme, host, base path and addressing style. */
#ifndef UPLOADER_ENDPOINT_H
#define UPLOADER_ENDPOINT_H

#include <stdbool.h>

#include "common/config.h"
#include "common/strbuf.h"

struct endpoint {
	char *scheme;	 /* "https" or "http" */
	char *host;	 /* the Host header: bucket in it where virtual-hosted;
			    the port only where it isn't the scheme's own */
	char *base_path; /* "" or "/path", before the bucket and the key,
			    percent-encoded */
	char *bucket;
	char *region;	 /* the scope of signatures */
	bool path_style; /* the bucket is part of the path */
	bool is_aws;	 /* an amazonaws endpoint, not another store */
};

/* Takes endpoint and region from CONFIG, else from the environment
 * (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL; AWS_REGION, AWS_DEFAULT_REGION),
 * else AWS's own endpoint of the region. Without any region: us-east-1 for a
 * custom endpoint, an error for AWS. Virtual-hosted style by default; path
 * style for custom endpoints, for buckets with dots over https, and on
 * request. Empty environment variables count as unset. Returns 0 and
 * *ret_endpoint, or -EINVAL and one line for the user in *ret_error (the
 * caller's to free): a malformed URL, a bucket name that can't be one, no
 * region. */
int endpoint_resolve(const struct config *config,
    struct endpoint **ret_endpoint, char **ret_error);
void endpoint_free(struct endpoint *endpoint);

/* Appends the canonical URI of KEY: base path, bucket where path style, and
 * the key, percent-encoded once; it is sent and signed as it is. */
void endpoint_uri(
    const struct endpoint *endpoint, const char *key, struct strbuf *uri);

#endif
