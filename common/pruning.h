/* When an empty directory may go.
 *
 * A producer that makes its hour's directory and then a file in it must never
 * find the directory gone in between, so a directory with a date in its name
 * stays until that date ended prune_after ago (26 hours cover every time
 * zone) and an hour has passed since anybody changed it; one without a valid
 * date stays until it is itself that old. The same goes for claimed/, where a
 * script makes a directory, of a date long ago perhaps, and then moves a file
 * there. prune_after 0 waits for nothing. */
#ifndef COMMON_PRUNING_H
#define COMMON_PRUNING_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the directory PATH, below base_dir or claimed/, may go if nobody
 * has changed it for long enough; most can be told by their name alone that
 * they may not. */
bool pruning_by_name(int64_t after_ns, const char *path, int64_t now_ns);
/* Whether it may go, last changed by anybody but us at CHANGED_NS (which isn't
 * asked for when AFTER_NS is 0). Both times are the file system's. */
bool pruning_is_due(
    int64_t after_ns, const char *path, int64_t changed_ns, int64_t now_ns);

#endif
