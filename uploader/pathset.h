/* A set of paths, which several threads may use at once. */
#ifndef UPLOADER_PATHSET_H
#define UPLOADER_PATHSET_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct pathset {
	pthread_mutex_t lock; /* for all below */
	char **slots;	      /* open addressing; NULL is free */
	size_t capacity;
	size_t count;
};

/* Makes it empty, before its first use. */
void pathset_init(struct pathset *set);
/* Frees what is in it. No thread may use it any more. */
void pathset_done(struct pathset *set);

void pathset_add(struct pathset *set, const char *path);
bool pathset_has(struct pathset *set, const char *path);
size_t pathset_count(struct pathset *set);
/* A 64-bit hash of TEXT (FNV-1a), the same on every machine. */
unsigned long long pathset_hash(const char *text);

#endif
