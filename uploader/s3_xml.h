/* The XML that S3 speaks, read with expat: hostile, so bounded in depth and
 * length, without document types and entities, and believed only when it is
 * whole and well-formed. */
#ifndef UPLOADER_S3_XML_H
#define UPLOADER_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

enum { S3_XML_TEXT_MAX = 4096 /* of one element; the rest is cut off */ };

struct s3_xml_handler {
	/* The text of the element NAME below the root (OUTER is ""), or below
	 * the root's child OUTER. Names are without namespace prefix. */
	void (*value)(void *context, const char *outer, const char *name,
	    const char *text);
	/* The root's child NAME has ended; may be NULL. */
	void (*end)(void *context, const char *name);
};

/* Reads the LENGTH bytes at TEXT if their root element is ROOT. False: it is
 * another, or the document isn't whole; what the handler was told must not be
 * used then. */
bool s3_xml_read(const char *text, size_t length, const char *root,
    const struct s3_xml_handler *handler, void *context);

/* InitiateMultipartUploadResult: sets *upload_id. False: it is none. */
bool s3_xml_created(const char *text, size_t length, struct strbuf *upload_id);
/* CompleteMultipartUploadResult: sets *etag, without its quotes, and *crc32c
 * (base64; "" where the document has none). */
bool s3_xml_completed(const char *text, size_t length, struct strbuf *etag,
    struct strbuf *crc32c);

struct s3_listed_part {
	int number;
	int64_t size;
	struct strbuf etag;   /* without its quotes */
	struct strbuf crc32c; /* base64, or "" */
};

/* ListPartsResult: calls VISIT for each part, then sets *ret_next to the
 * marker to go on with (0: that was all). False: it is none. */
bool s3_xml_list_parts(const char *text, size_t length,
    void (*visit)(void *context, const struct s3_listed_part *part),
    void *context, int *ret_next);

/* Appends TEXT with what XML means otherwise written as references. */
void s3_xml_escape(struct strbuf *xml, const char *text);

#endif
