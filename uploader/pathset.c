/* A hash table of strings with linear probing, at most half full. Only what
 * was given back is in it, which is little. */
#include "uploader/pathset.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"

enum { FIRST_CAPACITY = 64 };

unsigned long long
pathset_hash(const char *text)
{
	uint64_t hash = hash_bytes(text, strlen(text));

	return hash ^ (hash >> 32);
}

/* Where PATH is, or the free slot where it would be. */
static char **
slot_of(const struct pathset *set, const char *path)
{
	size_t i = (size_t)pathset_hash(path) & (set->capacity - 1);

	while (set->slots[i] != NULL && strcmp(set->slots[i], path) != 0)
		i = (i + 1) & (set->capacity - 1);
	return &set->slots[i];
}

static void
grow(struct pathset *set)
{
	struct pathset old = *set;

	set->capacity = old.capacity > 0 ? old.capacity * 2 : FIRST_CAPACITY;
	set->slots = mem_zero(set->capacity, sizeof *set->slots);
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i] != NULL)
			*slot_of(set, old.slots[i]) = old.slots[i];
	free(old.slots);
}

void
pathset_add(struct pathset *set, const char *path)
{
	char **slot;

	if (set->count * 2 >= set->capacity)
		grow(set);
	slot = slot_of(set, path);
	if (*slot == NULL) {
		*slot = mem_copy(path);
		set->count++;
	}
}

bool
pathset_has(const struct pathset *set, const char *path)
{
	return set->count > 0 && *slot_of(set, path) != NULL;
}

void
pathset_done(struct pathset *set)
{
	for (size_t i = 0; i < set->capacity; i++)
		free(set->slots[i]);
	free(set->slots);
	*set = (struct pathset){0};
}
