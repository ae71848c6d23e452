/* Durations and sizes as people write them: 90, 10s, 15m, 26h, 7d; 512, 64K,
 * 16M, 5G (powers of 1024). */
#ifndef COMMON_UNITS_H
#define COMMON_UNITS_H

#include <stdint.h>

#define UNITS_DURATION_MAX_SECONDS INT64_C(3155760000) /* 100 years */

/* Seconds of a duration; a bare number is seconds. Whole numbers only, no
 * sign, no blanks. Returns 0, -EINVAL (no duration) or -ERANGE (over 100
 * years). */
int units_parse_duration(const char *text, int64_t *ret_seconds);
/* Bytes of a size; a bare number is bytes, K, M, G and T are powers of 1024.
 * Returns 0, -EINVAL or -ERANGE (over INT64_MAX). */
int units_parse_size(const char *text, int64_t *ret_bytes);

/* The sum of two sizes, or INT64_MAX where it is more: a sparse file may have
 * any size, and a record tell any. */
int64_t units_add_sizes(int64_t bytes, int64_t more);

enum { UNITS_TEXT_MAX = 32 };
/* "12 s", "5 min", "3 h", "2 d": for people, in the largest unit of which
 * there are at least two. Negative ages get a minus sign. Returns TEXT. */
const char *units_format_duration(int64_t seconds, char text[UNITS_TEXT_MAX]);
/* "0.3 s" or, from ten seconds on, as units_format_duration. Returns TEXT. */
const char *units_format_ms(int64_t ms, char text[UNITS_TEXT_MAX]);
/* "4,211": for people. Returns TEXT. */
const char *units_format_count(uint64_t count, char text[UNITS_TEXT_MAX]);
/* "512", "64K", "5G": as units_parse_size reads it, to the byte. BYTES isn't
 * negative. Returns TEXT. */
const char *units_write_size(int64_t bytes, char text[UNITS_TEXT_MAX]);
/* "512 B", "4.0 KiB", "1.5 GiB". Returns TEXT. */
const char *units_format_size(int64_t bytes, char text[UNITS_TEXT_MAX]);

#endif
