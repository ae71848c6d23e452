/* The event loop, with what is set up before it and torn down after it: free
 * slots are filled (slots.h), requests go out and their answers come in,
 * receipts are committed in groups.
 *
 * What might take long, such as reading a large file or making receipts
 * durable, is left to threads (hashers.h, prefetch.h, worker.h, renewal.h).
 * They and signals wake the loop up, by wake_fd. A signal has it stop: what is
 * in flight gets a few seconds to finish, all else goes back to the queue. */
#include "uploader/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/units.h"
#include "uploader/abandon.h"
#include "uploader/client.h"
#include "uploader/confine.h"
#include "uploader/exchange.h"
#include "uploader/job.h"
#include "uploader/keylock.h"
#include "uploader/libraries.h"
#include "uploader/named.h"
#include "uploader/prefetch.h"
#include "uploader/settings.h"
#include "uploader/slots.h"
#include "uploader/upload_metrics.h"
#include "uploader/upload_progress.h"
#include "uploader/uploader.h"
#include "uploader/worker.h"

enum { WAIT_MS = 1000 }; /* before it is asked again what wakes us up */
/* Within that a signal that comes twice is one. */
static const int64_t same_signal_ns = CLOCK_NS_PER_S;
/* Newest first: how long something newer may go unnoticed. */
static const int64_t relist_ns = 10 * CLOCK_NS_PER_S;

static void
on_done(void *context, size_t slot, const struct transfer_result *result)
{
	struct uploader *up = context;

	exchange_answered(&up->jobs[slot], result);
}

/* Whether there may be more to take as soon as a list's next name is there. */
static bool
awaits_names(const struct uploader *up)
{
	return up->named != NULL && !up->is_bounded && !up->stopping &&
	       named_is_waiting(up->named);
}

/* Lets the list's next name wake us up, once. A list that can't be waited for
 * is a file, and always ready. */
static void
await_names(struct uploader *up)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};

	if (epoll_ctl(up->wake_fd, EPOLL_CTL_MOD, named_fd(up->named), &event) <
	    0)
		uploader_stop_on_error(
		    up, "wait for the list of files for", -errno);
}

/* Digests that are there, due attempts; what can't end well is given back.
 * Returns when there is more to do (INT64_MAX: when something wakes us up). */
static int64_t
work(struct uploader *up)
{
	int64_t now_ns = clock_monotonic_ns();
	int64_t ask_ns = now_ns + WAIT_MS * CLOCK_NS_PER_MS;
	int64_t next_ns = INT64_MAX;

	for (size_t i = 0; i < up->job_count; i++) {
		struct job *job = &up->jobs[i];

		if (job->state == JOB_IDLE)
			continue;
		if (up->stopping &&
		    (job->state != JOB_SENDING || now_ns >= up->stop_by_ns)) {
			job_give_up(job);
			continue;
		}
		if (job->state != JOB_SENDING)
			job_work(job, now_ns);
		if (job->state == JOB_DIGESTING && ask_ns < next_ns)
			next_ns = ask_ns;
		else if (job->state == JOB_WAITING && job->wake_ns < next_ns)
			next_ns = job->wake_ns;
	}
	if (up->stopping && up->active > 0 && up->stop_by_ns < next_ns)
		next_ns = up->stop_by_ns;
	return next_ns;
}

/* Ends old runs of which nothing is left. */
static void
end_runs(struct uploader *up)
{
	for (struct commit **link = &up->commit; *link != NULL;) {
		struct commit *commit = *link;

		if (commit != up->commit && commit->run->held == 0) {
			*link = commit->older;
			commit_free(commit, up->stage->spool);
		} else {
			link = &commit->older;
		}
	}
}

/* Commits what is due; with ALL, whatever waits, to its end. Returns when the
 * next is due. */
static int64_t
commit_some(struct uploader *up, bool all)
{
	int64_t next_ns;

	for (;;) {
		struct commit *commit = worker_take(up->committer, all);

		if (commit != NULL && commit_end(commit, &up->commits) < 0) {
			up->aborting = true;
			return 0;
		}
		next_ns = INT64_MAX; /* it wakes us up */
		if (worker_is_busy(up->committer))
			break;
		commit = commit_find_due(up->commit,
		    all ? INT64_MAX : clock_monotonic_ns(), &next_ns);
		if (commit == NULL)
			break;
		commit_begin(commit);
		worker_start(up->committer, commit);
	}
	end_runs(up);
	return next_ns;
}

