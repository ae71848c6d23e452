/* The configuration file, and an override of the command line: the bytes after
 * the first zero. */
#include "tests/fuzz/fuzz.h"

#include "common/config.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t length = zero != NULL ? (size_t)(zero - data) : size;
	char *text = fuzz_text(data, length);
	char *override = zero != NULL ? fuzz_text(zero + 1, size - length - 1)
				      : NULL;
	struct config *config = NULL;
	char *error = NULL;
	int result = config_parse("/tmp/s3spool.yaml", text, length, &override,
	    override != NULL, &config, &error);

	if (result == 0) {
		FUZZ_CHECK(error == NULL);
		FUZZ_CHECK(*config->base_dir == '/');
		FUZZ_CHECK(*config->bucket != '\0');
		FUZZ_CHECK(config->spool_dir != NULL);
		FUZZ_CHECK(config->patterns.count > 0);
		FUZZ_CHECK(config->connections >= 0);
		FUZZ_CHECK(config->part_size_bytes > 0);
		config_free(config);
	} else {
		FUZZ_CHECK(result < 0 && config == NULL);
		fuzz_check_message(error);
	}
	free(override);
	free(text);
	return 0;
}
