/* The transfer loop where it can't be had. */
#include "uploader/transfer.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "uploader/libraries.h"

static void
on_done(void *context, size_t slot, const struct transfer_result *result)
{
	(void)context;
	(void)slot;
	(void)result;
	ck_abort_msg("nothing was sent");
}

START_TEST(no_descriptor_is_left)
{
	const struct config config = {.connect_timeout_seconds = 10};
	struct transfer *transfer;
	struct rlimit files;
	char *error;

	ck_assert_int_eq(libraries_load(&error), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = (rlim_t)dup(0);
	ck_assert_int_eq(close((int)files.rlim_cur), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	ck_assert_ptr_null(transfer_new(&config, 40, NULL, on_done, NULL));
	files.rlim_cur += 8;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	transfer = transfer_new(&config, 40, NULL, on_done, NULL);
	ck_assert_ptr_nonnull(transfer);
	ck_assert_int_eq(transfer_poll(transfer, 0, -1), 0);
	transfer_free(transfer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("transfer");
	TCase *tcase = tcase_create("transfer");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, no_descriptor_is_left);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
