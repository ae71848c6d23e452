/* Settings that are looked for in several places: the configuration, then the
 * environment, then the profile in use of the AWS shared files. One function
 * each, so that the order is decided in one place. Empty counts as unset.
 * PROFILES may be NULL: there are none. */
#ifndef UPLOADER_SETTINGS_H
#define UPLOADER_SETTINGS_H

#include <stdbool.h>

#include "common/config.h"
#include "uploader/credentials/profile.h"

/* A setting, and the name under which the user knows it. Both point into what
 * they were found in. */
struct setting {
	const char *name, *value; /* value NULL: not set */
};

/* region; AWS_REGION, AWS_DEFAULT_REGION; region. */
struct setting settings_region(
    const struct config *config, const struct profiles *profiles);
/* endpoint_url; AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL; endpoint_url. The last
 * three are passed over where AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or the
 * profile's ignore_configured_endpoint_urls is true. */
struct setting settings_endpoint_url(
    const struct config *config, const struct profiles *profiles);
/* ca_bundle; AWS_CA_BUNDLE; ca_bundle. */
struct setting settings_ca_bundle(
    const struct config *config, const struct profiles *profiles);
/* Whether the PEM files of ca_bundle, client_cert and client_key can be read,
 * and a client_key has its client_cert: libcurl reads them for each connection,
 * and what it says then looks like a store in trouble. Returns 0, or a negative
 * errno and one line in *ret_error (the caller's to free). */
int settings_check_files(const struct config *config,
    const struct profiles *profiles, char **ret_error);

/* use_fips_endpoint; AWS_USE_FIPS_ENDPOINT; use_fips_endpoint. Here and below:
 * returns 0, or -EINVAL and one line in *ret_error (the caller's to free) for
 * what is neither true nor false: asked for FIPS in a way we don't understand,
 * we must not go elsewhere. Not set: false. */
int settings_use_fips(const struct config *config,
    const struct profiles *profiles, bool *ret_value, char **ret_error);
/* use_dualstack_endpoint; AWS_USE_DUALSTACK_ENDPOINT; use_dualstack_endpoint,
 * also below s3. */
int settings_use_dualstack(const struct config *config,
    const struct profiles *profiles, bool *ret_value, char **ret_error);
/* use_accelerate_endpoint; no variable; use_accelerate_endpoint below s3. */
int settings_use_accelerate(const struct config *config,
    const struct profiles *profiles, bool *ret_value, char **ret_error);
/* max_attempts; AWS_MAX_ATTEMPTS; max_attempts; 5. -EINVAL: no number from 1
 * to 100. */
int settings_max_attempts(const struct config *config,
    const struct profiles *profiles, int *ret_value, char **ret_error);
/* connections: the most transfers at once. auto: 256, or as many as open files
 * allow. */
int settings_connections(const struct config *config);
/* addressing_style, unless it is auto; no variable; addressing_style below
 * s3. */
int settings_addressing_style(const struct config *config,
    const struct profiles *profiles, enum addressing_style *ret_value,
    char **ret_error);

#endif
