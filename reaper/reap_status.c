/* A confirmed file waits from when its retention is over. The last success is
 * looked for in the last day's records first, since a ledger grows for ever. */
#include "reaper/reap_status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/fsio.h"
#include "common/json.h"
#include "common/timefmt.h"
#include "common/units.h"
#include "reaper/ledger.h"

static const int64_t day_ns = 86400 * CLOCK_NS_PER_S;

struct looking {
	const struct spool *spool;
	struct health health;
	int64_t today_ns;
	int64_t today_files, today_bytes;
	int64_t newest_ns;
};

struct confirmed {
	int room_fd;
	int64_t now_ns, retain_ns;
	struct tally *all, *due;
};

static int
visit_confirmed(void *context, const char *path, const struct dirent *entry)
{
	const struct confirmed *confirmed = context;
	int64_t bytes, since_ns, now_ns = confirmed->now_ns;

	(void)entry;
	if (tally_look(confirmed->room_fd, path, TALLY_MOVED, now_ns, &bytes,
		&since_ns) < 0)
		return 0; /* deleted meanwhile */
	tally_add(confirmed->all, bytes, since_ns);
	if (since_ns <= now_ns - confirmed->retain_ns)
		tally_add(
		    confirmed->due, bytes, since_ns + confirmed->retain_ns);
	return 0;
}

int
reap_status_count(const struct stage *stage, int64_t now_ns,
    struct tally *confirmed, struct tally *due)
{
	struct confirmed context = {
	    .room_fd = stage->spool->confirmed_fd,
	    .now_ns = now_ns,
	    .retain_ns = stage->config->retain_seconds * CLOCK_NS_PER_S,
	    .all = confirmed,
	    .due = due,
	};

	return context.room_fd < 0
		   ? 0
		   : fsio_walk(context.room_fd, visit_confirmed, &context);
}

static void
report_confirmed(struct health *health)
{
	struct tally confirmed = {0}, due = {0};
	int rc = reap_status_count(
	    health->stage, health->now_ns, &confirmed, &due);

	if (rc < 0)
		health_unknown(health, "confirmed", rc);
	health_open_room(health, "confirmed", &confirmed);
	json_number(&health->json, "due", due.files);
	json_close(&health->json, '}');
	if (due.files < confirmed.files)
		health_line(health, "%" PRId64 " kept, as retain says",
		    confirmed.files - due.files);
	health_judge_age(health, "confirmed", &due);
}

static void
on_receipt(void *context, const struct receipt_reader *reader,
    const struct receipt *receipt)
{
	struct looking *looking = context;

	(void)reader;
	if (receipt->uploaded_at_ns > looking->newest_ns)
		looking->newest_ns = receipt->uploaded_at_ns;
	if (receipt->uploaded_at_ns < looking->today_ns)
		return;
	looking->today_files++;
	looking->today_bytes = units_add_sizes(
	    looking->today_bytes, receipt->size);
}

/* Reads the ledger: today's, and as far back as there is a receipt. */
static int
read_ledger(struct looking *looking, char **ret_faulty)
{
	static const int64_t days[] = {0, 7, 60};
	size_t steps = sizeof days / sizeof *days;
	int rc = 0;

	looking->newest_ns = INT64_MIN;
	for (size_t i = 0; looking->newest_ns == INT64_MIN && i <= steps; i++) {
		free(*ret_faulty); /* which is met again */
		*ret_faulty = NULL;
		rc = ledger_each(looking->spool,
		    i < steps ? looking->today_ns - days[i] * day_ns
			      : INT64_MIN,
		    INT64_MAX, on_receipt, looking, ret_faulty);
	}
	return rc;
}

static void
report_ledger(struct looking *looking)
{
	struct health *health = &looking->health;
	char when[TIMEFMT_MAX], age[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX];
	char *faulty = NULL;
	int64_t age_ns;
	bool is_never;
	int rc;

	/* The ledger's days are UTC's. */
	(void)timefmt_day(health->now_ns, when);
	if (timefmt_parse(when, &looking->today_ns) < 0)
		looking->today_ns = health->now_ns;
	rc = read_ledger(looking, &faulty);
	if (rc < 0)
		health_unknown(health, faulty, rc);
	free(faulty);
	is_never = looking->newest_ns == INT64_MIN;
	json_text(&health->json, "last_success",
	    is_never ? NULL : timefmt_rfc3339(looking->newest_ns, when));
	if (__builtin_sub_overflow(health->now_ns, looking->newest_ns, &age_ns))
		age_ns = INT64_MAX; /* a receipt may tell any time */
	if (is_never)
		strbuf_printf(&health->text, "%-10s  never\n", "last");
	else
		strbuf_printf(&health->text, "%-10s  %s ago, %s\n", "last",
		    units_format_duration(age_ns / CLOCK_NS_PER_S, age), when);
	json_open(&health->json, "today", '{');
	json_text(
	    &health->json, "since", timefmt_rfc3339(looking->today_ns, when));
	json_number(&health->json, "files", looking->today_files);
	json_number(&health->json, "bytes", looking->today_bytes);
	json_close(&health->json, '}');
	strbuf_printf(&health->text, "%-10s  %" PRId64 " uploaded, %s (UTC)\n",
	    "today", looking->today_files,
	    units_format_size(looking->today_bytes, size));
	strbuf_printf(
	    &health->summary, ", today %" PRId64, looking->today_files);
}

/* base_dir and the spool are on one file system. */
static void
report_space(struct looking *looking)
{
	struct health *health = &looking->health;
	char size[UNITS_TEXT_MAX], total[UNITS_TEXT_MAX];
	struct statvfs st;
	int64_t unit;

	if (fstatvfs(looking->spool->base_fd, &st) < 0) {
		health_unknown(health, "the free space", -errno);
		return;
	}
	unit = (int64_t)(st.f_frsize > 0 ? st.f_frsize : st.f_bsize);
	json_open(&health->json, "space", '{');
	json_number(&health->json, "free_bytes", (int64_t)st.f_bavail * unit);
	json_number(&health->json, "total_bytes", (int64_t)st.f_blocks * unit);
	/* btrfs counts none. */
	if (st.f_files > 0)
		json_number(&health->json, "free_files", (int64_t)st.f_favail);
	else
		json_text(&health->json, "free_files", NULL);
	json_close(&health->json, '}');
	strbuf_printf(&health->text, "%-10s  %s free of %s\n", "space",
	    units_format_size((int64_t)st.f_bavail * unit, size),
	    units_format_size((int64_t)st.f_blocks * unit, total));
	if (st.f_bavail == 0 || (st.f_files > 0 && st.f_favail == 0))
		health_problem(health, HEALTH_CRITICAL,
		    "no space is left for files in base_dir");
}

void
reap_status(struct stage *stage, const struct health_options *options)
{
	struct looking looking = {.spool = stage->spool};

	if (!health_begin(&looking.health, stage, options))
		return;
	report_confirmed(&looking.health);
	report_ledger(&looking);
	report_space(&looking);
	health_end(&looking.health);
}
