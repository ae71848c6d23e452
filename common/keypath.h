/* Paths below base_dir: which are wanted, and which date they name. */
#ifndef COMMON_KEYPATH_H
#define COMMON_KEYPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* S3's limit (AWS, "Creating object key names"): bytes of UTF-8. */
enum { KEYPATH_KEY_MAX = 1024 };

/* Whether one of the COUNT patterns matches PATH as fnmatch does with
 * FNM_PATHNAME and FNM_PERIOD. */
bool keypath_matches(char *const *patterns, size_t count, const char *path);
/* Whether files that match may lie below the directory PATH: whether its
 * components match the first ones of a pattern that has more. */
bool keypath_may_hold(char *const *patterns, size_t count, const char *path);

/* ARGUMENT, as a person typed it, without BASE_DIR before it and without "./":
 * a path below base_dir, if it is one. Points into ARGUMENT. */
const char *keypath_below(const char *base_dir, const char *argument);
/* The path whose key ARGUMENT is: what follows KEY_PREFIX in it. NULL: that
 * isn't there, or is empty, and then a key is a path. Points into ARGUMENT. */
const char *keypath_of_key(const char *key_prefix, const char *argument);

/* When the date that a directory's name says has ended: LOCATION/YYYY,
 * LOCATION/YYYY/MM, .../DD or .../HH (read as UTC; hours such as "6" count).
 * Deeper directories have the date of their hour. False: it names no date, or
 * one that there isn't, such as 2020/13/29. */
bool keypath_date_end(const char *path, int64_t *ret_end_ns);

/* Whether the last component of the directory PATH is the hour of its date,
 * so that files are expected in it, and no directories. */
bool keypath_is_hour(const char *path);

/* When the hour begins that the directories of the file PATH name, read as UTC.
 * False: they name none, or one that there isn't. */
bool keypath_hour(const char *path, int64_t *ret_begin_ns);

/* Orders directories by what follows the location, oldest first, numbers by
 * value, then by location; for qsort-like use on the names themselves. */
int keypath_compare(const char *a, const char *b);

/* Why KEY can't be an object's key, for a person; NULL: it can. */
const char *keypath_key_fault(const char *key);

#endif
