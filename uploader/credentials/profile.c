/* The AWS shared files ("AWS SDKs and Tools Reference Guide", "Shared config
 * and credentials files").
 *
 * In the config file a profile's section is [profile NAME], where NAME may be
 * quoted, or [default]; in the credentials file it is [NAME]. Other sections
 * of the config file ([sso-session x], [services x]) are not ours.
 *
 * The files are small, so all settings of all profiles stand in one list and
 * are looked for from its end: what was read last counts. */
#include "uploader/credentials/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "uploader/credentials/ini.h"
#include "uploader/mbedtls_compat.h"

enum { FILE_MAX = 1024 * 1024, PASSWD_MAX = 4096 };

struct setting {
	char *profile, *key, *value;
	char *parent; /* or NULL */
};

struct profiles {
	char *name; /* in use */
	char *config_file, *credentials_file;
	struct setting *settings;
	size_t count;
	char **names; /* of all profiles, empty ones included */
	size_t name_count;
};

/* Where the file being read puts its settings. */
struct loading {
	struct profiles *profiles;
	bool is_config;
};

static const char *
variable(const char *name)
{
	const char *value = name != NULL ? getenv(name) : NULL;

	return value != NULL && *value != '\0' ? value : NULL;
}

/* --- reading -------------------------------------------------------------- */

/* The profile's name in a section's, cut out of COPY; NULL: it is none. */
static char *
name_in_section(char *copy, bool is_config)
{
	static const char word[] = "profile";
	char *name = copy + strlen(word);
	size_t length;

	if (!is_config || strcmp(copy, "default") == 0)
		return copy;
	if (strncmp(copy, word, strlen(word)) != 0 ||
	    (*name != ' ' && *name != '\t'))
		return NULL;
	name += strspn(name, " \t");
	length = strlen(name);
	if (length >= 2 && (*name == '"' || *name == '\'') &&
	    name[length - 1] == *name) {
		name[length - 1] = '\0';
		name++;
	}
	return name;
}

static void
add_name(struct profiles *profiles, const char *name)
{
	if (profile_exists(profiles, name))
		return;
	profiles->names = mem_grow(
	    profiles->names, profiles->name_count + 1, sizeof *profiles->names);
	profiles->names[profiles->name_count++] = mem_copy(name);
}

static void
visit(void *context, const char *section, const char *parent, const char *key,
    const char *value)
{
	struct loading *loading = context;
	struct profiles *profiles = loading->profiles;
	char *copy = mem_copy(section);
	char *name = name_in_section(copy, loading->is_config);

	if (name != NULL && key == NULL) {
		add_name(profiles, name);
	} else if (name != NULL) {
		profiles->settings = mem_grow(profiles->settings,
		    profiles->count + 1, sizeof *profiles->settings);
		profiles->settings[profiles->count++] = (struct setting){
		    .profile = mem_copy(name),
		    .key = mem_copy(key),
		    .value = mem_copy(value),
		    .parent = parent != NULL ? mem_copy(parent) : NULL,
		};
	}
	free(copy);
}

/* $VARIABLE, else PATH below the home directory; NULL: there is none. The
 * caller frees it. */
static char *
file_path(const char *variable_name, const char *path)
{
	const char *chosen = variable(variable_name);
	const char *home = variable("HOME");
	char buffer[PASSWD_MAX];
	struct passwd entry, *found = NULL;

	if (chosen != NULL && strncmp(chosen, "~/", 2) != 0)
		return mem_copy(chosen);
	if (home == NULL &&
	    getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 &&
	    found != NULL)
		home = found->pw_dir;
	if (home == NULL)
		return NULL;
	return mem_format("%s/%s", home, chosen != NULL ? chosen + 2 : path);
}

/* Reads the open file and parses it. Returns what is wrong (the caller frees
 * it), or NULL. */
static char *
parse_file(int fd, size_t size, struct loading *loading)
{
	char *text = mem_alloc(size);
	ssize_t length = fsio_pread_all(fd, text, size, 0);
	char *error = NULL;

	if (length < 0)
		error = mem_copy(strerror((int)-length));
	else
		(void)ini_parse(/* it fails with an error set */
		    text, (size_t)length, visit, loading, &error);
	mbedtls_platform_zeroize(text, size);
	free(text);
	return error;
}

