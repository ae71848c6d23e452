/* What all parts of the stub server share: its options, a request on its way
 * through, and the answer that grows on it.
 *
 * One thread serves everything, so nothing here is locked. A request goes:
 * stub_http (its bytes) -> stub_request (bucket, key, headers) -> stub_script
 * (a fault?) -> an operation of stub_s3, stub_multipart, stub_list or
 * stub_faces, after stub_auth -> stub_log -> the answer. */
#ifndef STUB_H
#define STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "common/strbuf.h"
#include "tests/stub/stub_digest.h"
#include "tests/stub/stub_pairs.h"

struct stub_blob;
struct stub_script;
struct stub_store;
struct stub_request;

enum stub_face {
	STUB_FACE_S3,
	STUB_FACE_IMDS,
	STUB_FACE_CONTAINER,
	STUB_FACE_STS,
};

enum { STUB_DOMAINS_MAX = 8, STUB_CREDENTIALS_MAX = 8 };

struct stub_credential {
	char *access_key;
	char *secret;
	char *token; /* a pattern of fnmatch(3); NULL: none may be sent */
};

struct stub_options {
	enum stub_face face;
	uint16_t port;
	const char *store_dir;
	const char *log_path;
	const char *script_path;
	const char *cert_path, *key_path, *client_ca_path;
	const char *domains[STUB_DOMAINS_MAX];
	size_t domain_count;
	const char *base_path; /* "" or "/x": what an endpoint's path adds */
	const char *region;
	const char *owner; /* of every bucket; NULL: not asked */
	struct stub_credential credentials[STUB_CREDENTIALS_MAX];
	size_t credential_count;
	bool auth;
	bool signed_payload; /* no UNSIGNED-PAYLOAD over plain http */
	bool discard, digests, versions;
	bool no_conditions, ignore_conditions, answer_304;
	unsigned no_checksums; /* 0, or the status they are refused with */
	uint64_t latency_ms, idle_timeout_s;
	uint64_t memory_limit, part_min, page_max, seed;
	int64_t clock_offset_s;
	/* The other faces. */
	const char *role, *authorization, *web_identity_path;
	int64_t expiry_s;
	bool rotate;
};

/* What a line of the script does to a request; all zero does nothing, except
 * that the two cuts are then "never" by their flags. */
struct stub_fault {
	unsigned status;
	const char *code, *message, *body;
	const char *region, *endpoint;
	struct stub_pairs headers;
	uint64_t delay_ms, delay_before_ms;
	bool cuts_request, cuts_response;
	uint64_t cut_request, cut_response;
	uint64_t truncate_at; /* 0: at half */
	bool store, lose, drop, stall, early;
	bool wrong_etag, wrong_checksum, error_in_200, truncate;
	bool no_conditions, ignore_conditions, answer_304;
	unsigned no_checksums;
	int64_t date_offset_s;
};

struct stub_answer {
	unsigned status; /* 0: not decided yet */
	struct stub_pairs headers;
	struct strbuf body;
	struct stub_blob *blob; /* sent in place of the body */
};

/* An operation: CHECK looks at the headers, FINISH acts once the body is there
 * and answers. Either refuses by giving the answer a status. */
struct stub_operation {
	const char *name;
	void (*check)(struct stub_request *req);
	void (*finish)(struct stub_request *req);
	bool takes_object; /* the body goes to a blob, else to a text */
};

struct stub {
	struct stub_options options;
	struct stub_store *store;
	struct stub_script *script;
	FILE *log;
	bool stopping;
	unsigned long requests, connections;
};

struct stub_request {
	struct stub *stub;
	unsigned long number, connection_number;
	bool over_tls;
	char *method, *raw_uri;
	char *raw_path;	 /* without the query, the base path still in it */
	char *raw_query; /* "" when there is none */
	struct stub_pairs headers; /* names in lower case */
	struct stub_pairs query;   /* decoded */
	char *bucket, *key;	   /* "" when there is none */
	bool virtual_host;
	bool uri_bad;
	const struct stub_operation *operation;
	const struct stub_fault *fault; /* never NULL */
	const char *fault_text;		/* NULL: none */
	/* The body. */
	uint64_t received;
	struct strbuf text;
	struct stub_blob *blob;
	struct stub_digest digest;
	struct stub_sums sums;
	enum stub_sum sum; /* of an object's or part's x-amz-checksum-* */
	/* What came of it. */
	struct stub_answer answer;
	bool stored, logged;
	uint64_t stored_bytes;
	char sha256[65]; /* of what was stored or sent, "" unknown */
};

/* The time as this server tells it. */
time_t stub_now(const struct stub *stub, unsigned *ret_milliseconds);

#endif
