/* The line about how far it is; see progress.h.
 *
 * Nothing is shown in the first second, which is all that most runs take. The
 * speed is that of the last seconds, later ones counting more: a mean over all
 * would still be telling of a pause an hour ago. */
#include "common/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"

enum { COLUMNS = 80 /* where the terminal doesn't tell */ };
static const int64_t first_ns = CLOCK_NS_PER_S;
static const int64_t pause_ns = 250 * CLOCK_NS_PER_MS;
static const double memory_s = 5;	  /* how far back the speed reaches */
static const double left_max_s = 8640000; /* a hundred days say nothing */

void
progress_begin(struct progress *progress, const struct options *options)
{
	const char *term = getenv("TERM");

	*progress = (struct progress){.last_ns = clock_monotonic_ns()};
	progress->due_ns = progress->last_ns + first_ns;
	progress->is_on = !options->no_progress && options->verbosity >= 0 &&
			  term != NULL && *term != '\0' &&
			  strcmp(term, "dumb") != 0 &&
			  isatty(STDERR_FILENO) == 1 &&
			  (options->print == PRINT_NONE ||
			      isatty(STDOUT_FILENO) != 1);
}

bool
progress_is_due(const struct progress *progress)
{
	return progress->is_on && clock_monotonic_ns() >= progress->due_ns;
}

void
progress_note(struct progress *progress, const struct progress_count *count,
    int64_t now_ns)
{
	int64_t done = count->by_files ? (int64_t)count->files : count->bytes;
	double seconds = (double)(now_ns - progress->last_ns) /
			 (double)CLOCK_NS_PER_S;
	double speed;

	if (seconds <= 0)
		return;
	/* What is sent once more counts once. */
	if (done < progress->last)
		done = progress->last;
	speed = (double)(done - progress->last) / seconds;
	if (progress->has_speed)
		speed = progress->speed + (speed - progress->speed) * seconds /
					      (seconds + memory_s);
	progress->speed = speed;
	progress->has_speed = true;
	progress->last = done;
	progress->last_ns = now_ns;
}

/* "1,234 of 5,678 files, 1.2 GiB of 3.4 GiB" */
static void
describe_done(const struct progress_count *count, struct strbuf *line)
{
	/* More files may have come since they were counted. */
	bool knows_all = count->all_files >= count->files &&
			 count->all_files > 0 &&
			 count->all_bytes >= count->bytes;
	char text[UNITS_TEXT_MAX];

	strbuf_puts(line, units_format_count(count->files, text));
	if (knows_all) {
		strbuf_puts(line, " of ");
		strbuf_puts(line, units_format_count(count->all_files, text));
	}
	strbuf_puts(line, " files");
	if (count->verb != NULL)
		strbuf_printf(line, " %s", count->verb);
	strbuf_printf(line, ", %s", units_format_size(count->bytes, text));
	if (knows_all) {
		strbuf_puts(line, " of ");
		strbuf_puts(line, units_format_size(count->all_bytes, text));
	}
}

void
progress_describe(const struct progress *progress,
    const struct progress_count *count, struct strbuf *line)
{
	int64_t speed = (int64_t)(progress->speed + 0.5);
	char text[UNITS_TEXT_MAX];
	double left_s;

	describe_done(count, line);
	if (!progress->has_speed)
		return;
	if (count->by_files)
		strbuf_printf(line, ", %s files/s",
		    units_format_count((uint64_t)speed, text));
	else
		strbuf_printf(line, ", %s/s", units_format_size(speed, text));
	if (count->by_files || count->all_bytes <= count->bytes ||
	    progress->speed < 1)
		return;
	left_s = (double)(count->all_bytes - count->bytes) / progress->speed;
	if (left_s < left_max_s)
		strbuf_printf(line, ", %s left",
		    units_format_duration((int64_t)(left_s + 0.5), text));
}

/* Whether this process is what the terminal's user sees at work: not `&`. */
static bool
has_terminal(void)
{
	return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

void
progress_show(struct progress *progress, const struct progress_count *count)
{
	int64_t now_ns = clock_monotonic_ns();
	struct strbuf line = {0};
	struct winsize window;
	size_t columns = COLUMNS;

	progress_note(progress, count, now_ns);
	progress->due_ns = now_ns + pause_ns;
	if (has_terminal()) {
		if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 &&
		    window.ws_col > 0)
			columns = window.ws_col;
		progress_describe(progress, count, &line);
		/* All of it is ASCII. The last column may wrap. */
		if (line.length >= columns)
			strbuf_truncate(&line, columns - 1);
	}
	log_show(strbuf_text(&line));
	strbuf_done(&line);
}
