/* Where requests go (AWS, "Amazon S3 endpoints and quotas", "Virtual hosting
 * of general purpose buckets").
 *
 * URLs are taken apart by libcurl's own parser, so that nothing is understood
 * differently here and there. From the parts only what is known to be harmless
 * is kept: a host of letters, digits, '.', '-' and '_' (or an IPv6 literal),
 * because it is put into a header line; a path that is decoded and encoded
 * anew, because it is part of the canonical URI. User, password, query and
 * fragment are refused, and a URL that may hold a password is not repeated in
 * the error. A bucket's name is of harmless characters, and at least three, so
 * it is neither "." nor "..". */
#include "uploader/endpoint.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "common/percent.h"

enum { BUCKET_MIN = 3, BUCKET_DNS_MAX = 63, BUCKET_MAX = 255 };
enum { REGION_MAX = 63 };

/* Domains by the beginning of the region's name; the last is for the rest. */
static const struct partition {
	const char *region_prefix, *domain;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},
    {"eusc-", "amazonaws.eu"},
    {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"},
    {"", "amazonaws.com"},
};

enum { PARTITION_COUNT = sizeof partitions / sizeof *partitions };

/* A setting, and the name under which the user knows it. */
struct setting {
	const char *name, *value; /* NULL: not set */
};

static struct setting
first_set(const char *configured, const char *name, const char *variable,
    const char *second_variable)
{
	const char *variables[] = {variable, second_variable};
	const char *value;

	if (configured != NULL && *configured != '\0')
		return (struct setting){name, configured};
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
		value = getenv(variables[i]);
		if (value != NULL && *value != '\0')
			return (struct setting){variables[i], value};
	}
	return (struct setting){name, NULL};
}

/* --- bucket and region -------------------------------------------------- */

static bool
has_only(const char *text, const char *others)
{
	for (; *text != '\0'; text++)
		if (!((*text >= 'a' && *text <= 'z') ||
			(*text >= 'A' && *text <= 'Z') ||
			(*text >= '0' && *text <= '9') ||
			strchr(others, *text) != NULL))
			return false;
	return true;
}

static bool
ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), ending_length = strlen(ending);

	return length >= ending_length &&
	       strcmp(text + length - ending_length, ending) == 0;
}

static int
check_bucket(const char *bucket, char **ret_error)
{
	size_t length = strlen(bucket);
	const char *fault = NULL;

	if (strncmp(bucket, "s3://", 5) == 0)
		fault = "give the name alone, without s3:// (and what follows "
			"it as key_prefix)";
	else if (strncmp(bucket, "arn:", 4) == 0)
		fault = "ARNs are not supported; give the bucket's name";
	else if (ends_with(bucket, "--x-s3"))
		fault = "S3 Express directory buckets are not supported";
	else if (length < BUCKET_MIN || length > BUCKET_MAX)
		fault = "a bucket's name has 3 to 63 characters (old ones up "
			"to 255)";
	else if (!has_only(bucket, ".-_"))
		fault = "a bucket's name has only letters, digits, '.', '-' "
			"and '_'";
	if (fault == NULL)
		return 0;
	*ret_error = mem_format("s3_bucket \"%s\": %s", bucket, fault);
	return -EINVAL;
}

/* Whether BUCKET can be the first part of a host's name (AWS, "General purpose
 * bucket naming rules"; host names know no case). */
static bool
fits_host(const char *bucket)
{
	size_t length = strlen(bucket);

	if (length > BUCKET_DNS_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool inner = i > 0 && i + 1 < length;

		if ((bucket[i] >= 'a' && bucket[i] <= 'z') ||
		    (bucket[i] >= '0' && bucket[i] <= '9'))
			continue;
		if (bucket[i] == '-' && inner)
			continue;
		/* No empty part, and none that borders on a hyphen. */
		if (bucket[i] == '.' && inner && bucket[i - 1] != '.' &&
		    bucket[i - 1] != '-' && bucket[i + 1] != '-')
			continue;
		return false;
	}
	return true;
}

/* A region becomes part of AWS's host names, and everywhere of the signature's
 * scope, whose parts end with a slash. */
static int
check_region(const struct setting *region, char **ret_error)
{
	if (strlen(region->value) <= REGION_MAX &&
	    has_only(region->value, "-_."))
		return 0;
	*ret_error = mem_format("%s \"%s\": no name of a region; it has only "
				"letters, digits, '-', '_' and '.'",
	    region->name, region->value);
	return -EINVAL;
}

