/* The count of calls, and whose turn it is; see saboteur_plan.h. */
#include "tests/fault/saboteur_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "tests/fault/saboteur_call.h"

static bool
looks_so(const struct saboteur_rule *rule, const uint64_t *arguments)
{
	switch (rule->look) {
	case SABOTEUR_LOOK_RENAME_FLAG:
		return (uint32_t)arguments[4] != 0;
	case SABOTEUR_LOOK_SETLEASE:
		return (int)arguments[1] == F_SETLEASE;
	case SABOTEUR_LOOK_NOT:
		break;
	}
	return true;
}

void
saboteur_plan_meet(struct saboteur_plan *plan, uint64_t number,
    const uint64_t *arguments, uint64_t *ret_turn, uint64_t *ret_hits)
{
	bool known = number < SABOTEUR_CALLS_MAX;
	bool counted = !known || !plan->uninteresting[number];
	uint64_t hits = 0;

	*ret_turn = 0;
	*ret_hits = 0;
	if (plan->from >= 0 && number != (uint64_t)plan->from)
		return;
	plan->from = -1;
	if (counted) {
		*ret_turn = ++plan->total;
		if (known)
			plan->counts[number]++;
	}
	for (unsigned i = 0; i < plan->rule_count; i++) {
		struct saboteur_rule *rule = &plan->rules[i];

		if (rule->any ? !counted : !known || !rule->calls[number])
			continue;
		if (!looks_so(rule, arguments))
			continue;
		rule->met++;
		if (rule->met == rule->nth ||
		    (rule->onwards && rule->met > rule->nth))
			hits |= UINT64_C(1) << i;
	}
	*ret_hits = hits;
}

bool
saboteur_plan_pending(const struct saboteur_plan *plan)
{
	if (plan->count_path != NULL || plan->trace_path != NULL)
		return true;
	for (unsigned i = 0; i < plan->rule_count; i++) {
		if (!plan->rules[i].reached || plan->rules[i].onwards)
			return true;
	}
	return false;
}

const struct saboteur_rule *
saboteur_plan_missed(const struct saboteur_plan *plan)
{
	for (unsigned i = 0; i < plan->rule_count; i++) {
		if (!plan->rules[i].reached)
			return &plan->rules[i];
	}
	return NULL;
}

int
saboteur_plan_write_count(const struct saboteur_plan *plan)
{
	FILE *file = fopen(plan->count_path, "we");
	uint64_t unknown = plan->total;
	bool failed;

	if (file == NULL)
		return -errno;
	fprintf(file, "total %" PRIu64 "\n", plan->total);
	for (const struct saboteur_name *call = saboteur_calls;
	     call->name != NULL; call++) {
		uint64_t count = plan->counts[call->number];

		unknown -= count;
		if (count > 0)
			fprintf(file, "%s %" PRIu64 "\n", call->name, count);
	}
	/* Newer than the headers this was built with. */
	if (unknown > 0)
		fprintf(file, "unknown %" PRIu64 "\n", unknown);
	failed = ferror(file) != 0;
	if (fclose(file) != 0 || failed)
		return -EIO;
	return 0;
}
