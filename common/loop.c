/* The waiting process holds no lock and no file, so however it ends there is
 * nothing to be put right; the pass that is under way is told, and ends as it
 * would at a signal. Nothing is allocated from one pass to the next.
 *
 * A hint at time T means a pass at T + delay, as a file that has just been
 * written isn't settled yet. Later hints don't put that off; those that the
 * pass is too early for make for another one. After a pass that went wrong
 * hints count for nothing, and the pause grows, up to a minute. See loop.h. */
#include "common/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"

/* Between two passes, at least: a pass for every file would be many. */
static const int64_t least_ns = CLOCK_NS_PER_S;
/* After a pass that may itself be what came. */
static const int64_t own_ns = 5 * CLOCK_NS_PER_S;
/* What an error may make of a shorter pause. */
static const int64_t error_pause_ns = 60 * CLOCK_NS_PER_S;
enum { DOUBLINGS_MAX = 6 };

struct looping {
	const struct loop *loop;
	struct watch *watch;
	int signal_fd;
	sigset_t before; /* the signals that were blocked */
	pid_t child;	 /* the pass that is under way, or 0 */
	int child_status;
	bool is_over;		    /* a signal has come */
	unsigned int failures;	    /* in a row */
	int64_t began_ns, ended_ns; /* the last pass */
	int64_t hint_ns;	    /* the last hint, or INT64_MIN */
	int64_t due_ns;		    /* the next pass */
};

bool
loop_read(struct loop *loop, struct stage *stage)
{
	int64_t seconds = 0;

	if (loop->every == NULL)
		return true;
	if (units_parse_duration(loop->every, &seconds) < 0 || seconds == 0) {
		log_error("--loop %s: not a duration; write 60, 90s or 5m",
		    loop->every);
		stage_fail(stage, EX_USAGE);
		return false;
	}
	loop->every_ns = seconds * CLOCK_NS_PER_S;
	return true;
}

/* --- signals -------------------------------------------------------------- */

static int
open_signals(struct looping *looping, const struct stage *stage)
{
	sigset_t set;

	/* It is about the log, which passes open; they have their own way. */
	if (stage->config->log_file != NULL)
		(void)signal(SIGHUP, SIG_IGN);
	/* These can't fail with signals that exist. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	if (!stage_ignores_hangup())
		(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, &looping->before);
	looping->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return looping->signal_fd < 0 ? -errno : 0;
}

/* The first process of a container inherits those that nobody waits for. */
static void
reap_children(struct looping *looping)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != looping->child)
			continue;
		looping->child = 0;
		looping->child_status = WIFEXITED(status)
					    ? WEXITSTATUS(status)
					    : 128 + WTERMSIG(status);
	}
}

static void
take_signals(struct looping *looping)
{
	struct signalfd_siginfo info;

	while (read(looping->signal_fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* Handed on as one signal: two different ones may well be one
		 * Ctrl-C, and the same one twice means now. */
		looping->is_over = true;
		if (looping->child > 0)
			(void)kill(looping->child, SIGTERM);
	}
	reap_children(looping);
}

/* --- passes --------------------------------------------------------------- */

/* Begins a pass: true in its process. */
static bool
begin_pass(struct looping *looping)
{
	pid_t parent = getpid();
	pid_t pid;

	log_flush();
	looping->began_ns = clock_monotonic_ns();
	pid = fork();
	if (pid < 0) {
		log_error("Cannot start a pass: %s", strerror(errno));
		looping->child_status = EX_TEMPFAIL;
		return false;
	}
	looping->child = pid;
	if (pid > 0)
		return false;
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)close(looping->signal_fd); /* these two are the loop's */
	watch_free(looping->watch);
	(void)sigprocmask(SIG_SETMASK, &looping->before, NULL);
	if (getppid() != parent)
		(void)raise(SIGTERM);
	return true;
}

