/* Profiles ("AWS SDKs and Tools Reference Guide", "Assume role credential
 * provider").
 *
 * A role's source_profile can name a role itself, and so on; a profile that
 * comes twice on the way would go on for ever, with one exception: a profile
 * that names itself means its own keys. */
#include "uploader/credentials/files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "uploader/credentials/container.h"
#include "uploader/credentials/env.h"
#include "uploader/credentials/imds.h"
#include "uploader/credentials/process.h"
#include "uploader/credentials/sts.h"

struct walk {
	const struct credentials_context *context;
	const struct profiles *profiles;
	const char *visited[FILES_HOPS_MAX];
	size_t hops;
};

static int visit(struct walk *walk, const char *name,
    struct credentials **ret_credentials, char **ret_error);

static int
refuse(char **ret_error, const char *name, const char *fault)
{
	*ret_error = mem_format("Profile '%s': %s", name, fault);
	return -EINVAL;
}

/* Keys, or a process: what needs no role. */
static int
load_plain(const struct walk *walk, const char *name,
    struct credentials **ret_credentials, char **ret_error)
{
	const struct profiles *profiles = walk->profiles;
	const char *id = profile_get_of(profiles, name, "aws_access_key_id");
	const char *secret = profile_get_of(
	    profiles, name, "aws_secret_access_key");
	const char *command = profile_get_of(
	    profiles, name, "credential_process");

	if (id != NULL && secret != NULL) {
		*ret_credentials = credentials_new(id, secret,
		    profile_get_of(profiles, name, "aws_session_token"),
		    INT64_MAX);
		return 0;
	}
	if (id != NULL || secret != NULL)
		return refuse(ret_error, name,
		    "aws_access_key_id and aws_secret_access_key go together, "
		    "and one is missing");
	if (command != NULL)
		return process_load(walk->context, command,
		    PROCESS_SECONDS * INT64_C(1000), ret_credentials,
		    ret_error);
	if (profile_get_of(profiles, name, "sso_start_url") != NULL ||
	    profile_get_of(profiles, name, "sso_session") != NULL)
		return refuse(ret_error, name,
		    "SSO needs a person; give credential_process = aws "
		    "configure export-credentials --profile NAME --format "
		    "process");
	return -ENOENT;
}

static int
load_named_source(const struct walk *walk, const char *name, const char *wanted,
    struct credentials **ret_credentials, char **ret_error)
{
	static const struct {
		const char *name;
		int (*load)(const struct credentials_context *context,
		    struct credentials **ret_credentials, char **ret_error);
	} sources[] = {
	    {"Environment", env_load},
	    {"Ec2InstanceMetadata", imds_load},
	    {"EcsContainer", container_load},
	};
	int result;

	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		if (strcmp(wanted, sources[i].name) != 0)
			continue;
		result = sources[i].load(
		    walk->context, ret_credentials, ret_error);
		if (result != -ENOENT)
			return result;
		free(*ret_error); /* a note why it has none */
		return refuse(ret_error, name,
		    "what credential_source names has no credentials");
	}
	return refuse(ret_error, name,
	    "credential_source must be Environment, Ec2InstanceMetadata or "
	    "EcsContainer");
}

/* The credentials with which a role is asked for. */
static int
load_base(struct walk *walk, const char *name,
    struct credentials **ret_credentials, char **ret_error)
{
	const char *source = profile_get_of(
	    walk->profiles, name, "source_profile");
	const char *wanted = profile_get_of(
	    walk->profiles, name, "credential_source");
	int result;

	if (source != NULL && wanted != NULL)
		return refuse(ret_error, name,
		    "source_profile and credential_source exclude each other");
	if (wanted != NULL)
		return load_named_source(
		    walk, name, wanted, ret_credentials, ret_error);
	if (source == NULL)
		return refuse(ret_error, name,
		    "role_arn needs web_identity_token_file, source_profile or "
		    "credential_source");
	if (!profile_exists(walk->profiles, source))
		return refuse(
		    ret_error, name, "its source_profile does not exist");
	if (strcmp(source, name) == 0)
		result = load_plain(walk, name, ret_credentials, ret_error);
	else
		result = visit(walk, source, ret_credentials, ret_error);
	return result == -ENOENT ? refuse(ret_error, source,
				       "it has no credentials, but is named "
				       "as source_profile")
				 : result;
}

static int
load_role(struct walk *walk, const char *name, const char *arn,
    struct credentials **ret_credentials, char **ret_error)
{
	const struct profiles *profiles = walk->profiles;
	const struct sts_role role = {
	    .arn = arn,
	    .session_name = profile_get_of(profiles, name, "role_session_name"),
	    .external_id = profile_get_of(profiles, name, "external_id"),
	    .duration_seconds = profile_get_of(
		profiles, name, "duration_seconds"),
	};
	const char *token_file = profile_get_of(
	    profiles, name, "web_identity_token_file");
	struct credentials *base = NULL;
	int result;

	if (profile_get_of(profiles, name, "mfa_serial") != NULL)
		return refuse(ret_error, name,
		    "mfa_serial needs a person; use credential_process");
	if (token_file != NULL)
		return sts_assume_web_identity(walk->context, profiles, &role,
		    token_file, ret_credentials, ret_error);
	result = load_base(walk, name, &base, ret_error);
	if (result == 0)
		result = sts_assume_role(walk->context, profiles, &role, base,
		    ret_credentials, ret_error);
	credentials_free(base);
	return result;
}

static int
visit(struct walk *walk, const char *name, struct credentials **ret_credentials,
    char **ret_error)
{
	const char *arn = profile_get_of(walk->profiles, name, "role_arn");

	for (size_t i = 0; i < walk->hops; i++)
		if (strcmp(walk->visited[i], name) == 0)
			return refuse(ret_error, name,
			    "its source_profile leads back to itself");
	if (walk->hops == FILES_HOPS_MAX)
		return refuse(ret_error, name,
		    "it is the end of too long a chain of source_profile");
	walk->visited[walk->hops++] = name;
	return arn != NULL
		   ? load_role(walk, name, arn, ret_credentials, ret_error)
		   : load_plain(walk, name, ret_credentials, ret_error);
}

int
files_load(const struct credentials_context *context,
    struct credentials **ret_credentials, char **ret_error)
{
	struct profiles *profiles = NULL;
	struct walk walk = {.context = context};
	int result = profiles_load(&profiles, ret_error);

	if (result < 0)
		return result;
	walk.profiles = profiles;
	result = visit(
	    &walk, profile_name(profiles), ret_credentials, ret_error);
	profiles_free(profiles);
	return result;
}

size_t
files_settings(const struct profiles *profiles, const char *key,
    const char *ret_values[FILES_HOPS_MAX])
{
	const char *name = profile_name(profiles);
	size_t count = 0;

	/* As visit goes, but where that ends for a fault, there is none. */
	for (int hops = 0; hops < FILES_HOPS_MAX && name != NULL; hops++) {
		const char *value = profile_get_of(profiles, name, key);

		if (value != NULL)
			ret_values[count++] = value;
		name = profile_get_of(profiles, name, "source_profile");
	}
	return count;
}
