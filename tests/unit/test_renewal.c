/* When credentials are renewed, and when no more. */
#include "uploader/renewal.h"

#include <check.h>
#include <stdlib.h>

#include "common/clock.h"
#include "uploader/credentials/refresh.h"
#include "uploader/uploader.h"

static struct credentials_refresh *
new_refresh(void)
{
	const struct credentials_context context = {
	    .region = "us-east-1", .cancel_fd = -1};

	return credentials_refresh_new(&context);
}

/* Or the loop wouldn't wait for what is in flight, but spin. */
START_TEST(a_run_that_ends_is_not_woken)
{
	struct uploader up = {
	    .renewal = {.refresh = new_refresh(), .due_ns = 1},
	};

	ck_assert_ptr_nonnull(up.renewal.refresh);
	up.stopping = true;
	ck_assert(renewal_work(&up) == INT64_MAX);
	ck_assert(!credentials_refresh_is_running(up.renewal.refresh));
	up.stopping = false;
	up.renewal.due_ns = INT64_MAX - 1;
	ck_assert(renewal_work(&up) == INT64_MAX - 1);
	renewal_end(&up);
}
END_TEST

START_TEST(how_long_they_are_valid)
{
	struct credentials credentials = {.expires_ns = INT64_MAX};
	struct uploader up = {.credentials = &credentials};
	const int64_t hour_ns = 3600 * CLOCK_NS_PER_S;

	ck_assert(renewal_left_ns(&up) == INT64_MAX);
	credentials.expires_ns = clock_realtime_ns() + hour_ns;
	ck_assert(renewal_left_ns(&up) > hour_ns / 2);
	ck_assert(renewal_left_ns(&up) <= hour_ns);
	up.clock_offset_ns = 2 * hour_ns;
	ck_assert(renewal_left_ns(&up) < 0);
	/* What timefmt makes of 0001-01-01T00:00:00Z: they have expired, as for
	 * other programs, and are not valid for ever. */
	credentials.expires_ns = INT64_MIN;
	ck_assert(renewal_left_ns(&up) < 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("renewal");
	TCase *tests = tcase_create("renewal");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_run_that_ends_is_not_woken);
	tcase_add_test(tests, how_long_they_are_valid);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
