/* The S3 operations on whole objects, and what the others share with them.
 *
 * Any bucket exists. Conditions are looked at twice: from the headers, so that
 * Expect: 100-continue saves the body, and again before storing, since another
 * request may have stored the key meanwhile. */
#include "tests/stub/stub_s3.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_auth.h"
#include "tests/stub/stub_body.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_text.h"

/* Headers that stay with an object, besides x-amz-meta-*. Those that S3 does
 * not tell again on HEAD are told as x-stub-*, for the tests to see. */
static const struct {
	const char *name;
	const char *told;
} kept_headers[] = {
    {"cache-control", "Cache-Control"},
    {"content-disposition", "Content-Disposition"},
    {"content-encoding", "Content-Encoding"},
    {"content-language", "Content-Language"},
    {"content-type", "Content-Type"},
    {"expires", "Expires"},
    {"x-amz-acl", "x-stub-acl"},
    {"x-amz-tagging", "x-stub-tagging"},
    {"x-amz-request-payer", "x-stub-request-payer"},
    {"x-amz-server-side-encryption-context", "x-stub-encryption-context"},
    {"x-amz-object-lock-legal-hold", "x-amz-object-lock-legal-hold"},
    {"x-amz-object-lock-mode", "x-amz-object-lock-mode"},
    {"x-amz-object-lock-retain-until-date",
	"x-amz-object-lock-retain-until-date"},
    {"x-amz-server-side-encryption", "x-amz-server-side-encryption"},
    {"x-amz-server-side-encryption-aws-kms-key-id",
	"x-amz-server-side-encryption-aws-kms-key-id"},
    {"x-amz-server-side-encryption-bucket-key-enabled",
	"x-amz-server-side-encryption-bucket-key-enabled"},
    {"x-amz-server-side-encryption-customer-algorithm",
	"x-amz-server-side-encryption-customer-algorithm"},
    {"x-amz-server-side-encryption-customer-key-md5",
	"x-amz-server-side-encryption-customer-key-MD5"},
    {"x-amz-storage-class", "x-amz-storage-class"},
    {"x-amz-website-redirect-location", "x-amz-website-redirect-location"},
};

void
stub_s3_keep_headers(struct stub_pairs *kept, const struct stub_request *req)
{
	for (size_t i = 0; i < req->headers.count; i++) {
		const struct stub_pair *pair = &req->headers.items[i];

		if (strncmp(pair->name, "x-amz-meta-", 11) == 0)
			stub_pairs_add(kept, pair->name, pair->value);
	}
	for (size_t i = 0; i < sizeof(kept_headers) / sizeof(*kept_headers);
	     i++) {
		const char *value = stub_request_header(
		    req, kept_headers[i].name);

		if (value != NULL)
			stub_pairs_add(kept, kept_headers[i].told, value);
	}
}

static unsigned
no_checksums(const struct stub_request *req)
{
	return req->fault->no_checksums != 0 ? req->fault->no_checksums
					     : req->stub->options.no_checksums;
}

static void
check_modes(struct stub_request *req)
{
	const char *owner = stub_request_header(
	    req, "x-amz-expected-bucket-owner");
	unsigned status = no_checksums(req);

	for (size_t i = 0; status != 0 && i < req->headers.count; i++) {
		const char *name = req->headers.items[i].name;

		if (strcmp(name, "x-amz-checksum-mode") != 0 &&
		    (strncmp(name, "x-amz-checksum-", 15) == 0 ||
			strncmp(name, "x-amz-sdk-", 10) == 0))
			stub_request_refuse(req, status,
			    status == 501 ? "NotImplemented"
					  : "InvalidArgument",
			    "A header you provided implies functionality that "
			    "is not implemented");
	}
	if (owner != NULL && req->stub->options.owner != NULL &&
	    strcmp(owner, req->stub->options.owner) != 0)
		stub_request_refuse(req, 403, "AccessDenied", "Access Denied");
}

static bool
is_bucket_name(const char *name)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

	return strlen(name) >= 3 && strlen(name) <= 63 &&
	       strspn(name, allowed) == strlen(name);
}

void
stub_s3_check(struct stub_request *req)
{
	if (req->uri_bad)
		stub_request_refuse(req, 400, "InvalidURI",
		    "Couldn't parse the specified URI.");
	else if (*req->bucket != '\0' && !is_bucket_name(req->bucket))
		stub_request_refuse(req, 400, "InvalidBucketName",
		    "The specified bucket is not valid.");
	if (req->answer.status == 0)
		stub_auth_check_s3(req);
	check_modes(req);
	if (req->answer.status == 0)
		stub_body_check_headers(req);
}

