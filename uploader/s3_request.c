/* S3 requests as they go on the wire (AWS, "Amazon S3 API Reference").
 *
 * The invariant of this module: what is signed is byte for byte what is sent.
 * The signature is computed from the very header lines handed to libcurl and
 * from the very URI in the URL, so host stands in the list although libcurl
 * would send it by itself. Signed are host and every x-amz-* header, as AWS
 * demands, and Content-Type; the others are not, since proxies may touch them.
 *
 * Lines are appended to one buffer, which moves while it grows; until the
 * last one stands, a draft keeps offsets and libcurl's pointers are not made.
 * After a slot's first requests nothing grows and nothing is allocated. */
#include "uploader/s3_request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/percent.h"
#include "common/timefmt.h"
#include "uploader/mbedtls_compat.h"

static const char unsigned_payload[] = "UNSIGNED-PAYLOAD";
/* SHA-256 of no bytes at all. */
static const char empty_payload[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

enum {
	CRC_HEX_MAX = 9 /* with its NUL */
};

/* A request in the making. */
struct draft {
	struct s3_request *request;
	const struct s3_client *client;
	int64_t now_ns;
	size_t line_at[S3_REQUEST_HEADERS_MAX]; /* in the request's text */
	size_t line_count;
	/* The signed ones among them, in ascending order of name. */
	struct signed_line {
		const char *name;
		size_t value_at; /* in the request's text */
	} signed_lines[S3_REQUEST_HEADERS_MAX];
	size_t signed_count;
	bool has_content_type;
};

static void
begin(struct draft *draft, const char *method, const char *key)
{
	const struct endpoint *endpoint = draft->client->endpoint;
	struct s3_request *request = draft->request;

	request->method = method;
	request->is_slow = false;
	request->header_count = 0;
	strbuf_reset(&request->text);
	strbuf_reset(&request->authorization);
	strbuf_reset(&request->url);
	strbuf_puts(&request->url, endpoint->scheme);
	strbuf_puts(&request->url, "://");
	strbuf_puts(&request->url, endpoint->host);
	request->uri_offset = request->url.length;
	endpoint_uri(endpoint, key, &request->url);
}

/* Adds "NAME: VALUE", or "NAME:" (with which libcurl drops a header of its
 * own) when VALUE is NULL. Returns where the value begins in the text. */
static size_t
add_line(struct draft *draft, const char *name, const char *value)
{
	struct strbuf *text = &draft->request->text;
	size_t value_at;

	assert(draft->line_count < S3_REQUEST_HEADERS_MAX);
	draft->line_at[draft->line_count++] = text->length;
	strbuf_puts(text, name);
	strbuf_puts(text, value != NULL ? ": " : ":");
	value_at = text->length;
	if (value != NULL)
		strbuf_puts(text, value);
	strbuf_putc(text, '\0');
	return value_at;
}

/* Adds a line that is signed. NAME is in lower case and outlives the draft.
 * The calls may come in any order: the signature wants the names sorted, which
 * an insertion does at no cost where they nearly are. */
static void
add_signed(struct draft *draft, const char *name, const char *value)
{
	struct signed_line line = {name, add_line(draft, name, value)};
	struct signed_line *lines = draft->signed_lines;
	size_t at = draft->signed_count++;

	for (; at > 0 && strcmp(name, lines[at - 1].name) < 0; at--)
		lines[at] = lines[at - 1];
	lines[at] = line;
}

static void
add_host(struct draft *draft)
{
	add_signed(draft, "host", draft->client->endpoint->host);
}

static void
add_payload_and_date(struct draft *draft, const char *payload_hash)
{
	add_signed(draft, "x-amz-content-sha256", payload_hash);
	add_signed(draft, "x-amz-date",
	    sigv4_date(draft->client->signer, draft->now_ns));
}

static void
add_session_token(struct draft *draft)
{
	const char *token = draft->client->credentials->session_token;

	if (token != NULL)
		add_signed(draft, "x-amz-security-token", token);
}

/* Adds what the user wants all requests of this USE to carry. */
static void
add_options(struct draft *draft, enum s3_use use)
{
	const struct s3_object_options *options = draft->client->options;

	for (size_t i = 0; options != NULL && i < options->count; i++) {
		const struct s3_object_header *header = &options->headers[i];

		if ((header->uses & use) == 0)
			continue;
		if (header->is_signed)
			add_signed(draft, header->name, header->value);
		else
			add_line(draft, header->name, header->value);
	}
}

/* Adds what the user wants of the new object KEY, made of a file changed at
 * MTIME_NS: for PutObject and CreateMultipartUpload. */
static void
add_object(struct draft *draft, const char *key, int64_t mtime_ns)
{
	const struct s3_object_options *options = draft->client->options;
	char mtime[S3_OBJECT_MTIME_MAX], until[TIMEFMT_MAX];

	if (options == NULL)
		return;
	draft->has_content_type = true;
	add_signed(draft, "content-type",
	    s3_object_options_content_type(options, key));
	if (options->sends_mtime)
		add_signed(draft, "x-amz-meta-mtime",
		    s3_object_options_mtime(mtime_ns, mtime));
	if (options->retain_ns > 0)
		add_signed(draft, "x-amz-object-lock-retain-until-date",
		    timefmt_rfc3339(draft->now_ns + options->retain_ns, until));
	add_options(draft, S3_USE_CREATE);
}

/* Signs the draft, adds the last lines, the canonical QUERY to the URL, and
 * makes libcurl's pointers. */
static void
finish(struct draft *draft, const char *query, const char *payload_hash)
{
	struct s3_request *request = draft->request;
	struct sigv4_header headers[S3_REQUEST_HEADERS_MAX];

	for (size_t i = 0; i < draft->signed_count; i++)
		headers[i] = (struct sigv4_header){draft->signed_lines[i].name,
		    request->text.data + draft->signed_lines[i].value_at};
	/* The URL still ends with the URI here. */
	sigv4_sign(draft->client->signer, draft->now_ns, request->method,
	    request->url.data + request->uri_offset, query, headers,
	    draft->signed_count, payload_hash, &request->authorization);
	if (*query != '\0') {
		strbuf_putc(&request->url, '?');
		strbuf_puts(&request->url, query);
	}
	add_line(draft, "Authorization", strbuf_text(&request->authorization));
	/* Of no use to a store, and waiting for "100 Continue" costs a small
	 * file a round trip. */
	add_line(draft, "Expect", NULL);
	add_line(draft, "Accept", NULL);
	if (!draft->has_content_type)
		add_line(draft, "Content-Type", NULL);
	for (size_t i = 0; i < draft->line_count; i++)
		request->headers[i] = request->text.data + draft->line_at[i];
	request->header_count = draft->line_count;
}

static void
crc_hex(uint32_t crc, char text[CRC_HEX_MAX])
{
	for (int i = 0; i < CRC_HEX_MAX - 1; i++)
		text[i] = "0123456789abcdef"[crc >> (28 - 4 * i) & 15];
	text[CRC_HEX_MAX - 1] = '\0';
}

void
s3_request_put(struct s3_request *request, const struct s3_client *client,
    const struct s3_put *put, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};
	const char *payload_hash = put->sha256_hex != NULL ? put->sha256_hex
							   : unsigned_payload;
	char hex[CRC_HEX_MAX];

	begin(&draft, "PUT", put->key);
	add_host(&draft);
	if (put->checksum_header != NULL)
		add_signed(&draft, put->checksum_header, put->checksum);
	add_payload_and_date(&draft, payload_hash);
	if (!client->endpoint->is_aws) {
		crc_hex(put->crc32c, hex);
		add_signed(&draft, "x-amz-meta-s3spool-crc32c", hex);
	}
	add_session_token(&draft);
	add_object(&draft, put->key, put->mtime_ns);
	if (put->if_none_match)
		add_line(&draft, "If-None-Match", "*");
	finish(&draft, "", payload_hash);
}

