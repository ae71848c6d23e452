/* Lists of names with values: headers, query parameters, metadata. */
#ifndef STUB_PAIRS_H
#define STUB_PAIRS_H

#include <stddef.h>

struct stub_pair {
	char *name;
	char *value;
};

struct stub_pairs {
	struct stub_pair *items;
	size_t count;
};

void stub_pairs_add(
    struct stub_pairs *pairs, const char *name, const char *value);
/* Replaces every pair of that name, whatever its case; NULL removes them. */
void stub_pairs_set(
    struct stub_pairs *pairs, const char *name, const char *value);
/* The first value under NAME, whatever its case; NULL when there is none. */
const char *stub_pairs_get(const struct stub_pairs *pairs, const char *name);
/* Adds all of FROM. */
void stub_pairs_copy(struct stub_pairs *pairs, const struct stub_pairs *from);
void stub_pairs_done(struct stub_pairs *pairs);

#endif
