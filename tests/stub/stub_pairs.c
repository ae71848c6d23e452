/* Lists of names with values: headers, query parameters, metadata.
 *
 * Headers compare without case (RFC 9110, 5.1). The lists are short, so a
 * search from the front is all they need. */
#include "tests/stub/stub_pairs.h"

#include <stdlib.h>
#include <strings.h>

#include "common/mem.h"

void
stub_pairs_add(struct stub_pairs *pairs, const char *name, const char *value)
{
	pairs->items = mem_grow(
	    pairs->items, pairs->count + 1, sizeof(*pairs->items));
	pairs->items[pairs->count].name = mem_copy(name);
	pairs->items[pairs->count].value = mem_copy(value);
	pairs->count++;
}

void
stub_pairs_set(struct stub_pairs *pairs, const char *name, const char *value)
{
	size_t kept = 0;

	for (size_t i = 0; i < pairs->count; i++) {
		if (strcasecmp(pairs->items[i].name, name) == 0) {
			free(pairs->items[i].name);
			free(pairs->items[i].value);
		} else {
			pairs->items[kept++] = pairs->items[i];
		}
	}
	pairs->count = kept;
	if (value != NULL)
		stub_pairs_add(pairs, name, value);
}

const char *
stub_pairs_get(const struct stub_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++) {
		if (strcasecmp(pairs->items[i].name, name) == 0)
			return pairs->items[i].value;
	}
	return NULL;
}

void
stub_pairs_copy(struct stub_pairs *pairs, const struct stub_pairs *from)
{
	for (size_t i = 0; i < from->count; i++)
		stub_pairs_add(
		    pairs, from->items[i].name, from->items[i].value);
}

void
stub_pairs_done(struct stub_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free(pairs->items[i].name);
		free(pairs->items[i].value);
	}
	free(pairs->items);
	*pairs = (struct stub_pairs){0};
}
