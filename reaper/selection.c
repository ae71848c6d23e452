/* Time is left to the ledger, which needn't open all of its days; see
 * selection.h. */
#include "reaper/selection.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "common/timefmt.h"
#include "reaper/forget.h"
#include "reaper/ledger.h"

struct selecting {
	const struct selection *selection;
	void (*visit)(void *context, const struct receipt_reader *reader,
	    const struct receipt *receipt);
	void *context;
};

static bool
read_moment(struct stage *stage, const char *option, const char *text,
    int64_t now_ns, int64_t *moment_ns)
{
	if (text == NULL || timefmt_parse_moment(text, now_ns, moment_ns) == 0)
		return true;
	log_error("--%s %s: not a time; write 2020-11-15, "
		  "2020-11-15T20:31:40Z, or a duration such as 2h",
	    option, text);
	stage_fail(stage, EX_USAGE);
	return false;
}

bool
selection_begin(struct selection *selection, struct stage *stage)
{
	selection->now_ns = clock_realtime_ns();
	selection->since_ns = INT64_MIN;
	selection->until_ns = INT64_MAX;
	return read_moment(stage, "since", selection->since, selection->now_ns,
		   &selection->since_ns) &&
	       read_moment(stage, "until", selection->until, selection->now_ns,
		   &selection->until_ns);
}

bool
selection_is_given(const struct selection *selection)
{
	return selection->prefix != NULL || selection->location != NULL ||
	       selection->since != NULL || selection->until != NULL;
}

static bool
is_at(const char *path, const char *location)
{
	size_t length = strcspn(path, "/");

	return strlen(location) == length &&
	       strncmp(path, location, length) == 0;
}

bool
selection_has(
    const struct selection *selection, const char *key, const char *path)
{
	const char *prefix = selection->prefix;

	return (prefix == NULL || strncmp(key, prefix, strlen(prefix)) == 0) &&
	       (selection->location == NULL ||
		   is_at(path, selection->location));
}

static void
on_receipt(void *context, const struct receipt_reader *reader,
    const struct receipt *receipt)
{
	struct selecting *selecting = context;

	if (selection_has(selecting->selection, strbuf_text(&receipt->key),
		strbuf_text(&receipt->path)))
		selecting->visit(selecting->context, reader, receipt);
}

void
selection_each(const struct selection *selection, struct stage *stage,
    void (*visit)(void *context, const struct receipt_reader *reader,
	const struct receipt *receipt),
    void *context)
{
	struct selecting selecting = {selection, visit, context};
	char *faulty = NULL;
	int rc;

	forget_say(stage->spool, selection->since_ns);
	rc = ledger_each(stage->spool, selection->since_ns, selection->until_ns,
	    on_receipt, &selecting, &faulty);
	if (rc == 0)
		return;
	log_error("Cannot read '%s/%s': %s; what it has on record is missing "
		  "here",
	    stage->config->spool_dir, faulty, strerror(-rc));
	free(faulty);
	stage_fail(stage, EX_IOERR);
}
