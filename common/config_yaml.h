/* The configuration's YAML, one flat mapping, read into struct config. For
 * config.c, which adds the command line's values and judges the whole. */
#ifndef COMMON_CONFIG_YAML_H
#define COMMON_CONFIG_YAML_H

#include <stddef.h>

#include "common/config.h"

/* Where a value stands in the file, both counted from 1; line 0: not there. */
struct config_place {
	size_t line;
	size_t column; /* in characters */
};

/* Sets what the LENGTH bytes at TEXT say in CONFIG, and in PLACES, an array
 * of zeroed ones with one for each key, where they say it. NAME and DIRECTORY
 * are the file's. Returns 0, or -EINVAL or -ENOMEM; *ret_error is then one
 * line, the caller's to free. *ret_beginning is the mapping's. */
int config_yaml_read(const char *name, const char *directory, const char *text,
    size_t length, struct config *config, struct config_place *places,
    struct config_place *ret_beginning, char **ret_error);
/* "NAME:LINE:COLUMN: key 'KEY': PROBLEM", KEY being NULL for none; the caller
 * frees it. */
char *config_yaml_error(const char *name, struct config_place place,
    const char *key, const char *problem);

#endif
