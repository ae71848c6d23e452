/* FNV-1a, by its authors' test vectors. */
#include "common/hash.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct vector {
	const char *text;
	uint64_t hash;
} vectors[] = {
    {"", UINT64_C(0xcbf29ce484222325)},
    {"a", UINT64_C(0xaf63dc4c8601ec8c)},
    {"foobar", UINT64_C(0x85944171f73967e8)},
};

START_TEST(hashes)
{
	const struct vector *vector = &vectors[_i];

	ck_assert_uint_eq(
	    hash_bytes(vector->text, strlen(vector->text)), vector->hash);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hash");
	TCase *tcase = tcase_create("hash");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(
	    tcase, hashes, 0, (int)(sizeof vectors / sizeof *vectors));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
