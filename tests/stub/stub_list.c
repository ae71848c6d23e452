/* The operations that list: objects, uploads, parts, tags.
 *
 * Pages have at most --page entries (1000 unless told), so that a test can make
 * a client turn pages without thousands of objects. A continuation token is the
 * last key of the page, in hex. */
#include "tests/stub/stub_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/stub/stub_multipart.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_store.h"
#include "tests/stub/stub_text.h"

#define NAMESPACE " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"

static void
number_element(struct strbuf *body, const char *name, uint64_t number)
{
	strbuf_printf(
	    body, "<%s>%llu</%s>", name, (unsigned long long)number, name);
}

/* The parameter as a number of at most MAX; what it is not asks for MAX. */
static uint64_t
number_of(const struct stub_request *req, const char *name, uint64_t max)
{
	const char *text = stub_request_query(req, name);
	uint64_t number;

	if (text == NULL || stub_text_number(text, UINT32_MAX, &number) < 0)
		return max;
	return number < max ? number : max;
}

static const char *
text_of(const struct stub_request *req, const char *name)
{
	const char *text = stub_request_query(req, name);

	return text != NULL ? text : "";
}

/* A key as element NAME, percent-encoded where that was asked for. */
static void
key_element(const struct stub_request *req, struct strbuf *body,
    const char *name, const char *key)
{
	struct strbuf text = {0};

	if (strcmp(text_of(req, "encoding-type"), "url") == 0)
		stub_text_percent(&text, key, true);
	else
		strbuf_puts(&text, key);
	stub_text_element(body, name, strbuf_text(&text));
	strbuf_done(&text);
}

/* The key after which the page begins. */
static char *
start_of(const struct stub_request *req)
{
	const char *token = stub_request_query(req, "continuation-token");
	const char *marker = stub_request_query(req, "marker");
	struct strbuf key = {0};

	if (marker != NULL) /* ListObjects, the first version */
		return mem_copy(marker);
	if (token == NULL)
		return mem_copy(text_of(req, "start-after"));
	for (; token[0] != '\0' && token[1] != '\0'; token += 2) {
		char escape[4] = {'%', token[0], token[1], '\0'};

		(void)stub_text_unpercent(&key, escape, 3, false);
	}
	return strbuf_take(&key);
}

static void
object_entry(const struct stub_request *req, struct strbuf *body,
    const struct stub_object *object)
{
	const char *class = stub_pairs_get(
	    &object->headers, "x-amz-storage-class");

	strbuf_puts(body, "<Contents>");
	key_element(req, body, "Key", object->key);
	stub_text_element(
	    body, "LastModified", stub_text_iso_date(object->modified, 0));
	stub_text_element(body, "ETag", object->etag);
	if (object->checksum != NULL)
		stub_text_element(
		    body, "ChecksumAlgorithm", stub_digest_upper(object->sum));
	number_element(body, "Size", object->size);
	stub_text_element(
	    body, "StorageClass", class != NULL ? class : "STANDARD");
	strbuf_puts(body, "</Contents>");
}

static void
objects_finish(struct stub_request *req)
{
	uint64_t max = number_of(req, "max-keys", req->stub->options.page_max);
	char *start = start_of(req);
	struct strbuf body = {0}, entries = {0};
	size_t count, from = 0, shown = 0;
	struct stub_object **list = stub_store_list(
	    req->stub->store, req->bucket, text_of(req, "prefix"), &count);

	while (from < count && strcmp(list[from]->key, start) <= 0)
		from++;
	for (; from < count && shown < max; from++, shown++)
		object_entry(req, &entries, list[from]);
	strbuf_puts(&body, "<ListBucketResult" NAMESPACE);
	stub_text_element(&body, "Name", req->bucket);
	key_element(req, &body, "Prefix", text_of(req, "prefix"));
	number_element(&body, "KeyCount", shown);
	number_element(&body, "MaxKeys", max);
	stub_text_element(
	    &body, "IsTruncated", from < count ? "true" : "false");
	if (from < count && shown > 0) {
		const char *last = list[from - 1]->key;

		strbuf_puts(&body, "<NextContinuationToken>");
		stub_text_hex(&body, last, strlen(last));
		strbuf_puts(&body, "</NextContinuationToken>");
	}
	strbuf_puts(&body, strbuf_text(&entries));
	strbuf_puts(&body, "</ListBucketResult>");
	strbuf_done(&entries);
	free(list);
	free(start);
	stub_request_answer_xml(req, &body);
}

static bool
is_after_marker(
    const struct stub_request *req, const struct stub_upload *upload)
{
	const char *id = stub_request_query(req, "upload-id-marker");
	int order = strcmp(upload->key, text_of(req, "key-marker"));

	return order > 0 ||
	       (order == 0 && id != NULL && strcmp(upload->id, id) > 0);
}

static void
upload_entry(const struct stub_request *req, struct strbuf *body,
    const struct stub_upload *upload)
{
	strbuf_puts(body, "<Upload>");
	key_element(req, body, "Key", upload->key);
	stub_text_element(body, "UploadId", upload->id);
	stub_text_element(body, "StorageClass", "STANDARD");
	stub_text_element(
	    body, "Initiated", stub_text_iso_date(upload->initiated, 0));
	strbuf_puts(body, "</Upload>");
}

