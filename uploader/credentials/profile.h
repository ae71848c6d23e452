/* The AWS shared files: profiles and what stands in them.
 *
 * Settings of the uploader come from the configuration file, else from the
 * environment, else from the profile in use, else from a default:
 *
 *   profiles_load(&profiles, &error);
 *   value = profile_setting(profiles, config->region, "AWS_REGION", "region");
 */
#ifndef UPLOADER_CREDENTIALS_PROFILE_H
#define UPLOADER_CREDENTIALS_PROFILE_H

#include <stdbool.h>

/* What the two files say, as they were when read. */
struct profiles;

/* Reads $AWS_CONFIG_FILE (~/.aws/config) and $AWS_SHARED_CREDENTIALS_FILE
 * (~/.aws/credentials); a file that isn't there is as an empty one, and where
 * both have a key of a profile, that of the credentials file counts. The
 * profile in use is $AWS_PROFILE, $AWS_DEFAULT_PROFILE or "default". Returns
 * 0 and *ret_profiles (the caller's), or -EINVAL and one line in *ret_error
 * (the caller's to free): a file can't be read, is malformed, or the profile
 * that the environment names is in neither. */
int profiles_load(struct profiles **ret_profiles, char **ret_error);
/* Wipes what they hold. NULL is fine. */
void profiles_free(struct profiles *profiles);

/* Where the two files are, or would be; NULL: there is no home directory. */
const char *profiles_config_file(const struct profiles *profiles);
const char *profiles_credentials_file(const struct profiles *profiles);

/* The name of the profile in use. */
const char *profile_name(const struct profiles *profiles);
/* The value of KEY (lower case) in the profile in use, never empty; NULL:
 * it isn't set, or PROFILES is NULL. */
const char *profile_get(const struct profiles *profiles, const char *key);
/* The same of KEY indented below PARENT, such as addressing_style below s3. */
const char *profile_get_nested(
    const struct profiles *profiles, const char *parent, const char *key);
/* The first that is set and not empty: CONFIGURED, the environment's
 * VARIABLE, KEY of the profile in use; else NULL. Each may be NULL. Points
 * into what it was found in. */
const char *profile_setting(const struct profiles *profiles,
    const char *configured, const char *variable, const char *key);

/* The same for a profile by its NAME. */
bool profile_exists(const struct profiles *profiles, const char *name);
const char *profile_get_of(
    const struct profiles *profiles, const char *name, const char *key);

#endif
