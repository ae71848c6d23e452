/* Percent-encoding as S3 signs it, and the UTF-8 that a key must be. */
#ifndef COMMON_PERCENT_H
#define COMMON_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"

/* Appends TEXT with every byte except A-Z a-z 0-9 - . _ ~ and / written as
 * %XX in upper-case hex (AWS, "Create a signed AWS API request": UriEncode,
 * slash kept). */
void percent_encode_path(struct strbuf *buf, const char *text);
/* As above, with / encoded too: for query parameters. */
void percent_encode_component(struct strbuf *buf, const char *text);
/* Appends the decoded form of the LENGTH bytes at TEXT. Returns 0, or -EINVAL
 * for an unfinished or malformed escape, %00, or a control character that is
 * not escaped (%0A is a newline); BUF is then as it was. */
int percent_decode(struct strbuf *buf, const char *text, size_t length);
/* Whether TEXT is valid UTF-8 (RFC 3629: shortest form, no surrogates). */
bool percent_is_utf8(const char *text);
/* The bytes of the valid UTF-8 character that TEXT begins with; 0 when it
 * begins with none, or ends. */
size_t percent_utf8_length(const char *text);

#endif
