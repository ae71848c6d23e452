/* See health.h. A worse level hides a better one; that something is unknown
 * hides no more than that all is well. */
#include "common/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/units.h"

static const struct {
	const char *word;
	int status;
} levels[] = {
    [HEALTH_OK] = {"OK", 0},
    [HEALTH_UNKNOWN] = {"UNKNOWN", 3},
    [HEALTH_WARNING] = {"WARNING", 1},
    [HEALTH_CRITICAL] = {"CRITICAL", 2},
};

static bool
read_age(
    struct stage *stage, const char *option, const char *text, int64_t *seconds)
{
	if (text == NULL || units_parse_duration(text, seconds) == 0)
		return true;
	log_error("--%s %s: not a duration; write 90, 90s, 10m, 1h or 2d",
	    option, text);
	stage_fail(stage, EX_USAGE);
	return false;
}

bool
health_begin(struct health *health, struct stage *stage,
    const struct health_options *options)
{
	struct clock_fs clock;

	clock_fs_guess(&clock);
	*health = (struct health){
	    .stage = stage,
	    .is_json = options->json,
	    .now_ns = clock_fs_now_ns(&clock),
	    .warn_seconds = 600,
	    .crit_seconds = 3600,
	};
	return read_age(stage, "warn-age", options->warn_age,
		   &health->warn_seconds) &&
	       read_age(
		   stage, "crit-age", options->crit_age, &health->crit_seconds);
}

void
health_problem(
    struct health *health, enum health_level level, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vformat(format, args);
	va_end(args);
	if (health->problems.length > 0)
		strbuf_puts(&health->problems, "; ");
	log_escape(&health->problems, text);
	json_text(&health->faults, NULL, text);
	if (level > health->level)
		health->level = level;
	free(text);
}

void
health_unknown(struct health *health, const char *room, int error)
{
	health_problem(health, HEALTH_UNKNOWN, "%s can't be read: %s", room,
	    strerror(-error));
}

void
health_line(struct health *health, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vformat(format, args);
	va_end(args);
	strbuf_puts(&health->text, "    ");
	log_escape(&health->text, text);
	strbuf_putc(&health->text, '\n');
	free(text);
}

static int64_t
age_seconds(const struct health *health, const struct tally *tally)
{
	int64_t age_ns = health->now_ns - tally->oldest_ns;

	return age_ns < 0 ? 0 : age_ns / CLOCK_NS_PER_S;
}

void
health_add_tally(struct health *health, const struct tally *tally)
{
	json_number(&health->json, "files", tally->files);
	json_number(&health->json, "bytes", tally->bytes);
	if (tally->files > 0)
		json_number(&health->json, "oldest_seconds",
		    age_seconds(health, tally));
	else
		json_text(&health->json, "oldest_seconds", NULL);
}

void
health_describe(
    const struct health *health, const struct tally *tally, struct strbuf *text)
{
	char size[UNITS_TEXT_MAX], age[UNITS_TEXT_MAX];

	if (tally->files == 0) {
		strbuf_puts(text, "none");
		return;
	}
	strbuf_printf(text, "%" PRId64 " file%s, %s, oldest %s", tally->files,
	    tally->files == 1 ? "" : "s", units_format_size(tally->bytes, size),
	    units_format_duration(age_seconds(health, tally), age));
}

void
health_open_room(
    struct health *health, const char *room, const struct tally *tally)
{
	struct strbuf line = {0};

	health_describe(health, tally, &line);
	strbuf_printf(&health->text, "%-10s  %s\n", room, strbuf_text(&line));
	strbuf_done(&line);
	strbuf_printf(&health->summary, "%s%s %" PRId64,
	    health->summary.length > 0 ? ", " : "", room, tally->files);
	json_open(&health->json, room, '{');
	health_add_tally(health, tally);
}

enum health_level
health_of_age(const struct health *health, int64_t seconds)
{
	if (seconds >= health->crit_seconds)
		return HEALTH_CRITICAL;
	return seconds >= health->warn_seconds ? HEALTH_WARNING : HEALTH_OK;
}

void
health_judge_age(
    struct health *health, const char *room, const struct tally *tally)
{
	enum health_level level = HEALTH_OK;
	char age[UNITS_TEXT_MAX];

	if (tally->files > 0)
		level = health_of_age(health, age_seconds(health, tally));
	if (level != HEALTH_OK)
		health_problem(health, level, "a file waits in %s for %s", room,
		    units_format_duration(age_seconds(health, tally), age));
}

/* stage_end asks whether stdout has failed. */
void
health_end(struct health *health)
{
	const char *word = levels[health->level].word;

	if (health->is_json)
		(void)printf("{\"status\":\"%s\",\"problems\":[%s],%s}\n", word,
		    strbuf_text(&health->faults), strbuf_text(&health->json));
	else
		(void)printf("%s %s%s%s\n%s", word,
		    strbuf_text(&health->problems),
		    health->problems.length > 0 ? "; " : "",
		    strbuf_text(&health->summary), strbuf_text(&health->text));
	health->stage->status = levels[health->level].status;
	strbuf_done(&health->summary);
	strbuf_done(&health->problems);
	strbuf_done(&health->faults);
	strbuf_done(&health->text);
	strbuf_done(&health->json);
}