/* --- custom endpoints --------------------------------------------------- */

struct url_parts {
	char *scheme, *user, *password, *host, *zone, *port, *path, *query,
	    *fragment;
};

static CURLUcode
split_url(const char *url, struct url_parts *parts)
{
	const struct {
		CURLUPart part;
		unsigned flags;
		char **target;
	} wanted[] = {
	    {CURLUPART_SCHEME, 0, &parts->scheme},
	    {CURLUPART_USER, 0, &parts->user},
	    {CURLUPART_PASSWORD, 0, &parts->password},
	    {CURLUPART_HOST, 0, &parts->host},
	    {CURLUPART_ZONEID, 0, &parts->zone},
	    {CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, &parts->port},
	    {CURLUPART_PATH, CURLU_URLDECODE, &parts->path},
	    {CURLUPART_QUERY, 0, &parts->query},
	    {CURLUPART_FRAGMENT, 0, &parts->fragment},
	};
	CURLU *handle = curl_url();
	CURLUcode code;

	if (handle == NULL)
		return CURLUE_OUT_OF_MEMORY;
	code = curl_url_set(handle, CURLUPART_URL, url, 0);
	for (size_t i = 0;
	     code == CURLUE_OK && i < sizeof wanted / sizeof *wanted; i++) {
		code = curl_url_get(
		    handle, wanted[i].part, wanted[i].target, wanted[i].flags);
		switch (code) {
		case CURLUE_NO_USER:
		case CURLUE_NO_PASSWORD:
		case CURLUE_NO_ZONEID:
		case CURLUE_NO_PORT:
		case CURLUE_NO_QUERY:
		case CURLUE_NO_FRAGMENT:
			code = CURLUE_OK; /* may be missing */
			break;
		default:
			break;
		}
	}
	curl_url_cleanup(handle);
	if (code == CURLUE_OK &&
	    (parts->scheme == NULL || parts->host == NULL ||
		parts->path == NULL))
		code = CURLUE_MALFORMED_INPUT; /* libcurl promises better */
	return code;
}

static void
free_parts(struct url_parts *parts)
{
	curl_free(parts->scheme);
	curl_free(parts->user);
	curl_free(parts->password);
	curl_free(parts->host);
	curl_free(parts->zone);
	curl_free(parts->port);
	curl_free(parts->path);
	curl_free(parts->query);
	curl_free(parts->fragment);
}

/* What is wrong with a URL that libcurl took, or NULL. */
static const char *
find_fault(const struct url_parts *parts)
{
	if (strcmp(parts->scheme, "https") != 0 &&
	    strcmp(parts->scheme, "http") != 0)
		return "it must begin with https:// or http://";
	if (parts->user != NULL || parts->password != NULL)
		return "it must not hold a user or a password; credentials "
		       "come from the environment";
	if (parts->query != NULL || parts->fragment != NULL)
		return "it must not have a query (?) or a fragment (#)";
	if (parts->zone != NULL)
		return "an IPv6 zone is not supported; use a host name";
	if (*parts->host != '[' && !has_only(parts->host, ".-_"))
		return "its host has only letters, digits, '.', '-' and '_'; "
		       "write other names in their xn-- form";
	if (!percent_is_utf8(parts->path))
		return "its path is not UTF-8";
	return NULL;
}

static bool
is_aws_host(const char *host)
{
	for (size_t i = 0; i < PARTITION_COUNT; i++) {
		const char *domain = partitions[i].domain;
		size_t length = strlen(host), domain_length = strlen(domain);

		if (length > domain_length &&
		    host[length - domain_length - 1] == '.' &&
		    strcmp(host + length - domain_length, domain) == 0)
			return true;
	}
	return false;
}

/* Whether HOST, perhaps with a port, is an address of digits and dots or in
 * brackets, of which a bucket can't be a part. */
static bool
is_address(const char *host)
{
	return *host == '[' ||
	       strspn(host, "0123456789.") == strcspn(host, ":");
}

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Fills scheme, host (with the port, without a bucket), base_path and is_aws
 * from the URL in SETTING. */
static int
take_url(
    struct endpoint *endpoint, const struct setting *setting, char **ret_error)
{
	struct url_parts parts = {0};
	struct strbuf path = {0};
	CURLUcode code = split_url(setting->value, &parts);
	const char *fault;
	size_t length;

