/* CompleteMultipartUpload: the list of parts becomes an object.
 *
 * The ETag is the MD5 of the parts' MD5s, a dash and their number. A COMPOSITE
 * checksum is made the same way; a FULL_OBJECT one by joining the parts' CRCs,
 * and both are compared with what the request says of them. */
#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_multipart.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_s3.h"
#include "tests/stub/stub_text.h"

struct listed {
	uint64_t number;
	char *etag;
	char *checksum; /* of the algorithm SUM */
	enum stub_sum sum;
};

struct listing {
	struct listed *parts;
	size_t count;
	int depth;
	bool bad;
	struct strbuf text;
};

static void XMLCALL
on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
	struct listing *list = data;

	(void)attributes; /* only xmlns */
	list->depth++;
	strbuf_reset(&list->text);
	if (list->depth == 1 && strcmp(name, "CompleteMultipartUpload") != 0)
		list->bad = true;
	if (list->depth != 2)
		return;
	if (strcmp(name, "Part") != 0 || list->count == STUB_PARTS_MAX) {
		list->bad = true;
		return;
	}
	list->parts = mem_grow(
	    list->parts, list->count + 1, sizeof(*list->parts));
	list->parts[list->count++] = (struct listed){.sum = STUB_SUM_NONE};
}

static void XMLCALL
on_text(void *data, const XML_Char *text, int length)
{
	struct listing *list = data;

	strbuf_add(&list->text, text, (size_t)length);
}

static void XMLCALL
on_end(void *data, const XML_Char *name)
{
	struct listing *list = data;
	const char *text = strbuf_text(&list->text);
	struct listed *part;

	list->depth--;
	if (list->depth != 2 || list->bad)
		return;
	part = &list->parts[list->count - 1];
	if (strcmp(name, "PartNumber") == 0) {
		if (stub_text_number(text, STUB_PARTS_MAX, &part->number) < 0)
			list->bad = true;
	} else if (strcmp(name, "ETag") == 0 && part->etag == NULL) {
		part->etag = mem_copy(text);
	} else if (strncmp(name, "Checksum", 8) == 0 &&
		   part->checksum == NULL) {
		part->sum = stub_digest_find(name + 8);
		part->checksum = mem_copy(text);
	} else {
		list->bad = true;
	}
}

static void
listing_done(struct listing *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->parts[i].etag);
		free(list->parts[i].checksum);
	}
	free(list->parts);
	strbuf_done(&list->text);
}

static bool
parse(struct stub_request *req, struct listing *list)
{
	XML_Parser parser = XML_ParserCreate(NULL);
	enum XML_Status status;

	if (parser == NULL)
		abort();
	XML_SetUserData(parser, list);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	status = XML_Parse(
	    parser, strbuf_text(&req->text), (int)req->text.length, 1);
	XML_ParserFree(parser);
	for (size_t i = 0; i < list->count; i++) {
		if (list->parts[i].number == 0 || list->parts[i].etag == NULL)
			list->bad = true;
	}
	if (status == XML_STATUS_OK && !list->bad && list->count > 0)
		return true;
	stub_request_refuse(req, 400, "MalformedXML",
	    "The XML you provided was not well-formed or did not validate "
	    "against our published schema");
	return false;
}

/* ETags are compared with and without their quotes. */
static bool
same_etag(const char *given, const char *kept)
{
	size_t length = strlen(kept) - 2;

	if (strcmp(given, kept) == 0)
		return true;
	return strlen(given) == length && strncmp(given, kept + 1, length) == 0;
}

static void
check_part(struct stub_request *req, const struct stub_upload *upload,
    const struct listed *listed, bool last)
{
	const struct stub_part *part = listed->number <= upload->highest
					   ? upload->parts[listed->number]
					   : NULL;

	if (part == NULL || !same_etag(listed->etag, part->etag) ||
	    (listed->checksum != NULL &&
		(part->checksum == NULL || listed->sum != upload->sum ||
		    strcmp(listed->checksum, part->checksum) != 0)))
		stub_request_refuse(req, 400, "InvalidPart",
		    "One or more of the specified parts could not be found. "
		    "The part may not have been uploaded, or the specified "
		    "entity tag may not match the part's entity tag.");
	else if (!last && part->size < req->stub->options.part_min)
		stub_request_refuse(req, 400, "EntityTooSmall",
		    "Your proposed upload is smaller than the minimum allowed "
		    "size");
	else if (listed->checksum == NULL && upload->composite &&
		 upload->sum != STUB_SUM_NONE)
		stub_request_refuse(req, 400, "InvalidRequest",
		    "The complete request must include the checksum for each "
		    "part.");
}

