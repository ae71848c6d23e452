/* The space that is kept for a full disk, and given up once. */
#include "common/reserve.h"

#include <unistd.h>

#include "tests/unit/scratch.h"

static off_t
kept(void)
{
	struct stat st;

	return stat(SPOOL "locks/reserve", &st) == 0 ? st.st_size : -1;
}

START_TEST(gives_up_once)
{
	struct spool *spool = scratch_spool();

	ck_assert(!reserve_give_up(spool, -ENOSPC)); /* there is none yet */
	reserve_keep(spool);
	ck_assert_int_eq(kept(), RESERVE_BYTES);
	ck_assert(!reserve_give_up(spool, -EIO));
	ck_assert(!reserve_give_up(spool, 0));
	ck_assert_int_eq(kept(), RESERVE_BYTES);
	spool->reserve_left = RESERVE_BYTES_UPLOADER;
	ck_assert(reserve_give_up(spool, -ENOSPC));
	ck_assert_int_eq(kept(), RESERVE_BYTES_UPLOADER);
	/* Another thread may have met the full disk before that ... */
	ck_assert(reserve_give_up(spool, -ENOSPC));
	ck_assert(spool->gave_up_reserve);
	/* ... but not for long. */
	while (reserve_give_up(spool, -EDQUOT))
		(void)usleep(10000);
	ck_assert_int_eq(kept(), RESERVE_BYTES_UPLOADER);
	spool->reserve_left = 0;
	ck_assert(reserve_give_up(spool, -EDQUOT));
	ck_assert_int_eq(kept(), 0);
	reserve_keep(spool);
	ck_assert_int_eq(kept(), RESERVE_BYTES);
	spool_close(spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reserve");
	TCase *tcase = tcase_create("reserve");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, gives_up_once);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
