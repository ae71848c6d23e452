/* A location's picture: a row a day and a column an hour, newest row first; or
 * the same of a larger unit, whichever is the smallest with which no picture is
 * too high and all together aren't too many bytes.
 *
 * The rows of all locations begin with the same day, so that what is missing
 * everywhere lies side by side. Many rows without anything in them become one:
 * a logger whose clock was reset to 2000 would make a picture of decades. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/units.h"
#include "reaper/html.h"
#include "reaper/report_sections.h"

enum {
	ROWS_MAX = 62,		/* of a picture */
	EMPTY_ROWS_MAX = 7,	/* more than these become one */
	BYTES_MAX = 560 * 1024, /* of all pictures */
	LABEL = 64,		/* width of what stands before a row */
	AXIS = 14,		/* height of what stands above all */
	PITCH = 11,		/* of rows; a cell and a pixel of nothing */
};

/* The columns: how wide, the first one's number, and each how manyth is
 * numbered. */
static const struct shape {
	int pitch, columns, first, step;
} shapes[] = {
    [CALENDAR_HOUR] = {11, 24, 0, 6},
    [CALENDAR_DAY] = {9, 31, 1, 7},
    [CALENDAR_MONTH] = {22, 12, 1, 3},
    [CALENDAR_YEAR] = {26, 10, 0, 5},
};

enum look {
	LOOK_OUTSIDE, /* before its first, after its last, or not expected */
	LOOK_FULL,
	LOOK_THIN,    /* much less than usual */
	LOOK_PARTIAL, /* some of its parts are missing */
	LOOK_GAP
};

struct slot {
	enum look look;
	const struct cell *cell; /* NULL: it has none */
	unsigned missing, of;	 /* parts, of those expected */
};

struct picture {
	const struct coverage *coverage;
	struct strbuf *page;
	enum calendar_unit unit, row_unit;
	const struct shape *shape;
	bool is_merged; /* neighbours that look the same become one */
	/* The location at hand. */
	const struct location *location;
	int32_t first, last;	       /* of UNIT */
	int32_t first_part, last_part; /* of the unit one smaller */
	int rows;
};

/* --- one location --------------------------------------------------------- */

static unsigned
count_bits(uint32_t bits)
{
	return (unsigned)__builtin_popcount(bits);
}

static int32_t
row_of(const struct picture *picture, int32_t index)
{
	unsigned part;

	return calendar_up(picture->unit, index, &part);
}

/* What of CELL's parts lies between the location's first and last is
 * expected. */
static void
judge_parts(const struct picture *picture, struct slot *slot)
{
	int32_t from = calendar_down(picture->unit, slot->cell->index);
	int32_t to = calendar_down(picture->unit, slot->cell->index + 1);
	unsigned have = count_bits(slot->cell->parts);

	if (from < picture->first_part)
		from = picture->first_part;
	if (to > picture->last_part + 1)
		to = picture->last_part + 1;
	slot->of = (unsigned)(to - from);
	slot->missing = have < slot->of ? slot->of - have : 0;
	slot->look = slot->missing > 0 ? LOOK_PARTIAL : LOOK_FULL;
}

static void
judge(const struct picture *picture, int32_t index, bool row_has_any,
    struct slot *slot)
{
	const struct location *location = picture->location;
	bool is_end = index == picture->first || index == picture->last;

	slot->look = LOOK_FULL;
	if (index < picture->first || index > picture->last)
		slot->look = LOOK_OUTSIDE;
	else if (slot->cell == NULL)
		slot->look = location->is_sparse && row_has_any &&
				     picture->unit == CALENDAR_HOUR
				 ? LOOK_OUTSIDE
				 : LOOK_GAP;
	else if (picture->unit == CALENDAR_HOUR)
		slot->look = !is_end &&
				     slot->cell->files * 2 < location->typical
				 ? LOOK_THIN
				 : LOOK_FULL;
	else if (picture->unit != CALENDAR_DAY || !location->is_sparse)
		judge_parts(picture, slot);
}

