/* What rooms hold: any number of files, of any size and time. */
#include <check.h>
#include <stdlib.h>

#include "common/tally.h"

START_TEST(adds)
{
	struct tally tally = {0};

	tally_add(&tally, 10, 300);
	tally_add(&tally, 0, -200);
	tally_add(&tally, 5, 400);
	ck_assert_int_eq(tally.files, 3);
	ck_assert_int_eq(tally.bytes, 15);
	ck_assert_int_eq(tally.oldest_ns, -200);
	/* Sparse files, of 8 EiB each. */
	tally_add(&tally, INT64_MAX, 0);
	tally_add(&tally, INT64_MAX, 0);
	ck_assert_int_eq(tally.files, 5);
	ck_assert_int_eq(tally.bytes, INT64_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tally");
	TCase *tcase = tcase_create("tally");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, adds);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
