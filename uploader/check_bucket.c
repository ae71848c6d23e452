/* What the first question tells of all that lies between us and the bucket. It
 * is a listing, not HeadBucket, whose refusals have no body to say why. */
#include "uploader/check_bucket.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/mem.h"
#include "uploader/check_report.h"

enum { SKEW_WARN_S = 60 };

static bool
is_local(const char *host)
{
	return strncmp(host, "127.", 4) == 0 ||
	       strncmp(host, "localhost", 9) == 0 ||
	       strncmp(host, "[::1]", 5) == 0;
}

static void
report_way(struct check_ask *ask)
{
	const struct endpoint *endpoint = ask->up.endpoint;
	long long skew_s = ask->skew_ns / CLOCK_NS_PER_S;

	if (strcmp(endpoint->scheme, "https") == 0)
		check_ok("TLS", "certificate verified, %s",
		    ask->tls.length > 0 ? strbuf_text(&ask->tls)
					: "TLS 1.2 or newer");
	else if (is_local(endpoint->host))
		check_ok("TLS", "none: plain http, on this host");
	else
		check_warn("TLS", "none: over plain http anybody on the way "
				  "can read the files");
	if (!ask->has_skew)
		check_warn("clock", "unknown: the store tells no Date");
	else if (skew_s > SKEW_WARN_S || skew_s < -SKEW_WARN_S)
		check_warn("clock",
		    "the store's differs from ours by %+lld s%s; is NTP "
		    "running?",
		    skew_s,
		    ask->up.clock_offset_ns != 0
			? " and it refused ours; uploads then sign with its"
			: "");
	else
		check_ok("clock", "%+lld s from the store's", skew_s);
	if (ask->moved)
		check_warn("region",
		    "the bucket is in %s; uploads find out, but "
		    "set region: %s",
		    endpoint->region, endpoint->region);
}

bool
check_bucket(struct check_ask *ask)
{
	const struct config *config = ask->up.config;
	char *prefix = mem_format("%s.s3spool-check/", config->key_prefix);
	const struct verdict_row *row = check_ask(ask,
	    &(const struct check_question){.op = CHECK_LIST, .key = prefix});

	free(prefix);
	if (ask->up.stopping)
		return false;
	if (ask->fault != TRANSFER_ANSWERED) {
		check_ask_fail(ask, "store", row);
		return false;
	}
	report_way(ask);
	if (row->verdict == VERDICT_OK &&
	    strstr(strbuf_text(&ask->reply.body), "<ListBucketResult") == NULL)
		check_fail(ask->up.stage, EX_CONFIG, "bucket",
		    "the answer is no S3 API's; is endpoint_url that of one, "
		    "with no portal or proxy before it?");
	else if (row->verdict == VERDICT_OK)
		check_ok("bucket", "'%s' is there", config->bucket);
	else if (check_ask_is_denied(ask))
		check_ok("bucket",
		    "'%s' answers; no right to list it (s3:ListBucket), which "
		    "uploads don't need",
		    config->bucket);
	else
		check_ask_fail(ask, "bucket", row);
	return row->verdict == VERDICT_OK || check_ask_is_denied(ask);
}
