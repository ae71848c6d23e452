/* A hash that is the same on every machine: FNV-1a, 64 bits. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

/* The hash of LENGTH bytes, of "" cbf29ce484222325. */
uint64_t hash_bytes(const void *bytes, size_t length);

#endif