static void
uploads_finish(struct stub_request *req)
{
	uint64_t max = number_of(
	    req, "max-uploads", req->stub->options.page_max);
	const char *prefix = text_of(req, "prefix");
	struct strbuf body = {0}, entries = {0};
	size_t count, shown = 0;
	struct stub_upload **list = stub_store_uploads(
	    req->stub->store, req->bucket, &count);
	const struct stub_upload *last = NULL;
	bool more = false;

	for (size_t i = 0; i < count && !more; i++) {
		if (strncmp(list[i]->key, prefix, strlen(prefix)) != 0 ||
		    !is_after_marker(req, list[i]))
			continue;
		more = shown == max;
		if (more)
			break;
		upload_entry(req, &entries, list[i]);
		last = list[i];
		shown++;
	}
	strbuf_puts(&body, "<ListMultipartUploadsResult" NAMESPACE);
	stub_text_element(&body, "Bucket", req->bucket);
	key_element(req, &body, "KeyMarker", text_of(req, "key-marker"));
	if (more && last != NULL) {
		key_element(req, &body, "NextKeyMarker", last->key);
		stub_text_element(&body, "NextUploadIdMarker", last->id);
	}
	number_element(&body, "MaxUploads", max);
	stub_text_element(&body, "IsTruncated", more ? "true" : "false");
	strbuf_puts(&body, strbuf_text(&entries));
	strbuf_puts(&body, "</ListMultipartUploadsResult>");
	strbuf_done(&entries);
	free(list);
	stub_request_answer_xml(req, &body);
}

static void
part_entry(struct strbuf *body, const struct stub_upload *upload, size_t number)
{
	const struct stub_part *part = upload->parts[number];

	strbuf_puts(body, "<Part>");
	number_element(body, "PartNumber", number);
	stub_text_element(
	    body, "LastModified", stub_text_iso_date(part->modified, 0));
	stub_text_element(body, "ETag", part->etag);
	if (part->checksum != NULL) {
		char *name = mem_format(
		    "Checksum%s", stub_digest_upper(upload->sum));

		stub_text_element(body, name, part->checksum);
		free(name);
	}
	number_element(body, "Size", part->size);
	strbuf_puts(body, "</Part>");
}

static void
parts_finish(struct stub_request *req)
{
	const struct stub_upload *upload = stub_multipart_find(req);
	uint64_t max = number_of(req, "max-parts", req->stub->options.page_max);
	const char *marker = stub_request_query(req, "part-number-marker");
	uint64_t first = 0, shown = 0;
	struct strbuf body = {0}, entries = {0};
	size_t last = 0, number;

	if (upload == NULL)
		return;
	if (marker != NULL)
		(void)stub_text_number(marker, STUB_PARTS_MAX, &first);
	for (number = (size_t)first + 1; number <= upload->highest; number++) {
		if (upload->parts[number] == NULL)
			continue;
		if (shown == max)
			break;
		part_entry(&entries, upload, number);
		last = number;
		shown++;
	}
	strbuf_puts(&body, "<ListPartsResult" NAMESPACE);
	stub_text_element(&body, "Bucket", req->bucket);
	stub_text_element(&body, "Key", req->key);
	stub_text_element(&body, "UploadId", upload->id);
	number_element(&body, "PartNumberMarker", first);
	number_element(&body, "NextPartNumberMarker", last);
	number_element(&body, "MaxParts", max);
	stub_text_element(
	    &body, "IsTruncated", number <= upload->highest ? "true" : "false");
	if (upload->sum != STUB_SUM_NONE) {
		stub_text_element(
		    &body, "ChecksumAlgorithm", stub_digest_upper(upload->sum));
		stub_text_element(&body, "ChecksumType",
		    upload->composite ? "COMPOSITE" : "FULL_OBJECT");
	}
	strbuf_puts(&body, strbuf_text(&entries));
	strbuf_puts(&body, "</ListPartsResult>");
	strbuf_done(&entries);
	stub_request_answer_xml(req, &body);
}

/* The tags came as a form, "a=b&c=d". */
static void
tags_finish(struct stub_request *req)
{
	const struct stub_object *object = stub_store_find(
	    req->stub->store, req->bucket, req->key);
	const char *at;
	struct strbuf body = {0};

	if (object == NULL) {
		stub_request_refuse(
		    req, 404, "NoSuchKey", "The specified key does not exist.");
		return;
	}
	at = stub_pairs_get(&object->headers, "x-stub-tagging");
	strbuf_puts(&body, "<Tagging" NAMESPACE "<TagSet>");
	while (at != NULL && *at != '\0') {
		size_t length = strcspn(at, "&"), name = strcspn(at, "=&");
		struct strbuf key = {0}, value = {0};

		(void)stub_text_unpercent(&key, at, name, true);
		if (name < length)
			(void)stub_text_unpercent(
			    &value, at + name + 1, length - name - 1, true);
		strbuf_puts(&body, "<Tag>");
		stub_text_element(&body, "Key", strbuf_text(&key));
		stub_text_element(&body, "Value", strbuf_text(&value));
		strbuf_puts(&body, "</Tag>");
		strbuf_done(&key);
		strbuf_done(&value);
		at += length + (at[length] == '&');
	}
	strbuf_puts(&body, "</TagSet></Tagging>");
	stub_request_answer_xml(req, &body);
}

static void
location_finish(struct stub_request *req)
{
	struct strbuf body = {0};

	strbuf_puts(&body, "<LocationConstraint" NAMESPACE);
	stub_text_xml(&body, req->stub->options.region);
	strbuf_puts(&body, "</LocationConstraint>");
	stub_request_answer_xml(req, &body);
}

const struct stub_operation stub_list_objects = {
    "ListObjectsV2", NULL, objects_finish, false};
const struct stub_operation stub_list_uploads = {
    "ListMultipartUploads", NULL, uploads_finish, false};
const struct stub_operation stub_list_parts = {
    "ListParts", NULL, parts_finish, false};
const struct stub_operation stub_list_tags = {
    "GetObjectTagging", NULL, tags_finish, false};
const struct stub_operation stub_list_location = {
    "GetBucketLocation", NULL, location_finish, false};
