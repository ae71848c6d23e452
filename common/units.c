/* Durations and sizes as text; see units.h.
 *
 * Only what a person would write is read: digits, then at most one unit.
 * strtoll() is avoided because it also takes blanks, signs and other bases.
 * A number too large is told from a malformed one (-ERANGE, -EINVAL), so that
 * the message about a configuration can say which it was. */
#include "common/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct unit {
	char letter; /* 0: no letter */
	int64_t factor;
};

static const struct unit durations[] = {
    {0, 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
static const struct unit sizes[] = {{0, 1}, {'K', INT64_C(1) << 10},
    {'M', INT64_C(1) << 20}, {'G', INT64_C(1) << 30}, {'T', INT64_C(1) << 40}};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static int
parse(const char *text, const struct unit *units, size_t count, int64_t max,
    int64_t *ret_value)
{
	const struct unit *unit = units;
	bool too_large = false;
	int64_t value = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	/* Read on after an overflow: "9...9x" is malformed before it is large.
	 */
	for (; *text >= '0' && *text <= '9'; text++)
		too_large |= __builtin_mul_overflow(value, 10, &value) ||
			     __builtin_add_overflow(value, *text - '0', &value);
	while (unit < units + count && unit->letter != *text)
		unit++;
	if (unit == units + count || (*text != '\0' && text[1] != '\0'))
		return -EINVAL;
	too_large |= __builtin_mul_overflow(value, unit->factor, &value);
	if (too_large || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int
units_parse_duration(const char *text, int64_t *ret_seconds)
{
	return parse(text, durations, LENGTH(durations),
	    UNITS_DURATION_MAX_SECONDS, ret_seconds);
}

int
units_parse_size(const char *text, int64_t *ret_bytes)
{
	return parse(text, sizes, LENGTH(sizes), INT64_MAX, ret_bytes);
}

/* -INT64_MIN does not exist as an int64_t. */
static uint64_t
magnitude(int64_t value)
{
	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

int64_t
units_add_sizes(int64_t bytes, int64_t more)
{
	int64_t sum;

	return __builtin_add_overflow(bytes, more, &sum) ? INT64_MAX : sum;
}

const char *
units_format_duration(int64_t seconds, char text[UNITS_TEXT_MAX])
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} steps[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
	uint64_t value = magnitude(seconds);
	size_t i = 0;

	while (i + 1 < LENGTH(steps) && value / steps[i].seconds < 2)
		i++;
	/* The longest, "-106751991167300 d", is well below UNITS_TEXT_MAX. */
	(void)snprintf(text, UNITS_TEXT_MAX, "%s%" PRIu64 " %s",
	    seconds < 0 ? "-" : "", value / steps[i].seconds, steps[i].name);
	return text;
}

const char *
units_format_ms(int64_t ms, char text[UNITS_TEXT_MAX])
{
	if (ms < 0 || ms >= 9950)
		return units_format_duration((ms + 500) / 1000, text);
	/* Two digits. */
	(void)snprintf(text, UNITS_TEXT_MAX, "%d.%d s", (int)(ms + 50) / 1000,
	    (int)(ms + 50) / 100 % 10);
	return text;
}

const char *
units_format_count(uint64_t count, char text[UNITS_TEXT_MAX])
{
	/* The longest, with 20 digits and 6 commas, is below that. */
	char *at = text + UNITS_TEXT_MAX;
	size_t digits = 0;

	*--at = '\0';
	do {
		if (digits > 0 && digits % 3 == 0)
			*--at = ',';
		*--at = (char)('0' + count % 10);
		count /= 10;
		digits++;
	} while (count > 0);
	memmove(text, at, (size_t)(text + UNITS_TEXT_MAX - at));
	return text;
}

const char *
units_write_size(int64_t bytes, char text[UNITS_TEXT_MAX])
{
	size_t unit = 0;

	while (unit + 1 < LENGTH(sizes) && bytes > 0 &&
	       bytes % sizes[unit + 1].factor == 0)
		unit++;
	(void)snprintf(text, UNITS_TEXT_MAX, "%" PRId64 "%.*s",
	    bytes / sizes[unit].factor, unit > 0, &sizes[unit].letter);
	return text;
}

const char *
units_format_size(int64_t bytes, char text[UNITS_TEXT_MAX])
{
	static const char *const names[] = {
	    "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	const char *sign = bytes < 0 ? "-" : "";
	uint64_t value = magnitude(bytes);
	uint64_t unit = 1024;
	uint64_t tenths;
	size_t i = 0;

	if (value < 1024) {
		/* Four digits at most: it fits. */
		(void)snprintf(
		    text, UNITS_TEXT_MAX, "%s%" PRIu64 " B", sign, value);
		return text;
	}
	for (;; i++, unit *= 1024) {
		uint64_t rest = value % unit;

		/* Split so that nothing overflows at 1 EiB. What rounds to
		 * 1024.0 belongs to the next unit. */
		tenths = value / unit * 10 + (rest * 10 + unit / 2) / unit;
		if (tenths < 10240 || i + 1 == LENGTH(names))
			break;
	}
	/* Six digits at most: it fits. */
	(void)snprintf(text, UNITS_TEXT_MAX, "%s%" PRIu64 ".%" PRIu64 " %s",
	    sign, tenths / 10, tenths % 10, names[i]);
	return text;
}