/* As the AWS CLI does: what can't be seen or is no file isn't there. */
static int
load_file(struct loading *loading, const char *path, char **ret_error)
{
	struct stat st;
	char *error;
	int fd;

	if (path == NULL || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		error = mem_copy(strerror(errno));
	else if (st.st_size > FILE_MAX)
		error = mem_copy("it is larger than 1 MiB");
	else
		error = parse_file(fd, (size_t)st.st_size, loading);
	if (fd >= 0)
		(void)close(fd); /* only read from */
	if (error == NULL)
		return 0;
	*ret_error = mem_format(
	    "Cannot read the AWS shared file '%s': %s", path, error);
	free(error);
	return -EINVAL;
}

int
profiles_load(struct profiles **ret_profiles, char **ret_error)
{
	struct profiles *profiles = mem_zero(1, sizeof *profiles);
	const char *config, *shared;
	const char *chosen = variable("AWS_PROFILE");
	int result;

	if (chosen == NULL)
		chosen = variable("AWS_DEFAULT_PROFILE");
	config = profiles->config_file = file_path(
	    "AWS_CONFIG_FILE", ".aws/config");
	shared = profiles->credentials_file = file_path(
	    "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
	profiles->name = mem_copy(chosen != NULL ? chosen : "default");
	result = load_file(
	    &(struct loading){profiles, true}, config, ret_error);
	if (result == 0)
		result = load_file(
		    &(struct loading){profiles, false}, shared, ret_error);
	if (result == 0 && chosen != NULL &&
	    !profile_exists(profiles, chosen)) {
		*ret_error = mem_format(
		    "AWS_PROFILE names the profile '%s', which is neither in "
		    "'%s' nor in '%s'",
		    chosen, config != NULL ? config : "~/.aws/config",
		    shared != NULL ? shared : "~/.aws/credentials");
		result = -EINVAL;
	}
	if (result == 0)
		*ret_profiles = profiles;
	else
		profiles_free(profiles);
	return result;
}

void
profiles_free(struct profiles *profiles)
{
	if (profiles == NULL)
		return;
	for (size_t i = 0; i < profiles->count; i++) {
		struct setting *setting = &profiles->settings[i];

		mbedtls_platform_zeroize(
		    setting->value, strlen(setting->value));
		free(setting->profile);
		free(setting->parent);
		free(setting->key);
		free(setting->value);
	}
	for (size_t i = 0; i < profiles->name_count; i++)
		free(profiles->names[i]);
	free(profiles->names);
	free(profiles->settings);
	free(profiles->config_file);
	free(profiles->credentials_file);
	free(profiles->name);
	free(profiles);
}

/* --- looking up ----------------------------------------------------------- */

static const char *
look_up(const struct profiles *profiles, const char *name, const char *parent,
    const char *key)
{
	if (profiles == NULL)
		return NULL;
	for (size_t i = profiles->count; i-- > 0;) {
		const struct setting *setting = &profiles->settings[i];

		if (strcmp(setting->key, key) != 0 ||
		    strcmp(setting->profile, name) != 0 ||
		    (setting->parent == NULL) != (parent == NULL) ||
		    (parent != NULL && strcmp(setting->parent, parent) != 0))
			continue;
		return *setting->value != '\0' ? setting->value : NULL;
	}
	return NULL;
}

const char *
profiles_config_file(const struct profiles *profiles)
{
	return profiles->config_file;
}

const char *
profiles_credentials_file(const struct profiles *profiles)
{
	return profiles->credentials_file;
}

const char *
profile_name(const struct profiles *profiles)
{
	return profiles->name;
}

const char *
profile_get(const struct profiles *profiles, const char *key)
{
	return profiles == NULL ? NULL
				: look_up(profiles, profiles->name, NULL, key);
}

const char *
profile_get_nested(
    const struct profiles *profiles, const char *parent, const char *key)
{
	return profiles == NULL
		   ? NULL
		   : look_up(profiles, profiles->name, parent, key);
}

const char *
profile_setting(const struct profiles *profiles, const char *configured,
    const char *variable_name, const char *key)
{
	const char *value = configured;

	if (value == NULL || *value == '\0')
		value = variable(variable_name);
	if (value == NULL && key != NULL)
		value = profile_get(profiles, key);
	return value;
}

bool
profile_exists(const struct profiles *profiles, const char *name)
{
	for (size_t i = 0; i < profiles->name_count; i++)
		if (strcmp(profiles->names[i], name) == 0)
			return true;
	return false;
}

const char *
profile_get_of(
    const struct profiles *profiles, const char *name, const char *key)
{
	return look_up(profiles, name, NULL, key);
}
