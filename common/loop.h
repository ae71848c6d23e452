/* --loop: one pass after another, for where there is neither cron nor systemd.
 *
 * A pass is a process of its own, which does exactly what it does when cron
 * starts it. The loop only waits: for the time, or for a hint that something
 * has come. */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/stage.h"
#include "common/watch.h"

struct loop {
	const char *every; /* as typed: a duration, or NULL: no loop */
	int64_t every_ns;
	/* Where something may come, */
	struct watch_place place;
	int64_t delay_ns; /* after which it is of use */
	bool gives_back;  /* a pass may put there what it took from there: what
			     comes meanwhile says little */
};

/* Reads what was typed. False: it was said what is wrong, with the exit
 * status. */
bool loop_read(struct loop *loop, struct stage *stage);
/* Without --loop true at once. With it true in the process of each pass, whose
 * configuration was read anew, and false when all is over, or that can't be
 * read: exit with stage_end. It is over when INT, TERM or HUP has come, which a
 * pass that is under way is handed on as TERM, and waited for. */
bool loop_enter(const struct loop *loop, struct stage *stage);

#endif
