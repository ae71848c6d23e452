/* How many transfers a store is worth; see concurrency.h.
 *
 * N transfers at once, each of which takes T, do N / T a second (Little's law).
 * As long as the store has room, T stays what it is; beyond that T grows with
 * N, and nothing is won. T can be had from the first answers after a change,
 * where counting answers over time would have to wait until the change has
 * worked its way through.
 *
 * It begins with FIRST and doubles, a round trip each, as long as that pays.
 * What it ends with is what the store had room for, and a tenth. Later, since
 * a store doesn't stay the same for hours, a quarter more and a quarter fewer
 * are tried by turns; the longer nothing comes of it, the more rarely. */
#include "uploader/concurrency.h"

#include "common/clock.h"

enum {
	FIRST = 16, /* enough for a store that isn't far away */
	LEAST = 4,  /* fewer save nothing */
	/* A request is worth as much as so many bytes, so that neither a few
	 * large files nor many small ones hide the others. */
	REQUEST_BYTES = 64 * 1024,
	ANSWERS_LEAST = 8, /* one alone may be unlucky */
	/* Below this the scheduler and the disk are what is measured. */
	GROW_MS = 20,
	AGAIN_MS = 100,
	PROBE_MS = 200,
	HOLD_LEAST_MS = 2000,
	HOLD_MOST_MS = 30000
};
/* Of what is added, the share that must do as much as the rest does: as seen
 * at the first glance, where the store isn't crowded yet, and then. */
static const double surely_pays = .6;
static const double growing_pays = .35;
static const double probing_pays = 1. / 3;
static const double lost_at_most = .03;
static const double busy = .9; /* more brings a tenth at most */
static const double spare = 1.1;

/* What begins within AFTER_NS from now isn't looked at. */
static void
set(struct concurrency *c, enum concurrency_stage stage, int limit,
    int64_t after_ns, int64_t now_ns)
{
	c->stage = stage;
	c->limit = limit;
	c->set_ns = now_ns;
	c->since_ns = now_ns + after_ns;
	c->set_waited_ns = c->waited_ns;
	c->answers = 0;
	c->work = c->took_ns = 0;
}

static void
compare_with(struct concurrency *c, int limit, double rate)
{
	c->other = limit;
	c->other_rate = rate;
	c->again = false;
}

static int
within(int limit, int least, int most)
{
	return limit < least ? least : limit > most ? most : limit;
}

void
concurrency_init(struct concurrency *c, int most, int64_t now_ns)
{
	*c = (struct concurrency){
	    .most = most, .hold_ns = HOLD_LEAST_MS * CLOCK_NS_PER_MS};
	set(c, CONCURRENCY_GROWING, within(FIRST, 1, most), 0, now_ns);
}

static void
hold(struct concurrency *c, int limit, int64_t now_ns)
{
	c->hold_ns = HOLD_LEAST_MS * CLOCK_NS_PER_MS;
	set(c, CONCURRENCY_HOLDING, limit, 0, now_ns);
}

/* Whether the program has hardly waited, so that more can't do much more. */
static bool
is_busy(const struct concurrency *c, int64_t now_ns)
{
	int64_t waited_ns = c->waited_ns - c->set_waited_ns;

	return (double)waited_ns < (1 - busy) * (double)(now_ns - c->set_ns);
}

/* The limit does RATE: do twice as many do more? */
static void
double_it(struct concurrency *c, double rate, int64_t now_ns)
{
	int limit = c->limit;

	compare_with(c, limit, rate);
	if (limit == c->most || c->slowed)
		hold(c, limit, now_ns);
	else
		set(c, CONCURRENCY_GROWING, within(2 * limit, 1, c->most), 0,
		    now_ns);
}

/* What a transfer takes: until then nothing of a change is over. */
static int64_t
turn_ns(const struct concurrency *c)
{
	return (int64_t)c->took_ns / c->answers;
}

