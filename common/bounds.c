/* Bounds of a run; see bounds.h. The clock is read only where a duration was
 * given. */
#include "common/bounds.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/units.h"

static int
read_files(const char *text, size_t *ret_files)
{
	int64_t files = 0;
	int rc = -EINVAL;

	if (text[strspn(text, "0123456789")] == '\0')
		rc = units_parse_size(text, &files);
	if (rc == 0 && files == 0)
		rc = -EINVAL;
	if (rc == 0)
		*ret_files = (size_t)files;
	return rc;
}

bool
bounds_read(struct bounds *bounds, struct stage *stage)
{
	int64_t seconds = 0;

	if (bounds->limit != NULL &&
	    read_files(bounds->limit, &bounds->files) < 0) {
		log_error("--limit %s: not a number of files; write 1 or more",
		    bounds->limit);
		stage_fail(stage, EX_USAGE);
		return false;
	}
	if (bounds->max_duration != NULL &&
	    (units_parse_duration(bounds->max_duration, &seconds) < 0 ||
		seconds == 0)) {
		log_error("--max-duration %s: not a duration; write 90, 90s, "
			  "10m, 2h or 1d",
		    bounds->max_duration);
		stage_fail(stage, EX_USAGE);
		return false;
	}
	bounds->duration_ns = seconds * CLOCK_NS_PER_S;
	return true;
}

void
bounds_begin(struct bounds *bounds)
{
	bounds->began_ns = clock_monotonic_ns();
}

static bool
has_files(const struct bounds *bounds, size_t count)
{
	return bounds->limit != NULL && count >= bounds->files;
}

int64_t
bounds_end_ns(const struct bounds *bounds)
{
	return bounds->max_duration != NULL
		   ? bounds->began_ns + bounds->duration_ns
		   : INT64_MAX;
}

bool
bounds_are_reached(const struct bounds *bounds, size_t count)
{
	return has_files(bounds, count) ||
	       (bounds->max_duration != NULL &&
		   clock_monotonic_ns() >= bounds_end_ns(bounds));
}

char *
bounds_describe(const struct bounds *bounds, size_t count)
{
	return has_files(bounds, count)
		   ? mem_format("--limit %s", bounds->limit)
		   : mem_format("--max-duration %s", bounds->max_duration);
}
