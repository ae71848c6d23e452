/* When to try again.
 *
 * The arithmetic of the AWS SDKs' "standard" retry mode (AWS SDKs and Tools
 * Reference Guide, "Retry behavior"): exponential back-off with full jitter,
 * capped at 20 seconds, and a token bucket that ends a storm of retries when
 * a store is down for everybody. The bucket never holds more than it began
 * with and never less than nothing. */
#include "uploader/retry.h"

enum {
	FIRST_MS = 1000,
	CAP_MS = 20000,
	RETRY_AFTER_CAP_MS = 300000,
	BUCKET_TOKENS = 500,
	RETRY_COST = 5,
	TIMEOUT_COST = 10,
	SUCCESS_GAIN = 1
};

int64_t
retry_delay_ms(int attempt, uint32_t random, int64_t retry_after_ms)
{
	uint64_t bound_ms = FIRST_MS;
	int64_t delay_ms;

	for (int i = 1; i < attempt && bound_ms < CAP_MS; i++)
		bound_ms *= 2;
	if (bound_ms > CAP_MS)
		bound_ms = CAP_MS;
	delay_ms = (int64_t)((bound_ms * random) >> 32);
	if (retry_after_ms > RETRY_AFTER_CAP_MS)
		retry_after_ms = RETRY_AFTER_CAP_MS;
	return delay_ms > retry_after_ms ? delay_ms : retry_after_ms;
}

void
retry_budget_init(struct retry_budget *budget)
{
	budget->tokens = BUCKET_TOKENS;
}

static int
cost_of(bool timed_out)
{
	return timed_out ? TIMEOUT_COST : RETRY_COST;
}

bool
retry_budget_take(struct retry_budget *budget, bool timed_out)
{
	if (budget->tokens < cost_of(timed_out))
		return false;
	budget->tokens -= cost_of(timed_out);
	return true;
}

void
retry_budget_return(struct retry_budget *budget, bool retried, bool timed_out)
{
	budget->tokens += retried ? cost_of(timed_out) : SUCCESS_GAIN;
	if (budget->tokens > BUCKET_TOKENS)
		budget->tokens = BUCKET_TOKENS;
}

void
throttle_init(struct throttle *throttle, int most)
{
	*throttle = (struct throttle){
	    .limit = most, .most = most, .slowed_ns = INT64_MIN};
}

void
throttle_slow_down(struct throttle *throttle, int64_t sent_ns, int64_t now_ns)
{
	if (sent_ns <= throttle->slowed_ns)
		return;
	throttle->limit = throttle->limit > 1 ? throttle->limit / 2 : 1;
	throttle->successes = 0;
	throttle->slowed_ns = now_ns;
}

void
throttle_success(struct throttle *throttle)
{
	if (throttle->limit == throttle->most ||
	    ++throttle->successes < throttle->limit)
		return;
	throttle->limit++;
	throttle->successes = 0;
}

void
throttle_allow(struct throttle *throttle, int most)
{
	if (throttle->limit == throttle->most || throttle->limit > most)
		throttle->limit = most;
	throttle->most = most;
}
