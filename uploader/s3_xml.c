/* Reading S3's answers with expat; see s3_xml.h.
 *
 * Elements of interest are the root's children and grandchildren
 * (ListPartsResult/Part/ETag). A document type declaration ends the reading,
 * so no entity is ever defined, let alone expanded. */
#include "uploader/s3_xml.h"

#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { DEPTH_MAX = 16, LISTED_MAX = 10000 };

struct reading {
	XML_Parser parser;
	const char *root;
	const struct s3_xml_handler *handler;
	void *context;
	int depth;
	bool is_leaf; /* the element at hand has no child so far */
	bool is_cut;
	struct strbuf outer, text;
};

static void
stop(struct reading *reading)
{
	/* Fails only when it is stopped already. */
	(void)XML_StopParser(reading->parser, XML_FALSE);
}

static const char *
local_name(const XML_Char *name)
{
	const char *colon = strchr(name, ':');

	return colon != NULL ? colon + 1 : name;
}

static void XMLCALL
on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = data;

	(void)attributes;
	name = local_name(name);
	/* Of mixed content, the text before the first child counts. */
	if (reading->depth == 2 && reading->is_leaf && reading->text.length > 0)
		reading->handler->value(reading->context, "",
		    strbuf_text(&reading->outer), strbuf_text(&reading->text));
	reading->depth++;
	reading->is_leaf = true;
	reading->is_cut = false;
	strbuf_reset(&reading->text);
	if (reading->depth > DEPTH_MAX ||
	    (reading->depth == 1 && strcmp(name, reading->root) != 0)) {
		stop(reading);
		return;
	}
	if (reading->depth == 2) {
		strbuf_reset(&reading->outer);
		strbuf_puts(&reading->outer, name);
	}
}

static void XMLCALL
on_end(void *data, const XML_Char *name)
{
	struct reading *reading = data;
	const struct s3_xml_handler *handler = reading->handler;

	name = local_name(name);
	if (reading->is_leaf && reading->depth == 2)
		handler->value(
		    reading->context, "", name, strbuf_text(&reading->text));
	if (reading->is_leaf && reading->depth == 3)
		handler->value(reading->context, strbuf_text(&reading->outer),
		    name, strbuf_text(&reading->text));
	if (reading->depth == 2 && handler->end != NULL)
		handler->end(reading->context, name);
	reading->is_leaf = false;
	reading->depth--;
}

static void XMLCALL
on_text(void *data, const XML_Char *text, int length)
{
	struct reading *reading = data;
	size_t room = S3_XML_TEXT_MAX - reading->text.length;
	size_t size = (size_t)length;

	if (!reading->is_leaf || reading->is_cut)
		return;
	if (size > room) {
		/* Cut in front of a character, not inside one. */
		while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80)
			room--;
		size = room;
		reading->is_cut = true;
	}
	strbuf_add(&reading->text, text, size);
}

static void XMLCALL
on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	stop(data);
}

static void *
xml_grow(void *block, size_t size_bytes)
{
	return mem_grow(block, size_bytes, 1);
}

bool
s3_xml_read(const char *text, size_t length, const char *root,
    const struct s3_xml_handler *handler, void *context)
{
	static const XML_Memory_Handling_Suite memory = {
	    mem_alloc, xml_grow, free};
	struct reading reading = {
	    .root = root, .handler = handler, .context = context};
	size_t skip = 0;
	enum XML_Status status;

	/* Blanks are sent to keep us waiting, even before a declaration. */
	while (skip < length && strchr(" \t\r\n", text[skip]) != NULL &&
	       text[skip] != '\0')
		skip++;
	if (skip == length || length > INT32_MAX)
		return false;
	reading.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	if (reading.parser == NULL)
		return false; /* no memory ends the process before this */
	XML_SetUserData(reading.parser, &reading);
	XML_SetElementHandler(reading.parser, on_start, on_end);
	XML_SetCharacterDataHandler(reading.parser, on_text);
	XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
	status = XML_Parse(
	    reading.parser, text + skip, (int)(length - skip), XML_TRUE);
	XML_ParserFree(reading.parser);
	strbuf_done(&reading.outer);
	strbuf_done(&reading.text);
	return status == XML_STATUS_OK;
}

/* One text of a document. */
struct wanted {
	const char *name;
	struct strbuf *text;
};

static void
on_wanted(void *context, const char *outer, const char *name, const char *text)
{
	const struct wanted *wanted = context;

	if (*outer == '\0' && strcmp(name, wanted->name) == 0 &&
	    wanted->text->length == 0)
		strbuf_puts(wanted->text, text);
}

