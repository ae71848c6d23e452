/* The order of a check: what is nearest first, since what lies behind a fault
 * can't be tried. The file system and the store are independent: both are
 * tried whatever the other is like. See check.h.
 *
 * Signals are looked at between the steps, so that each removes what it has
 * made. */
#include "uploader/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/timefmt.h"
#include "uploader/check_ask.h"
#include "uploader/check_bucket.h"
#include "uploader/check_files.h"
#include "uploader/check_policy.h"
#include "uploader/check_report.h"
#include "uploader/check_store.h"
#include "uploader/client.h"
#include "uploader/confine.h"
#include "uploader/libraries.h"
#include "uploader/renewal.h"

enum { KEY_SHOWN = 4 /* of the access key: tells keys apart, gives none */ };

/* The configuration as probes want it: one connection, and no lock, under
 * which they would have to stay. */
static struct config
probe_config(const struct config *config)
{
	struct config probe = *config;

	probe.connections = 1;
	probe.object_lock_mode = LOCK_NONE;
	probe.object_lock_retain_until = NULL;
	return probe;
}

/* Takes ERROR. */
static bool
fail(struct check_ask *ask, int status, const char *item, char *error)
{
	check_fail(ask->up.stage, status, item, "%s", error);
	free(error);
	return false;
}

static bool
set_up(struct check_ask *ask)
{
	struct uploader *up = &ask->up;
	struct strbuf uri = {0};
	char *error = NULL;
	int rc;

	if (client_resolve(up, &error) < 0)
		return fail(ask, EX_CONFIG, "endpoint", error);
	if (libraries_load(&error) < 0)
		return fail(ask, EX_SOFTWARE, "objects", error);
	confine(up);
	endpoint_uri(up->endpoint, up->config->key_prefix, &uri);
	check_ok("endpoint", "%s://%s%s, region %s", up->endpoint->scheme,
	    up->endpoint->host, strbuf_text(&uri), up->endpoint->region);
	strbuf_done(&uri);
	rc = client_set_up(up, check_ask_done, &error);
	if (rc < 0)
		return fail(ask, rc == -ENOTSUP ? EX_IOERR : EX_CONFIG,
		    "objects", error);
	if (client_is_unprotected(up))
		check_warn("signing", "payload_signing is never, and this is "
				      "plain http: nothing protects the files "
				      "on their way");
	rc = check_ask_begin(ask);
	if (rc < 0)
		return fail(ask, EX_IOERR, "objects",
		    mem_copy("Cannot set up libcurl"));
	return true;
}

/* Like an upload's first ones: a source that never answers can be left by a
 * signal. */
static bool
find_credentials(struct check_ask *ask)
{
	struct uploader *up = &ask->up;
	struct credentials_context context = renewal_context(up);
	char until[TIMEFMT_MAX];
	char *error = NULL;
	int64_t left_s;
	int rc;

	context.cancel_fd = up->signal_fd;
	rc = credentials_load(&context, &up->credentials, &error);
	check_ask_signals(ask);
	if (up->stopping) {
		free(error);
		return false;
	}
	if (rc < 0)
		return fail(ask, renewal_status(rc), "credentials", error);
	up->client.credentials = up->credentials;
	renewal_resign(up);
	if (up->credentials->expires_ns == INT64_MAX) {
		check_ok("credentials", "of %s: %.*s..., no expiry known",
		    up->credentials->source, KEY_SHOWN,
		    up->credentials->access_key);
		return true;
	}
	left_s = renewal_left_ns(up) / CLOCK_NS_PER_S;
	(void)timefmt_rfc3339(up->credentials->expires_ns, until);
	if (left_s > 0)
		check_ok("credentials",
		    "of %s: %.*s..., until %s (%lld min from now), then "
		    "renewed from there",
		    up->credentials->source, KEY_SHOWN,
		    up->credentials->access_key, until,
		    (long long)(left_s / 60));
	else
		check_warn("credentials", "of %s: %.*s..., expired at %s",
		    up->credentials->source, KEY_SHOWN,
		    up->credentials->access_key, until);
	return true;
}

static void
check_client(struct check_ask *ask)
{
	if (set_up(ask) && find_credentials(ask) && check_bucket(ask))
		check_objects(ask);
}

void
check_all(struct stage *stage)
{
	struct config config = probe_config(stage->config);
	struct check_ask ask = {.up = {.stage = stage, .config = &config}};
	char *region = NULL;

	ask.up.signal_fd = client_open_signals();
	if (ask.up.signal_fd < 0) {
		check_fail(stage, EX_IOERR, "signals", "%s", strerror(errno));
		return;
	}
	check_ok("configuration", "'%s' is sound", stage->options.config_file);
	check_files(stage);
	check_ask_signals(&ask);
	if (!ask.up.stopping)
		check_client(&ask);
	if (ask.up.stopping)
		check_fail(stage, EX_TEMPFAIL, "interrupted",
		    "ended by a signal; what is not listed was not tried");
	else if (ask.up.endpoint != NULL)
		region = ask.up.endpoint->region;
	if (!ask.up.stopping)
		check_policy(stage->config, region);
	check_ask_end(&ask);
	(void)close(ask.up.signal_fd); /* nothing to lose */
}
