/* The AWS shared files: the bytes up to the first zero are the config file,
 * the others the credentials file. Nothing is done with what they say, as that
 * would run commands. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "uploader/credentials/profile.h"

static void
look(const struct profiles *profiles)
{
	static const char *const keys[] = {"aws_access_key_id",
	    "aws_secret_access_key", "region", "role_arn", "s3"};
	const char *value;

	FUZZ_CHECK(strcmp(profile_name(profiles), "default") == 0);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		value = profile_get(profiles, keys[i]);
		FUZZ_CHECK(value == NULL || *value != '\0');
		value = profile_get_of(profiles, "a", keys[i]);
		FUZZ_CHECK(value == NULL || profile_exists(profiles, "a"));
	}
	value = profile_get_nested(profiles, "s3", "addressing_style");
	FUZZ_CHECK(value == NULL || profile_exists(profiles, "default"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int config_fd = -1, credentials_fd = -1;
	const uint8_t *zero = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t length = zero != NULL ? (size_t)(zero - data) : size;
	struct profiles *profiles = NULL;
	char *error = NULL;
	int result;

	(void)unsetenv("AWS_PROFILE");
	(void)unsetenv("AWS_DEFAULT_PROFILE");
	fuzz_file(&config_fd, "AWS_CONFIG_FILE", data, length);
	fuzz_file(&credentials_fd, "AWS_SHARED_CREDENTIALS_FILE", data + length,
	    size - length);
	/* Without its zero; the file then is as if it had a blank first line,
	 * which changes nothing. */
	if (zero != NULL)
		FUZZ_CHECK(pwrite(credentials_fd, "\n", 1, 0) == 1);
	result = profiles_load(&profiles, &error);
	if (result == 0) {
		FUZZ_CHECK(error == NULL);
		look(profiles);
		profiles_free(profiles);
	} else {
		FUZZ_CHECK(result == -EINVAL && profiles == NULL);
		fuzz_check_message(error);
	}
	return 0;
}
