/* The codings of the stub: percent, hex, base64, XML and dates.
 *
 * They are the stub's own on purpose: what judges the uploader's requests
 * must not share the uploader's mistakes. */
#ifndef STUB_TEXT_H
#define STUB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/strbuf.h"

/* Appends TEXT as Signature Version 4 writes it: all but A-Z a-z 0-9 - . _ ~
 * as %XX; a slash too, unless KEEP_SLASH. */
void stub_text_percent(struct strbuf *buf, const char *text, bool keep_slash);
/* Appends the LENGTH bytes of TEXT decoded. PLUS: + means space (forms).
 * Returns 0, or -EINVAL for a bad escape or %00. */
int stub_text_unpercent(
    struct strbuf *buf, const char *text, size_t length, bool plus);
/* Appends TEXT so that a line of tab-separated columns stays one. */
void stub_text_column(struct strbuf *buf, const char *text);
void stub_text_hex(struct strbuf *buf, const void *bytes, size_t length);
void stub_text_base64(struct strbuf *buf, const void *bytes, size_t length);
/* Whether TEXT can be the base64 form of LENGTH bytes. */
bool stub_text_is_base64(const char *text, size_t length);
/* Appends TEXT for XML content; control characters as S3 does, &#x1;. */
void stub_text_xml(struct strbuf *buf, const char *text);
/* Appends <NAME>VALUE</NAME>, VALUE escaped. */
void stub_text_element(struct strbuf *buf, const char *name, const char *value);
/* Reads a whole number of at most MAX; 0, or -EINVAL. */
int stub_text_number(const char *text, uint64_t max, uint64_t *ret_number);

/* "Wed, 21 Oct 2015 07:28:00 GMT" and "2015-10-21T07:28:00.000Z"; the buffer
 * is a static one of each function's own. */
const char *stub_text_http_date(time_t when);
const char *stub_text_iso_date(time_t when, unsigned milliseconds);
/* Reads "20151021T072800Z"; 0, or -EINVAL. */
int stub_text_amz_date(const char *text, time_t *ret_when);
/* Reads an HTTP date of the first form; 0, or -EINVAL. */
int stub_text_parse_http_date(const char *text, time_t *ret_when);

/* The whole file as text (up to LIMIT bytes), or NULL with errno; freed by
 * the caller. */
char *stub_text_file(const char *path, size_t limit);

#endif
