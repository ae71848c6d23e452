/* Custom endpoints' URLs.
 *
 * They are taken apart by libcurl's own parser, so that nothing is understood
 * differently here and there. From the parts only what is known to be harmless
 * is kept: a host of letters, digits, '.', '-' and '_' (or an IPv6 literal),
 * because it is put into a header line; a path that is decoded and encoded
 * anew, because it is part of the canonical URI. User, password, query and
 * fragment are refused, and a URL that may hold a password is not repeated in
 * the error. */
#include "uploader/endpoint_url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/percent.h"
#include "common/strbuf.h"
#include "uploader/bucket.h"

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
	if (*parts->host != '[' && !bucket_has_only(parts->host, ".-_"))
		return "its host has only letters, digits, '.', '-' and '_'; "
		       "write other names in their xn-- form";
	if (!percent_is_utf8(parts->path))
		return "its path is not UTF-8";
	return NULL;
}

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

int
endpoint_url_parse(const struct setting *setting, struct endpoint_url *ret_url,
    char **ret_error)
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
	ret_url->scheme = mem_copy(parts.scheme);
	ret_url->name = mem_copy(parts.host);
	ret_url->host = parts.port == NULL
			    ? mem_copy(parts.host)
			    : mem_format("%s:%s", parts.host, parts.port);
	length = strlen(parts.path);
	while (length > 0 && parts.path[length - 1] == '/')
		parts.path[--length] = '\0';
	percent_encode_path(&path, parts.path);
	ret_url->base_path = strbuf_take(&path);
	free_parts(&parts);
	return 0;
}

void
endpoint_url_done(struct endpoint_url *url)
{
	free(url->scheme);
	free(url->name);
	free(url->host);
	free(url->base_path);
}