void
s3_request_head(struct s3_request *request, const struct s3_client *client,
    const char *key, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};

	begin(&draft, "HEAD", key);
	add_host(&draft);
	add_signed(&draft, "x-amz-checksum-mode", "ENABLED");
	add_payload_and_date(&draft, empty_payload);
	add_session_token(&draft);
	add_options(&draft, S3_USE_LOOK);
	finish(&draft, "", empty_payload);
}

void
s3_request_get(struct s3_request *request, const struct s3_client *client,
    const char *key, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};

	begin(&draft, "GET", key);
	add_host(&draft);
	add_payload_and_date(&draft, empty_payload);
	add_session_token(&draft);
	add_options(&draft, S3_USE_LOOK);
	add_line(&draft, "Range", "bytes=0-0");
	finish(&draft, "", empty_payload);
}

void
s3_request_delete(struct s3_request *request, const struct s3_client *client,
    const char *key, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};

	begin(&draft, "DELETE", key);
	add_host(&draft);
	add_payload_and_date(&draft, empty_payload);
	add_options(&draft, S3_USE_OTHER);
	add_session_token(&draft);
	finish(&draft, "", empty_payload);
}

void
s3_request_list(struct s3_request *request, const struct s3_client *client,
    const char *prefix, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};
	struct strbuf query = {0};

	begin(&draft, "GET", "");
	add_host(&draft);
	add_payload_and_date(&draft, empty_payload);
	add_options(&draft, S3_USE_OTHER);
	add_session_token(&draft);
	strbuf_puts(&query, "list-type=2&max-keys=1&prefix=");
	percent_encode_component(&query, prefix);
	finish(&draft, strbuf_text(&query), empty_payload);
	strbuf_done(&query);
}

