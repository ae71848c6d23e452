/* The instance metadata service ("Amazon EC2 User Guide", "Use the Instance
 * Metadata Service to access instance metadata"): a token first, by PUT; with
 * it the name of the instance's role, and that role's credentials.
 *
 * Most machines have no such service, so it is asked last, and as short as
 * the SDKs ask: AWS_METADATA_SERVICE_TIMEOUT (1 s) for each request and
 * AWS_METADATA_SERVICE_NUM_ATTEMPTS (1). No proxy ever sees the token. */
#include "uploader/credentials/imds.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "common/percent.h"
#include "uploader/credentials/http.h"
#include "uploader/credentials/json.h"
#include "uploader/credentials/profile.h"
#include "uploader/mbedtls_compat.h"

#define ROLES "latest/meta-data/iam/security-credentials/"

enum { TOKEN_MAX = 1024, ROLE_MAX = 128, SETTING_MAX = 60 };

struct service {
	const struct credentials_context *context;
	char *base;  /* the URL, with a slash at its end */
	char *token; /* the header line */
	long timeout_ms;
	int attempts;
};

static const char *
setting(const char *name)
{
	return profile_setting(NULL, NULL, name, NULL);
}

/* A whole number from 1 to SETTING_MAX, else 1. */
static int
number_setting(const char *name)
{
	const char *text = setting(name);
	long number = text != NULL ? strtol(text, NULL, 10) : 1;

	return number >= 1 && number <= SETTING_MAX ? (int)number : 1;
}

static char *
find_base(void)
{
	const char *url = setting("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	size_t length;

	if (url == NULL && mode != NULL && strcasecmp(mode, "ipv6") == 0)
		url = "http://[fd00:ec2::254]/";
	if (url == NULL)
		url = "http://169.254.169.254/";
	length = strlen(url);
	return mem_format("%s%s", url, url[length - 1] == '/' ? "" : "/");
}

/* Asks for PATH with the header LINE. */
static int
ask(const struct service *service, const char *method, const char *path,
    const char *line, struct http_reply *reply, char **ret_error)
{
	char *url = mem_format("%s%s", service->base, path);
	const struct http_request request = {
	    .method = method,
	    .url = url,
	    .headers = {line, "Accept:", "Content-Type:"},
	    .timeout_ms = service->timeout_ms,
	    .attempts = service->attempts,
	    .cancel_fd = service->context->cancel_fd,
	    .no_proxy = true,
	};
	int result = http_ask(&request, reply, ret_error);

	free(url);
	return result;
}

/* Cuts the text at its first line's end. False: it is empty, too long, or
 * holds what can't go into a header or a path. */
static bool
is_line(struct strbuf *text, size_t max)
{
	if (text->length == 0)
		return false;
	strbuf_truncate(text, strcspn(text->data, "\r\n"));
	if (text->length == 0 || text->length > max)
		return false;
	for (size_t i = 0; i < text->length; i++)
		if (text->data[i] <= ' ' || text->data[i] == 0x7f)
			return false;
	return true;
}

/* Whoever has no such service gets no answer, or one from something else:
 * that is no error, but -ENOENT and a note. */
static int
get_token(struct service *service, struct http_reply *reply, char **ret_error)
{
	char *fault = NULL;
	int result = ask(service, "PUT", "latest/api/token",
	    "X-aws-ec2-metadata-token-ttl-seconds: 21600", reply, &fault);

	if (result == 0 && reply->status == 200 &&
	    is_line(&reply->body, TOKEN_MAX)) {
		service->token = mem_format(
		    "X-aws-ec2-metadata-token: %s", reply->body.data);
		return 0;
	}
	if (fault == NULL)
		fault = mem_format("HTTP status %d", reply->status);
	*ret_error = mem_format("no token from %s: %s", service->base, fault);
	free(fault);
	return result == -ECANCELED ? result : -ENOENT;
}

/* Returns 0 and the path of the role's credentials, -ENOENT (the instance has
 * no role), -EAGAIN, -EIO or -ECANCELED. */
static int
get_role(const struct service *service, struct http_reply *reply,
    struct strbuf *path, char **ret_error)
{
	char *fault = NULL;
	int result = ask(service, "GET", ROLES, service->token, reply, &fault);
	bool is_outage = http_is_outage(result, reply->status);

	if (result == 0 && reply->status == 200 &&
	    is_line(&reply->body, ROLE_MAX)) {
		strbuf_puts(path, ROLES);
		percent_encode_component(path, reply->body.data);
		return 0;
	}
	if (result == 0 && (reply->status == 404 || reply->status == 200)) {
		*ret_error = mem_copy("the instance has no role");
		return -ENOENT;
	}
	if (fault == NULL)
		fault = mem_format("HTTP status %d", reply->status);
	*ret_error = mem_format("Cannot get the instance's role from '%s': %s",
	    service->base, fault);
	free(fault);
	return result == -ECANCELED ? result : is_outage ? -EAGAIN : -EIO;
}

static int
get_credentials(const struct service *service, struct http_reply *reply,
    const char *path, struct credentials **ret_credentials, char **ret_error)
{
	char *fault = NULL;
	int result = ask(service, "GET", path, service->token, reply, &fault);
	bool is_outage = http_is_outage(result, reply->status);

	if (result == 0 && reply->status != 200)
		fault = mem_format("HTTP status %d", reply->status);
	else if (result == 0)
		result = json_credentials(strbuf_text(&reply->body),
		    reply->body.length, JSON_SERVICE, ret_credentials, &fault);
	if (fault == NULL)
		return 0;
	*ret_error = mem_format(
	    "Cannot get the instance's credentials from '%s%s': %s",
	    service->base, path, fault);
	free(fault);
	return result == -ECANCELED ? result : is_outage ? -EAGAIN : -EIO;
}

int
imds_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error)
{
	const char *disabled = setting("AWS_EC2_METADATA_DISABLED");
	struct service service = {
	    .context = context,
	    .timeout_ms = 1000L *
			  number_setting("AWS_METADATA_SERVICE_TIMEOUT"),
	    .attempts = number_setting("AWS_METADATA_SERVICE_NUM_ATTEMPTS"),
	};
	struct http_reply reply = {0};
	struct strbuf path = {0};
	int result;

	if (disabled != NULL && strcasecmp(disabled, "true") == 0) {
		*ret_error = mem_copy("AWS_EC2_METADATA_DISABLED");
		return -ENOENT;
	}
	service.base = find_base();
	result = get_token(&service, &reply, ret_error);
	if (result == 0)
		result = get_role(&service, &reply, &path, ret_error);
	if (result == 0)
		result = get_credentials(&service, &reply, strbuf_text(&path),
		    ret_credentials, ret_error);
	if (service.token != NULL)
		mbedtls_platform_zeroize(service.token, strlen(service.token));
	free(service.token);
	free(service.base);
	strbuf_done(&path);
	http_reply_done(&reply);
	return result;
}