static void
add_title(const struct picture *picture, int32_t index, const struct slot *slot,
    int32_t units)
{
	struct strbuf *page = picture->page;
	char text[CALENDAR_TEXT_MAX], size[UNITS_TEXT_MAX];
	int64_t files = 0, bytes = 0;

	strbuf_puts(page, "<title>");
	html_clip(page, picture->location->name, REPORT_TITLE_MAX);
	strbuf_printf(page, ", %s", calendar_text(picture->unit, index, text));
	if (units > 1)
		strbuf_printf(page, " to %s",
		    calendar_text(picture->unit, index + units - 1, text));
	if (slot->cell == NULL) {
		strbuf_puts(page, ": no file in ");
		html_count(page, units, calendar_name(picture->unit));
		strbuf_puts(page, "</title>");
		return;
	}
	for (int32_t i = 0; i < units; i++) {
		files += slot->cell[i].files;
		bytes = units_add_sizes(bytes, slot->cell[i].bytes);
	}
	strbuf_puts(page, ": ");
	html_count(page, files, "file");
	strbuf_printf(page, ", %s", units_format_size(bytes, size));
	if (slot->look == LOOK_THIN) {
		strbuf_puts(page, " (usually ");
		html_count(page, picture->location->typical, "file");
		strbuf_puts(page, units > 1 ? " an hour)" : ")");
	}
	if (slot->look == LOOK_PARTIAL)
		strbuf_printf(page, "; %u of %u %ss missing", slot->missing,
		    slot->of, calendar_name(picture->unit - 1));
	strbuf_puts(page, "</title>");
}

/* All of an element's beginning but its end. */
static void
add_rect(const struct picture *picture, char look, unsigned part, int32_t units,
    int top, int height)
{
	const struct shape *shape = picture->shape;

	strbuf_printf(picture->page, "<rect class=\"%c\" x=\"%d\"", look,
	    LABEL + (int)part * shape->pitch);
	if (top > 0)
		strbuf_printf(picture->page, " y=\"%d\"", top);
	strbuf_printf(picture->page, " width=\"%d\" height=\"%d\"",
	    (int)units * shape->pitch - 1, height);
}

/* UNITS of the row from PART on, which look the same; INDEX is the first. */
static void
add_run(const struct picture *picture, int32_t index, unsigned part,
    const struct slot *slot, int32_t units)
{
	static const char looks[] = {[LOOK_OUTSIDE] = 'n',
	    [LOOK_FULL] = 'f',
	    [LOOK_THIN] = 't',
	    [LOOK_PARTIAL] = 'g',
	    [LOOK_GAP] = 'g'};
	const int height = PITCH - 1;
	int filled;

	if (slot->look != LOOK_PARTIAL) {
		add_rect(picture, looks[slot->look], part, units, 0, height);
		if (slot->look == LOOK_OUTSIDE) {
			strbuf_puts(picture->page, "/>");
			return;
		}
		strbuf_putc(picture->page, '>');
		add_title(picture, index, slot, units);
		strbuf_puts(picture->page, "</rect>");
		return;
	}
	/* What is missing is never too little to be seen. */
	filled = (int)(slot->of - slot->missing) * height / (int)slot->of;
	if (filled > height - 4)
		filled = height - 4;
	strbuf_puts(picture->page, "<g>");
	add_title(picture, index, slot, units);
	add_rect(picture, 'g', part, units, 0, height);
	strbuf_puts(picture->page, "/>");
	if (filled > 0) {
		add_rect(picture, 'f', part, units, height - filled, filled);
		strbuf_puts(picture->page, "/>");
	}
	strbuf_puts(picture->page, "</g>");
}

static bool
may_merge(const struct picture *picture, const struct slot *slot)
{
	return slot->look == LOOK_GAP || slot->look == LOOK_OUTSIDE ||
	       (picture->is_merged && slot->look != LOOK_PARTIAL);
}

/* The row ROW, whose cells are the COUNT ones that end before END. */
static void
draw_row(const struct picture *picture, int32_t row, const struct cell *end,
    unsigned count)
{
	struct slot slots[CALENDAR_PARTS_MAX] = {0};
	unsigned parts = calendar_parts(picture->row_unit, row);
	int32_t first = calendar_down(picture->row_unit, row);

	for (unsigned i = 1; i <= count; i++)
		slots[(end - i)->index - first].cell = end - i;
	for (unsigned i = 0; i < parts; i++)
		judge(picture, first + (int32_t)i, count > 0, &slots[i]);
	for (unsigned i = 0, next; i < parts; i = next) {
		next = i + 1;
		while (next < parts && slots[next].look == slots[i].look &&
		       may_merge(picture, &slots[i]))
			next++;
		add_run(picture, first + (int32_t)i, i, &slots[i],
		    (int32_t)(next - i));
	}
}

/* Names the first row, Mondays, and each row of larger units. */
static void
label_row(const struct picture *picture, int32_t row, bool is_first)
{
	char text[CALENDAR_TEXT_MAX];

	/* 1970 began with a Thursday. */
	if (picture->row_unit == CALENDAR_DAY && !is_first &&
	    (row % 7 + 7) % 7 != 4)
		return;
	strbuf_printf(picture->page, "<text y=\"9\">%s</text>",
	    calendar_text(picture->row_unit, row, text));
}

static void
open_row(struct picture *picture)
{
	strbuf_printf(picture->page, "<g transform=\"translate(0,%d)\">",
	    AXIS + picture->rows * PITCH);
	picture->rows++;
}

