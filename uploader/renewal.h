/* Who signs, and that it stays so: credentials of a run, and newer ones before
 * they expire, while transfers go on. */
#ifndef UPLOADER_RENEWAL_H
#define UPLOADER_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#include "uploader/credentials/credentials.h"

struct uploader;

struct renewal {
	struct credentials_refresh *refresh;
	int64_t due_ns;	     /* of the next; INT64_MAX: none, or under way */
	unsigned generation; /* of the credentials in use: 0, there are none */
	bool forced;	     /* the store has refused these: jobs wait */
	bool said;	     /* that it fails */
};

/* What the sources of UP's credentials need to know, but for what changes.
 * Nothing in it is owned. */
struct credentials_context renewal_context(const struct uploader *up);
/* How long the credentials in use are valid yet, by the store's clock: less
 * than 0 where they have expired, INT64_MAX where they never do. */
int64_t renewal_left_ns(const struct uploader *up);
/* The exit status that RESULT, an error of credentials_load, means: that a
 * source is down passes, and is no refusal. */
int renewal_status(int result);
/* Begins to look for the first ones. Returns the descriptor that is readable
 * when renewal_take has something to do, or a negative errno. There must be no
 * other thread yet. */
int renewal_begin(struct uploader *up);
/* Takes what has come, if any: up->credentials and up->client are new then,
 * and jobs that waited for them go on. When there are none at all, it is said
 * why, and the run stops. */
void renewal_take(struct uploader *up);
/* Begins to renew them when it is time. Returns when that is
 * (clock_monotonic_ns; INT64_MAX: never, as when the run ends). */
int64_t renewal_work(struct uploader *up);
/* The store has refused the credentials of GENERATION. True: there will be
 * newer ones, or it will be said that there are none (exchange_renewed); false:
 * newer ones are in use already. */
bool renewal_force(struct uploader *up, unsigned generation);
/* A new signer for the credentials in use: the region has changed. */
void renewal_resign(struct uploader *up);
/* Ends what is under way. */
void renewal_end(struct uploader *up);

#endif