/* --- multipart uploads -------------------------------------------------- */

/* "[BEFORE]uploadId=ID", in the order that the signature wants. */
static char *
upload_query(const char *before, const char *upload_id)
{
	struct strbuf query = {0};

	strbuf_puts(&query, before);
	strbuf_puts(&query, "uploadId=");
	percent_encode_component(&query, upload_id);
	return strbuf_take(&query);
}

static void
finish_upload_query(struct draft *draft, const char *before,
    const char *upload_id, const char *payload_hash)
{
	char *query = upload_query(before, upload_id);

	finish(draft, query, payload_hash);
	free(query);
}

void
s3_request_create(struct s3_request *request, const struct s3_client *client,
    const struct s3_create *create, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};

	begin(&draft, "POST", create->key);
	add_host(&draft);
	if (create->algorithm != NULL)
		add_signed(
		    &draft, "x-amz-checksum-algorithm", create->algorithm);
	if (create->full_object)
		add_signed(&draft, "x-amz-checksum-type", "FULL_OBJECT");
	add_object(&draft, create->key, create->mtime_ns);
	add_payload_and_date(&draft, empty_payload);
	add_session_token(&draft);
	finish(&draft, "uploads=", empty_payload);
}

void
s3_request_part(struct s3_request *request, const struct s3_client *client,
    const struct s3_part *part, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};
	const char *payload_hash = part->sha256_hex != NULL ? part->sha256_hex
							    : unsigned_payload;
	char before[32];

	begin(&draft, "PUT", part->key);
	add_host(&draft);
	if (part->checksum_header != NULL)
		add_signed(&draft, part->checksum_header, part->checksum);
	add_payload_and_date(&draft, payload_hash);
	add_options(&draft, S3_USE_PART);
	add_session_token(&draft);
	(void)snprintf(before, sizeof before, "partNumber=%d&",
	    part->number); /* at most 10000 */
	finish_upload_query(&draft, before, part->upload_id, payload_hash);
}

void
s3_request_list_parts(struct s3_request *request,
    const struct s3_client *client, const char *key, const char *upload_id,
    int marker, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};
	char before[64];

	begin(&draft, "GET", key);
	add_host(&draft);
	add_payload_and_date(&draft, empty_payload);
	add_options(&draft, S3_USE_PARTS);
	add_session_token(&draft);
	/* So few that the answer fits into S3_REPLY_BODY_MAX. */
	(void)snprintf(before, sizeof before,
	    "max-parts=100&part-number-marker=%d&", marker); /* bounded */
	finish_upload_query(&draft, before, upload_id, empty_payload);
}

void
s3_request_complete(struct s3_request *request, const struct s3_client *client,
    const struct s3_complete *complete, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};
	char size[24];

	begin(&draft, "POST", complete->key);
	request->is_slow = true;
	add_host(&draft);
	if (complete->checksum_header != NULL) {
		add_signed(
		    &draft, complete->checksum_header, complete->checksum);
		add_signed(&draft, "x-amz-checksum-type", "FULL_OBJECT");
	}
	(void)snprintf(size, sizeof size, "%lld",
	    (long long)complete->object_size); /* 20 digits fit */
	add_signed(&draft, "x-amz-mp-object-size", size);
	add_payload_and_date(&draft, complete->body_sha256_hex);
	add_options(&draft, S3_USE_PARTS);
	add_session_token(&draft);
	if (complete->if_none_match)
		add_line(&draft, "If-None-Match", "*");
	finish_upload_query(
	    &draft, "", complete->upload_id, complete->body_sha256_hex);
}

void
s3_request_abort(struct s3_request *request, const struct s3_client *client,
    const char *key, const char *upload_id, int64_t now_ns)
{
	struct draft draft = {
	    .request = request, .client = client, .now_ns = now_ns};

	begin(&draft, "DELETE", key);
	add_host(&draft);
	add_payload_and_date(&draft, empty_payload);
	add_options(&draft, S3_USE_OTHER);
	add_session_token(&draft);
	finish_upload_query(&draft, "", upload_id, empty_payload);
}

static void
wipe_and_done(struct strbuf *buf)
{
	if (buf->data != NULL)
		mbedtls_platform_zeroize(buf->data, buf->capacity);
	strbuf_done(buf);
}

void
s3_request_done(struct s3_request *request)
{
	if (request == NULL)
		return;
	strbuf_done(&request->url);
	wipe_and_done(&request->text); /* the session token is in it */
	strbuf_done(&request->authorization);
	request->header_count = 0;
}
