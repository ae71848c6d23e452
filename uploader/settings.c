/* Where settings come from (AWS SDKs and Tools Reference Guide, "Settings
 * reference"). See settings.h. */
#include "uploader/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

/* The user, who gets to see a setting's name, must know whether to look for it
 * in the configuration or in the profile. */
#define OF_PROFILE(key) "the profile's " key

static bool
is_set(const char *value)
{
	return value != NULL && *value != '\0';
}

static struct setting
first_set(const struct setting *settings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_set(settings[i].value))
			return settings[i];
	return (struct setting){settings[0].name, NULL};
}

enum {
	DEFAULT_ATTEMPTS = 5,
	ATTEMPTS_MAX = 100,
	/* 10,000 small files a second over 25 ms; what one thread sends. */
	CONNECTIONS_MAX = 256,
	/* The spool's, the log's, the libraries', and those to be closed. */
	OTHER_FILES = 104
};

#define FIRST_SET(array) first_set(array, sizeof(array) / sizeof *(array))

struct setting
settings_region(const struct config *config, const struct profiles *profiles)
{
	const struct setting places[] = {
	    {"region", config->region},
	    {"AWS_REGION", getenv("AWS_REGION")},
	    {"AWS_DEFAULT_REGION", getenv("AWS_DEFAULT_REGION")},
	    {OF_PROFILE("region"), profile_get(profiles, "region")},
	};

	return FIRST_SET(places);
}

struct setting
settings_endpoint_url(
    const struct config *config, const struct profiles *profiles)
{
	const char *ignore = profile_setting(profiles, NULL,
	    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	    "ignore_configured_endpoint_urls");
	const struct setting places[] = {
	    {"endpoint_url", config->endpoint_url},
	    {"AWS_ENDPOINT_URL_S3", getenv("AWS_ENDPOINT_URL_S3")},
	    {"AWS_ENDPOINT_URL", getenv("AWS_ENDPOINT_URL")},
	    {OF_PROFILE("endpoint_url"), profile_get(profiles, "endpoint_url")},
	};

	if (ignore != NULL && strcasecmp(ignore, "true") == 0)
		return first_set(places, 1);
	return FIRST_SET(places);
}

struct setting
settings_ca_bundle(const struct config *config, const struct profiles *profiles)
{
	const struct setting places[] = {
	    {"ca_bundle", config->ca_bundle},
	    {"AWS_CA_BUNDLE", getenv("AWS_CA_BUNDLE")},
	    {OF_PROFILE("ca_bundle"), profile_get(profiles, "ca_bundle")},
	};

	return FIRST_SET(places);
}

