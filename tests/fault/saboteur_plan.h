/* What is to be done to which call: the command line, and the count that tells
 * when a call's turn has come. */
#ifndef TESTS_FAULT_SABOTEUR_PLAN_H
#define TESTS_FAULT_SABOTEUR_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SABOTEUR_CALLS_MAX = 1024, SABOTEUR_RULES_MAX = 64 };

enum saboteur_harm {
	SABOTEUR_KILL_AT,
	SABOTEUR_KILL_AFTER,
	SABOTEUR_FAIL,
	SABOTEUR_LIE,
	SABOTEUR_SHORT,
	SABOTEUR_RUN_ENTRY,
	SABOTEUR_RUN_EXIT,
};

/* What else than its name a call must have. */
enum saboteur_look {
	SABOTEUR_LOOK_NOT,
	SABOTEUR_LOOK_RENAME_FLAG,
	SABOTEUR_LOOK_SETLEASE,
};

struct saboteur_rule {
	enum saboteur_harm harm;
	enum saboteur_look look;
	const char *option, *text; /* as they were typed */
	bool any;		   /* each call that is counted */
	bool calls[SABOTEUR_CALLS_MAX];
	uint64_t nth, met;
	bool onwards;	     /* the later ones, too */
	bool reached;	     /* its harm was done; set by the driver */
	unsigned value;	     /* errno, or bytes */
	const char *command; /* of SABOTEUR_RUN_* */
};

struct saboteur_plan {
	int from; /* -1: counting has begun */
	bool uninteresting[SABOTEUR_CALLS_MAX];
	const char *count_path, *trace_path;
	int patience_ms; /* with a command, before it is left alone */
	struct saboteur_rule rules[SABOTEUR_RULES_MAX];
	unsigned rule_count;
	uint64_t total, counts[SABOTEUR_CALLS_MAX];
	char **program; /* with its arguments */
};

enum saboteur_parsed { SABOTEUR_RUN, SABOTEUR_HELPED, SABOTEUR_WRONG };

/* Fills the zeroed PLAN, which goes on pointing into ARGV; says what is wrong.
 */
enum saboteur_parsed saboteur_plan_parse(
    struct saboteur_plan *plan, int argc, char **argv);

/* A thread enters the call NUMBER with ARGUMENTS. *RET_TURN is its place in
 * the count, 0 when it isn't counted; bit i of *RET_HITS says that the time
 * of rules[i] has come. */
void saboteur_plan_meet(struct saboteur_plan *plan, uint64_t number,
    const uint64_t *arguments, uint64_t *ret_turn, uint64_t *ret_hits);

/* Whether calls still matter. */
bool saboteur_plan_pending(const struct saboteur_plan *plan);
/* The first rule that was asked for in vain, or NULL. */
const struct saboteur_rule *saboteur_plan_missed(
    const struct saboteur_plan *plan);
/* How many of which call there were; 0 or a negative errno. */
int saboteur_plan_write_count(const struct saboteur_plan *plan);

#endif
