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
	char **slots = set->slots;
	size_t capacity = set->capacity;

	set->capacity = capacity > 0 ? capacity * 2 : FIRST_CAPACITY;
	set->slots = mem_zero(set->capacity, sizeof *set->slots);
	for (size_t i = 0; i < capacity; i++)
		if (slots[i] != NULL)
			*slot_of(set, slots[i]) = slots[i];
	free(slots);
}

void
pathset_init(struct pathset *set)
{
	*set = (struct pathset){0};
	/* Can't fail on Linux. */
	(void)pthread_mutex_init(&set->lock, NULL);
}

void
pathset_done(struct pathset *set)
{
	for (size_t i = 0; i < set->capacity; i++)
		free(set->slots[i]);
	free(set->slots);
	set->slots = NULL;
	set->capacity = set->count = 0;
	(void)pthread_mutex_destroy(&set->lock);
}

void
pathset_add(struct pathset *set, const char *path)
{
	char **slot;

	(void)pthread_mutex_lock(&set->lock);
	if (set->count * 2 >= set->capacity)
		grow(set);
	slot = slot_of(set, path);
	if (*slot == NULL) {
		*slot = mem_copy(path);
		set->count++;
	}
	(void)pthread_mutex_unlock(&set->lock);
}

bool
pathset_has(struct pathset *set, const char *path)
{
	bool has;

	(void)pthread_mutex_lock(&set->lock);
	has = set->count > 0 && *slot_of(set, path) != NULL;
	(void)pthread_mutex_unlock(&set->lock);
	return has;
}

size_t
pathset_count(struct pathset *set)
{
	size_t count;

	(void)pthread_mutex_lock(&set->lock);
	count = set->count;
	(void)pthread_mutex_unlock(&set->lock);
	return count;
}
