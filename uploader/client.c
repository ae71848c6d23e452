/* What asking the store takes, but for credentials: an upload renews those as
 * long as it runs, a check asks once. See client.h.
 *
 * The order matters to the user: what is wrong with the configuration is said
 * before a source of credentials, which may take its time, is asked. */
#include "uploader/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "uploader/checksum.h"
#include "uploader/settings.h"

int
client_resolve(struct uploader *up, char **ret_error)
{
	int rc = profiles_load(&up->profiles, ret_error);

	if (rc == 0)
		rc = endpoint_resolve(
		    up->config, up->profiles, &up->endpoint, ret_error);
	if (rc == 0)
		rc = settings_max_attempts(
		    up->config, up->profiles, &up->max_attempts, ret_error);
	if (rc == 0)
		rc = settings_check_files(up->config, up->profiles, ret_error);
	return rc;
}

static bool
is_plain(const struct uploader *up)
{
	return strcmp(up->endpoint->scheme, "http") == 0;
}

int
client_set_up(struct uploader *up,
    void (*done)(
	void *context, size_t slot, const struct transfer_result *result),
    char **ret_error)
{
	const struct config *config = up->config;
	int rc;

	up->sign_payload = config->payload_signing == SIGNING_ALWAYS ||
			   (config->payload_signing == SIGNING_AUTO &&
			       is_plain(up));
	up->checksum = checksum_resolve(config->checksum, up->sign_payload);
	/* Something must tell a garbled body. */
	if (up->checksum == CHECKSUM_NONE &&
	    config->payload_signing == SIGNING_AUTO)
		up->sign_payload = true;
	rc = s3_object_options_new(
	    config, up->endpoint, &up->options, ret_error);
	if (rc < 0)
		return rc;
	if (up->options->needs_checksum && up->checksum == CHECKSUM_NONE)
		up->checksum = CHECKSUM_CRC32C;
	up->client.endpoint = up->endpoint;
	up->client.options = up->options;
	up->transfer = transfer_new(config,
	    (size_t)settings_connections(config),
	    settings_ca_bundle(config, up->profiles).value, done, up);
	if (up->transfer == NULL) {
		*ret_error = mem_copy("Cannot set up libcurl");
		return -ENOTSUP;
	}
	return 0;
}

bool
client_is_unprotected(const struct uploader *up)
{
	return is_plain(up) && !up->sign_payload;
}

int
client_open_signals(void)
{
	sigset_t set;

	/* These can't fail with signals that exist. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	/* The log's, which is opened anew then, where it is a file. */
	if (log_file() == NULL && !stage_ignores_hangup())
		(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool
client_read_date(const char *date, int64_t *ret_time_ns)
{
	const struct timespec theirs = {.tv_sec = curl_getdate(date, NULL)};
	int64_t theirs_ns = clock_from_timespec(&theirs);

	/* -1 is no date; a year that nanoseconds can't reach is a joke. */
	if (theirs.tv_sec < 0 || theirs_ns == INT64_MAX)
		return false;
	*ret_time_ns = theirs_ns;
	return true;
}

bool
client_learn_clock(struct uploader *up, const char *date)
{
	int64_t theirs_ns;

	if (!client_read_date(date, &theirs_ns))
		return false;
	up->clock_offset_ns = theirs_ns - clock_realtime_ns();
	return true;
}

void
client_tear_down(struct uploader *up)
{
	transfer_free(up->transfer);
	sigv4_free(up->client.signer);
	s3_object_options_free(up->options);
	credentials_free(up->credentials);
	endpoint_free(up->endpoint);
	profiles_free(up->profiles);
}