bool
stub_s3_condition(struct stub_request *req)
{
	const char *value = stub_request_header(req, "if-none-match");
	const struct stub_options *options = &req->stub->options;
	const struct stub_fault *fault = req->fault;

	if (value == NULL || req->answer.status != 0)
		return req->answer.status == 0;
	if (options->no_conditions || fault->no_conditions) {
		stub_request_refuse_with(req, 501, "NotImplemented",
		    "A header you provided implies functionality that is not "
		    "implemented",
		    "<Header>If-None-Match</Header>");
		return false;
	}
	if (options->ignore_conditions || fault->ignore_conditions)
		return true;
	if (strcmp(value, "*") != 0)
		stub_request_refuse(req, 501, "NotImplemented",
		    "If-None-Match takes only * here");
	else if (stub_store_find(req->stub->store, req->bucket, req->key))
		stub_request_refuse_with(req,
		    options->answer_304 || fault->answer_304 ? 304 : 412,
		    "PreconditionFailed",
		    "At least one of the pre-conditions you specified did not "
		    "hold",
		    "<Condition>If-None-Match</Condition>");
	return req->answer.status == 0;
}

void
stub_s3_check_lock(struct stub_request *req, const struct stub_pairs *headers)
{
	if (stub_pairs_get(headers, "x-amz-object-lock-mode") != NULL &&
	    req->sum == STUB_SUM_NONE &&
	    stub_request_header(req, "content-md5") == NULL)
		stub_request_refuse(req, 400, "InvalidRequest",
		    "Content-MD5 OR x-amz-checksum- HTTP header is required "
		    "for "
		    "Put Object requests with Object Lock parameters");
}

void
stub_s3_add_checksum(struct stub_request *req, enum stub_sum sum,
    const char *value, bool composite)
{
	char *name;

	if (value == NULL)
		return;
	name = mem_format("x-amz-checksum-%s", stub_digest_name(sum));
	stub_pairs_set(&req->answer.headers, name, value);
	free(name);
	stub_pairs_set(&req->answer.headers, "x-amz-checksum-type",
	    composite ? "COMPOSITE" : "FULL_OBJECT");
}

const struct stub_object *
stub_s3_store(struct stub_request *req, struct stub_object *object)
{
	struct stub_pairs *headers = &req->answer.headers;
	int result;

	if (req->stub->options.versions)
		(void)snprintf(object->version, sizeof(object->version),
		    "v%016llx%08lx", (long long)stub_now(req->stub, NULL),
		    req->number);
	object->modified = stub_now(req->stub, NULL);
	object->size = stub_blob_size(object->blob);
	memcpy(object->sha256, req->sha256, sizeof(object->sha256));
	result = stub_store_put(req->stub->store, object);
	if (result < 0) {
		stub_request_refuse(req, result == -ENOSPC ? 507 : 500,
		    result == -ENOSPC ? "InsufficientStorage" : "InternalError",
		    "The stub cannot keep the object");
		return NULL;
	}
	req->stored = true;
	req->stored_bytes = object->size;
	if (*object->version != '\0')
		stub_pairs_set(headers, "x-amz-version-id", object->version);
	for (size_t i = 0; i < object->headers.count; i++) {
		const struct stub_pair *pair = &object->headers.items[i];

		if (strncmp(pair->name, "x-amz-server-side-", 18) == 0)
			stub_pairs_set(headers, pair->name, pair->value);
	}
	return object;
}

static void
check_tags(struct stub_request *req)
{
	const char *tags = stub_request_header(req, "x-amz-tagging");
	unsigned count = 1;

	for (; tags != NULL && *tags != '\0'; tags++)
		count += *tags == '&';
	if (count > 10)
		stub_request_refuse(req, 400, "InvalidTag",
		    "Object tags cannot be greater than 10");
}

static void
put_check(struct stub_request *req)
{
	struct stub_pairs headers = {0};

	if (stub_request_header(req, "x-amz-copy-source") != NULL)
		stub_request_refuse(req, 501, "NotImplemented",
		    "The stub does not copy objects");
	check_tags(req);
	stub_s3_keep_headers(&headers, req);
	stub_s3_check_lock(req, &headers);
	stub_pairs_done(&headers);
	(void)stub_s3_condition(req); /* it has refused by itself */
}

/* The MD5 in quotes; without one something that cannot be taken for it. */
static char *
etag_of(const struct stub_request *req)
{
	struct strbuf etag = {0};

	strbuf_putc(&etag, '"');
	if (req->sums.mask & STUB_SUM_BIT(STUB_SUM_MD5))
		stub_text_hex(&etag, req->sums.value[STUB_SUM_MD5], 16);
	else
		strbuf_printf(&etag, "%032lx-0", req->number);
	strbuf_putc(&etag, '"');
	return strbuf_take(&etag);
}