static void
check_parts(struct stub_request *req, const struct stub_upload *upload,
    const struct listing *list)
{
	for (size_t i = 1; i < list->count; i++) {
		if (list->parts[i].number <= list->parts[i - 1].number)
			stub_request_refuse(req, 400, "InvalidPartOrder",
			    "The list of parts was not in ascending order.");
	}
	for (size_t i = 0; i < list->count; i++)
		check_part(req, upload, &list->parts[i], i == list->count - 1);
}

static void
check_size(struct stub_request *req, const struct stub_upload *upload,
    const struct listing *list)
{
	const char *header = stub_request_header(req, "x-amz-mp-object-size");
	uint64_t claimed, size = 0;

	for (size_t i = 0; i < list->count; i++)
		size += upload->parts[list->parts[i].number]->size;
	if (header != NULL &&
	    (stub_text_number(header, UINT64_MAX, &claimed) < 0 ||
		claimed != size))
		stub_request_refuse(req, 400, "InvalidRequest",
		    "The provided 'x-amz-mp-object-size' header does not match "
		    "what was computed.");
}

/* The digest KIND of the parts' digests of that kind. */
static void
digest_of_digests(struct strbuf *buf, enum stub_sum kind,
    const struct stub_upload *upload, const struct listing *list, bool base64)
{
	struct stub_digest digest;
	struct stub_sums sums;

	stub_digest_begin(&digest, STUB_SUM_BIT(kind));
	for (size_t i = 0; i < list->count; i++)
		stub_digest_update(&digest,
		    upload->parts[list->parts[i].number]->sums.value[kind],
		    stub_digest_size(kind));
	stub_digest_end(&digest, &sums);
	if (base64)
		stub_text_base64(buf, sums.value[kind], stub_digest_size(kind));
	else
		stub_text_hex(buf, sums.value[kind], stub_digest_size(kind));
	strbuf_printf(buf, "-%zu", list->count);
}

static char *
checksum_of(const struct stub_upload *upload, const struct listing *list)
{
	struct strbuf buf = {0};
	unsigned char crc[32] = {0};

	if (upload->sum == STUB_SUM_NONE)
		return NULL;
	if (upload->composite) {
		digest_of_digests(&buf, upload->sum, upload, list, true);
		return strbuf_take(&buf);
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct stub_part
		    *part = upload->parts[list->parts[i].number];

		stub_digest_combine(upload->sum, crc,
		    part->sums.value[upload->sum], part->size);
	}
	stub_text_base64(&buf, crc, stub_digest_size(upload->sum));
	return strbuf_take(&buf);
}

/* The x-amz-checksum-* header of this request is the whole object's. */
static void
check_checksum(struct stub_request *req, const struct stub_upload *upload,
    const char *checksum)
{
	const char *type = stub_request_header(req, "x-amz-checksum-type");
	char *name;
	const char *given;

	if (type != NULL &&
	    (checksum == NULL ||
		strcmp(type, upload->composite ? "COMPOSITE" : "FULL_OBJECT") !=
		    0))
		stub_request_refuse(req, 400, "InvalidRequest",
		    "The upload was created using another checksum type.");
	if (req->sum == STUB_SUM_NONE)
		return;
	if (req->sum != upload->sum) {
		stub_request_refuse(req, 400, "InvalidRequest",
		    "The upload was created using another checksum.");
		return;
	}
	name = mem_format("x-amz-checksum-%s", stub_digest_name(req->sum));
	given = stub_request_header(req, name);
	free(name);
	if (given != NULL && checksum != NULL && strcmp(given, checksum) != 0)
		stub_request_refuse(req, 400, "BadDigest",
		    "The checksum you specified did not match the calculated "
		    "checksum.");
}