/* The same signal a second time means now; but not at once: one that goes to
 * the whole process group comes from there, and again from a script around us
 * that hands it on. (So two different ones may well be one Ctrl-C.) */
static void
on_signal(struct uploader *up)
{
	struct signalfd_siginfo info;
	int64_t now_ns = clock_monotonic_ns();

	while (read(up->signal_fd, &info, sizeof info) == sizeof info) {
		if (up->stop_signal == info.ssi_signo &&
		    now_ns - up->stop_signal_ns > same_signal_ns)
			up->stop_by_ns = 0;
		if (up->stop_signal != 0)
			continue;
		up->stop_signal = info.ssi_signo;
		up->stop_signal_ns = now_ns;
		log_warning("Ended by signal %u (%s): what is in flight has "
			    "%d s to finish, the rest stays queued",
		    info.ssi_signo, strsignal((int)info.ssi_signo),
		    UPLOADER_GRACE_S);
		uploader_stop(up, EX_TEMPFAIL);
	}
}

/* Any of those that wake_fd stands for; none waits. */
static void
on_wake(struct uploader *up)
{
	on_signal(up);
	renewal_take(up);
	hashers_heed(up->hashers); /* job_work takes what has ended */
	worker_heed(up->committer);
	prefetch_heed(up->prefetch);
}

