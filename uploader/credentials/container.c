/* The container credential provider ("AWS SDKs and Tools Reference Guide").
 *
 * Over plain http only hosts are asked that are this machine's own or the
 * services' link-local addresses: whoever can set a variable must not be able
 * to send the authorization elsewhere. No proxy ever sees it. */
#include "uploader/credentials/container.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "uploader/credentials/http.h"
#include "uploader/credentials/json.h"
#include "uploader/credentials/profile.h"
#include "uploader/mbedtls_compat.h"

enum { TIMEOUT_MS = 2000, ATTEMPTS = 3, TOKEN_MAX = 16384 };

static const char relative_base[] = "http://169.254.170.2";

/* HOST as libcurl gives it: IPv6 addresses in brackets. */
static bool
is_allowed(char *host)
{
	static const char *const names[] = {
	    "localhost", "169.254.170.2", "169.254.170.23"};
	struct in6_addr six, pod;
	struct in_addr four;
	size_t length = strlen(host);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(host, names[i]) == 0)
			return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (length < 2 || *host != '[')
		return false;
	host[length - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &six) != 1 ||
	    inet_pton(AF_INET6, "fd00:ec2::23", &pod) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || IN6_ARE_ADDR_EQUAL(&six, &pod);
}

const char *
container_url_fault(const char *url)
{
	CURLU *handle = curl_url();
	char *scheme = NULL, *host = NULL;
	const char *fault = NULL;

	if (handle == NULL ||
	    curl_url_set(handle, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(handle, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		fault = "it is no URL";
	else if (strcmp(scheme, "http") == 0 && !is_allowed(host))
		fault = "plain http is for this machine's own addresses, "
			"169.254.170.2, 169.254.170.23 and [fd00:ec2::23] "
			"alone; use https";
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		fault = "it must begin with https:// or http://";
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(handle);
	return fault;
}

/* Returns 0 and the URL (the caller's to free), -ENOENT or -EINVAL. */
static int
find_url(char **ret_url, char **ret_error)
{
	const char *relative = profile_setting(
	    NULL, NULL, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
	const char *full = profile_setting(
	    NULL, NULL, "AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
	const char *fault;

	if (relative != NULL) {
		if (*relative == '/') {
			*ret_url = mem_format("%s%s", relative_base, relative);
			return 0;
		}
		*ret_error = mem_copy("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI "
				      "must begin with a slash");
		return -EINVAL;
	}
	if (full == NULL)
		return -ENOENT;
	fault = container_url_fault(full);
	if (fault != NULL) {
		*ret_error = mem_format(
		    "AWS_CONTAINER_CREDENTIALS_FULL_URI: %s", fault);
		return -EINVAL;
	}
	*ret_url = mem_copy(full);
	return 0;
}

/* The Authorization line (the caller's), NULL where there is to be none. The
 * file is read each time: its token is replaced now and then. */
static int
find_authorization(char **ret_line, char **ret_error)
{
	const char *path = profile_setting(
	    NULL, NULL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", NULL);
	const char *token = profile_setting(
	    NULL, NULL, "AWS_CONTAINER_AUTHORIZATION_TOKEN", NULL);
	char bytes[TOKEN_MAX];
	ssize_t n = 0;
	int fd;

	*ret_line = NULL;
	if (path != NULL) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		n = fd >= 0 ? fsio_pread_all(fd, bytes, sizeof bytes - 1, 0)
			    : -errno;
		if (fd >= 0)
			(void)close(fd); /* only read from */
		if (n < 0) {
			*ret_error = mem_format("Cannot read the container's "
						"authorization token '%s': %s",
			    path, strerror((int)-n));
			return -EINVAL;
		}
		bytes[n] = '\0';
		token = bytes;
	}
	if (token == NULL)
		return 0;
	if (token[strcspn(token, "\r\n")] == '\0')
		*ret_line = mem_format("Authorization: %s", token);
	else
		*ret_error = mem_copy("The container's authorization token "
				      "contains a line break; write it without "
				      "one");
	mbedtls_platform_zeroize(bytes, (size_t)n);
	return *ret_line != NULL ? 0 : -EINVAL;
}

static int
ask(const struct credentials_context *context, const char *url,
    const char *line, struct credentials **ret_credentials, char **ret_error)
{
	const struct http_request request = {
	    .method = "GET",
	    .url = url,
	    .headers = {"Accept: application/json", line},
	    .ca_bundle = profile_setting(NULL, NULL, "AWS_CA_BUNDLE", NULL),
	    .timeout_ms = TIMEOUT_MS,
	    .attempts = ATTEMPTS,
	    .cancel_fd = context->cancel_fd,
	    .no_proxy = true,
	};
	struct http_reply reply = {0};
	char *fault = NULL;
	int result = http_ask(&request, &reply, &fault);
	bool is_outage = http_is_outage(result, reply.status);

	if (result == 0 && reply.status != 200)
		fault = mem_format("HTTP status %d", reply.status);
	else if (result == 0)
		result = json_credentials(strbuf_text(&reply.body),
		    reply.body.length, JSON_SERVICE, ret_credentials, &fault);
	if (fault != NULL) {
		if (result != -ECANCELED)
			result = is_outage ? -EAGAIN : -EIO;
		*ret_error = mem_format(
		    "Cannot get the container's credentials from '%s': %s", url,
		    fault);
	}
	free(fault);
	http_reply_done(&reply);
	return result;
}

int
container_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error)
{
	char *url = NULL, *line = NULL;
	int result = find_url(&url, ret_error);

	if (result == 0)
		result = find_authorization(&line, ret_error);
	if (result == 0)
		result = ask(context, url, line, ret_credentials, ret_error);
	if (line != NULL)
		mbedtls_platform_zeroize(line, strlen(line));
	free(line);
	free(url);
	return result;
}