static void
put_finish(struct stub_request *req)
{
	struct stub_object *object;
	const struct stub_object *stored;

	if (!stub_s3_condition(req))
		return;
	object = stub_store_object_new(req->bucket, req->key);
	object->blob = req->blob;
	req->blob = NULL;
	object->etag = etag_of(req);
	stub_s3_keep_headers(&object->headers, req);
	if (req->sum != STUB_SUM_NONE) {
		struct strbuf value = {0};

		stub_text_base64(&value, req->sums.value[req->sum],
		    stub_digest_size(req->sum));
		object->sum = req->sum;
		object->checksum = strbuf_take(&value);
	}
	stored = stub_s3_store(req, object);
	if (stored == NULL)
		return;
	stub_pairs_set(&req->answer.headers, "ETag", stored->etag);
	stub_s3_add_checksum(req, stored->sum, stored->checksum, false);
	stub_request_answer(req, 200);
}

/* An object under a customer's key is told only to who names the same key. */
static bool
has_customer_key(
    const struct stub_request *req, const struct stub_object *object)
{
	static const char name[] =
	    "x-amz-server-side-encryption-customer-key-MD5";
	const char *given = stub_request_header(req, name);
	const char *kept = stub_pairs_get(&object->headers, name);

	return kept == NULL || (given != NULL && strcmp(given, kept) == 0);
}

static void
tell_object(struct stub_request *req, const struct stub_object *object)
{
	struct stub_pairs *headers = &req->answer.headers;
	const char *mode = stub_request_header(req, "x-amz-checksum-mode");
	const char *class;

	stub_pairs_set(headers, "Content-Type", "binary/octet-stream");
	for (size_t i = 0; i < object->headers.count; i++)
		stub_pairs_set(headers, object->headers.items[i].name,
		    object->headers.items[i].value);
	class = stub_pairs_get(headers, "x-amz-storage-class");
	if (class != NULL && strcmp(class, "STANDARD") == 0)
		stub_pairs_set(headers, "x-amz-storage-class", NULL);
	stub_pairs_set(headers, "ETag", object->etag);
	stub_pairs_set(headers, "Accept-Ranges", "bytes");
	stub_pairs_set(
	    headers, "Last-Modified", stub_text_http_date(object->modified));
	if (*object->version != '\0')
		stub_pairs_set(headers, "x-amz-version-id", object->version);
	if (mode != NULL && strcmp(mode, "ENABLED") == 0 &&
	    no_checksums(req) == 0)
		stub_s3_add_checksum(
		    req, object->sum, object->checksum, object->composite);
}

static void
get_finish(struct stub_request *req)
{
	struct stub_object *object = stub_store_find(
	    req->stub->store, req->bucket, req->key);

	if (object == NULL) {
		stub_request_refuse(
		    req, 404, "NoSuchKey", "The specified key does not exist.");
		return;
	}
	if (!has_customer_key(req, object)) {
		stub_request_refuse(req, 400, "InvalidRequest",
		    "The object was stored using a form of Server Side "
		    "Encryption. The correct parameters must be provided to "
		    "retrieve the object.");
		return;
	}
	req->answer.blob = stub_blob_open(object->blob);
	if (req->answer.blob == NULL) {
		stub_request_refuse(
		    req, 500, "InternalError", "The stub cannot open its file");
		return;
	}
	tell_object(req, object);
	memcpy(req->sha256, object->sha256, sizeof(req->sha256));
	req->stored_bytes = object->size;
	stub_request_answer(req, 200);
}

static void
delete_finish(struct stub_request *req)
{
	stub_store_delete(req->stub->store, req->bucket, req->key);
	stub_request_answer(req, 204);
}

static void
ok_finish(struct stub_request *req)
{
	stub_pairs_set(&req->answer.headers, "x-amz-bucket-region",
	    req->stub->options.region);
	stub_request_answer(req, 200);
}

static void
gone_finish(struct stub_request *req)
{
	stub_request_answer(req, 204);
}

static void
unknown_finish(struct stub_request *req)
{
	stub_request_refuse(req, 501, "NotImplemented",
	    "The stub does not know this operation");
}

const struct stub_operation stub_s3_put = {
    "PutObject", put_check, put_finish, true};
const struct stub_operation stub_s3_get = {
    "GetObject", NULL, get_finish, false};
const struct stub_operation stub_s3_head = {
    "HeadObject", NULL, get_finish, false};
const struct stub_operation stub_s3_delete = {
    "DeleteObject", NULL, delete_finish, false};
const struct stub_operation stub_s3_create_bucket = {
    "CreateBucket", NULL, ok_finish, false};
const struct stub_operation stub_s3_head_bucket = {
    "HeadBucket", NULL, ok_finish, false};
const struct stub_operation stub_s3_delete_bucket = {
    "DeleteBucket", NULL, gone_finish, false};
const struct stub_operation stub_s3_unknown = {
    "Unknown", NULL, unknown_finish, false};
