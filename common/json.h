/* JSON as it is written: values one after another into a buffer, the commas
 * between them found by themselves. Texts may be anything. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"

/* NAME is the member's in an object, a text of ours that needs no escape; NULL
 * in an array and at the top. BRACKET is '{' or '[', and '}' or ']'. */
void json_open(struct strbuf *json, const char *name, char bracket);
void json_close(struct strbuf *json, char bracket);
/* NULL for TEXT is null. */
void json_text(struct strbuf *json, const char *name, const char *text);
void json_number(struct strbuf *json, const char *name, int64_t number);
void json_bool(struct strbuf *json, const char *name, bool value);

#endif
