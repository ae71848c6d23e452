/* Files are named here where they are read: by the settings, the sources of
 * credentials, and the libraries beneath libcurl. Most are read again in the
 * course of a run, and are replaced meanwhile by renaming: certificates, the
 * shared files, resolv.conf, the tokens of Kubernetes
 * (token -> ..data/token -> ..2024_05_01/token). So it is their directories
 * that stay readable: the one that is named, and the one of the file that it
 * leads to. */
#include "uploader/confine.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/sandbox.h"
#include "uploader/credentials/files.h"

struct paths {
	char **items;
	size_t count;
};

static void
add(struct paths *paths, const char *path)
{
	if (path == NULL || *path == '\0')
		return;
	paths->items = mem_grow(
	    paths->items, paths->count + 1, sizeof *paths->items);
	paths->items[paths->count++] = mem_copy(path);
}

/* Adds the directory that FILE is in; FILE alone where that is the root. */
static void
add_directory(struct paths *paths, const char *file)
{
	const char *slash = strrchr(file, '/');
	char *directory = slash != NULL
			      ? mem_copy_n(file, (size_t)(slash - file) + 1)
			      : mem_copy(".");
	char *real = realpath(directory, NULL);

	/* NULL: it isn't there. */
	if (real != NULL)
		add(paths, strcmp(real, "/") == 0 ? file : real);
	free(real);
	free(directory);
}

static void
add_file(struct paths *paths, const char *file)
{
	char *real;

	if (file == NULL || *file == '\0')
		return;
	add_directory(paths, file);
	real = realpath(file, NULL);
	if (real != NULL)
		add_directory(paths, real);
	free(real);
}

/* What names and TLS need: resolv.conf, nsswitch.conf and their like, the
 * modules that those name, certificates, OpenSSL's configuration. */
static void
add_system(struct paths *paths)
{
	static const char *const places[] = {"/etc", "/lib", "/lib64",
	    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share",
	    "/usr/local/share", "/var/lib/ca-certificates", "/run/nscd",
	    "/run/systemd/resolve", "/dev/null", "/dev/random", "/dev/urandom"};
	static const char *const variables[] = {
	    "OPENSSL_CONF", "OPENSSL_MODULES", "SSL_CERT_DIR"};
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		add(paths, places[i]);
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		add(paths, getenv(variables[i]));
	add_file(paths, getenv("SSL_CERT_FILE"));
	add_file(paths, "/etc/resolv.conf"); /* may lead anywhere below /run */
	if (curl->age >= CURLVERSION_SEVENTH) {
		add_file(paths, curl->cainfo);
		add(paths, curl->capath);
	}
}

/* What configuration and profile name. */
static void
add_settings(struct paths *paths, const struct uploader *up)
{
	const struct config *config = up->config;

	add_file(paths, config->ca_bundle);
	add_file(paths, config->client_cert);
	add_file(paths, config->client_key);
	add_file(paths, config->sse_customer_key_file);
	add_file(paths, getenv("AWS_CA_BUNDLE"));
	add_file(paths, profile_get(up->profiles, "ca_bundle"));
}

static void
add_credentials(struct paths *paths, const struct profiles *profiles)
{
	const char *tokens[FILES_HOPS_MAX];
	size_t count = files_settings(
	    profiles, "web_identity_token_file", tokens);

	add_file(paths, profiles_config_file(profiles));
	add_file(paths, profiles_credentials_file(profiles));
	add_file(paths, getenv("AWS_WEB_IDENTITY_TOKEN_FILE"));
	add_file(paths, getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
	for (size_t i = 0; i < count; i++)
		add_file(paths, tokens[i]);
}

/* Whether the credentials may come from a program: those of the environment
 * would come first. */
static bool
runs_programs(const struct profiles *profiles)
{
	const char *key = getenv("AWS_ACCESS_KEY_ID");
	const char *commands[FILES_HOPS_MAX];

	return (key == NULL || *key == '\0') &&
	       files_settings(profiles, "credential_process", commands) > 0;
}

void
confine(const struct uploader *up)
{
	struct paths paths = {NULL, 0};
	struct sandbox sandbox = {
	    .spool = up->stage->spool,
	    .metrics_dir = up->config->metrics_dir,
	    .connects = true,
	    .runs_programs = runs_programs(up->profiles),
	};

	add_system(&paths);
	add_settings(&paths, up);
	add_credentials(&paths, up->profiles);
	sandbox.readable = paths.items;
	sandbox.readable_count = paths.count;
	sandbox_enter(&sandbox);
	for (size_t i = 0; i < paths.count; i++)
		free(paths.items[i]);
	free(paths.items);
}
