/* Where requests go (AWS, "Amazon S3 endpoints and quotas", "Virtual hosting
 * of general purpose buckets", "Amazon S3 Transfer Acceleration").
 *
 * AWS's own hosts are made of the region and the wishes, and so can be made
 * again for another region; a custom URL is taken as it is. Wishes that a
 * custom endpoint or a partition can't fulfil are errors, as in AWS's own
 * tools: whoever asks for FIPS must not silently get something else.
 *
 * A bucket's name is of harmless characters, and at least three, so it is
 * neither "." nor "..". */
#include "uploader/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/percent.h"
#include "uploader/bucket.h"
#include "uploader/endpoint_url.h"
#include "uploader/partition.h"
#include "uploader/settings.h"

enum { REGION_MAX = 63 };

/* What the user asks for besides bucket, URL and region. */
struct wishes {
	bool accelerate, fips, dualstack;
	enum addressing_style style;
};

static int
refuse(char **ret_error, char *fault)
{
	*ret_error = fault;
	return -EINVAL;
}

/* --- region --------------------------------------------------------------- */

/* A region becomes part of AWS's host names, and everywhere of the signature's
 * scope, whose parts end with a slash. */
static bool
is_region(const char *text)
{
	return *text != '\0' && strlen(text) <= REGION_MAX &&
	       bucket_has_only(text, "-_.");
}

/* Takes the region of the bucket's ARN, else the user's. */
static int
take_region(struct endpoint *endpoint, const struct bucket *bucket,
    const struct config *config, const struct profiles *profiles,
    char **ret_error)
{
	struct setting region = settings_region(config, profiles);

	if (bucket->region != NULL)
		region.value = bucket->region;
	if (region.value == NULL && endpoint->is_aws)
		return refuse(
		    ret_error, mem_copy("no region; set region in the "
					"configuration, or AWS_REGION"));
	if (region.value == NULL)
		region.value = "us-east-1"; /* what other stores call theirs */
	else if (!is_region(region.value))
		return refuse(ret_error,
		    mem_format("%s \"%s\": no name of a region; it has only "
			       "letters, digits, '-', '_' and '.'",
			region.name, region.value));
	endpoint->region = mem_copy(region.value);
	return 0;
}

/* --- wishes --------------------------------------------------------------- */

static int
take_wishes(struct wishes *wishes, const struct config *config,
    const struct profiles *profiles, char **ret_error)
{
	int rc = settings_use_fips(config, profiles, &wishes->fips, ret_error);

	if (rc == 0)
		rc = settings_use_dualstack(
		    config, profiles, &wishes->dualstack, ret_error);
	if (rc == 0)
		rc = settings_use_accelerate(
		    config, profiles, &wishes->accelerate, ret_error);
	if (rc == 0)
		rc = settings_addressing_style(
		    config, profiles, &wishes->style, ret_error);
	return rc;
}

/* Why the wishes can't be fulfilled, or NULL. */
static const char *
wishes_fault(const struct endpoint *endpoint, const struct wishes *wishes)
{
	const struct partition *partition = partition_of(endpoint->region);
	bool is_point = endpoint->kind == ENDPOINT_ACCESS_POINT;

	if (wishes->accelerate && wishes->fips)
		return "use_accelerate_endpoint and use_fips_endpoint exclude "
		       "each other";
	if (wishes->accelerate && is_point)
		return "use_accelerate_endpoint: access points are not "
		       "accelerated";
	if (wishes->accelerate && !partition->has_accelerate)
		return "use_accelerate_endpoint: this region has none";
	if (wishes->accelerate && (strchr(endpoint->bucket, '.') != NULL ||
				      !bucket_fits_host(endpoint->bucket)))
		return "use_accelerate_endpoint: only buckets whose names are "
		       "lower case and without dots are accelerated";
	if ((wishes->accelerate || is_point) &&
	    wishes->style == ADDRESSING_PATH)
		return "addressing_style path: it works neither with "
		       "use_accelerate_endpoint nor with access points";
	if (wishes->fips && !partition->has_fips)
		return "use_fips_endpoint: this region has none";
	if (wishes->dualstack && !partition->has_dualstack)
		return "use_dualstack_endpoint: this region has none";
	return NULL;
}

