/* AWS Signature Version 4 (AWS, "Create a signed AWS API request"), computed
 * with mbedTLS. Pure: time is an argument, nothing is read or logged. */
#ifndef UPLOADER_SIGV4_H
#define UPLOADER_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

enum { SIGV4_HASH_BYTES = 32, SIGV4_HASH_HEX = 65 /* with its NUL */ };

struct sigv4_header {
	const char *name;  /* lower case */
	const char *value; /* trimmed, no line breaks */
};

/* Keeps the signing key of the last day and the HMAC states made from it. */
struct sigv4_signer;

/* ACCESS_KEY, SECRET and REGION are copied; SERVICE is "s3" or "sts". */
struct sigv4_signer *sigv4_new(const char *access_key, const char *secret,
    const char *region, const char *service);
/* Wipes the key. NULL is fine. */
void sigv4_free(struct sigv4_signer *signer);

/* NOW_NS as x-amz-date carries it ("20130524T000000Z"). The text is made once
 * a second and lies in SIGNER until it is asked for another second. */
const char *sigv4_date(struct sigv4_signer *signer, int64_t now_ns);

/* Appends to AUTHORIZATION the value of the Authorization header for the
 * request: METHOD, canonical URI, canonical QUERY ("" for none), the COUNT
 * HEADERS to sign in ascending order of name (host and x-amz-date among
 * them), and PAYLOAD_HASH as in x-amz-content-sha256. NOW_NS must be the time
 * that x-amz-date carries. */
void sigv4_sign(struct sigv4_signer *signer, int64_t now_ns, const char *method,
    const char *uri, const char *query, const struct sigv4_header *headers,
    size_t count, const char *payload_hash, struct strbuf *authorization);

/* SHA-256 of LENGTH bytes as lower-case hex. Returns HEX. */
const char *sigv4_hash_hex(
    const void *bytes, size_t length, char hex[SIGV4_HASH_HEX]);

#endif
