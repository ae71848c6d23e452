/* Random numbers, for spreading out retries and picks. */
#ifndef UPLOADER_CHANCE_H
#define UPLOADER_CHANCE_H

#include <stddef.h>
#include <stdint.h>

uint32_t chance_u32(void);
/* 0 .. LIMIT-1; 0 for a LIMIT of 0. */
size_t chance_below(size_t limit);

#endif