/* The same for a custom endpoint. */
static const char *
custom_fault(const struct wishes *wishes)
{
	if (wishes->fips)
		return "use_fips_endpoint can't be combined with an "
		       "endpoint of one's own (endpoint_url); unset one";
	if (wishes->dualstack)
		return "use_dualstack_endpoint can't be combined with an "
		       "endpoint of one's own (endpoint_url); unset one";
	if (wishes->accelerate)
		return "use_accelerate_endpoint can't be combined with an "
		       "endpoint of one's own (endpoint_url); unset one";
	return NULL;
}

/* --- hosts ---------------------------------------------------------------- */

/* Whether HOST, perhaps with a port, is an address of digits and dots or in
 * brackets, of which a bucket can't be a part. */
static bool
is_address(const char *host)
{
	return *host == '[' ||
	       strspn(host, "0123456789.") == strcspn(host, ":");
}

/* Makes the host of an endpoint of AWS's, of kind, region and bucket. */
static void
make_host(struct endpoint *endpoint)
{
	const char *domain = partition_of(endpoint->region)->domain;
	const char *dualstack = endpoint->dualstack ? ".dualstack" : "";
	const char *fips = endpoint->fips ? "-fips" : "";

	free(endpoint->host);
	if (endpoint->kind == ENDPOINT_ACCELERATE)
		endpoint->host = mem_format("%s.s3-accelerate%s.%s",
		    endpoint->bucket, dualstack, domain);
	else
		endpoint->host = mem_format("%s%s%s%s%s.%s.%s",
		    endpoint->path_style ? "" : endpoint->bucket,
		    endpoint->path_style ? "" : ".",
		    endpoint->kind == ENDPOINT_ACCESS_POINT ? "s3-accesspoint"
							    : "s3",
		    fips, dualstack, endpoint->region, domain);
}

static void
take_url(struct endpoint *endpoint, struct endpoint_url *url)
{
	endpoint->is_aws = partition_of_host(url->name) != NULL;
	endpoint->scheme = url->scheme;
	endpoint->host = url->host;
	endpoint->base_path = url->base_path;
	free(url->name);
	*url = (struct endpoint_url){0};
}

static bool
wants_path(const struct endpoint *endpoint, enum addressing_style style)
{
	if (endpoint->kind == ENDPOINT_ACCELERATE ||
	    endpoint->kind == ENDPOINT_ACCESS_POINT)
		return false;
	if (style != ADDRESSING_AUTO)
		return style == ADDRESSING_PATH;
	return endpoint->kind == ENDPOINT_CUSTOM ||
	       !bucket_fits_host(endpoint->bucket) ||
	       /* A wildcard certificate covers no second dot. */
	       strchr(endpoint->bucket, '.') != NULL;
}

/* Decides the addressing style, and makes the host. */
static int
place_bucket(struct endpoint *endpoint, enum addressing_style style,
    bool is_point, char **ret_error)
{
	const char *bucket = endpoint->bucket;
	char *host;

	/* An access point is part of the host even where that is custom. */
	endpoint->path_style = !is_point && wants_path(endpoint, style);
	if (!endpoint->path_style && endpoint->kind == ENDPOINT_CUSTOM) {
		assert(endpoint->host != NULL); /* the URL's */
		if (!bucket_fits_host(bucket) || is_address(endpoint->host))
			goto misfit;
		host = mem_format("%s.%s", bucket, endpoint->host);
		free(endpoint->host);
		endpoint->host = host;
		return 0;
	}
	if (!endpoint->path_style && !bucket_fits_host(bucket))
		goto misfit;
	if (endpoint->kind != ENDPOINT_CUSTOM)
		make_host(endpoint);
	return 0;

misfit:
	if (is_point)
		return refuse(ret_error,
		    mem_copy("an access point is part of the host, so "
			     "endpoint_url must have a name, no address"));
	return refuse(ret_error,
	    mem_format("addressing_style virtual: bucket \"%s\" can't be part "
		       "of the host%s%s; use path",
		bucket, endpoint->host != NULL ? " " : "",
		endpoint->host != NULL ? endpoint->host : ""));
}

/* --- resolving ------------------------------------------------------------ */

