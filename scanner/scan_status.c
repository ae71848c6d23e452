/* The candidates by what a scan would say of them. Only what it would claim
 * waits for us, and may wait for too long; what it leaves alone waits for a
 * person, and with the others it is the producer who takes his time. */
#include "scanner/scan_status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "scanner/claim.h"
#include "scanner/explain.h"
#include "scanner/walk.h"

struct group {
	enum claim_outcome outcome;
	char *reason;
	struct tally tally;
};

struct looking {
	struct health health;
	struct claim claim;
	struct tally all;
	struct group *groups;
	size_t count;
};

static struct group *
find_group(struct looking *looking, const struct claim_report *report)
{
	const char *reason = report->outcome == CLAIM_CLAIMED
				 ? "the next scan claims it"
				 : claim_reason(report);
	struct group *group;

	for (size_t i = 0; i < looking->count; i++) {
		group = &looking->groups[i];
		if (group->outcome == report->outcome &&
		    strcmp(group->reason, reason) == 0)
			return group;
	}
	looking->groups = mem_grow(
	    looking->groups, looking->count + 1, sizeof *looking->groups);
	group = &looking->groups[looking->count++];
	*group = (struct group){
	    .outcome = report->outcome, .reason = mem_copy(reason)};
	return group;
}

static enum walk_result
on_candidate(void *context, const struct walk_entry *entry)
{
	struct looking *looking = context;
	struct claim_report report;
	int64_t bytes, since_ns;

	claim_file(&looking->claim, entry, NULL, &report);
	if (report.outcome == CLAIM_GONE ||
	    tally_look(entry->dir->fd, entry->name, TALLY_WRITTEN,
		looking->health.now_ns, &bytes, &since_ns) < 0)
		return WALK_ON;
	tally_add(&looking->all, bytes, since_ns);
	tally_add(&find_group(looking, &report)->tally, bytes, since_ns);
	return WALK_ON;
}

static void
on_problem(void *context, const char *path, int error)
{
	struct looking *looking = context;
	char *name;

	if (error == -ELOOP)
		return; /* a link, which a scan leaves alone */
	name = mem_format("'%s' in base_dir", path);
	health_unknown(&looking->health, name, error);
	free(name);
}

/* No program will ever move these, however long they wait. */
static void
judge_refused(struct health *health, const struct group *group)
{
	int64_t age_ns = health->now_ns - group->tally.oldest_ns;

	if (health_of_age(health, age_ns / CLOCK_NS_PER_S) != HEALTH_OK)
		health_problem(health, HEALTH_WARNING,
		    "%" PRId64 " file%s left alone in base: %s",
		    group->tally.files, group->tally.files == 1 ? "" : "s",
		    group->reason);
}

static void
report_groups(struct looking *looking)
{
	struct health *health = &looking->health;
	int64_t waiting = 0;

	for (size_t i = 0; i < looking->count; i++)
		if (looking->groups[i].outcome != CLAIM_REFUSED &&
		    looking->groups[i].outcome != CLAIM_EXCLUDED)
			waiting += looking->groups[i].tally.files;
	json_number(&health->json, "waiting", waiting);
	json_open(&health->json, "reasons", '[');
	for (size_t i = 0; i < looking->count; i++) {
		const struct group *group = &looking->groups[i];
		const char *word = explain_word(group->outcome);

		health_line(health, "%6" PRId64 "  %s: %s", group->tally.files,
		    word, group->reason);
		json_open(&health->json, NULL, '{');
		json_text(&health->json, "outcome", word);
		json_text(&health->json, "reason", group->reason);
		health_add_tally(health, &group->tally);
		json_close(&health->json, '}');
		if (group->outcome == CLAIM_CLAIMED)
			health_judge_age(health, "base", &group->tally);
		if (group->outcome == CLAIM_ERROR)
			health_problem(health, HEALTH_WARNING,
			    "%" PRId64 " files in base: %s", group->tally.files,
			    group->reason);
		if (group->outcome == CLAIM_REFUSED)
			judge_refused(health, group);
	}
	json_close(&health->json, ']');
}

void
scan_status(struct stage *stage, const struct health_options *options)
{
	struct looking looking = {
	    .claim = {.config = stage->config,
		.spool = stage->spool,
		.look_only = true},
	};
	const struct walk walk = {
	    .config = stage->config,
	    .base_fd = stage->spool->base_fd,
	    .skip_device = stage->spool->device,
	    .skip_inode = stage->spool->inode,
	    .context = &looking,
	    .candidate = on_candidate,
	    .problem = on_problem,
	};

	if (!health_begin(&looking.health, stage, options))
		return;
	clock_fs_guess(&looking.claim.fs_clock);
	walk_base(&walk);
	health_open_room(&looking.health, "base", &looking.all);
	report_groups(&looking);
	json_close(&looking.health.json, '}');
	health_end(&looking.health);
	for (size_t i = 0; i < looking.count; i++)
		free(looking.groups[i].reason);
	free(looking.groups);
}
