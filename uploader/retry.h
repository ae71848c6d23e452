/* When to try again: full jitter, and a budget shared by the whole run. Pure
 * arithmetic; time and chance are arguments. */
#ifndef UPLOADER_RETRY_H
#define UPLOADER_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds to wait before attempt ATTEMPT + 1, when ATTEMPT (from 1)
 * failed: RANDOM/2^32 of min(2^(ATTEMPT-1), 20) seconds, as the AWS SDKs'
 * "standard" mode; but not less than RETRY_AFTER_MS (-1: the store named
 * none), of which at most five minutes are honoured. */
int64_t retry_delay_ms(int attempt, uint32_t random, int64_t retry_after_ms);

/* The token bucket of the SDKs' "standard" mode: 500 tokens; a retry costs
 * 5, one after a time-out 10; a success without retry returns 1, one after
 * retries what its last retry cost. */
struct retry_budget {
	int tokens;
};
void retry_budget_init(struct retry_budget *budget);
/* Takes what a retry costs; false (and nothing taken): not now. */
bool retry_budget_take(struct retry_budget *budget, bool timed_out);
void retry_budget_return(
    struct retry_budget *budget, bool retried, bool timed_out);

/* How many transfers go at once, where a store asks for fewer: halved when it
 * does, one more for each round of successes after that. */
struct throttle {
	int limit, most;
	int successes;	   /* since it last grew */
	int64_t slowed_ns; /* when it was last halved */
};
void throttle_init(struct throttle *throttle, int most);
/* The store asks for less, in answer to a request of SENT_NS. What was sent
 * before the last halving doesn't count: it is the same complaint. */
void throttle_slow_down(
    struct throttle *throttle, int64_t sent_ns, int64_t now_ns);
void throttle_success(struct throttle *throttle);
/* As many as MOST from now on, unless it is growing towards that. */
void throttle_allow(struct throttle *throttle, int most);

#endif
