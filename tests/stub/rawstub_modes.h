/* The misbehaviours of rawstub. */
#ifndef RAWSTUB_MODES_H
#define RAWSTUB_MODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct rawstub_mode {
	const char *name;
	void (*run)(int fd); /* the caller closes */
	const char *help;
};

enum { RAWSTUB_CHUNK = 64 << 10, RAWSTUB_LIFE_MAX_S = 600 };

/* Between two bytes of the slow ones. */
extern unsigned rawstub_modes_delay_ms;

/* NULL when there is none of that name. */
const struct rawstub_mode *rawstub_modes_find(const char *name);
void rawstub_modes_list(FILE *to);
/* Sends all of it; false when the other side is gone. */
bool rawstub_modes_put(int fd, const char *bytes, size_t length);

#endif