static void
end_growing(struct concurrency *c, double rate, int64_t now_ns)
{
	double gain = 1, most_gain = 1;
	bool pays;

	if (c->other > 0) {
		gain = rate / c->other_rate - 1;
		most_gain = (double)c->limit / c->other - 1;
	}
	pays = gain >= most_gain * (c->again ? growing_pays : surely_pays);
	if (pays && !is_busy(c, now_ns)) {
		double_it(c, rate, now_ns);
	} else if (!c->again) {
		/* The first answers know nothing yet of those that queue up
		 * behind them, and may be unlucky. */
		set(c, CONCURRENCY_GROWING, c->limit, turn_ns(c), now_ns);
		c->again = true;
	} else {
		int needed = (int)(c->other * (1 + gain) * spare + .5);

		hold(c, pays ? c->limit : within(needed, c->other, c->limit),
		    now_ns);
	}
}

static void
begin_probing(struct concurrency *c, double rate, int64_t now_ns)
{
	int limit = c->limit;
	int quarter = limit < 4 ? 1 : limit / 4;

	compare_with(c, limit, rate);
	c->upward = limit <= LEAST ||
		    (!c->upward && limit < c->most && !is_busy(c, now_ns));
	set(c, CONCURRENCY_PROBING,
	    within(c->upward ? limit + quarter : limit - quarter, 1, c->most),
	    turn_ns(c), now_ns);
}

static void
end_probing(struct concurrency *c, double rate, int64_t now_ns)
{
	double gain = rate / c->other_rate - 1;
	double most_gain = (double)c->limit / c->other - 1;
	int64_t hold_ns = 2 * c->hold_ns;
	int64_t turn = turn_ns(c);
	bool pays = c->upward
			? most_gain > 0 && gain >= most_gain * probing_pays
			: gain >= -lost_at_most;

	if (c->upward && pays && !is_busy(c, now_ns)) {
		double_it(c, rate, now_ns);
		/* There is no hurry any more. */
		c->again = true;
		c->since_ns += turn;
	} else if (pays) {
		hold(c, c->limit, now_ns);
	} else {
		hold(c, c->other, now_ns);
		c->hold_ns = hold_ns < HOLD_MOST_MS * CLOCK_NS_PER_MS
				 ? hold_ns
				 : HOLD_MOST_MS * CLOCK_NS_PER_MS;
	}
}

/* Whether enough has been seen of the limit. */
static bool
is_seen(const struct concurrency *c, int64_t now_ns)
{
	int64_t needed_ns = GROW_MS * CLOCK_NS_PER_MS;
	int needed = c->limit / 4;

	if (c->stage == CONCURRENCY_GROWING && c->again) {
		needed_ns = AGAIN_MS * CLOCK_NS_PER_MS;
		needed = 2 * c->limit;
	} else if (c->stage == CONCURRENCY_PROBING) {
		needed_ns = PROBE_MS * CLOCK_NS_PER_MS;
		needed = 2 * c->limit;
	} else if (c->stage == CONCURRENCY_HOLDING) {
		needed_ns = c->hold_ns;
		needed = 4 * c->limit;
	}
	if (needed < ANSWERS_LEAST)
		needed = ANSWERS_LEAST;
	return c->answers >= needed && now_ns - c->since_ns >= needed_ns;
}

void
concurrency_answered(struct concurrency *c, int64_t bytes, int64_t begun_ns,
    int64_t waited_ns, int64_t now_ns)
{
	double rate;

	c->waited_ns = waited_ns;
	if (begun_ns < c->since_ns || now_ns <= begun_ns)
		return;
	c->answers++;
	c->work += (double)(bytes + REQUEST_BYTES);
	c->took_ns += (double)(now_ns - begun_ns);
	if (!is_seen(c, now_ns))
		return;
	rate = c->limit * c->work / c->took_ns;
	if (c->stage == CONCURRENCY_GROWING)
		end_growing(c, rate, now_ns);
	else if (c->stage == CONCURRENCY_HOLDING)
		begin_probing(c, rate, now_ns);
	else
		end_probing(c, rate, now_ns);
}

void
concurrency_starved(struct concurrency *c, int64_t waited_ns, int64_t now_ns)
{
	c->waited_ns = waited_ns;
	set(c, c->stage, c->limit, 0, now_ns);
}

void
concurrency_slowed(struct concurrency *c, int64_t now_ns)
{
	bool is_trying = c->stage == CONCURRENCY_GROWING ||
			 (c->stage == CONCURRENCY_PROBING && c->upward);

	c->slowed = true;
	/* What was tried was too many; what it was before needn't be. */
	hold(c, is_trying && c->other > 0 ? c->other : c->limit, now_ns);
}
