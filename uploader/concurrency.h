/* How many transfers a store is worth: as many as it answers sooner together
 * than one after the other, and this program can keep up with. Pure
 * arithmetic; time is an argument: NOW_NS, and WAITED_NS, of which the program
 * has waited so far with nothing to do. */
#ifndef UPLOADER_CONCURRENCY_H
#define UPLOADER_CONCURRENCY_H

#include <stdbool.h>
#include <stdint.h>

enum concurrency_stage {
	CONCURRENCY_GROWING, /* doubles as long as that pays */
	CONCURRENCY_HOLDING, /* what has paid, for a while */
	CONCURRENCY_PROBING  /* whether a quarter more, or less, is better */
};

struct concurrency {
	int limit; /* transfers at once, for now */
	int most;
	enum concurrency_stage stage;
	bool again;  /* growing: it is looked at a second time */
	bool upward; /* the newest probe */
	bool slowed; /* the store has complained: no doubling from then on */
	int64_t hold_ns;
	/* What the limit is compared with (0: nothing), and what that did. */
	int other;
	double other_rate;
	/* Seen of the limit at hand: of what was begun after it was set. */
	int64_t since_ns;
	int answers;
	double work, took_ns;
	int64_t set_ns, set_waited_ns, waited_ns; /* then, then, now */
};

/* Begins with few, and stays within MOST (at least 1). */
void concurrency_init(
    struct concurrency *concurrency, int most, int64_t now_ns);
/* A transfer of BYTES, begun at BEGUN_NS and not tried twice, was a success:
 * not of a slot's first one, which may have had to connect. */
void concurrency_answered(struct concurrency *concurrency, int64_t bytes,
    int64_t begun_ns, int64_t waited_ns, int64_t now_ns);
/* Fewer than the limit are under way, for want of files or since the store
 * asked for it: what is seen doesn't tell anything about the limit. */
void concurrency_starved(
    struct concurrency *concurrency, int64_t waited_ns, int64_t now_ns);
/* The store asks for fewer: nothing more is tried for a while. */
void concurrency_slowed(struct concurrency *concurrency, int64_t now_ns);

#endif
