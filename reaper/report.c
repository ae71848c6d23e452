/* One pass through the record counts it into cells (cells.h), whose number is
 * limited, so a ledger may be as long as it likes; what is drawn of them is
 * limited, too, and the page stays below a megabyte. It is put together in
 * memory and printed at the end. */
#include "reaper/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"
#include "reaper/html.h"
#include "reaper/report_sections.h"

enum {
	/* 262,144 hours, of all locations; at most four times as many cells
	 * are kept while reading, 32 bytes each, and copied once for sorting.
	 */
	CELLS_MAX = 1 << 18,
	UPLOAD_CELLS_MAX = 1 << 14,
	GAPS_MAX = 25
};

struct report {
	struct stage *stage;
	const struct selection *selection;
	struct coverage coverage;
	struct cells uploads;
	struct strbuf page;
};

static void
on_receipt(void *context, const struct receipt_reader *reader,
    const struct receipt *receipt)
{
	struct report *report = context;

	(void)reader;
	coverage_add(&report->coverage, strbuf_text(&receipt->path),
	    receipt->uploaded_at_ns, receipt->size);
	cells_add(&report->uploads, 0, receipt->uploaded_at_ns, receipt->size);
}

static void
add_filter(struct strbuf *page, const char *what, const char *text)
{
	if (text == NULL)
		return;
	strbuf_printf(page, "; %s <bdi>", what);
	html_clip(page, text, REPORT_NAME_MAX);
	strbuf_puts(page, "</bdi>");
}

/* What the page is of. */
static void
add_heading(struct report *report)
{
	const struct selection *selection = report->selection;
	const struct config *config = report->stage->config;
	struct strbuf *page = &report->page;

	strbuf_puts(page, "<header><h1>What was uploaded to <bdi>");
	html_clip(page, config->bucket, REPORT_NAME_MAX);
	strbuf_puts(page, "</bdi></h1>\n<p class=\"soft\">From <bdi>");
	html_clip(page, config->base_dir, REPORT_NAME_MAX);
	strbuf_puts(page, "</bdi>");
	add_filter(page, "location", selection->location);
	add_filter(page, "keys that begin with", selection->prefix);
	if (selection->since != NULL) {
		strbuf_puts(page, "; uploaded since ");
		html_time(page, selection->since_ns);
	}
	if (selection->until != NULL) {
		strbuf_puts(page, "; uploaded before ");
		html_time(page, selection->until_ns);
	}
	strbuf_puts(page, "; as of ");
	html_time(page, selection->now_ns);
	strbuf_puts(page, "</p></header>\n<main>\n");
}

static void
open_tile(struct strbuf *page, const char *name, bool is_bad)
{
	strbuf_printf(page, "<div><dt>%s</dt><dd%s>", name,
	    is_bad ? " class=\"bad\"" : "");
}

static void
close_tile(struct strbuf *page)
{
	strbuf_puts(page, "</dd></div>\n");
}

static void
add_tiles(struct report *report, int64_t failed)
{
	const struct coverage *coverage = &report->coverage;
	struct strbuf *page = &report->page;
	char text[UNITS_TEXT_MAX];

	strbuf_puts(page, "<dl class=\"tiles\">\n");
	open_tile(page, "Files stored", false);
	html_number(page, coverage->files);
	close_tile(page);
	open_tile(page, "Size", false);
	strbuf_puts(page, units_format_size(coverage->bytes, text));
	close_tile(page);
	open_tile(page, "Locations", false);
	html_number(page, (int64_t)coverage->count);
	if (coverage->further.files > 0)
		strbuf_puts(page, " and more");
	close_tile(page);
	open_tile(page, "Gaps", coverage->gap_count > 0);
	html_number(page, coverage->gap_count);
	if (coverage->gap_count > 0) {
		strbuf_puts(page, " <small>");
		html_count(
		    page, coverage->missing, calendar_name(coverage->unit));
		strbuf_puts(page, "</small>");
	}
	close_tile(page);
	open_tile(page, "In failed/", failed != 0);
	if (failed >= 0)
		html_count(page, failed, "file");
	else
		strbuf_puts(page, "unknown");
	close_tile(page);
	open_tile(page, "Last upload", false);
	if (coverage->files > 0)
		strbuf_printf(page, "%s ago",
		    units_format_duration(
			report->selection->now_ns / CLOCK_NS_PER_S -
			    coverage->last_upload_ns / CLOCK_NS_PER_S,
			text));
	else
		strbuf_puts(page, "never");
	close_tile(page);
	strbuf_puts(page, "</dl>\n");
}

static void
add_sections(struct report *report)
{
	struct coverage *coverage = &report->coverage;
	struct strbuf *page = &report->page;

	if (coverage->files == 0) {
		strbuf_puts(page, "<p>No upload is on record");
		strbuf_puts(page, selection_is_given(report->selection)
				      ? " of what was asked for.</p>\n"
				      : ".</p>\n");
		return;
	}
	strbuf_puts(page, "<section><h2>Coverage</h2>\n");
	report_pictures(page, coverage);
	if (coverage->further.files > 0) {
		strbuf_printf(page, "<p>Locations after the first %d: ",
		    COVERAGE_LOCATIONS_MAX);
		html_count(page, coverage->further.files, "file");
		strbuf_puts(page, " of theirs are only counted. "
				  "<code>--location</code> shows one.</p>\n");
	}
	strbuf_puts(page, "</section>\n<section><h2>Gaps</h2>\n");
	report_gaps(page, coverage);
	report_locations(page, coverage);
	strbuf_puts(page, "</section>\n<section><h2>Uploads</h2>\n");
	report_uploads(page, &report->uploads);
	strbuf_puts(page, "</section>\n");
}

static void
write_page(struct report *report)
{
	struct strbuf *page = &report->page, failures = {0};
	int64_t failed = report_failures(
	    &failures, report->stage, report->selection);

	if (failed < 0) {
		log_error("Cannot look through 'failed' in '%s': %s",
		    report->stage->config->spool_dir, strerror((int)-failed));
		stage_fail(report->stage, EX_IOERR);
	}
	html_begin(page, "s3spool report");
	add_heading(report);
	add_tiles(report, failed);
	add_sections(report);
	strbuf_puts(page, "<section><h2>Failures</h2>\n");
	strbuf_add(page, strbuf_text(&failures), failures.length);
	strbuf_puts(page, "</section>\n</main>\n");
	html_end(page);
	strbuf_done(&failures);
}

void
report_print(struct stage *stage, const struct selection *selection)
{
	struct report report = {.stage = stage, .selection = selection};

	coverage_init(&report.coverage, CELLS_MAX);
	cells_init(&report.uploads, UPLOAD_CELLS_MAX);
	selection_each(selection, stage, on_receipt, &report);
	coverage_finish(&report.coverage, GAPS_MAX);
	write_page(&report);
	/* stage_end asks whether stdout has failed. */
	(void)fputs(strbuf_text(&report.page), stdout);
	strbuf_done(&report.page);
	cells_done(&report.uploads);
	coverage_done(&report.coverage);
}