/* Rows without a cell, of which ROW is the newest, in one. */
static void
draw_empty_rows(struct picture *picture, int32_t row, int32_t rows, bool is_gap)
{
	const struct shape *shape = picture->shape;
	char text[CALENDAR_TEXT_MAX];

	open_row(picture);
	strbuf_printf(picture->page, "<text y=\"9\">%" PRId32 " %ss</text>",
	    rows, calendar_name(picture->row_unit));
	add_rect(picture, is_gap ? 'g' : 'n', 0, shape->columns, 0, PITCH - 1);
	strbuf_puts(picture->page, "><title>");
	html_clip(picture->page, picture->location->name, REPORT_TITLE_MAX);
	strbuf_printf(picture->page, ", %s to ",
	    calendar_text(picture->row_unit, row - rows + 1, text));
	strbuf_printf(picture->page, "%s: no file</title></rect></g>\n",
	    calendar_text(picture->row_unit, row, text));
}

/* The rows from the newest on. False: there are too many. */
static bool
draw_rows(struct picture *picture)
{
	const struct location *location = picture->location;
	const struct cell *begin = picture->coverage->cells.cell +
				   location->cell;
	const struct cell *end = begin + location->cells;
	int32_t newest = coverage_index(
	    picture->coverage, picture->coverage->end, picture->unit);
	bool is_first = true;
	int32_t row;

	row = row_of(picture, newest > picture->last ? newest : picture->last);
	while (end > begin && picture->rows < ROWS_MAX) {
		int32_t empty = row - row_of(picture, end[-1].index);
		unsigned count = 0;

		if (empty > EMPTY_ROWS_MAX) {
			draw_empty_rows(
			    picture, row, empty, end < begin + location->cells);
			row -= empty;
			is_first = true;
			continue;
		}
		while (end - count > begin &&
		       row_of(picture, (end - count)[-1].index) == row)
			count++;
		open_row(picture);
		label_row(picture, row, is_first);
		draw_row(picture, row, end, count);
		strbuf_puts(picture->page, "</g>\n");
		is_first = false;
		end -= count;
		row--;
	}
	return end == begin;
}

static void
draw_axis(const struct picture *picture)
{
	const struct shape *shape = picture->shape;

	for (int i = 0; i < shape->columns; i += shape->step)
		strbuf_printf(picture->page, "<text x=\"%d\" y=\"9\">%d</text>",
		    LABEL + i * shape->pitch, shape->first + i);
	strbuf_putc(picture->page, '\n');
}

/* What a caption says of the gaps. */
static void
describe_gaps(struct strbuf *page, const struct coverage *coverage,
    const struct location *location)
{
	if (location->gaps == 0) {
		strbuf_puts(page, "no gap");
		return;
	}
	html_count(page, location->gaps, "gap");
	strbuf_puts(page, ", ");
	html_count(page, location->missing, calendar_name(coverage->unit));
	strbuf_puts(page, " missing");
}

static void
draw_caption(const struct picture *picture)
{
	const struct location *location = picture->location;
	const struct coverage *coverage = picture->coverage;
	/* An hour isn't over yet when the first files of the next come. */
	int32_t patience = location->is_sparse ? 48 : 2;
	int32_t silence = coverage->end - location->last;
	struct strbuf *page = picture->page;
	char size[UNITS_TEXT_MAX];

	strbuf_puts(page, "<figure class=\"card\"><figcaption><b><bdi>");
	html_clip(page, location->name, REPORT_NAME_MAX);
	strbuf_puts(page, "</bdi></b>");
	html_count(page, location->files, "file");
	strbuf_printf(page, ", %s; <span class=\"%s\">",
	    units_format_size(location->bytes, size),
	    location->gaps > 0 ? "bad" : "soft");
	describe_gaps(page, coverage, location);
	strbuf_puts(page, "</span>");
	if (location->seen > 0 && location->last <= coverage->end &&
	    silence >= patience) {
		strbuf_puts(page, "; <span class=\"bad\">silent for the last ");
		html_count(page, silence, calendar_name(coverage->unit));
		strbuf_puts(page, "</span>");
	}
	if (location->is_sparse)
		strbuf_puts(page, "; not hourly: only days count as missing");
	if (location->undated > 0) {
		strbuf_puts(page, "; ");
		html_count(page, location->undated, "file");
		strbuf_puts(page, " of no hour");
	}
	strbuf_puts(page, "</figcaption>\n");
}

