/* A file is added to the last cell, if it is that cell's, or else appended as a
 * cell of its own; only when the array is full it is sorted, and equal cells
 * become one. If more than half of it is in use even so, it is made larger, or
 * else its cells are. So each costs a logarithm of comparisons, whatever the
 * order. See cells.h. */
#include "reaper/cells.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/units.h"

enum { FIRST_CAPACITY = 1024 };

void
cells_init(struct cells *cells, size_t limit)
{
	*cells = (struct cells){.limit = limit};
}

void
cells_done(struct cells *cells)
{
	free(cells->cell);
	*cells = (struct cells){0};
}

static int
compare(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static bool
merge(struct cell *into, const struct cell *from)
{
	if (compare(into, from) != 0)
		return false;
	into->parts |= from->parts;
	into->files += from->files;
	into->bytes = units_add_sizes(into->bytes, from->bytes);
	return true;
}

void
cells_settle(struct cells *cells)
{
	struct cell *cell = cells->cell;
	size_t kept = 0;

	if (cells->count == 0)
		return;
	qsort(cell, cells->count, sizeof *cell, compare);
	for (size_t i = 1; i < cells->count; i++)
		if (!merge(&cell[kept], &cell[i]))
			cell[++kept] = cell[i];
	cells->count = kept + 1;
}

void
cells_coarsen(struct cells *cells)
{
	for (size_t i = 0; i < cells->count; i++) {
		struct cell *cell = &cells->cell[i];
		unsigned part;

		cell->index = calendar_up(cells->unit, cell->index, &part);
		cell->parts = UINT32_C(1) << part;
	}
	cells->unit++;
	cells_settle(cells);
}

static void
make_room(struct cells *cells)
{
	cells_settle(cells);
	while (cells->count > cells->limit && cells->unit < CALENDAR_YEAR)
		cells_coarsen(cells);
	if (cells->count < cells->capacity / 2)
		return;
	cells->capacity = cells->capacity * 2 + FIRST_CAPACITY;
	cells->cell = mem_grow(
	    cells->cell, cells->capacity, sizeof *cells->cell);
}

void
cells_add(struct cells *cells, uint32_t row, int64_t time_ns, int64_t bytes)
{
	int32_t hour = calendar_index(CALENDAR_HOUR, time_ns);
	struct cell cell = {
	    .row = row, .index = hour, .parts = 1, .files = 1, .bytes = bytes};

	for (int u = CALENDAR_HOUR; u < (int)cells->unit; u++) {
		unsigned part;

		cell.index = calendar_up(
		    (enum calendar_unit)u, cell.index, &part);
		cell.parts = UINT32_C(1) << part;
	}
	if (cells->count > 0 && merge(&cells->cell[cells->count - 1], &cell))
		return;
	if (cells->count == cells->capacity) {
		enum calendar_unit before = cells->unit;

		make_room(cells);
		if (cells->unit != before) {
			cells_add(cells, row, time_ns, bytes);
			return;
		}
	}
	cells->cell[cells->count++] = cell;
}
