/* The record knows what was stored, and nothing of what wasn't: that is asked
 * of failed/. Each reason's code is a row with one file's message; the newest
 * files are rows of their own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/failed.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "reaper/html.h"
#include "reaper/report_sections.h"

enum { REASONS_MAX = 50, FILES_MAX = 25, MESSAGE_MAX = 300 };

/* Failures with the same code, or (the path too) a single one. */
struct failure {
	char *path, *code, *message, *when;
	int64_t files;
};

struct failures {
	const struct stage *stage;
	const struct selection *selection;
	int64_t files, unlisted; /* of these, of reasons beyond the limit */
	struct failure reasons[REASONS_MAX];
	size_t reason_count;
	struct failure newest[FILES_MAX]; /* the newest first */
	size_t newest_count;
};

static struct failure
copy(const struct failed_file *file)
{
	return (struct failure){
	    .path = mem_copy(file->path),
	    .code = mem_copy(file->reason->code),
	    .message = mem_copy(file->reason->message),
	    .when = mem_copy(file->reason->when),
	    .files = 1,
	};
}

static void
drop(struct failure *failure)
{
	free(failure->path);
	free(failure->code);
	free(failure->message);
	free(failure->when);
}

static void
add_reason(struct failures *failures, const struct failed_file *file)
{
	size_t i = 0;

	while (i < failures->reason_count &&
	       strcmp(failures->reasons[i].code, file->reason->code) != 0)
		i++;
	if (i == REASONS_MAX) {
		failures->unlisted++;
		return;
	}
	if (i == failures->reason_count) {
		failures->reasons[failures->reason_count++] = copy(file);
		return;
	}
	failures->reasons[i].files++;
	if (strcmp(file->reason->when, failures->reasons[i].when) > 0) {
		free(failures->reasons[i].when);
		failures->reasons[i].when = mem_copy(file->reason->when);
	}
}

static void
add_newest(struct failures *failures, const struct failed_file *file)
{
	struct failure *newest = failures->newest;
	size_t i = failures->newest_count;

	while (i > 0 && strcmp(newest[i - 1].when, file->reason->when) < 0)
		i--;
	if (i == FILES_MAX)
		return;
	if (failures->newest_count == FILES_MAX)
		drop(&newest[--failures->newest_count]);
	memmove(newest + i + 1, newest + i,
	    (failures->newest_count - i) * sizeof *newest);
	newest[i] = copy(file);
	failures->newest_count++;
}

/* A failure of which no time is known is asked for whatever the time. */
static bool
is_selected(const struct failures *failures, const struct failed_file *file)
{
	const struct selection *selection = failures->selection;
	char *key = mem_format(
	    "%s%s", failures->stage->config->key_prefix, file->path);
	bool has = selection_has(selection, key, file->path);
	int64_t when_ns;

	free(key);
	if (has && timefmt_parse(file->reason->when, &when_ns) == 0)
		has = when_ns >= selection->since_ns &&
		      when_ns < selection->until_ns;
	return has;
}

static int
visit(void *context, const struct failed_file *file)
{
	struct failures *failures = context;

	if (is_selected(failures, file)) {
		failures->files++;
		add_reason(failures, file);
		add_newest(failures, file);
	}
	return 0;
}

static void
add_when(struct strbuf *page, const char *when)
{
	int64_t when_ns;

	if (timefmt_parse(when, &when_ns) == 0)
		html_time(page, when_ns);
	else
		html_clip(page, when, REPORT_TITLE_MAX);
}

static void
show_reasons(struct strbuf *page, const struct failures *failures)
{
	html_open_table(page, "Reasons", "Reason|#Files|Last|Such as");
	for (size_t i = 0; i < failures->reason_count; i++) {
		const struct failure *reason = &failures->reasons[i];

		strbuf_puts(page, "<tr><th scope=\"row\"><bdi>");
		html_clip(page, reason->code, REPORT_NAME_MAX);
		strbuf_puts(page, "</bdi></th><td class=\"r\">");
		html_number(page, reason->files);
		strbuf_puts(page, "</td><td>");
		add_when(page, reason->when);
		strbuf_puts(page, "</td><td class=\"long\"><bdi>");
		html_clip(page, reason->message, MESSAGE_MAX);
		strbuf_puts(page, "</bdi></td></tr>\n");
	}
	html_close_table(page);
	if (failures->unlisted > 0) {
		strbuf_puts(page, "<p>Not shown: ");
		html_count(page, failures->unlisted, "file");
		strbuf_puts(page, " of further reasons.</p>\n");
	}
}

static void
show_files(struct strbuf *page, const struct failures *failures)
{
	html_open_table(page,
	    failures->files > FILES_MAX ? "The newest files" : "Files",
	    "When|Reason|File");
	for (size_t i = 0; i < failures->newest_count; i++) {
		const struct failure *file = &failures->newest[i];

		strbuf_puts(page, "<tr><td>");
		add_when(page, file->when);
		strbuf_puts(page, "</td><td><bdi>");
		html_clip(page, file->code, REPORT_NAME_MAX);
		strbuf_puts(page, "</bdi></td><td class=\"long\"><bdi>");
		html_clip(page, file->path, MESSAGE_MAX);
		strbuf_puts(page, "</bdi></td></tr>\n");
	}
	html_close_table(page);
}

int64_t
report_failures(struct strbuf *page, const struct stage *stage,
    const struct selection *selection)
{
	struct failures failures = {.stage = stage, .selection = selection};
	int rc = failed_each(stage->spool, visit, &failures);

	if (rc < 0) {
		strbuf_puts(page, "<p class=\"bad\">failed/ can't be read: ");
		html_text(page, strerror(-rc));
		strbuf_puts(page, "</p>\n");
	}
	if (failures.files > 0) {
		strbuf_puts(page, "<p>What lies in <code>failed/</code> waits "
				  "for a person: <code>s3spool retry</code> "
				  "sends it again.</p>\n");
		show_reasons(page, &failures);
		show_files(page, &failures);
	} else if (rc == 0) {
		strbuf_puts(page, "<p class=\"soft\">Nothing lies in "
				  "<code>failed/</code>.</p>\n");
	}
	for (size_t i = 0; i < failures.reason_count; i++)
		drop(&failures.reasons[i]);
	for (size_t i = 0; i < failures.newest_count; i++)
		drop(&failures.newest[i]);
	return rc < 0 ? rc : failures.files;
}
