/* Where requests go: scheme, host, base path and addressing style. */
#ifndef UPLOADER_ENDPOINT_H
#define UPLOADER_ENDPOINT_H

#include <stdbool.h>

#include "common/config.h"
#include "common/strbuf.h"
#include "uploader/credentials/profile.h"

enum endpoint_kind {
	ENDPOINT_CUSTOM, /* a URL of the user's, be it AWS's or not */
	ENDPOINT_AWS,
	ENDPOINT_ACCELERATE,
	ENDPOINT_ACCESS_POINT
};

struct endpoint {
	enum endpoint_kind kind;
	char *scheme;	 /* "https" or "http" */
	char *host;	 /* the Host header: bucket in it where virtual-hosted;
			    the port only where it isn't the scheme's own */
	char *base_path; /* "" or "/path", before the bucket and the key,
			    percent-encoded */
	char *bucket;	 /* of an access point: NAME-ACCOUNT */
	char *region;	 /* the scope of signatures */
	bool path_style; /* the bucket is part of the path */
	bool is_aws;	 /* an amazonaws endpoint, not another store */
	bool fips, dualstack;
};

/* Takes endpoint and region as settings.h says, else AWS's own endpoint of the
 * region. Without any region: us-east-1 for a custom endpoint, an error for
 * AWS. Virtual-hosted style by default; path style for custom endpoints, for
 * buckets with dots over https, and on request. An access point's ARN gives
 * the region. PROFILES may be NULL. Returns 0 and *ret_endpoint, or -EINVAL and
 * one line for the user in *ret_error (the caller's to free): a malformed URL,
 * a bucket name that can't be one, no region, wishes that exclude each other.
 */
int endpoint_resolve(const struct config *config,
    const struct profiles *profiles, struct endpoint **ret_endpoint,
    char **ret_error);
void endpoint_free(struct endpoint *endpoint);

/* Goes to REGION, as learned from the store, instead: AWS's host is made anew,
 * in a custom AWS URL the region is replaced where it names the old one, and
 * everywhere it becomes the scope of signatures, so the caller makes a new
 * signer. Returns 0, or -EINVAL with nothing changed: it is no region's name,
 * the same, one of another partition, or an access point's, which is part of
 * its ARN. */
int endpoint_move(struct endpoint *endpoint, const char *region);

/* Appends the canonical URI of KEY: base path, bucket where path style, and
 * the key, percent-encoded once; it is sent and signed as it is. */
void endpoint_uri(
    const struct endpoint *endpoint, const char *key, struct strbuf *uri);

#endif
