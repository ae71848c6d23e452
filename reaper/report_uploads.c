/* Bars: of the smallest unit of time of which there aren't too many, none left
 * out between the first and the last. Each is as wide as the page lets it. */
#include <inttypes.h>

#include "common/units.h"
#include "reaper/html.h"
#include "reaper/report_sections.h"

enum {
	BARS_MAX = 200,
	BARS_MIN = 24, /* so that few of them don't look like many */
	HEIGHT = 1000  /* of the highest; the page scales it */
};

struct bars {
	struct strbuf *page;
	const struct cells *cells;
	int32_t first, count;
};

static void
add_bar_title(const struct bars *bars, const struct cell *cell)
{
	char text[CALENDAR_TEXT_MAX], size[UNITS_TEXT_MAX];

	strbuf_printf(bars->page,
	    "<title>%s: ", calendar_text(bars->cells->unit, cell->index, text));
	html_count(bars->page, cell->files, "file");
	strbuf_printf(
	    bars->page, ", %s</title>", units_format_size(cell->bytes, size));
}

static void
draw_bars(const struct bars *bars, const char *caption, bool of_bytes)
{
	enum calendar_unit unit = bars->cells->unit;
	struct strbuf *page = bars->page;
	char text[CALENDAR_TEXT_MAX];
	int64_t most = 1;

	for (size_t i = 0; i < bars->cells->count; i++) {
		const struct cell *cell = &bars->cells->cell[i];
		int64_t value = of_bytes ? cell->bytes : cell->files;

		if (value > most)
			most = value;
	}
	strbuf_printf(page,
	    "<figure class=\"card wide\"><figcaption>%s</figcaption>\n"
	    "<svg role=\"img\" preserveAspectRatio=\"none\" "
	    "viewBox=\"0 0 %" PRId32 "0 %d\" aria-label=\"%s, from %s",
	    caption, bars->count, HEIGHT, caption,
	    calendar_text(unit, bars->first, text));
	strbuf_printf(page, " to %s\">\n",
	    calendar_text(unit, bars->first + bars->count - 1, text));
	for (size_t i = 0; i < bars->cells->count; i++) {
		const struct cell *cell = &bars->cells->cell[i];
		double value = (double)(of_bytes ? cell->bytes : cell->files);
		/* What there is, is seen. */
		int height = (int)(value / (double)most * HEIGHT);

		height = height < HEIGHT / 50 ? HEIGHT / 50 : height;
		strbuf_printf(page,
		    "<rect class=\"f\" x=\"%" PRId32 "1\" y=\"%d\" width=\"8\" "
		    "height=\"%d\">",
		    cell->index - bars->first, HEIGHT - height, height);
		add_bar_title(bars, cell);
		strbuf_puts(page, "</rect>\n");
	}
	strbuf_printf(page, "</svg><div class=\"ends\"><span>%s</span>",
	    calendar_text(unit, bars->first, text));
	strbuf_printf(page, "<span>%s</span></div></figure>\n",
	    calendar_text(unit, bars->first + bars->count - 1, text));
}

static void
add_table(struct strbuf *page, const struct cells *cells)
{
	char text[CALENDAR_TEXT_MAX], size[UNITS_TEXT_MAX];

	strbuf_puts(page, "<details><summary>Uploads as a table</summary>\n");
	html_open_table(page, "Uploads over time", "Time (UTC)|#Files|#Size");
	for (size_t i = cells->count; i-- > 0;) {
		const struct cell *cell = &cells->cell[i];

		strbuf_printf(page,
		    "<tr><th scope=\"row\">%s</th><td class=\"r\">",
		    calendar_text(cells->unit, cell->index, text));
		html_number(page, cell->files);
		strbuf_printf(page, "</td><td class=\"r\">%s</td></tr>\n",
		    units_format_size(cell->bytes, size));
	}
	html_close_table(page);
	strbuf_puts(page, "</details>\n");
}

void
report_uploads(struct strbuf *page, struct cells *uploads)
{
	struct bars bars = {.page = page, .cells = uploads};
	struct strbuf caption = {0};
	char size[UNITS_TEXT_MAX];
	int64_t files = 0, bytes = 0;

	cells_settle(uploads);
	if (uploads->count == 0)
		return;
	for (;;) {
		bars.first = uploads->cell[0].index;
		bars.count = uploads->cell[uploads->count - 1].index -
			     bars.first + 1;
		if (bars.count <= BARS_MAX || uploads->unit == CALENDAR_YEAR)
			break;
		cells_coarsen(uploads);
	}
	if (bars.count < BARS_MIN) {
		bars.first -= BARS_MIN - bars.count;
		bars.count = BARS_MIN;
	}
	for (size_t i = 0; i < uploads->count; i++) {
		if (uploads->cell[i].files > files)
			files = uploads->cell[i].files;
		if (uploads->cell[i].bytes > bytes)
			bytes = uploads->cell[i].bytes;
	}
	strbuf_printf(page,
	    "<p class=\"soft\">By the time of the upload (UTC); a bar is one "
	    "%s.</p>\n",
	    calendar_name(uploads->unit));
	strbuf_puts(&caption, "Files, ");
	html_number(&caption, files);
	strbuf_puts(&caption, " at most");
	draw_bars(&bars, strbuf_text(&caption), false);
	strbuf_reset(&caption);
	strbuf_printf(
	    &caption, "Size, %s at most", units_format_size(bytes, size));
	draw_bars(&bars, strbuf_text(&caption), true);
	strbuf_done(&caption);
	add_table(page, uploads);
}
