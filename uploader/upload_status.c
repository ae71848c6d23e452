/* What waits in claimed/ and uploading/ waits to be stored: its age is what a
 * monitor is for. What lies in failed/ waits for a person, so that there is any
 * is a warning; what is held, one knows about. */
#include "uploader/upload_status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/failed.h"
#include "common/fsio.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/run.h"
#include "common/units.h"

enum { RUNS_SHOWN = 20 };

/* Failures with the same code. */
struct group {
	char *code, *message; /* of the first of them */
	struct tally tally;
};

struct looking {
	const struct spool *spool;
	struct health health;
	struct tally uploading, failed;
	struct group *groups;
	size_t group_count;
	struct strbuf runs_text, runs_json;
	size_t live, dead;
};

static void
show_run(struct looking *looking, const char *name,
    const struct run_facts *facts, const struct tally *tally)
{
	struct health *health = &looking->health;
	struct strbuf *json = &looking->runs_json;
	int64_t age = (health->now_ns - facts->started_ns) / CLOCK_NS_PER_S;
	char text[UNITS_TEXT_MAX];

	json_open(json, NULL, '{');
	json_text(json, "name", name);
	json_text(json, "host", facts->host);
	json_number(json, "pid", facts->pid);
	json_bool(json, "alive", !facts->is_dead);
	if (facts->has_file)
		json_number(json, "age_seconds", age);
	else
		json_text(json, "age_seconds", NULL);
	json_number(json, "files", tally->files);
	json_number(json, "bytes", tally->bytes);
	json_close(json, '}');
	if (looking->live + looking->dead > RUNS_SHOWN)
		return;
	health_line(health, "%s: pid %ld on %s, begun %s%s, %" PRId64 " file%s",
	    facts->is_dead ? "dead" : "alive", facts->pid, facts->host,
	    facts->has_file ? units_format_duration(age, text)
			    : "at an unknown time",
	    facts->has_file ? " ago" : "", tally->files,
	    tally->files == 1 ? "" : "s");
}

static int
visit_run(void *context, const char *name)
{
	struct looking *looking = context;
	int64_t now_ns = looking->health.now_ns;
	struct run_facts facts;
	struct tally tally = {0};
	int fd, rc;

	fd = fsio_open_beneath(
	    looking->spool->uploading_fd, name, O_RDONLY | O_DIRECTORY);
	if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR)
		return fd;
	rc = tally_room(fd, TALLY_WRITTEN, now_ns, &tally);
	if (fd >= 0)
		(void)close(fd); /* a directory */
	if (rc == 0)
		rc = run_look(looking->spool, name, &facts);
	if (rc < 0)
		return rc;
	*(facts.is_dead ? &looking->dead : &looking->live) += 1;
	show_run(looking, name, &facts, &tally);
	if (tally.files > 0) {
		tally_add(&looking->uploading, tally.bytes, tally.oldest_ns);
		looking->uploading.files += tally.files - 1;
	}
	free(facts.host);
	return 0;
}

static int
visit_failed(void *context, const struct failed_file *file)
{
	struct looking *looking = context;
	struct group *group = NULL;
	int64_t bytes, since_ns;

	if (tally_look(file->room->fd, file->path, TALLY_MOVED,
		looking->health.now_ns, &bytes, &since_ns) < 0)
		return 0; /* gone meanwhile */
	for (size_t i = 0; group == NULL && i < looking->group_count; i++)
		if (strcmp(looking->groups[i].code, file->reason->code) == 0)
			group = &looking->groups[i];
	if (group == NULL) {
		looking->groups = mem_grow(looking->groups,
		    looking->group_count + 1, sizeof *looking->groups);
		group = &looking->groups[looking->group_count++];
		*group = (struct group){
		    .code = mem_copy(file->reason->code),
		    .message = mem_copy(file->reason->message),
		};
	}
	tally_add(&group->tally, bytes, since_ns);
	tally_add(&looking->failed, bytes, since_ns);
	return 0;
}

static void
report_failed(struct looking *looking)
{
	struct health *health = &looking->health;
	int rc = failed_each(looking->spool, visit_failed, looking);

	if (rc < 0)
		health_unknown(health, "failed", rc);
	health_open_room(health, "failed", &looking->failed);
	json_open(&health->json, "reasons", '[');
	for (size_t i = 0; i < looking->group_count; i++) {
		struct group *group = &looking->groups[i];

		health_line(health, "%6" PRId64 "  %s: %s", group->tally.files,
		    group->code, group->message);
		json_open(&health->json, NULL, '{');
		json_text(&health->json, "code", group->code);
		json_text(&health->json, "message", group->message);
		health_add_tally(health, &group->tally);
		json_close(&health->json, '}');
		free(group->code);
		free(group->message);
	}
	json_close(&health->json, ']');
	json_close(&health->json, '}');
	if (looking->failed.files > 0)
		health_problem(health, HEALTH_WARNING,
		    "%" PRId64 " file%s in failed for a person to look at",
		    looking->failed.files,
		    looking->failed.files == 1 ? " is" : "s are");
	free(looking->groups);
}

/* A room whose files count from DIRFD. */
static void
report_room(struct looking *looking, const char *room, int dirfd,
    enum tally_since since, bool is_awaited)
{
	struct health *health = &looking->health;
	struct tally tally = {0};
	int rc = tally_room(dirfd, since, health->now_ns, &tally);

	if (rc < 0)
		health_unknown(health, room, rc);
	health_open_room(health, room, &tally);
	json_close(&health->json, '}');
	if (is_awaited)
		health_judge_age(health, room, &tally);
}

static void
report_runs(struct looking *looking)
{
	struct health *health = &looking->health;
	const struct spool *spool = looking->spool;
	/* Runs come after their room, and are counted first. */
	struct strbuf before = health->text;
	int rc = 0;

	health->text = (struct strbuf){0};
	if (spool->runs_fd >= 0 && spool->uploading_fd >= 0)
		rc = run_each(spool, spool->uploading_fd, visit_run, looking);
	looking->runs_text = health->text;
	health->text = before;
	if (rc < 0)
		health_unknown(health, "uploading", rc);
	health_open_room(health, "uploading", &looking->uploading);
	json_close(&health->json, '}');
	health_judge_age(health, "uploading", &looking->uploading);
	strbuf_printf(&health->text, "%-10s  %zu alive, %zu dead\n%s", "runs",
	    looking->live, looking->dead, strbuf_text(&looking->runs_text));
	if (looking->live + looking->dead > RUNS_SHOWN)
		health_line(health, "and %zu more",
		    looking->live + looking->dead - RUNS_SHOWN);
	json_open(&health->json, "runs", '[');
	strbuf_puts(&health->json, strbuf_text(&looking->runs_json));
	json_close(&health->json, ']');
	strbuf_done(&looking->runs_text);
	strbuf_done(&looking->runs_json);
}

void
upload_status(struct stage *stage, const struct health_options *options)
{
	struct looking looking = {.spool = stage->spool};

	if (!health_begin(&looking.health, stage, options))
		return;
	report_room(
	    &looking, "claimed", stage->spool->claimed_fd, TALLY_WRITTEN, true);
	report_runs(&looking);
	report_failed(&looking);
	report_room(
	    &looking, "held", stage->spool->held_fd, TALLY_MOVED, false);
	health_end(&looking.health);
}
