/* The credentials of a run.
 *
 * Looking for them may take a minute (a program, a silent service), so it is
 * done beside the event loop (credentials/refresh.c). Only the source that
 * gave the first ones is asked again: when it is down, another one must not
 * step in and sign as somebody else. While it is down the old ones are used;
 * when they have expired, it is the store that says so, since our clock may be
 * wrong, and then jobs wait for the outcome of one more attempt. */
#include "uploader/renewal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timefmt.h"
#include "uploader/chance.h"
#include "uploader/credentials/refresh.h"
#include "uploader/exchange.h"
#include "uploader/job.h"
#include "uploader/uploader.h"

static int
start(struct uploader *up)
{
	up->renewal.due_ns = INT64_MAX;
	return credentials_refresh_start(up->renewal.refresh,
	    up->credentials != NULL ? up->credentials->source : NULL,
	    up->clock_offset_ns);
}

struct credentials_context
renewal_context(const struct uploader *up)
{
	return (struct credentials_context){
	    .region = up->endpoint->region,
	    .ca_bundle = up->config->ca_bundle,
	    .proxy = up->config->proxy,
	    .no_proxy = up->config->no_proxy,
	    .cancel_fd = -1,
	};
}

int
renewal_begin(struct uploader *up)
{
	const struct credentials_context context = renewal_context(up);
	int rc;

	up->renewal.refresh = credentials_refresh_new(&context);
	if (up->renewal.refresh == NULL)
		return -EMFILE;
	rc = start(up);
	return rc < 0 ? rc : credentials_refresh_fd(up->renewal.refresh);
}

int64_t
renewal_left_ns(const struct uploader *up)
{
	int64_t expires_ns = up->credentials->expires_ns;
	int64_t left_ns;

	if (expires_ns == INT64_MAX)
		return INT64_MAX;
	/* Such as the year 1, Go's zero of time. */
	if (__builtin_sub_overflow(expires_ns,
		clock_realtime_ns() + up->clock_offset_ns, &left_ns))
		return expires_ns < 0 ? INT64_MIN : INT64_MAX;
	return left_ns;
}

static void
set_due(struct uploader *up, int64_t wait_ns)
{
	up->renewal.due_ns = wait_ns == INT64_MAX
				 ? INT64_MAX
				 : clock_monotonic_ns() + wait_ns;
}

static bool
are_same(const struct credentials *a, const struct credentials *b)
{
	const char *a_token = a->session_token != NULL ? a->session_token : "";
	const char *b_token = b->session_token != NULL ? b->session_token : "";

	return strcmp(a->access_key, b->access_key) == 0 &&
	       strcmp(a->secret, b->secret) == 0 &&
	       strcmp(a_token, b_token) == 0;
}

/* Jobs whose credentials were refused go on, or end the run: FAULT. */
static void
release_jobs(struct uploader *up, const char *fault)
{
	up->renewal.forced = false;
	for (size_t i = 0; i < up->job_count; i++)
		if (up->jobs[i].state == JOB_UNSIGNED)
			exchange_renewed(&up->jobs[i], fault);
}

void
renewal_resign(struct uploader *up)
{
	sigv4_free(up->client.signer);
	up->client.signer = sigv4_new(up->credentials->access_key,
	    up->credentials->secret, up->endpoint->region, "s3");
}

static void
accept(struct uploader *up, struct credentials *credentials)
{
	struct credentials *old = up->credentials;
	bool same = old != NULL && are_same(old, credentials);
	char until[TIMEFMT_MAX] = "they don't expire";

	up->credentials = credentials;
	up->client.credentials = credentials;
	if (!same) {
		renewal_resign(up);
		up->renewal.generation++;
	}
	credentials_free(old);
	up->renewal.said = false;
	set_due(
	    up, credentials_refresh_wait_ns(renewal_left_ns(up), chance_u32()));
	if (credentials->expires_ns != INT64_MAX)
		(void)timefmt_rfc3339(credentials->expires_ns, until);
	log_debug("%s of %s; valid until: %s",
	    same ? "The same credentials" : "Credentials", credentials->source,
	    until);
	release_jobs(
	    up, same ? "its source still gives the same credentials; renew "
		       "them there"
		     : NULL);
}

int
renewal_status(int result)
{
	return result == -EAGAIN ? EX_TEMPFAIL : EX_NOPERM;
}

/* There are none, or no newer ones. */
static void
do_without(struct uploader *up, int result, const char *error)
{
	char *fault;

	if (up->credentials == NULL) {
		log_error("%s", error);
		up->failures[FAILURE_NETWORK] += result == -EAGAIN;
		uploader_stop(up, renewal_status(result));
		return;
	}
	set_due(up,
	    credentials_refresh_retry_ns(renewal_left_ns(up), chance_u32()));
	if (up->renewal.forced) {
		fault = mem_format("there are no newer credentials: %s", error);
		release_jobs(up, fault);
		free(fault);
		return;
	}
	if (up->renewal.said)
		log_debug("Cannot renew the credentials: %s", error);
	else
		log_warning("Cannot renew the credentials: %s; the old ones "
			    "are used until they expire",
		    error);
	up->renewal.said = true;
}

void
renewal_take(struct uploader *up)
{
	struct credentials *credentials = NULL;
	char *error = NULL;
	int result;

	if (!credentials_refresh_take(
		up->renewal.refresh, &result, &credentials, &error))
		return;
	if (result == 0)
		accept(up, credentials);
	else
		do_without(up, result, error);
	free(error);
}

int64_t
renewal_work(struct uploader *up)
{
	if (credentials_refresh_is_running(up->renewal.refresh)) {
		renewal_take(up);
		return clock_monotonic_ns() + CLOCK_NS_PER_S;
	}
	if (up->stopping)
		return INT64_MAX;
	if (up->renewal.due_ns > clock_monotonic_ns())
		return up->renewal.due_ns;
	if (start(up) < 0) /* no thread: later, perhaps */
		set_due(up, credentials_refresh_retry_ns(
				renewal_left_ns(up), chance_u32()));
	return up->renewal.due_ns;
}

bool
renewal_force(struct uploader *up, unsigned generation)
{
	if (generation != up->renewal.generation || start(up) < 0)
		return false;
	if (!up->renewal.forced)
		log_info("The store refuses the credentials of %s: renewing "
			 "them",
		    up->credentials->source);
	up->renewal.forced = true;
	return true;
}

void
renewal_end(struct uploader *up)
{
	credentials_refresh_free(up->renewal.refresh);
	up->renewal.refresh = NULL;
}