/* Only opened: what reads from a pipe would take it from libcurl. */
static int
check_file(const struct setting *setting, char **ret_error)
{
	struct stat st;
	int result = 0;
	int fd;

	if (setting->value == NULL)
		return 0;
	fd = open(setting->value, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		result = -errno;
	else if (S_ISDIR(st.st_mode))
		result = -EISDIR;
	if (fd >= 0)
		(void)close(fd); /* not even read from */
	if (result < 0)
		*ret_error = mem_format("%s \"%s\" can't be read: %s",
		    setting->name, setting->value, strerror(-result));
	return result;
}

int
settings_check_files(const struct config *config,
    const struct profiles *profiles, char **ret_error)
{
	const struct setting files[] = {
	    settings_ca_bundle(config, profiles),
	    {"client_cert", config->client_cert},
	    {"client_key", config->client_key},
	};
	int result = 0;

	if (config->client_key != NULL && config->client_cert == NULL) {
		*ret_error = mem_copy("client_key needs client_cert, the "
				      "certificate that it is the key of");
		return -EINVAL;
	}
	for (size_t i = 0; result == 0 && i < sizeof files / sizeof *files; i++)
		result = check_file(&files[i], ret_error);
	return result;
}

static int
read_flag(enum config_flag configured, const struct setting *setting,
    bool *ret_value, char **ret_error)
{
	const char *value = setting->value;

	if (configured != FLAG_UNSET) {
		*ret_value = configured == FLAG_TRUE;
		return 0;
	}
	if (value != NULL && strcasecmp(value, "true") != 0 &&
	    strcasecmp(value, "false") != 0) {
		*ret_error = mem_format("%s \"%s\": it must be true or false",
		    setting->name, value);
		return -EINVAL;
	}
	*ret_value = value != NULL && strcasecmp(value, "true") == 0;
	return 0;
}

int
settings_use_fips(const struct config *config, const struct profiles *profiles,
    bool *ret_value, char **ret_error)
{
	const struct setting places[] = {
	    {"AWS_USE_FIPS_ENDPOINT", getenv("AWS_USE_FIPS_ENDPOINT")},
	    {OF_PROFILE("use_fips_endpoint"),
		profile_get(profiles, "use_fips_endpoint")},
	};
	const struct setting setting = FIRST_SET(places);

	return read_flag(
	    config->use_fips_endpoint, &setting, ret_value, ret_error);
}

int
settings_use_dualstack(const struct config *config,
    const struct profiles *profiles, bool *ret_value, char **ret_error)
{
	static const char key[] = "use_dualstack_endpoint";
	const struct setting places[] = {
	    {"AWS_USE_DUALSTACK_ENDPOINT",
		getenv("AWS_USE_DUALSTACK_ENDPOINT")},
	    {OF_PROFILE("s3 use_dualstack_endpoint"),
		profile_get_nested(profiles, "s3", key)},
	    {OF_PROFILE("use_dualstack_endpoint"), profile_get(profiles, key)},
	};
	const struct setting setting = FIRST_SET(places);

	return read_flag(
	    config->use_dualstack_endpoint, &setting, ret_value, ret_error);
}

int
settings_use_accelerate(const struct config *config,
    const struct profiles *profiles, bool *ret_value, char **ret_error)
{
	const struct setting places[] = {
	    {OF_PROFILE("s3 use_accelerate_endpoint"),
		profile_get_nested(profiles, "s3", "use_accelerate_endpoint")},
	};
	const struct setting setting = FIRST_SET(places);

	return read_flag(
	    config->use_accelerate_endpoint, &setting, ret_value, ret_error);
}

int
settings_max_attempts(const struct config *config,
    const struct profiles *profiles, int *ret_value, char **ret_error)
{
	const struct setting places[] = {
	    {"AWS_MAX_ATTEMPTS", getenv("AWS_MAX_ATTEMPTS")},
	    {OF_PROFILE("max_attempts"), profile_get(profiles, "max_attempts")},
	};
	const struct setting setting = FIRST_SET(places);
	long value = DEFAULT_ATTEMPTS;
	char *end = NULL;

	if (config->max_attempts > 0) {
		value = config->max_attempts;
	} else if (setting.value != NULL) {
		value = strtol(setting.value, &end, 10);
		if (*end != '\0' || value < 1 || value > ATTEMPTS_MAX) {
			*ret_error = mem_format("%s \"%s\": it must be a "
						"whole number from 1 to 100",
			    setting.name, setting.value);
			return -EINVAL;
		}
	}
	*ret_value = (int)value;
	return 0;
}

int
settings_connections(const struct config *config)
{
	struct rlimit files;
	rlim_t most = CONNECTIONS_MAX;

	if (config->connections > 0)
		return config->connections;
	/* Each has a connection, and may have a file open. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	    files.rlim_cur < 2 * most + OTHER_FILES)
		most = files.rlim_cur > OTHER_FILES + 2
			   ? (files.rlim_cur - OTHER_FILES) / 2
			   : 1;
	return (int)most;
}

int
settings_addressing_style(const struct config *config,
    const struct profiles *profiles, enum addressing_style *ret_value,
    char **ret_error)
{
	const char *value = profile_get_nested(
	    profiles, "s3", "addressing_style");

	*ret_value = config->addressing_style;
	if (config->addressing_style != ADDRESSING_AUTO || value == NULL)
		return 0;
	if (strcmp(value, "path") == 0)
		*ret_value = ADDRESSING_PATH;
	else if (strcmp(value, "virtual") == 0)
		*ret_value = ADDRESSING_VIRTUAL;
	else if (strcmp(value, "auto") != 0) {
		*ret_error = mem_format(
		    OF_PROFILE("s3 addressing_style") " \"%s\": it must be "
						      "auto, path or virtual",
		    value);
		return -EINVAL;
	}
	return 0;
}
