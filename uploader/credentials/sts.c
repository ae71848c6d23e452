/* Roles, asked for with one POST to STS ("AWS Security Token Service API
 * Reference", "AssumeRole" and "AssumeRoleWithWebIdentity").
 *
 * The endpoint is $AWS_ENDPOINT_URL_STS, $AWS_ENDPOINT_URL, or that of the
 * region. The request is signed as every AWS service wants it but S3: no
 * x-amz-content-sha256, and the body's hash at the end of what is signed. */
#include "uploader/credentials/sts.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/mem.h"
#include "common/percent.h"
#include "common/strbuf.h"
#include "uploader/credentials/http.h"
#include "uploader/mbedtls_compat.h"
#include "uploader/partition.h"
#include "uploader/sigv4.h"

enum { TIMEOUT_MS = 15000, ATTEMPTS = 3, TOKEN_MAX = 32768 };

#define CONTENT_TYPE "application/x-www-form-urlencoded"

/* Where to ask, in the pieces that are signed. */
struct target {
	char *url, *host, *path;
};

static void
target_done(struct target *target)
{
	free(target->url);
	free(target->host);
	free(target->path);
}

/* The pieces of the URL, with the Host header as libcurl sends it. */
static int
split_url(const char *url, struct target *target)
{
	CURLU *handle = curl_url();
	char *host = NULL, *port = NULL, *path = NULL;
	int result = -EINVAL;

	if (handle != NULL &&
	    curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(handle, CURLUPART_PATH, &path, 0) == CURLUE_OK) {
		/* It may have none. */
		(void)curl_url_get(
		    handle, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
		target->url = mem_copy(url);
		target->host = mem_format("%s%s%s", host,
		    port != NULL ? ":" : "", port != NULL ? port : "");
		target->path = mem_copy(path);
		result = 0;
	}
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_url_cleanup(handle);
	return result;
}

static int
find_target(const struct credentials_context *context,
    const struct profiles *profiles, struct target *target, char **ret_error)
{
	const char *ignore = profile_setting(profiles, NULL,
	    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	    "ignore_configured_endpoint_urls");
	bool ignores = ignore != NULL && strcasecmp(ignore, "true") == 0;
	const char *variable = "AWS_ENDPOINT_URL_STS";
	const char *url = ignores ? NULL : getenv(variable);
	const char *fips = profile_setting(
	    profiles, NULL, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
	bool is_fips = fips != NULL && strcasecmp(fips, "true") == 0;
	char *own = NULL;
	int result;

	if (!ignores && (url == NULL || *url == '\0')) {
		variable = "AWS_ENDPOINT_URL";
		url = getenv(variable);
	}
	if (url == NULL || *url == '\0')
		url = own = mem_format("https://sts%s.%s.%s/",
		    is_fips ? "-fips" : "", context->region,
		    partition_of(context->region)->domain);
	result = split_url(url, target);
	if (result < 0)
		*ret_error = mem_format("%s is no URL", variable);
	free(own);
	return result;
}

/* Each form's text is a secret where a token is in it. */
static void
wipe(struct strbuf *buf)
{
	if (buf->data != NULL)
		mbedtls_platform_zeroize(buf->data, buf->capacity);
	strbuf_done(buf);
}

static void
add_parameter(struct strbuf *form, const char *name, const char *value)
{
	if (value == NULL)
		return;
	strbuf_printf(form, "&%s=", name);
	percent_encode_component(form, value);
}

static void
begin_form(struct strbuf *form, const char *action, const struct sts_role *role)
{
	/* Room for any token, so that growing leaves no copy of it. */
	(void)strbuf_reserve(form, (size_t)4 * TOKEN_MAX);
	strbuf_printf(form, "Action=%s&Version=2011-06-15", action);
	add_parameter(form, "RoleArn", role->arn);
	add_parameter(form, "RoleSessionName",
	    role->session_name != NULL ? role->session_name : "s3spool");
	add_parameter(form, "DurationSeconds", role->duration_seconds);
	add_parameter(form, "ExternalId", role->external_id);
}

/* Sends the form and reads the credentials in the answer. LINES are further
 * header lines. */
static int
ask(const struct credentials_context *context, const struct profiles *profiles,
    const struct target *target, const char *form, const char *const lines[3],
    struct credentials **ret_credentials, char **ret_error)
{
	struct http_request request = {
	    .method = "POST",
	    .url = target->url,
	    .headers = {"Content-Type: " CONTENT_TYPE, lines[0], lines[1],
		lines[2]},
	    .body = form,
	    .ca_bundle = profile_setting(
		profiles, context->ca_bundle, "AWS_CA_BUNDLE", "ca_bundle"),
	    .proxy = context->proxy,
	    .no_proxy_for = context->no_proxy,
	    .timeout_ms = TIMEOUT_MS,
	    .attempts = ATTEMPTS,
	    .cancel_fd = context->cancel_fd,
	};
	struct http_reply reply = {0};
	char *error = NULL;
	int result = http_ask(&request, &reply, &error);
	bool is_outage = http_is_outage(result, reply.status);

	if (result == 0)
		result = sts_parse(strbuf_text(&reply.body), reply.body.length,
		    ret_credentials, &error);
	/* Its own trouble is no refusal. */
	if (result < 0 && is_outage)
		result = -EAGAIN;
	if (result < 0)
		*ret_error = mem_format(
		    "Cannot assume the role at '%s': %s", target->url, error);
	free(error);
	http_reply_done(&reply);
	return result;
}

static int
ask_signed(const struct credentials_context *context,
    const struct profiles *profiles, const struct target *target,
    const char *form, const struct credentials *base,
    struct credentials **ret_credentials, char **ret_error)
{
	struct sigv4_signer *signer = sigv4_new(
	    base->access_key, base->secret, context->region, "sts");
	int64_t now_ns = clock_realtime_ns() + context->clock_offset_ns;
	const struct sigv4_header headers[] = {
	    {"content-type", CONTENT_TYPE},
	    {"host", target->host},
	    {"x-amz-date", sigv4_date(signer, now_ns)},
	    {"x-amz-security-token", base->session_token},
	};
	char hash[SIGV4_HASH_HEX];
	struct strbuf authorization = {0};
	char *lines[3] = {NULL, NULL, NULL};
	int result;

	strbuf_puts(&authorization, "Authorization: ");
	sigv4_sign(signer, now_ns, "POST", target->path, "", headers,
	    base->session_token != NULL ? 4 : 3,
	    sigv4_hash_hex(form, strlen(form), hash), &authorization);
	lines[0] = strbuf_take(&authorization);
	lines[1] = mem_format("X-Amz-Date: %s", headers[2].value);
	if (base->session_token != NULL)
		lines[2] = mem_format(
		    "X-Amz-Security-Token: %s", base->session_token);
	result = ask(context, profiles, target, form,
	    (const char *const *)lines, ret_credentials, ret_error);
	for (size_t i = 0; i < 3; i++) {
		if (lines[i] != NULL)
			mbedtls_platform_zeroize(lines[i], strlen(lines[i]));
		free(lines[i]);
	}
	sigv4_free(signer);
	return result;
}

int
sts_assume_role(const struct credentials_context *context,
    const struct profiles *profiles, const struct sts_role *role,
    const struct credentials *base, struct credentials **ret_credentials,
    char **ret_error)
{
	struct target target = {0};
	struct strbuf form = {0};
	int result = find_target(context, profiles, &target, ret_error);

	if (result == 0) {
		begin_form(&form, "AssumeRole", role);
		result = ask_signed(context, profiles, &target,
		    strbuf_text(&form), base, ret_credentials, ret_error);
	}
	wipe(&form);
	target_done(&target);
	return result;
}

/* The caller wipes it. */
static int
read_token(const char *path, struct strbuf *token, char **ret_error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *bytes = strbuf_reserve(token, TOKEN_MAX);
	ssize_t n = fd >= 0 ? fsio_pread_all(fd, bytes, TOKEN_MAX, 0) : -errno;

	if (fd >= 0)
		(void)close(fd); /* only read from */
	if (n > 0) {
		bytes[n] = '\0';
		token->length = strcspn(bytes, "\r\n");
		bytes[token->length] = '\0';
	}
	if (token->length > 0 && n < TOKEN_MAX)
		return 0;
	*ret_error = mem_format("Cannot read the web identity token '%s': %s",
	    path,
	    n < 0	     ? strerror((int)-n)
	    : n == TOKEN_MAX ? "it is larger than 32 KiB"
			     : "it is empty");
	return -EINVAL;
}

int
sts_assume_web_identity(const struct credentials_context *context,
    const struct profiles *profiles, const struct sts_role *role,
    const char *token_file, struct credentials **ret_credentials,
    char **ret_error)
{
	static const char *const no_lines[3] = {NULL, NULL, NULL};
	struct target target = {0};
	struct strbuf token = {0}, form = {0};
	int result = find_target(context, profiles, &target, ret_error);

	if (result == 0)
		result = read_token(token_file, &token, ret_error);
	if (result == 0) {
		begin_form(&form, "AssumeRoleWithWebIdentity", role);
		add_parameter(&form, "WebIdentityToken", strbuf_text(&token));
		result = ask(context, profiles, &target, strbuf_text(&form),
		    no_lines, ret_credentials, ret_error);
	}
	wipe(&token);
	wipe(&form);
	target_done(&target);
	return result;
}

int
sts_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error)
{
	const char *token_file = profile_setting(
	    NULL, NULL, "AWS_WEB_IDENTITY_TOKEN_FILE", NULL);
	const struct sts_role role = {
	    .arn = profile_setting(NULL, NULL, "AWS_ROLE_ARN", NULL),
	    .session_name = profile_setting(
		NULL, NULL, "AWS_ROLE_SESSION_NAME", NULL),
	};

	if (token_file == NULL)
		return -ENOENT;
	if (role.arn == NULL) {
		*ret_error = mem_copy("AWS_WEB_IDENTITY_TOKEN_FILE is set, but "
				      "AWS_ROLE_ARN is not; set both or "
				      "neither");
		return -EINVAL;
	}
	return sts_assume_web_identity(
	    context, NULL, &role, token_file, ret_credentials, ret_error);
}