	if (code == CURLUE_BAD_SCHEME || code == CURLUE_UNSUPPORTED_SCHEME)
		fault = "it must begin with https:// or http://";
	else if (code != CURLUE_OK)
		fault = curl_url_strerror(code);
	else
		fault = find_fault(&parts);
	if (code != CURLUE_OK || fault != NULL) {
		bool quotable = strchr(setting->value, '@') == NULL;

		*ret_error = mem_format("%s%s%s%s: %s", setting->name,
		    quotable ? " \"" : "", quotable ? setting->value : "",
		    quotable ? "\"" : "", fault);
		free_parts(&parts);
		return -EINVAL;
	}
	lower(parts.host);
	endpoint->scheme = mem_copy(parts.scheme);
	endpoint->is_aws = is_aws_host(parts.host);
	endpoint->host = parts.port == NULL
			     ? mem_copy(parts.host)
			     : mem_format("%s:%s", parts.host, parts.port);
	length = strlen(parts.path);
	while (length > 0 && parts.path[length - 1] == '/')
		parts.path[--length] = '\0';
	percent_encode_path(&path, parts.path);
	endpoint->base_path = strbuf_take(&path);
	free_parts(&parts);
	return 0;
}

/* --- resolving ---------------------------------------------------------- */

static const char *
domain_of(const char *region)
{
	const struct partition *partition = partitions;

	while (strncmp(region, partition->region_prefix,
		   strlen(partition->region_prefix)) != 0)
		partition++; /* the last one's prefix is empty */
	return partition->domain;
}

static int
take_region(
    struct endpoint *endpoint, const struct config *config, char **ret_error)
{
	struct setting region = first_set(
	    config->region, "region", "AWS_REGION", "AWS_DEFAULT_REGION");

	if (region.value == NULL && endpoint->is_aws) {
		*ret_error = mem_format("no region; set region in the "
					"configuration, or AWS_REGION");
		return -EINVAL;
	}
	if (region.value == NULL)
		region.value = "us-east-1"; /* what other stores call theirs */
	else if (check_region(&region, ret_error) < 0)
		return -EINVAL;
	endpoint->region = mem_copy(region.value);
	return 0;
}

/* Decides the addressing style and puts the bucket into the host if need
 * be. */
static int
place_bucket(struct endpoint *endpoint, enum addressing_style style,
    bool custom, char **ret_error)
{
	const char *bucket = endpoint->bucket;
	char *host;

	if (style == ADDRESSING_AUTO)
		endpoint->path_style =
		    custom || !fits_host(bucket) ||
		    /* A wildcard certificate covers no second dot. */
		    (strchr(bucket, '.') != NULL &&
			strcmp(endpoint->scheme, "https") == 0);
	else
		endpoint->path_style = style == ADDRESSING_PATH;
	if (endpoint->path_style)
		return 0;
	if (!fits_host(bucket) || is_address(endpoint->host)) {
		*ret_error = mem_format("addressing_style virtual: bucket "
					"\"%s\" can't be part of the host "
					"\"%s\"; use path",
		    bucket, endpoint->host);
		return -EINVAL;
	}
	host = mem_format("%s.%s", bucket, endpoint->host);
	free(endpoint->host);
	endpoint->host = host;
	return 0;
}

int
endpoint_resolve(const struct config *config, struct endpoint **ret_endpoint,
    char **ret_error)
{
	struct setting url = first_set(config->endpoint_url, "endpoint_url",
	    "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
	struct endpoint *endpoint = mem_zero(1, sizeof *endpoint);

	if (check_bucket(config->bucket, ret_error) < 0)
		goto fail;
	endpoint->bucket = mem_copy(config->bucket);
	endpoint->is_aws = true;
	if (url.value != NULL && take_url(endpoint, &url, ret_error) < 0)
		goto fail;
	if (take_region(endpoint, config, ret_error) < 0)
		goto fail;
	if (url.value == NULL) {
		endpoint->scheme = mem_copy("https");
		endpoint->host = mem_format(
		    "s3.%s.%s", endpoint->region, domain_of(endpoint->region));
		endpoint->base_path = mem_copy("");
	}
	if (place_bucket(endpoint, config->addressing_style, url.value != NULL,
		ret_error) < 0)
		goto fail;
	*ret_endpoint = endpoint;
	return 0;

fail:
	endpoint_free(endpoint);
	return -EINVAL;
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
