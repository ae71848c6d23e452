/* Custom endpoints' URLs.
 *
 * They are taken apart as RFC 3986 does it, and from the parts only what every
 * parser reads alike is kept, libcurl's among them: a host of letters, digits,
 * '.', '-' and '_' (or an IPv6 literal), because it is put into a header line;
 * a port that is a number; a path that is decoded and encoded anew, because it
 * is part of the canonical URI. User, password, query and fragment are refused,
 * and a URL that may hold a password is not repeated in the error. (libcurl's
 * own parser would do, but libcurl isn't loaded before there is something to
 * send: libraries.h.) */
#include "uploader/endpoint_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/percent.h"
#include "common/strbuf.h"
#include "uploader/bucket.h"

enum { PORT_MAX = 65535 };

struct url_parts {
	char *scheme, *host;
	unsigned long port; /* 0: the scheme's own */
	char *path;	    /* decoded; without slashes at its end */
};

static void
lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Digits and nothing else, from 1 to 65535, or none at all. */
static bool
parse_port(const char *text, const char *scheme, unsigned long *ret_port)
{
	unsigned long own = strcmp(scheme, "https") == 0 ? 443 : 80;

	*ret_port = 0;
	if (*text == '\0')
		return true;
	if (strspn(text, "0123456789") != strlen(text))
		return false;
	*ret_port = strtoul(text, NULL, 10);
	if (*ret_port == 0 || *ret_port > PORT_MAX)
		return false;
	if (*ret_port == own)
		*ret_port = 0;
	return true;
}

/* An IPv6 literal, in brackets, as everybody writes it. */
static const char *
parse_ipv6(const char *text, char **ret_host)
{
	char plain[INET6_ADDRSTRLEN];
	struct in6_addr address;
	char *bare = mem_copy_n(text + 1, strlen(text) - 2);
	const char *fault = NULL;

	if (strchr(bare, '%') != NULL)
		fault = "an IPv6 zone is not supported; use a host name";
	else if (inet_pton(AF_INET6, bare, &address) != 1 ||
		 inet_ntop(AF_INET6, &address, plain, sizeof plain) == NULL)
		fault = "its host is no IPv6 address";
	else
		*ret_host = mem_format("[%s]", plain);
	free(bare);
	return fault;
}

/* Some take 0x7f.1 and 2130706433 for 127.0.0.1, others for names. */
static bool
is_odd_number(const char *host)
{
	static const char digits[] = "0123456789";
	const char *dot = strrchr(host, '.');
	const char *last = dot != NULL ? dot + 1 : host;
	struct in_addr address;
	size_t length = strlen(last);

	if (strncmp(last, "0x", 2) == 0)
		return strspn(last + 2, "0123456789abcdef") == length - 2;
	return length > 0 && strspn(last, digits) == length &&
	       inet_pton(AF_INET, host, &address) != 1;
}

static const char *
parse_name(const char *text, char **ret_host)
{
	if (*text == '\0')
		return "it names no host";
	if (!bucket_has_only(text, ".-_"))
		return "its host has only letters, digits, '.', '-' and '_'; "
		       "write other names in their xn-- form";
	*ret_host = mem_copy(text);
	lower(*ret_host);
	return is_odd_number(*ret_host)
		   ? "its host is a number, but no IPv4 address"
		   : NULL;
}

/* What is between the scheme and the path. Returns what is wrong, or NULL. */
static const char *
parse_authority(const char *text, struct url_parts *parts)
{
	size_t length = *text == '[' ? strcspn(text, "]") + 1
				     : strcspn(text, ":");
	const char *after, *fault;
	char *host;

	if (strchr(text, '@') != NULL)
		return "it must not hold a user or a password; credentials "
		       "come from the environment";
	if (length > strlen(text))
		return "its host is no IPv6 address";
	after = text + length;
	if (*after != '\0' &&
	    (*after != ':' ||
		!parse_port(after + 1, parts->scheme, &parts->port)))
		return "its port is no number from 1 to 65535";
	host = mem_copy_n(text, length);
	fault = *host == '[' ? parse_ipv6(host, &parts->host)
			     : parse_name(host, &parts->host);
	free(host);
	return fault;
}

