/* A comma is due unless a bracket has just been opened: no value ends with an
 * opening bracket, since texts end with their quotation mark. See json.h. */
#include "common/json.h"

#include <inttypes.h>

#include "common/log.h"

static void
begin(struct strbuf *json, const char *name)
{
	char last = json->length > 0 ? json->data[json->length - 1] : '[';

	if (last != '{' && last != '[')
		strbuf_putc(json, ',');
	if (name != NULL)
		strbuf_printf(json, "\"%s\":", name);
}

void
json_open(struct strbuf *json, const char *name, char bracket)
{
	begin(json, name);
	strbuf_putc(json, bracket);
}

void
json_close(struct strbuf *json, char bracket)
{
	strbuf_putc(json, bracket);
}

void
json_text(struct strbuf *json, const char *name, const char *text)
{
	begin(json, name);
	if (text == NULL) {
		strbuf_puts(json, "null");
		return;
	}
	strbuf_putc(json, '"');
	log_escape_json(json, text);
	strbuf_putc(json, '"');
}

void
json_number(struct strbuf *json, const char *name, int64_t number)
{
	begin(json, name);
	strbuf_printf(json, "%" PRId64, number);
}

void
json_bool(struct strbuf *json, const char *name, bool value)
{
	begin(json, name);
	strbuf_puts(json, value ? "true" : "false");
}