/* When the next pass is due after one that has just ended. */
static void
plan(struct looping *looping)
{
	const struct loop *loop = looping->loop;
	int64_t pause_ns = loop->every_ns;
	bool went_well = looping->child_status == STAGE_OK ||
			 looping->child_status == STAGE_SOME_FAILED;

	looping->failures = went_well ? 0 : looping->failures + 1;
	for (unsigned int i = 1; i < looping->failures && i < DOUBLINGS_MAX &&
				 pause_ns < error_pause_ns;
	     i++)
		pause_ns = pause_ns * 2 < error_pause_ns ? pause_ns * 2
							 : error_pause_ns;
	looping->ended_ns = clock_monotonic_ns();
	looping->due_ns = looping->ended_ns + pause_ns;
	if (!went_well)
		log_debug("The pass ended with %d; the next one in %lld s",
		    looping->child_status,
		    (long long)(pause_ns / CLOCK_NS_PER_S));
}

/* When a hint at WHEN_NS asks for a pass. */
static int64_t
hint_due_ns(const struct looping *looping, int64_t when_ns)
{
	int64_t delay_ns = looping->loop->delay_ns;

	/* File times lag behind. */
	return when_ns + (delay_ns > 0 ? delay_ns + CLOCK_NS_PER_S : 0);
}

static void
hasten(struct looping *looping, int64_t due_ns)
{
	int64_t earliest_ns = looping->ended_ns + least_ns;

	if (due_ns < earliest_ns)
		due_ns = earliest_ns;
	if (looping->failures == 0 && due_ns < looping->due_ns)
		looping->due_ns = due_ns;
}

/* Takes the hints, and watches what has become new. */
static bool
take_hints(struct looping *looping)
{
	bool has_come = watch_take(looping->watch);

	has_come |= watch_extend(looping->watch);
	if (has_come)
		looping->hint_ns = clock_monotonic_ns();
	return has_come;
}

/* What came while the pass was at work, or was too young for it. */
static void
heed_earlier_hints(struct looping *looping)
{
	bool has_come = take_hints(looping);
	int64_t due_ns;

	if (!has_come && looping->hint_ns == INT64_MIN)
		return;
	due_ns = hint_due_ns(looping, looping->hint_ns);
	if (due_ns <= looping->began_ns)
		return;
	if (looping->loop->gives_back && due_ns < looping->ended_ns + own_ns)
		due_ns = looping->ended_ns + own_ns;
	hasten(looping, due_ns);
}

/* Waits until a pass ends, or, where none is under way, is due; or for a
 * signal. */
static void
wait_for(struct looping *looping)
{
	bool at_work = looping->child > 0;

	log_flush();
	while (
	    looping->child > 0 || (!at_work && !looping->is_over &&
				      clock_monotonic_ns() < looping->due_ns)) {
		struct pollfd fds[] = {
		    {.fd = looping->signal_fd, .events = POLLIN},
		    {.fd = at_work ? -1 : watch_fd(looping->watch),
			.events = POLLIN},
		};
		int64_t left_ms = -1;

		if (!at_work)
			left_ms = (looping->due_ns - clock_monotonic_ns()) /
				      CLOCK_NS_PER_MS +
				  1;
		if (left_ms > INT32_MAX)
			left_ms = INT32_MAX;
		(void)poll(fds, 2, (int)left_ms); /* whatever it says */
		take_signals(looping);
		if (!at_work && take_hints(looping))
			hasten(looping, hint_due_ns(looping, looping->hint_ns));
	}
}

bool
loop_enter(const struct loop *loop, struct stage *stage)
{
	struct looping looping = {.loop = loop, .hint_ns = INT64_MIN};
	int rc;

	if (loop->every == NULL)
		return true;
	rc = open_signals(&looping, stage);
	if (rc < 0) {
		log_error("Cannot wait for signals: %s", strerror(-rc));
		stage_fail(stage, EX_IOERR);
		return false;
	}
	looping.watch = watch_new(&loop->place);
	while (!looping.is_over) {
		/* Before the pass looks: what comes later is a hint. */
		(void)watch_extend(looping.watch);
		if (begin_pass(&looping))
			return stage_read_config(stage);
		wait_for(&looping); /* the end of the pass */
		if (looping.is_over)
			break;
		plan(&looping);
		heed_earlier_hints(&looping);
		wait_for(&looping); /* the next one */
	}
	watch_free(looping.watch);
	(void)close(looping.signal_fd); /* nothing to lose */
	return false;
}