/* A proxy, or libcurl, takes "." and ".." away, and then the signature is
 * about another path. */
static bool
has_dots(const char *path)
{
	while (*path != '\0') {
		size_t length;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length > 0 && length <= 2 && strspn(path, ".") >= length)
			return true;
		path += length;
	}
	return false;
}

static const char *
parse_path(const char *text, struct url_parts *parts)
{
	struct strbuf path = {0};
	int rc = percent_decode(&path, text, strlen(text));
	bool is_readable = rc == 0;

	for (size_t i = 0; i < path.length; i++)
		is_readable &= !iscntrl((unsigned char)path.data[i]);
	while (path.length > 0 && path.data[path.length - 1] == '/')
		strbuf_truncate(&path, path.length - 1);
	parts->path = strbuf_take(&path);
	if (!is_readable || strchr(text, ' ') != NULL)
		return "its path has a space, a control character or a '%' "
		       "that begins no escape";
	if (!percent_is_utf8(parts->path))
		return "its path is not UTF-8";
	if (has_dots(parts->path))
		return "its path has a '.' or '..' in it";
	return NULL;
}

/* Takes URL apart. Returns what is wrong with it, or NULL. */
static const char *
parse_url(const char *url, struct url_parts *parts)
{
	/* RFC 3986, appendix B. */
	static const char pattern[] =
	    "^(([^:/?#]+):)?(//([^/?#]*))?([^?#]*)(\\?([^#]*))?(#(.*))?";
	enum { SCHEME = 2, AUTHORITY = 4, PATH, QUERY, FRAGMENT = 8, COUNT };
	regmatch_t at[COUNT];
	const char *fault;
	char *authority, *path;
	regex_t regex;

	if (regcomp(&regex, pattern, REG_EXTENDED) != 0)
		return "there is no memory to take it apart";
	/* It fits any text. */
	fault = regexec(&regex, url, COUNT, at, 0) == 0 &&
			at[AUTHORITY].rm_so >= 0 && at[SCHEME].rm_so == 0
		    ? NULL
		    : "it must begin with https:// or http://";
	regfree(&regex);
	if (fault != NULL)
		return fault;
	parts->scheme = mem_copy_n(url, (size_t)at[SCHEME].rm_eo);
	lower(parts->scheme);
	if (strcmp(parts->scheme, "https") != 0 &&
	    strcmp(parts->scheme, "http") != 0)
		return "it must begin with https:// or http://";
	if (at[QUERY].rm_so >= 0 || at[FRAGMENT].rm_so >= 0)
		return "it must not have a query (?) or a fragment (#)";
	authority = mem_copy_n(url + at[AUTHORITY].rm_so,
	    (size_t)(at[AUTHORITY].rm_eo - at[AUTHORITY].rm_so));
	path = mem_copy_n(
	    url + at[PATH].rm_so, (size_t)(at[PATH].rm_eo - at[PATH].rm_so));
	fault = parse_authority(authority, parts);
	if (fault == NULL)
		fault = parse_path(path, parts);
	free(authority);
	free(path);
	return fault;
}

static void
free_parts(struct url_parts *parts)
{
	free(parts->scheme);
	free(parts->host);
	free(parts->path);
}

int
endpoint_url_parse(const struct setting *setting, struct endpoint_url *ret_url,
    char **ret_error)
{
	struct url_parts parts = {0};
	struct strbuf path = {0};
	const char *fault = parse_url(setting->value, &parts);

	if (fault != NULL) {
		bool quotable = strchr(setting->value, '@') == NULL;

		*ret_error = mem_format("%s%s%s%s: %s", setting->name,
		    quotable ? " \"" : "", quotable ? setting->value : "",
		    quotable ? "\"" : "", fault);
		free_parts(&parts);
		return -EINVAL;
	}
	ret_url->scheme = mem_copy(parts.scheme);
	ret_url->name = mem_copy(parts.host);
	ret_url->host = parts.port == 0
			    ? mem_copy(parts.host)
			    : mem_format("%s:%lu", parts.host, parts.port);
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
