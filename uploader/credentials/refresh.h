/* Getting credentials without anybody waiting: in a thread of its own. */
#ifndef UPLOADER_CREDENTIALS_REFRESH_H
#define UPLOADER_CREDENTIALS_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "uploader/credentials/credentials.h"

/* --- when (pure) --- */

/* How long to use credentials that expire in LEFT_NS (INT64_MAX: never) before
 * getting new ones: until 15 to 10 minutes before they expire, by RANDOM, but
 * at least half of their life, and a second; those that have expired already,
 * by our clock, as after a failed attempt. INT64_MAX: for ever. */
int64_t credentials_refresh_wait_ns(int64_t left_ns, uint32_t random);
/* How long to wait after a failed attempt, when the old ones expire in
 * LEFT_NS: half a minute to a minute, by RANDOM, but at most half of what is
 * left, and at least a second. */
int64_t credentials_refresh_retry_ns(int64_t left_ns, uint32_t random);

/* --- how --- */

struct credentials_refresh;

/* Initialises libcurl, too, so there must be no other thread yet. Takes region,
 * ca_bundle and proxies from CONTEXT; the region is copied, the others must
 * stay. Returns NULL when there are no descriptors left. */
struct credentials_refresh *credentials_refresh_new(
    const struct credentials_context *context);
/* Cancels what goes on, waits for its end (which is near), and frees all.
 * NULL is fine. */
void credentials_refresh_free(struct credentials_refresh *refresh);

/* Readable once there is something to take; it can fail to be, so that whoever
 * waits asks now and then all the same. */
int credentials_refresh_fd(const struct credentials_refresh *refresh);
bool credentials_refresh_is_running(const struct credentials_refresh *refresh);
/* Runs credentials_load, of the source ONLY (NULL: all; must stay as it is)
 * with this CLOCK_OFFSET_NS. Does nothing while it runs already. Returns 0, or
 * a negative errno when there can be no thread. */
int credentials_refresh_start(struct credentials_refresh *refresh,
    const char *only, int64_t clock_offset_ns);
/* False: there is nothing yet. Otherwise *ret_result is what credentials_load
 * returned, with its *ret_credentials or *ret_error, the caller's. */
bool credentials_refresh_take(struct credentials_refresh *refresh,
    int *ret_result, struct credentials **ret_credentials, char **ret_error);

#endif
