/* A request's body on its way in, and what its headers claim of it.
 *
 * Content-MD5, x-amz-content-sha256 and x-amz-checksum-* are each compared with
 * the bytes that came; the errors are those of AWS's "Error responses" and
 * "Checking object integrity for data uploads". */
#include "tests/stub/stub_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_blob.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_store.h"
#include "tests/stub/stub_text.h"

#define OBJECT_MAX ((uint64_t)5 << 30)
#define CHECKSUM_PREFIX "x-amz-checksum-"

enum { TEXT_MAX = 4 << 20, KEY_MAX = 1024, METADATA_MAX = 2048 };

/* Headers of that prefix that are no checksum. */
static bool
is_value(const char *suffix)
{
	return strcmp(suffix, "algorithm") != 0 &&
	       strcmp(suffix, "type") != 0 && strcmp(suffix, "mode") != 0;
}

static void
check_checksum(struct stub_request *req)
{
	const char *sdk = stub_request_header(
	    req, "x-amz-sdk-checksum-algorithm");
	size_t length = strlen(CHECKSUM_PREFIX);

	for (size_t i = 0; i < req->headers.count; i++) {
		const char *name = req->headers.items[i].name;
		enum stub_sum sum;

		if (strncmp(name, CHECKSUM_PREFIX, length) != 0 ||
		    !is_value(name + length))
			continue;
		sum = stub_digest_find(name + length);
		if (req->sum != STUB_SUM_NONE)
			stub_request_refuse(req, 400, "InvalidRequest",
			    "Expecting a single x-amz-checksum- header. "
			    "Multiple checksum Types are not allowed.");
		else if (sum == STUB_SUM_NONE)
			stub_request_refuse(req, 400, "InvalidRequest",
			    "The algorithm type you specified in "
			    "x-amz-checksum- header is invalid.");
		req->sum = sum;
	}
	if (sdk != NULL && req->operation->takes_object &&
	    (req->sum == STUB_SUM_NONE || stub_digest_find(sdk) != req->sum))
		stub_request_refuse(req, 400, "InvalidRequest",
		    "x-amz-sdk-checksum-algorithm specified, but no "
		    "corresponding x-amz-checksum-* or x-amz-trailer headers "
		    "were found.");
}

/* The value of the checksum header that req->sum names. */
static const char *
checksum_header(const struct stub_request *req)
{
	char *name;
	const char *value;

	if (req->sum == STUB_SUM_NONE)
		return NULL;
	name = mem_format(CHECKSUM_PREFIX "%s", stub_digest_name(req->sum));
	value = stub_request_header(req, name);
	free(name);
	return value;
}

static void
check_length(struct stub_request *req)
{
	const char *length = stub_request_header(req, "content-length");
	uint64_t bytes;

	if (length == NULL)
		stub_request_refuse(req, 411, "MissingContentLength",
		    "You must provide the Content-Length HTTP header.");
	else if (stub_text_number(length, OBJECT_MAX, &bytes) < 0)
		stub_request_refuse(req, 400, "EntityTooLarge",
		    "Your proposed upload exceeds the maximum allowed size");
}

static void
check_metadata(struct stub_request *req)
{
	size_t bytes = 0;

	for (size_t i = 0; i < req->headers.count; i++) {
		const struct stub_pair *pair = &req->headers.items[i];

		if (strncmp(pair->name, "x-amz-meta-", 11) == 0)
			bytes += strlen(pair->name) - 11 + strlen(pair->value);
	}
	if (bytes > METADATA_MAX)
		stub_request_refuse(req, 400, "MetadataTooLarge",
		    "Your metadata headers exceed the maximum allowed metadata "
		    "size");
	if (strlen(req->key) > KEY_MAX)
		stub_request_refuse(
		    req, 400, "KeyTooLongError", "Your key is too long");
}

void
stub_body_check_headers(struct stub_request *req)
{
	const char *md5 = stub_request_header(req, "content-md5");
	const char *checksum;

	check_metadata(req);
	check_checksum(req);
	checksum = checksum_header(req);
	if (checksum != NULL && req->operation->takes_object &&
	    !stub_text_is_base64(checksum, stub_digest_size(req->sum))) {
		char *message = mem_format("Value for x-amz-checksum-%s header "
					   "is invalid.",
		    stub_digest_name(req->sum));

		stub_request_refuse(req, 400, "InvalidRequest", message);
		free(message);
	}
	if (md5 != NULL && !stub_text_is_base64(md5, 16))
		stub_request_refuse(req, 400, "InvalidDigest",
		    "The Content-MD5 you specified was invalid.");
	if (req->operation->takes_object)
		check_length(req);
}