static bool
draw_location(struct picture *picture, const struct location *location)
{
	const struct coverage *coverage = picture->coverage;
	struct strbuf *page = picture->page, rows = {0};
	enum calendar_unit unit = picture->unit;
	int width = LABEL + picture->shape->columns * picture->shape->pitch;
	bool fits = true;

	picture->location = location;
	picture->rows = 0;
	draw_caption(picture);
	if (location->seen > 0) {
		picture->first = coverage_index(
		    coverage, location->first, unit);
		picture->last = coverage_index(coverage, location->last, unit);
		if (unit != CALENDAR_HOUR) {
			picture->first_part = coverage_index(
			    coverage, location->first, unit - 1);
			picture->last_part = coverage_index(
			    coverage, location->last, unit - 1);
		}
		/* How high it is, is known only afterwards. */
		picture->page = &rows;
		draw_axis(picture);
		fits = draw_rows(picture);
		picture->page = page;
		strbuf_printf(page,
		    "<svg role=\"img\" width=\"%d\" viewBox=\"0 0 %d %d\" "
		    "aria-label=\"",
		    width, width, AXIS + picture->rows * PITCH);
		html_clip(page, location->name, REPORT_NAME_MAX);
		strbuf_puts(page, ": ");
		describe_gaps(page, coverage, location);
		strbuf_puts(page, "\">\n");
		strbuf_add(page, strbuf_text(&rows), rows.length);
		strbuf_puts(page, "</svg>");
		strbuf_done(&rows);
	}
	strbuf_puts(page, "</figure>\n");
	return fits;
}

/* --- all of them ---------------------------------------------------------- */

/* Draws the locations into CARDS. False: they don't fit; with IS_LAST those
 * that do are drawn all the same. */
static bool
draw_all(struct strbuf *cards, const struct coverage *coverage, bool is_merged,
    bool is_last)
{
	enum calendar_unit unit = coverage->cells.unit;
	struct picture picture = {
	    .coverage = coverage,
	    .page = cards,
	    .unit = unit,
	    .row_unit = unit + 1,
	    .shape = &shapes[unit],
	    .is_merged = is_merged,
	};
	size_t drawn = 0;

	while (drawn < coverage->count && cards->length < BYTES_MAX)
		if (!draw_location(&picture, coverage->locations[drawn++]) &&
		    !is_last)
			return false;
	if (cards->length >= BYTES_MAX && !is_last)
		return false;
	if (drawn < coverage->count) {
		strbuf_puts(cards, "<p>Not shown: ");
		html_count(cards, (int64_t)(coverage->count - drawn),
		    "further location");
		strbuf_puts(cards, ". <code>--location</code> shows "
				   "one.</p>\n");
	}
	return true;
}

static void add_key(struct strbuf *page, char look, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
add_key(struct strbuf *page, char look, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vformat(format, args);
	va_end(args);
	strbuf_printf(page,
	    "<li><svg width=\"22\" height=\"11\" aria-hidden=\"true\"><rect "
	    "class=\"%c\" width=\"22\" height=\"11\"/></svg>%s</li>\n",
	    look, text);
	free(text);
}

static void
draw_legend(struct strbuf *page, const struct coverage *coverage)
{
	enum calendar_unit unit = coverage->cells.unit;
	const char *name = calendar_name(unit);

	strbuf_printf(page,
	    "<p class=\"soft\">A cell is one %s, a row one %s, the newest "
	    "first. What counts is the hour that a file's path names%s.</p>\n"
	    "<ul class=\"legend\">\n",
	    name, calendar_name(unit + 1),
	    unit != CALENDAR_HOUR ? "; with a shorter <code>--since</code>, or "
				    "for one <code>--location</code>, cells "
				    "are smaller"
				  : "");
	if (unit == CALENDAR_HOUR) {
		add_key(page, 'f', "files");
		add_key(page, 't', "less than half as many as usual there");
	} else {
		add_key(page, 'f', "each %s of it has files",
		    calendar_name(unit - 1));
	}
	add_key(page, 'g',
	    unit == CALENDAR_HOUR
		? "a gap: no file"
		: "a gap: no file (in a part of it, where part is filled)");
	add_key(page, 'n', "before the first, after the last");
	strbuf_puts(page, "</ul>\n");
}

void
report_pictures(struct strbuf *page, struct coverage *coverage)
{
	struct strbuf cards = {0};
	struct cells *cells = &coverage->cells;

	while (!draw_all(&cards, coverage, false, false)) {
		strbuf_reset(&cards);
		if (draw_all(
			&cards, coverage, true, cells->unit == CALENDAR_YEAR))
			break;
		strbuf_reset(&cards);
		cells_coarsen(cells);
		coverage_place(coverage);
	}
	draw_legend(page, coverage);
	strbuf_puts(page, "<div class=\"cards\">\n");
	strbuf_add(page, strbuf_text(&cards), cards.length);
	strbuf_puts(page, "</div>\n");
	strbuf_done(&cards);
}
