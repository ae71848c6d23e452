/* Credentials as JSON, in both of their forms: of credential_process, of
 * containers, of instances. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "uploader/credentials/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum json_form forms[] = {JSON_PROCESS, JSON_SERVICE};
	char *text = malloc(size); /* not ended by a zero */

	FUZZ_CHECK(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct credentials *credentials = NULL;
		char *error = NULL;
		int result = json_credentials(
		    text, size, forms[i], &credentials, &error);

		if (result == 0) {
			FUZZ_CHECK(error == NULL);
			FUZZ_CHECK(*credentials->access_key != '\0');
			FUZZ_CHECK(*credentials->secret != '\0');
			credentials_free(credentials);
		} else {
			FUZZ_CHECK(result == -EINVAL && credentials == NULL);
			fuzz_check_message(error);
		}
	}
	free(text);
	return 0;
}
