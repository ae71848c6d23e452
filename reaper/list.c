/* The record for people and scripts: receipt lines as they stand, or JSON. */
#include "reaper/list.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "common/json.h"
#include "common/receipt.h"
#include "common/strbuf.h"
#include "common/timefmt.h"
#include "reaper/summary.h"

struct list {
	const struct list_options *options;
	struct summary *summary;
	struct strbuf line;
};

static void
add_text(struct strbuf *line, const char *name, const struct strbuf *text)
{
	if (text->length > 0)
		json_text(line, name, strbuf_text(text));
}

static void
format_json(const struct receipt *receipt, struct strbuf *line)
{
	char when[TIMEFMT_MAX], crc32c[sizeof "00000000"];

	json_open(line, NULL, '{');
	json_text(line, "uploaded_at",
	    timefmt_rfc3339(receipt->uploaded_at_ns, when));
	add_text(line, "bucket", &receipt->bucket);
	add_text(line, "key", &receipt->key);
	add_text(line, "path", &receipt->path);
	json_number(line, "size", receipt->size);
	/* Eight digits: it fits. */
	(void)snprintf(crc32c, sizeof crc32c, "%08" PRIx32, receipt->crc32c);
	json_text(line, "crc32c", crc32c);
	add_text(line, "sha256", &receipt->sha256);
	json_text(line, "etag", strbuf_text(&receipt->etag));
	add_text(line, "version_id", &receipt->version_id);
	json_text(line, "mtime", timefmt_rfc3339(receipt->mtime_ns, when));
	json_close(line, '}');
	strbuf_putc(line, '\n');
}

static void
on_receipt(void *context, const struct receipt_reader *reader,
    const struct receipt *receipt)
{
	struct list *list = context;

	if (list->summary != NULL) {
		summary_add(list->summary, strbuf_text(&receipt->path),
		    receipt->uploaded_at_ns, receipt->size);
		return;
	}
	strbuf_reset(&list->line);
	if (list->options->json) {
		format_json(receipt, &list->line);
	} else {
		strbuf_add(&list->line, reader->line, reader->length);
		strbuf_putc(&list->line, '\n');
	}
	/* stage_end asks whether stdout has failed. */
	(void)fputs(strbuf_text(&list->line), stdout);
}

void
list_uploads(struct stage *stage, const struct list_options *options,
    const struct selection *selection)
{
	struct list list = {.options = options};

	if (options->header && !options->json)
		(void)puts(options->summary ? SUMMARY_COLUMNS
					    : RECEIPT_COLUMNS); /* as above */
	if (options->summary)
		list.summary = summary_new();
	selection_each(selection, stage, on_receipt, &list);
	if (list.summary != NULL) {
		strbuf_reset(&list.line);
		summary_format(list.summary, options->json, &list.line);
		(void)fputs(strbuf_text(&list.line), stdout); /* as above */
		summary_free(list.summary);
	}
	strbuf_done(&list.line);
}