static int
resolve(struct endpoint *endpoint, struct bucket *bucket,
    const struct config *config, const struct profiles *profiles,
    char **ret_error)
{
	struct setting setting = settings_endpoint_url(config, profiles);
	bool is_point = bucket->region != NULL;
	struct wishes wishes = {0};
	struct endpoint_url url = {0};
	const char *fault;
	int rc = 0;

	endpoint->bucket = bucket->name;
	bucket->name = NULL;
	endpoint->is_aws = true;
	rc = take_wishes(&wishes, config, profiles, ret_error);
	if (rc == 0 && setting.value != NULL)
		rc = endpoint_url_parse(&setting, &url, ret_error);
	if (rc < 0)
		return rc;
	endpoint->fips = wishes.fips;
	endpoint->dualstack = wishes.dualstack;
	if (setting.value != NULL) {
		endpoint->kind = ENDPOINT_CUSTOM;
		take_url(endpoint, &url);
	} else {
		endpoint->kind = is_point	     ? ENDPOINT_ACCESS_POINT
				 : wishes.accelerate ? ENDPOINT_ACCELERATE
						     : ENDPOINT_AWS;
		endpoint->scheme = mem_copy("https");
		endpoint->base_path = mem_copy("");
	}
	rc = take_region(endpoint, bucket, config, profiles, ret_error);
	if (rc < 0)
		return rc;
	fault = setting.value != NULL ? custom_fault(&wishes)
				      : wishes_fault(endpoint, &wishes);
	if (fault != NULL)
		return refuse(ret_error, mem_copy(fault));
	return place_bucket(endpoint, wishes.style, is_point, ret_error);
}

int
endpoint_resolve(const struct config *config, const struct profiles *profiles,
    struct endpoint **ret_endpoint, char **ret_error)
{
	struct endpoint *endpoint;
	struct bucket bucket = {0};
	int rc = bucket_parse(config->bucket, &bucket, ret_error);

	if (rc < 0)
		return rc;
	endpoint = mem_zero(1, sizeof *endpoint);
	rc = resolve(endpoint, &bucket, config, profiles, ret_error);
	bucket_done(&bucket);
	if (rc < 0) {
		endpoint_free(endpoint);
		return rc;
	}
	*ret_endpoint = endpoint;
	return 0;
}

void
endpoint_free(struct endpoint *endpoint)
{
	if (endpoint == NULL)
		return;
	free(endpoint->scheme);
	free(endpoint->host);
	free(endpoint->base_path);
	free(endpoint->bucket);
	free(endpoint->region);
	free(endpoint);
}

/* --- moving --------------------------------------------------------------- */

/* Replaces ".OLD." in the custom host of AWS's by ".NEW."; a private link's
 * (VPC) is one region's alone. */
static void
replace_region(struct endpoint *endpoint, const char *region)
{
	char *label = mem_format(".%s.", endpoint->region);
	char *found = strstr(endpoint->host, label);
	char *host;

	if (found != NULL && strstr(endpoint->host, ".vpce.") == NULL) {
		host = mem_format("%.*s.%s.%s", (int)(found - endpoint->host),
		    endpoint->host, region, found + strlen(label));
		free(endpoint->host);
		endpoint->host = host;
	}
	free(label);
}

int
endpoint_move(struct endpoint *endpoint, const char *region)
{
	static const char label[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (!is_region(region) || strcmp(region, endpoint->region) == 0 ||
	    endpoint->kind == ENDPOINT_ACCESS_POINT)
		return -EINVAL;
	/* It comes from outside and would become part of a host: to AWS, only
	 * what AWS may name. */
	if (endpoint->is_aws &&
	    (region[strspn(region, label)] != '\0' ||
		partition_of(region) != partition_of(endpoint->region)))
		return -EINVAL;
	if (endpoint->kind == ENDPOINT_CUSTOM && endpoint->is_aws)
		replace_region(endpoint, region);
	free(endpoint->region);
	endpoint->region = mem_copy(region);
	if (endpoint->kind != ENDPOINT_CUSTOM)
		make_host(endpoint);
	return 0;
}

void
endpoint_uri(
    const struct endpoint *endpoint, const char *key, struct strbuf *uri)
{
	strbuf_puts(uri, endpoint->base_path);
	strbuf_putc(uri, '/');
	if (endpoint->path_style) {
		strbuf_puts(uri, endpoint->bucket); /* needs no encoding */
		strbuf_putc(uri, '/');
	}
	percent_encode_path(uri, key);
}
