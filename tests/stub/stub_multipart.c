/* Multipart uploads: create, upload a part, abort. stub_complete.c has the
 * rest.
 *
 * The checksum's algorithm and type are fixed when the upload is created
 * (AWS, "Checking object integrity for data uploads": CRC-64/NVME is
 * FULL_OBJECT only, the hashes COMPOSITE only, the other CRCs either); each
 * part must then carry that checksum, unless it is a FULL_OBJECT one, which the
 * server can calculate by itself. */
#include "tests/stub/stub_multipart.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_s3.h"
#include "tests/stub/stub_text.h"

struct stub_upload *
stub_multipart_find(struct stub_request *req)
{
	struct stub_upload *upload = stub_store_upload_find(
	    req->stub->store, req);

	if (upload == NULL)
		stub_request_refuse(req, 404, "NoSuchUpload",
		    "The specified multipart upload does not exist. The upload "
		    "ID might be invalid, or the multipart upload might have "
		    "been aborted or completed.");
	return upload;
}

/* Reads the two headers; refuses what does not go together. */
static void
checksum_wanted(
    struct stub_request *req, enum stub_sum *ret_sum, bool *ret_composite)
{
	const char *algorithm = stub_request_header(
	    req, "x-amz-checksum-algorithm");
	const char *type = stub_request_header(req, "x-amz-checksum-type");
	enum stub_sum sum = STUB_SUM_NONE;
	bool composite;

	if (algorithm != NULL) {
		sum = stub_digest_find(algorithm);
		if (sum == STUB_SUM_NONE)
			stub_request_refuse(req, 400, "InvalidRequest",
			    "Checksum algorithm provided is unsupported.");
	}
	composite = sum != STUB_SUM_CRC64NVME;
	if (type != NULL) {
		composite = strcasecmp(type, "COMPOSITE") == 0;
		if (sum == STUB_SUM_NONE ||
		    (composite && sum == STUB_SUM_CRC64NVME) ||
		    (!composite && !stub_digest_is_crc(sum)) ||
		    (!composite && strcasecmp(type, "FULL_OBJECT") != 0))
			stub_request_refuse(req, 400, "InvalidRequest",
			    "The checksum type cannot be used with the "
			    "specified checksum algorithm.");
	}
	*ret_sum = sum;
	*ret_composite = composite;
}

static void
create_check(struct stub_request *req)
{
	enum stub_sum sum;
	bool composite;

	checksum_wanted(req, &sum, &composite);
}

static void
create_finish(struct stub_request *req)
{
	struct stub_upload *upload = stub_store_upload_new(
	    req->stub->store, req->bucket, req->key);
	struct strbuf body = {0};

	if (upload == NULL) {
		stub_request_refuse(
		    req, 503, "SlowDown", "The stub keeps no more uploads");
		return;
	}
	checksum_wanted(req, &upload->sum, &upload->composite);
	stub_s3_keep_headers(&upload->headers, req);
	upload->initiated = stub_now(req->stub, NULL);
	if (upload->sum != STUB_SUM_NONE) {
		stub_pairs_set(&req->answer.headers, "x-amz-checksum-algorithm",
		    stub_digest_upper(upload->sum));
		stub_pairs_set(&req->answer.headers, "x-amz-checksum-type",
		    upload->composite ? "COMPOSITE" : "FULL_OBJECT");
	}
	strbuf_puts(&body,
	    "<InitiateMultipartUploadResult "
	    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	stub_text_element(&body, "Bucket", req->bucket);
	stub_text_element(&body, "Key", req->key);
	stub_text_element(&body, "UploadId", upload->id);
	strbuf_puts(&body, "</InitiateMultipartUploadResult>");
	stub_request_answer_xml(req, &body);
}

static size_t
part_number(struct stub_request *req)
{
	const char *text = stub_request_query(req, "partNumber");
	uint64_t number = 0;

	if (text == NULL ||
	    stub_text_number(text, STUB_PARTS_MAX, &number) < 0 || number == 0)
		stub_request_refuse(req, 400, "InvalidArgument",
		    "Part number must be an integer between 1 and 10000, "
		    "inclusive");
	return (size_t)number;
}

static void
check_part_checksum(struct stub_request *req, const struct stub_upload *upload)
{
	const char *wanted = upload->sum != STUB_SUM_NONE
				 ? stub_digest_name(upload->sum)
				 : "null";
	const char *given = req->sum != STUB_SUM_NONE
				? stub_digest_name(req->sum)
				: "null";
	char *message;

	if (req->sum == STUB_SUM_NONE && !upload->composite)
		req->sum = upload->sum;
	if (req->sum == upload->sum)
		return;
	message = mem_format("Checksum Type mismatch occurred, expected "
			     "checksum Type: %s, actual checksum Type: %s",
	    wanted, given);
	stub_request_refuse(req, 400, "InvalidRequest", message);
	free(message);
}

static void
part_check(struct stub_request *req)
{
	struct stub_upload *upload = stub_multipart_find(req);

	(void)part_number(req); /* it has refused by itself */
	if (upload == NULL)
		return;
	check_part_checksum(req, upload);
	stub_s3_check_lock(req, &upload->headers);
}

static void
part_finish(struct stub_request *req)
{
	/* It may have been aborted while the body came. */
	struct stub_upload *upload = stub_multipart_find(req);
	size_t number = part_number(req);
	struct stub_part *part;
	struct strbuf etag = {0}, value = {0};

	if (upload == NULL || number == 0)
		return;
	part = mem_zero(1, sizeof(*part));
	part->blob = req->blob;
	req->blob = NULL;
	part->size = stub_blob_size(part->blob);
	part->sums = req->sums;
	part->modified = stub_now(req->stub, NULL);
	strbuf_putc(&etag, '"');
	if (req->sums.mask & STUB_SUM_BIT(STUB_SUM_MD5))
		stub_text_hex(&etag, req->sums.value[STUB_SUM_MD5], 16);
	else
		strbuf_printf(&etag, "%032lx-0", req->number);
	strbuf_putc(&etag, '"');
	part->etag = strbuf_take(&etag);
	if (req->sum != STUB_SUM_NONE) {
		stub_text_base64(&value, req->sums.value[req->sum],
		    stub_digest_size(req->sum));
		part->checksum = strbuf_take(&value);
	}
	stub_store_part_put(upload, number, part);
	req->stored = true;
	req->stored_bytes = part->size;
	stub_pairs_set(&req->answer.headers, "ETag", part->etag);
	stub_s3_add_checksum(req, req->sum, part->checksum, upload->composite);
	stub_pairs_set(&req->answer.headers, "x-amz-checksum-type", NULL);
	stub_request_answer(req, 200);
}

static void
abort_finish(struct stub_request *req)
{
	struct stub_upload *upload = stub_multipart_find(req);

	if (upload == NULL)
		return;
	stub_store_upload_drop(req->stub->store, upload);
	stub_request_answer(req, 204);
}

const struct stub_operation stub_multipart_create = {
    "CreateMultipartUpload", create_check, create_finish, false};
const struct stub_operation stub_multipart_part = {
    "UploadPart", part_check, part_finish, true};
const struct stub_operation stub_multipart_abort = {
    "AbortMultipartUpload", NULL, abort_finish, false};
