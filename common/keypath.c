/* Patterns and dates in paths.
 *
 * A pattern is matched component by component (FNM_PATHNAME), so the walk may
 * leave out every directory whose components don't match the pattern's first
 * ones. Real trees hold hours such as `6` and dates such as 2020/13/29: they
 * are files like any other, only no date can be told from them. */
#include "common/keypath.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/percent.h"
#include "common/timefmt.h"

enum { FLAGS = FNM_PATHNAME | FNM_PERIOD };

bool
keypath_matches(char *const *patterns, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], path, FLAGS) == 0)
			return true;
	return false;
}

/* The end of the first DEPTH components of TEXT, or NULL when it has no more
 * than these. */
static const char *
after_components(const char *text, size_t depth)
{
	for (; depth > 0; depth--) {
		text = strchr(text, '/');
		if (text == NULL)
			return NULL;
		if (depth > 1)
			text++;
	}
	return text;
}

bool
keypath_may_hold(char *const *patterns, size_t count, const char *path)
{
	size_t depth = 1;

	for (const char *p = path; (p = strchr(p, '/')) != NULL; p++)
		depth++;
	for (size_t i = 0; i < count; i++) {
		const char *end = after_components(patterns[i], depth);
		char *start;
		bool matches;

		if (end == NULL)
			continue;
		start = mem_copy_n(patterns[i], (size_t)(end - patterns[i]));
		matches = fnmatch(start, path, FLAGS) == 0;
		free(start);
		if (matches)
			return true;
	}
	return false;
}

/* Reads a component of MIN to MAX digits at *TEXT and moves past it and its
 * slash; false when it is anything else. */
static bool
read_number(const char **text, size_t min, size_t max, int *ret_number)
{
	size_t digits = strspn(*text, "0123456789");
	int number = 0;

	if (digits < min || digits > max ||
	    ((*text)[digits] != '/' && (*text)[digits] != '\0'))
		return false;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + ((*text)[i] - '0');
	*text += digits + ((*text)[digits] == '/');
	*ret_number = number;
	return true;
}

/* The end of the period that starts at the given time and is a year (UNIT 0),
 * month, day or hour (3) long. */
static bool
end_of(int unit, int year, int month, int day, int hour, int64_t *ret_end_ns)
{
	static const int64_t hour_ns = INT64_C(3600) * 1000000000;
	int64_t start_ns;

	if (!timefmt_from_civil(year, month, day, hour, &start_ns))
		return false;
	switch (unit) {
	case 0:
		return timefmt_from_civil(year + 1, 1, 1, 0, ret_end_ns);
	case 1:
		return month == 12
			   ? timefmt_from_civil(year + 1, 1, 1, 0, ret_end_ns)
			   : timefmt_from_civil(
				 year, month + 1, 1, 0, ret_end_ns);
	case 2:
		*ret_end_ns = start_ns + 24 * hour_ns;
		return true;
	default:
		*ret_end_ns = start_ns + hour_ns;
		return true;
	}
}

enum { UNIT_YEAR, UNIT_MONTH, UNIT_DAY, UNIT_HOUR, UNITS };

/* Reads the date in PATH as far as it goes. Returns the smallest unit that it
 * names, or -1, and in *ret_rest what follows it. */
static int
read_date(const char *path, int field[UNITS], const char **ret_rest)
{
	int unit;

	path = strchr(path, '/'); /* the location is no date */
	while (path != NULL) {
		path++;
		if (read_number(&path, 4, 4, &field[UNIT_YEAR]))
			break;
		path = strchr(path, '/');
	}
	if (path == NULL || field[UNIT_YEAR] > 2200)
		return -1;
	for (unit = UNIT_YEAR; *path != '\0' && unit < UNIT_HOUR; unit++)
		if (!read_number(&path, 1, 2, &field[unit + 1]))
			return -1;
	*ret_rest = path;
	return unit;
}

const char *
keypath_below(const char *base_dir, const char *argument)
{
	size_t length = strlen(base_dir);

	if (strncmp(argument, base_dir, length) == 0 && argument[length] == '/')
		argument += length;
	else if (argument[0] == '.' && argument[1] == '/')
		argument++;
	return argument + strspn(argument, "/");
}

const char *
keypath_of_key(const char *key_prefix, const char *argument)
{
	size_t length = strlen(key_prefix);

	return length > 0 && strncmp(argument, key_prefix, length) == 0
		   ? argument + length
		   : NULL;
}

bool
keypath_date_end(const char *path, int64_t *ret_end_ns)
{
	int field[UNITS] = {0, 1, 1, 0};
	const char *rest;
	int unit = read_date(path, field, &rest);

	return unit >= 0 && end_of(unit, field[UNIT_YEAR], field[UNIT_MONTH],
				field[UNIT_DAY], field[UNIT_HOUR], ret_end_ns);
}

bool
keypath_is_hour(const char *path)
{
	int field[UNITS];
	const char *rest;

	return read_date(path, field, &rest) == UNIT_HOUR && *rest == '\0';
}

bool
keypath_hour(const char *path, int64_t *ret_begin_ns)
{
	int field[UNITS];
	const char *rest;

	/* Without a rest the hour would be the file's own name. */
	return read_date(path, field, &rest) == UNIT_HOUR && *rest != '\0' &&
	       timefmt_from_civil(field[UNIT_YEAR], field[UNIT_MONTH],
		   field[UNIT_DAY], field[UNIT_HOUR], ret_begin_ns);
}

int
keypath_compare(const char *a, const char *b)
{
	const char *date_a = strchr(a, '/');
	const char *date_b = strchr(b, '/');
	int order = strverscmp(
	    date_a != NULL ? date_a : "", date_b != NULL ? date_b : "");

	return order != 0 ? order : strcmp(a, b);
}

const char *
keypath_key_fault(const char *key)
{
	if (!percent_is_utf8(key))
		return "the name is no valid UTF-8, so it can't be a key";
	if (strlen(key) > KEYPATH_KEY_MAX)
		return "the key is longer than 1024 bytes";
	return NULL;
}