static bool
read_one(const char *text, size_t length, const char *root, const char *name,
    struct strbuf *value)
{
	static const struct s3_xml_handler handler = {on_wanted, NULL};
	struct wanted wanted = {name, value};

	strbuf_reset(value);
	if (s3_xml_read(text, length, root, &handler, &wanted))
		return true;
	strbuf_reset(value);
	return false;
}

static void
drop_quotes(struct strbuf *etag)
{
	size_t length = etag->length;

	if (length < 2 || etag->data[0] != '"' || etag->data[length - 1] != '"')
		return;
	memmove(etag->data, etag->data + 1, length - 2);
	strbuf_truncate(etag, length - 2);
}

bool
s3_xml_created(const char *text, size_t length, struct strbuf *upload_id)
{
	return read_one(text, length, "InitiateMultipartUploadResult",
		   "UploadId", upload_id) &&
	       upload_id->length > 0;
}

bool
s3_xml_completed(
    const char *text, size_t length, struct strbuf *etag, struct strbuf *crc32c)
{
	static const char root[] = "CompleteMultipartUploadResult";
	bool is_one = read_one(text, length, root, "ETag", etag) &&
		      read_one(text, length, root, "ChecksumCRC32C", crc32c);

	drop_quotes(etag);
	return is_one;
}

struct listing {
	struct s3_listed_part part; /* the one being read */
	struct s3_listed_part *parts;
	size_t count;
	bool is_truncated;
	int next;
};

/* A number of at most MAX; -1 for anything else. */
static int64_t
read_number(const char *text, int64_t max)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0 ||
	    value > max)
		return -1;
	return value;
}

static void
on_listing_value(
    void *context, const char *outer, const char *name, const char *text)
{
	struct listing *listing = context;

	if (*outer == '\0' && strcmp(name, "IsTruncated") == 0)
		listing->is_truncated = strcmp(text, "true") == 0;
	else if (*outer == '\0' && strcmp(name, "NextPartNumberMarker") == 0)
		listing->next = (int)read_number(text, LISTED_MAX);
	if (strcmp(outer, "Part") != 0)
		return;
	if (strcmp(name, "PartNumber") == 0) {
		listing->part.number = (int)read_number(text, LISTED_MAX);
	} else if (strcmp(name, "Size") == 0) {
		listing->part.size = read_number(text, INT64_MAX);
	} else if (strcmp(name, "ETag") == 0) {
		strbuf_reset(&listing->part.etag);
		strbuf_puts(&listing->part.etag, text);
		drop_quotes(&listing->part.etag);
	} else if (strcmp(name, "ChecksumCRC32C") == 0) {
		strbuf_reset(&listing->part.crc32c);
		strbuf_puts(&listing->part.crc32c, text);
	}
}

static void
on_listing_end(void *context, const char *name)
{
	struct listing *listing = context;

	if (strcmp(name, "Part") != 0 || listing->count == LISTED_MAX)
		return;
	listing->parts = mem_grow(
	    listing->parts, listing->count + 1, sizeof *listing->parts);
	listing->parts[listing->count++] = listing->part;
	listing->part = (struct s3_listed_part){.number = -1, .size = -1};
}

bool
s3_xml_list_parts(const char *text, size_t length,
    void (*visit)(void *context, const struct s3_listed_part *part),
    void *context, int *ret_next)
{
	static const struct s3_xml_handler handler = {
	    on_listing_value, on_listing_end};
	struct listing listing = {.part = {.number = -1, .size = -1}};
	bool is_one = s3_xml_read(
	    text, length, "ListPartsResult", &handler, &listing);

	for (size_t i = 0; i < listing.count; i++) {
		if (is_one)
			visit(context, &listing.parts[i]);
		strbuf_done(&listing.parts[i].etag);
		strbuf_done(&listing.parts[i].crc32c);
	}
	strbuf_done(&listing.part.etag);
	strbuf_done(&listing.part.crc32c);
	free(listing.parts);
	if (is_one)
		*ret_next = listing.is_truncated && listing.next > 0
				? listing.next
				: 0;
	return is_one;
}

void
s3_xml_escape(struct strbuf *xml, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			strbuf_puts(xml, "&amp;");
			break;
		case '<':
			strbuf_puts(xml, "&lt;");
			break;
		case '>':
			strbuf_puts(xml, "&gt;");
			break;
		case '"':
			strbuf_puts(xml, "&quot;");
			break;
		default:
			strbuf_putc(xml, *text);
		}
	}
}
