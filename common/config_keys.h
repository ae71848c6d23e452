/* The keys of the configuration: names, types, defaults and ranges. For
 * config.c and config_yaml.c, which know where a value came from. A key is a
 * number below config_keys_count(), in the order of the README's table. */
#ifndef COMMON_CONFIG_KEYS_H
#define COMMON_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"

size_t config_keys_count(void);
const char *config_keys_name(size_t key);
/* Whether KEY takes a list, too. */
bool config_keys_takes_list(size_t key);
/* Whether KEY takes a mapping of names to values, too. */
bool config_keys_takes_map(size_t key);
/* False when no key has this name. */
bool config_keys_find(const char *name, size_t *ret_key);
/* "what; hint" about a NAME that no key has: which one it is probably a slip
 * for. The caller frees it. */
char *config_keys_explain_unknown(const char *name);
/* Gives every key of the zeroed CONFIG its default. */
void config_keys_set_defaults(struct config *config);
/* Sets KEY to TEXT. A relative path counts from DIRECTORY, which, when
 * relative, counts from the current one. Returns NULL, or what is wrong with
 * TEXT, "what; hint", the caller's to free. */
char *config_keys_set(
    struct config *config, size_t key, const char *text, const char *directory);
/* For a list or a mapping: empties KEY. */
void config_keys_clear(struct config *config, size_t key);
/* Adds TEXT after what the list KEY has; returns as config_keys_set. */
char *config_keys_add(struct config *config, size_t key, const char *text);
/* Adds NAME: VALUE after what the mapping KEY has; returns likewise. */
char *config_keys_add_pair(
    struct config *config, size_t key, const char *name, const char *value);
/* The first required key that has no value; false when all have one. */
bool config_keys_find_missing(const struct config *config, size_t *ret_key);
/* Frees every value, not CONFIG itself. */
void config_keys_done(struct config *config);

#endif
