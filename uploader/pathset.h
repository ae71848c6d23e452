/* A set of paths. */
#ifndef UPLOADER_PATHSET_H
#define UPLOADER_PATHSET_H

#include <stdbool.h>
#include <stddef.h>

struct pathset {
	char **slots; /* open addressing; NULL is free */
	size_t capacity;
	size_t count;
};

void pathset_add(struct pathset *set, const char *path);
bool pathset_has(const struct pathset *set, const char *path);
void pathset_done(struct pathset *set);
/* A 64-bit hash of TEXT (FNV-1a), the same on every machine. */
unsigned long long pathset_hash(const char *text);

#endif
