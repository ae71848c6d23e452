/* The types of configuration values: from text to what struct config holds.
 * For config_keys.c, whose table says which key has which type. */
#ifndef COMMON_CONFIG_SET_H
#define COMMON_CONFIG_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"

enum config_type {
	CONFIG_TEXT,	 /* char * */
	CONFIG_PATH,	 /* char *, a directory, made absolute */
	CONFIG_FILE,	 /* char *, a file, made absolute */
	CONFIG_PATTERNS, /* struct config_list */
	CONFIG_MAP,	 /* struct config_map */
	CONFIG_NUMBER,	 /* int */
	CONFIG_DURATION, /* int64_t seconds */
	CONFIG_SIZE,	 /* int64_t bytes */
	CONFIG_FLAG,	 /* enum config_flag */
	CONFIG_CHOICE	 /* an enum, counted from 0 in the words' order */
};

/* A row of the table of keys. */
struct config_key {
	const char *name;
	enum config_type type;
	size_t offset; /* of the value in struct config */
	bool required;
	bool may_be_none;      /* of a path: "" takes it back */
	const char *initial;   /* the default, or NULL: no value */
	const char *elsewhere; /* the default as told to the user, where it is
				  looked for elsewhere before */
	int64_t min;	       /* numbers, durations and sizes */
	int64_t max;
	const char *const *words; /* of a choice, ended by NULL; of a number,
				     or NULL: the one that means 0 */
	/* What is wrong with a text or pattern, "what; hint", or NULL. */
	const char *(*check)(const char *text);
	/* The same of NAME: VALUE, to be added to MAP. */
	const char *(*check_pair)(
	    const struct config_map *map, const char *name, const char *value);
};

/* Sets *VALUE, of KEY's type, to TEXT: a list to that one item; a mapping's is
 * "name=value&name=value", percent-encoded. A relative path counts from
 * DIRECTORY, which, when relative, counts from the current one. Returns NULL,
 * or what is wrong with TEXT, "what; hint", the caller's to free. */
char *config_set_value(void *value, const struct config_key *key,
    const char *text, const char *directory);
/* Adds to MAP what KEY's check lets pass; returns as config_set_value. */
char *config_set_add_pair(struct config_map *map, const struct config_key *key,
    const char *name, const char *value);
/* Adds to LIST what KEY's check lets pass; returns as config_set_value. */
char *config_set_add_item(
    struct config_list *list, const struct config_key *key, const char *text);
/* Frees what is in LIST and empties it. */
void config_set_clear_list(struct config_list *list);
/* Frees what is in MAP and empties it. */
void config_set_clear_map(struct config_map *map);
/* TEXT in quotes for a message: cut with an ellipsis when long, '?' for what
 * can't be shown. The caller frees it. */
char *config_set_quote(const char *text);

#endif
