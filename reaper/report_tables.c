/* The pictures in words. */
#include <stdlib.h>

#include "common/mem.h"
#include "common/units.h"
#include "reaper/html.h"
#include "reaper/report_sections.h"

enum { BYTES_MAX = 150 * 1024 /* of a table */ };

static void
add_name(struct strbuf *page, const struct location *location)
{
	strbuf_puts(page, "<tr><th scope=\"row\"><bdi>");
	html_clip(page, location->name, REPORT_NAME_MAX);
	strbuf_puts(page, "</bdi></th>");
}

static void
add_number(struct strbuf *page, int64_t number)
{
	strbuf_puts(page, "<td class=\"r\">");
	html_number(page, number);
	strbuf_puts(page, "</td>");
}

void
report_gaps(struct strbuf *page, const struct coverage *coverage)
{
	const char *name = calendar_name(coverage->unit);
	char text[CALENDAR_TEXT_MAX], *caption;

	if (coverage->gap_count == 0) {
		strbuf_puts(page, "<p class=\"soft\">None.</p>\n");
		return;
	}
	if ((int64_t)coverage->gaps_shown < coverage->gap_count) {
		strbuf_printf(
		    page, "<p>The %zu longest of ", coverage->gaps_shown);
		html_count(page, coverage->gap_count, "gap");
		strbuf_puts(page, ":</p>\n");
	}
	caption = mem_format("Gaps, the newest first; length in %ss", name);
	html_open_table(
	    page, caption, "Location|#Length|First without a file|Last");
	free(caption);
	for (size_t i = 0; i < coverage->gaps_shown; i++) {
		const struct gap *gap = &coverage->gaps[i];

		add_name(page, gap->location);
		add_number(page, gap->count);
		strbuf_printf(page, "<td>%s</td>",
		    calendar_text(coverage->unit, gap->first, text));
		strbuf_printf(page, "<td>%s</td></tr>\n",
		    calendar_text(
			coverage->unit, gap->first + gap->count - 1, text));
	}
	html_close_table(page);
}

static void
add_location(struct strbuf *page, const struct coverage *coverage,
    const struct location *location)
{
	char text[CALENDAR_TEXT_MAX], size[UNITS_TEXT_MAX];

	add_name(page, location);
	if (location->seen == 0) {
		strbuf_puts(page, "<td>-</td><td>-</td>");
	} else {
		strbuf_printf(page, "<td>%s</td>",
		    calendar_text(coverage->unit, location->first, text));
		strbuf_printf(page, "<td>%s</td>",
		    calendar_text(coverage->unit, location->last, text));
	}
	add_number(page, location->seen);
	add_number(page, location->missing);
	add_number(page, location->gaps);
	add_number(page, location->files);
	strbuf_printf(page, "<td class=\"r\">%s</td></tr>\n",
	    units_format_size(location->bytes, size));
}

void
report_locations(struct strbuf *page, const struct coverage *coverage)
{
	const char *name = calendar_name(coverage->unit);
	size_t begin = page->length, i;
	char *columns;

	strbuf_puts(page, "<details><summary>All locations as a "
			  "table</summary>\n");
	columns = mem_format("Location|First %s|Last %s|#With files|"
			     "#Missing|#Gaps|#Files|#Size",
	    name, name);
	html_open_table(page, "What each location has", columns);
	free(columns);
	for (i = 0; i < coverage->count; i++) {
		if (page->length - begin > BYTES_MAX)
			break;
		add_location(page, coverage, coverage->locations[i]);
	}
	html_close_table(page);
	if (i < coverage->count) {
		strbuf_puts(page, "<p>Not shown: ");
		html_count(
		    page, (int64_t)(coverage->count - i), "further location");
		strbuf_puts(page, ".</p>\n");
	}
	strbuf_puts(page, "</details>\n");
}