static int64_t
until_ms(int64_t when_ns)
{
	int64_t left_ns;

	if (when_ns == INT64_MAX)
		return -1;
	left_ns = when_ns - clock_monotonic_ns();
	return left_ns <= 0 ? 0
			    : (left_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
}

static void
loop(struct uploader *up)
{
	bool dry = false; /* nothing to take, until then, or until what is in
			     flight is done */
	int64_t again_ns = 0;

	for (;;) {
		int64_t work_ns, idle_ns, commit_ns, renewal_ns, metrics_ns;
		int rc;

		if (!up->stopping && (!dry || awaits_names(up) ||
					 clock_monotonic_ns() >= again_ns))
			dry = !slots_take(up, &again_ns);
		else if (!up->stopping && (up->multis || up->aborts))
			slots_help(up);
		if (up->active < (size_t)up->concurrency.limit &&
		    !up->awaits_files)
			concurrency_starved(&up->concurrency,
			    transfer_waited_ns(up->transfer),
			    clock_monotonic_ns());
		work_ns = work(up);
		idle_ns = slots_give_back(up);
		commit_ns = commit_some(up, up->active == 0);
		if (up->aborting)
			return;
		if (up->active == 0 && up->stopping)
			return;
		if (awaits_names(up)) {
			await_names(up);
			if (bounds_end_ns(&up->bounds) < work_ns)
				work_ns = bounds_end_ns(&up->bounds);
		} else if (up->active == 0) {
			/* A last look: more may have been claimed. */
			if (dry && !slots_fill(up) && up->active == 0 &&
			    !awaits_names(up)) {
				(void)commit_some(up, true);
				return;
			}
			dry = false;
			continue;
		} else if (dry && !up->stopping && again_ns < work_ns) {
			work_ns = again_ns;
		}
		if (idle_ns < work_ns)
			work_ns = idle_ns;
		renewal_ns = renewal_work(up);
		if (commit_ns < work_ns)
			work_ns = commit_ns;
		if (renewal_ns < work_ns)
			work_ns = renewal_ns;
		metrics_ns = upload_metrics_work(up);
		if (metrics_ns < work_ns)
			work_ns = metrics_ns;
		work_ns = upload_progress_show(up, work_ns);
		log_flush();
		rc = transfer_poll(
		    up->transfer, until_ms(work_ns), up->wake_fd);
		if (rc < 0) {
			uploader_stop_on_error(up, "wait for answers; see", rc);
			up->stop_by_ns = 0;
		}
		if (rc == 1)
			on_wake(up);
	}
}

static void
write_batch(void *spool, void *commit)
{
	commit_write(commit, spool);
}

/* What may wake the loop up besides sockets. Begins to look for credentials.
 * Returns 0 or a negative errno. */
static int
set_up_wake(struct uploader *up)
{
	struct epoll_event event = {.events = EPOLLIN};
	int renewal_fd;

	up->signal_fd = client_open_signals();
	up->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	if (up->signal_fd < 0 || up->wake_fd < 0)
		return -errno;
	up->hashers = hashers_new();
	up->committer = worker_new(write_batch, up->stage->spool);
	up->prefetch = prefetch_new(up->pick);
	if (up->hashers == NULL || up->committer == NULL ||
	    up->prefetch == NULL)
		return -EMFILE;
	renewal_fd = renewal_begin(up);
	if (renewal_fd < 0)
		return renewal_fd;
	if (epoll_ctl(up->wake_fd, EPOLL_CTL_ADD, up->signal_fd, &event) < 0 ||
	    epoll_ctl(up->wake_fd, EPOLL_CTL_ADD, renewal_fd, &event) < 0 ||
	    epoll_ctl(up->wake_fd, EPOLL_CTL_ADD, hashers_fd(up->hashers),
		&event) < 0 ||
	    epoll_ctl(up->wake_fd, EPOLL_CTL_ADD, worker_fd(up->committer),
		&event) < 0 ||
	    epoll_ctl(up->wake_fd, EPOLL_CTL_ADD, prefetch_fd(up->prefetch),
		&event) < 0)
		return -errno;
	event.events = 0;
	if (up->named != NULL &&
	    epoll_ctl(up->wake_fd, EPOLL_CTL_ADD, named_fd(up->named), &event) <
		0 &&
	    errno != EPERM)
		return -errno;
	return 0;
}

/* Waits for credentials, or for a signal. */
static bool
wait_for_credentials(struct uploader *up)
{
	struct pollfd wake = {.fd = up->wake_fd, .events = POLLIN};

	log_flush();
	while (up->credentials == NULL && !up->stopping) {
		(void)poll(&wake, 1, WAIT_MS); /* whatever it says */
		on_wake(up);
	}
	return up->credentials != NULL && !up->stopping;
}

static void
set_up_jobs(struct uploader *up)
{
	int most = settings_connections(up->config);

	up->jobs = mem_zero((size_t)most, sizeof *up->jobs);
	concurrency_init(&up->concurrency, most, clock_monotonic_ns());
	throttle_init(&up->throttle,
	    up->config->connections > 0 ? most : up->concurrency.limit);
}

/* What keeps the client from being set up ends the program. */
static bool
fail_set_up(struct uploader *up, char *error, int status)
{
	log_error("%s", error);
	free(error);
	up->failures[FAILURE_CONFIGURATION]++;
	stage_fail(up->stage, status);
	return false;
}

/* Who signs, and how: needed only when there is something to send. */
static bool
set_up_client(struct uploader *up)
{
	char *error = NULL;
	int rc = set_up_wake(up);

	if (rc < 0) {
		uploader_stop_on_error(up, "set up the upload from", rc);
		return false;
	}
	if (!wait_for_credentials(up))
		return false;
	rc = client_set_up(up, on_done, &error);
	if (rc < 0)
		return fail_set_up(
		    up, error, rc == -ENOTSUP ? EX_SOFTWARE : EX_CONFIG);
	if (client_is_unprotected(up))
		log_warning("payload_signing is never, and %s is plain http: "
			    "nothing protects the files on their way",
		    up->endpoint->host);
	return true;
}

static void
tear_down(struct uploader *up)
{
	/* First of all: jobs' requests and digests may be under way. */
	transfer_free(up->transfer);
	up->transfer = NULL;
	hashers_free(up->hashers);
	worker_free(up->committer);
	prefetch_free(up->prefetch);
	renewal_end(up);
	if (up->wake_fd >= 0)
		(void)close(up->wake_fd); /* nothing to lose */
	if (up->signal_fd >= 0)
		(void)close(up->signal_fd);
	for (size_t i = 0; i < up->job_count; i++)
		job_done(&up->jobs[i]);
	free(up->jobs);
	while (up->commit != NULL) {
		struct commit *commit = up->commit;

		up->commit = commit->older;
		commit_free(commit, up->stage->spool);
	}
	if (up->commits.keys_fd >= 0)
		(void)close(up->commits.keys_fd); /* locks, no data */
	abandon_free_all(up);
	pick_free(up->pick);
	named_free(up->named);
	client_tear_down(up);
}

static bool
resolve(struct uploader *up)
{
	char *error = NULL;

	return client_resolve(up, &error) == 0 ||
	       fail_set_up(up, error, EX_CONFIG);
}

static bool
load(struct uploader *up)
{
	char *error = NULL;

	return libraries_load(&error) == 0 ||
	       fail_set_up(up, error, EX_SOFTWARE);
}

/* Where all went well it is left out if nobody but the uploads is wanted. */
static void
summarize(const struct uploader *up, bool uploads_only)
{
	const struct commit_context *commits = &up->commits;
	size_t left = pick_left(up->pick);
	int64_t ms = (clock_monotonic_ns() - up->began_ns) / CLOCK_NS_PER_MS;
	int64_t speed = commits->uploaded_bytes * 1000 / (ms > 0 ? ms : 1);
	const struct log_field fields[] = {
	    {.name = "uploaded", .number = (int64_t)commits->uploaded},
	    {.name = "bytes", .number = commits->uploaded_bytes},
	    {.name = "failed", .number = (int64_t)commits->failed},
	    {.name = "given_back", .number = (int64_t)left},
	    {.name = "milliseconds", .number = ms},
	    {0},
	};
	bool is_well = left + commits->failed == 0 && !up->stopping;
	char size[UNITS_TEXT_MAX], time[UNITS_TEXT_MAX], rate[UNITS_TEXT_MAX];

	if (is_well && (commits->uploaded == 0 || uploads_only))
		return;
	log_catch_up();
	log_about(LOG_INFO, fields,
	    "%zu uploaded (%s), %zu failed, %zu given back, in %s, %s/s",
	    commits->uploaded, units_format_size(commits->uploaded_bytes, size),
	    commits->failed, left, units_format_ms(ms, time),
	    units_format_size(speed, rate));
}

static void
count_file(void *context, int dirfd, const char *path)
{
	(void)dirfd;
	(void)path;
	(*(size_t *)context)++;
}

/* What the bounds have left for another run. */
static void
say_bounded(struct uploader *up)
{
	char *bound = bounds_describe(&up->bounds, up->begun);
	size_t left = 0;
	int rc = pick_each(up->stage->spool, count_file, &left);

	if (rc < 0)
		uploader_stop_on_error(
		    up, "count the files that are left in", rc);
	else
		log_info("%s is reached: %zu uploaded, %zu left in the queue",
		    bound, up->commits.uploaded, left);
	free(bound);
}

static void
set_up_pick(struct uploader *up)
{
	up->pick = pick_new(
	    up->stage->spool, up->config->prune_after_seconds * CLOCK_NS_PER_S);
	if (up->named != NULL)
		pick_set_list(up->pick, up->named);
	else if (up->config->order == ORDER_NEWEST)
		pick_set_newest(up->pick, relist_ns);
	keylock_guard(up);
	/* Not where they are counted or named, nor where our own locks decide
	 * which. */
	up->may_run_ahead = up->named == NULL && up->bounds.limit == NULL &&
			    up->bounds.max_duration == NULL &&
			    up->config->on_conflict != CONFLICT_OVERWRITE;
}

void
upload_all(struct stage *stage, const struct upload_wishes *wishes)
{
	struct uploader up = {
	    .stage = stage,
	    .config = stage->config,
	    .bounds = wishes->bounds,
	    .commits = {.stage = stage,
		.keys_fd = -1,
		.changed = job_stored_in_vain,
		.changed_context = &up},
	    .signal_fd = -1,
	    .wake_fd = -1,
	    .began_ns = clock_monotonic_ns(),
	};
	int rc;
	bool is_resolved;

	stage_log_to_file(stage);
	bounds_begin(&up.bounds);
	retry_budget_init(&up.budget);
	is_resolved = resolve(&up);
	/* That it isn't is something that the metrics tell. */
	if ((!is_resolved && up.config->metrics_dir == NULL) ||
	    (is_resolved && wishes->files_from != NULL &&
		!named_open(stage, wishes->files_from, &up.named)) ||
	    !stage_open_spool(stage, SPOOL_CREATE))
		goto out;
	upload_metrics_begin(&up);
	if (!is_resolved)
		goto out;
	set_up_pick(&up);
	rc = pick_look(up.pick);
	if (rc < 0)
		uploader_stop_on_error(&up, "look for claims in", rc);
	abandon_find_stale(&up);
	if (rc < 0 || (rc == 0 && up.aborts == NULL) || !load(&up))
		goto out;
	confine(&up);
	if (!set_up_client(&up))
		goto out;
	set_up_jobs(&up);
	upload_progress_begin(&up);
	loop(&up);
	summarize(&up, wishes->uploads_only);
	if (up.is_bounded)
		say_bounded(&up);
out:
	if (up.pick != NULL && pick_barred(up.pick) > 0)
		stage_fail(stage, EX_IOERR);
	tear_down(&up);
	upload_metrics_end(&up);
}