static bool
has_signed_hash(const struct stub_request *req)
{
	const char *hash = stub_request_header(req, "x-amz-content-sha256");

	return hash != NULL && strlen(hash) == 64;
}

void
stub_body_begin(struct stub_request *req)
{
	unsigned mask = 0;

	if (req->stub->options.digests)
		mask |= STUB_SUM_BIT(STUB_SUM_SHA256) |
			STUB_SUM_BIT(STUB_SUM_MD5);
	if (has_signed_hash(req))
		mask |= STUB_SUM_BIT(STUB_SUM_SHA256);
	if (stub_request_header(req, "content-md5") != NULL)
		mask |= STUB_SUM_BIT(STUB_SUM_MD5);
	if (req->sum != STUB_SUM_NONE)
		mask |= STUB_SUM_BIT(req->sum);
	stub_digest_begin(&req->digest, mask);
	if (req->operation->takes_object)
		req->blob = stub_blob_new(stub_store_pool(req->stub->store));
}

void
stub_body_add(struct stub_request *req, const char *bytes, size_t length)
{
	if (req->answer.status != 0)
		return;
	stub_digest_update(&req->digest, bytes, length);
	if (req->blob == NULL) {
		if (length > TEXT_MAX - req->text.length)
			stub_request_refuse(req, 400, "MalformedXML",
			    "The body of this request is too long");
		else
			strbuf_add(&req->text, bytes, length);
	} else {
		int result = stub_blob_append(req->blob, bytes, length);

		if (result == -ENOSPC)
			stub_request_refuse(req, 507, "InsufficientStorage",
			    "The stub's memory or disk is full");
		else if (result < 0)
			stub_request_refuse(req, 500, "InternalError",
			    "The stub cannot write its file");
	}
}

static bool
is_base64_of(const char *text, const struct stub_sums *sums, enum stub_sum sum)
{
	struct strbuf own = {0};
	bool same;

	stub_text_base64(&own, sums->value[sum], stub_digest_size(sum));
	same = strcmp(strbuf_text(&own), text) == 0;
	strbuf_done(&own);
	return same;
}

static void
check_hash(struct stub_request *req)
{
	const char *claimed = stub_request_header(req, "x-amz-content-sha256");
	struct strbuf more = {0};

	if (!has_signed_hash(req) || strcmp(claimed, req->sha256) == 0)
		return;
	stub_text_element(&more, "ClientComputedContentSHA256", claimed);
	stub_text_element(&more, "S3ComputedContentSHA256", req->sha256);
	stub_request_refuse_with(req, 400, "XAmzContentSHA256Mismatch",
	    "The provided 'x-amz-content-sha256' header does not match what "
	    "was computed.",
	    strbuf_text(&more));
	strbuf_done(&more);
}

void
stub_body_end(struct stub_request *req)
{
	const char *md5 = stub_request_header(req, "content-md5");
	const char *checksum = checksum_header(req);
	struct strbuf hex = {0};

	stub_digest_end(&req->digest, &req->sums);
	if (req->sums.mask & STUB_SUM_BIT(STUB_SUM_SHA256)) {
		stub_text_hex(&hex, req->sums.value[STUB_SUM_SHA256], 32);
		memcpy(req->sha256, strbuf_text(&hex), sizeof(req->sha256));
		strbuf_done(&hex);
	}
	check_hash(req);
	if (md5 != NULL && !is_base64_of(md5, &req->sums, STUB_SUM_MD5))
		stub_request_refuse(req, 400, "BadDigest",
		    "The Content-MD5 you specified did not match what we "
		    "received.");
	/* In Complete the header is the object's, not this body's. */
	if (checksum != NULL && req->operation->takes_object &&
	    !is_base64_of(checksum, &req->sums, req->sum)) {
		char *message = mem_format("The %s you specified did not match "
					   "the calculated checksum.",
		    stub_digest_upper(req->sum));

		stub_request_refuse(req, 400, "BadDigest", message);
		free(message);
	}
}