/* For the log: what GET would give. */
static void
hash_object(struct stub_request *req, struct stub_blob *blob)
{
	static char chunk[65536];
	const struct stub_options *options = &req->stub->options;
	struct stub_digest digest;
	struct stub_sums sums;
	struct strbuf hex = {0};
	uint64_t at = 0;
	ssize_t got;

	req->sha256[0] = '\0';
	if (!options->digests || options->discard)
		return;
	stub_digest_begin(&digest, STUB_SUM_BIT(STUB_SUM_SHA256));
	while ((got = stub_blob_read(blob, at, chunk, sizeof(chunk))) > 0) {
		stub_digest_update(&digest, chunk, (size_t)got);
		at += (uint64_t)got;
	}
	stub_digest_end(&digest, &sums);
	stub_text_hex(&hex, sums.value[STUB_SUM_SHA256], 32);
	memcpy(req->sha256, strbuf_text(&hex), sizeof(req->sha256));
	strbuf_done(&hex);
}

static struct stub_object *
build_object(struct stub_request *req, const struct stub_upload *upload,
    const struct listing *list)
{
	struct stub_object *object = stub_store_object_new(
	    req->bucket, req->key);
	struct strbuf etag = {0};
	int result = 0;

	object->blob = stub_blob_new(stub_store_pool(req->stub->store));
	for (size_t i = 0; result == 0 && i < list->count; i++)
		result = stub_blob_join(
		    object->blob, upload->parts[list->parts[i].number]->blob);
	if (result < 0) {
		stub_request_refuse(req, 507, "InsufficientStorage",
		    "The stub's memory or disk is full");
		stub_store_object_free(object);
		return NULL;
	}
	hash_object(req, object->blob);
	strbuf_putc(&etag, '"');
	if (req->stub->options.digests)
		digest_of_digests(&etag, STUB_SUM_MD5, upload, list, false);
	else
		strbuf_printf(&etag, "%032lx-%zu", req->number, list->count);
	strbuf_putc(&etag, '"');
	object->etag = strbuf_take(&etag);
	stub_pairs_copy(&object->headers, &upload->headers);
	object->sum = upload->sum;
	object->composite = upload->composite;
	object->checksum = checksum_of(upload, list);
	return object;
}

static void
answer_completed(struct stub_request *req, const struct stub_object *object)
{
	struct strbuf body = {0};
	char *name;

	strbuf_puts(&body,
	    "<CompleteMultipartUploadResult "
	    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	stub_text_element(&body, "Location", req->raw_path);
	stub_text_element(&body, "Bucket", object->bucket);
	stub_text_element(&body, "Key", object->key);
	stub_text_element(&body, "ETag", object->etag);
	if (object->checksum != NULL) {
		name = mem_format("Checksum%s", stub_digest_upper(object->sum));
		stub_text_element(&body, name, object->checksum);
		free(name);
		stub_text_element(&body, "ChecksumType",
		    object->composite ? "COMPOSITE" : "FULL_OBJECT");
	}
	strbuf_puts(&body, "</CompleteMultipartUploadResult>");
	stub_request_answer_xml(req, &body);
}

static void
complete_listed(struct stub_request *req, struct stub_upload *upload,
    const struct listing *list)
{
	struct stub_object *object;
	const struct stub_object *stored;
	char *checksum;

	check_parts(req, upload, list);
	if (req->answer.status == 0)
		check_size(req, upload, list);
	if (req->answer.status != 0)
		return;
	checksum = checksum_of(upload, list);
	check_checksum(req, upload, checksum);
	free(checksum);
	if (!stub_s3_condition(req))
		return;
	object = build_object(req, upload, list);
	stored = object != NULL ? stub_s3_store(req, object) : NULL;
	if (stored == NULL)
		return;
	stub_store_upload_drop(req->stub->store, upload);
	answer_completed(req, stored);
}

static void
complete_check(struct stub_request *req)
{
	(void)stub_multipart_find(req); /* both have refused by themselves */
	(void)stub_s3_condition(req);
}

static void
complete_finish(struct stub_request *req)
{
	struct stub_upload *upload = stub_multipart_find(req);
	struct listing list = {0};

	if (upload != NULL && parse(req, &list))
		complete_listed(req, upload, &list);
	listing_done(&list);
}

const struct stub_operation stub_multipart_complete = {
    "CompleteMultipartUpload", complete_check, complete_finish, false};
