/* The rule for empty directories; see pruning.h. */
#include "common/pruning.h"

#include "common/clock.h"
#include "common/keypath.h"

static const int64_t hour_ns = 3600 * CLOCK_NS_PER_S;

bool
pruning_by_name(int64_t after_ns, const char *path, int64_t now_ns)
{
	int64_t end_ns;

	return after_ns == 0 || !keypath_date_end(path, &end_ns) ||
	       end_ns <= now_ns - after_ns;
}

bool
pruning_is_due(
    int64_t after_ns, const char *path, int64_t changed_ns, int64_t now_ns)
{
	int64_t end_ns;

	if (after_ns == 0)
		return true;
	if (!keypath_date_end(path, &end_ns))
		return changed_ns <= now_ns - after_ns;
	return end_ns <= now_ns - after_ns && changed_ns <= now_ns - hour_ns;
}
