/* What a person does to the queue, with RENAME_NOREPLACE and without, where
 * files go through a run's room; and what failed/ says of its files. */
#include "uploader/operate.h"

#include "common/failed.h"
#include "tests/unit/scratch.h"

#define FILE_A "b/2020/11/15/20/46-a.dat"
#define FILE_B "b/2020/11/15/20/47-b.dat"

static char base[] = "base", dir[] = "base/.spool", prefix[] = "in/";
static struct config config = {
    .base_dir = base, .spool_dir = dir, .key_prefix = prefix};

/* What can't be moved is no run's of ours when it is over. */
static void
check_no_run(struct stage *stage)
{
	ck_assert_int_eq(fsio_remove_empty(stage->spool->root_fd, "runs"), 0);
	spool_close(stage->spool);
}

static struct stage
begin(bool lacks_noreplace, char **arguments, size_t count)
{
	struct stage stage = {
	    .config = &config,
	    .options = {.arguments = arguments, .argument_count = count},
	    .spool = scratch_spool(),
	};

	stage.spool->lacks_noreplace = lacks_noreplace;
	return stage;
}

static void
fail_two(void)
{
	scratch_write(SPOOL "failed/h.1.x/" FILE_A, "a");
	scratch_write(SPOOL "failed/h.1.x/" FILE_B, "b");
	scratch_write(SPOOL "failed/h.1.x.tsv",
	    "2020-01-01T00:00:00.000Z\t" FILE_A "\tOld\tbefore\n"
	    "2020-01-02T00:00:00.000Z\t" FILE_A "\tNew\tafter\n"
	    "2020-01-01T00:00:00.000Z\t" FILE_B "\tOther\tthat\n"
	    "2020-01-03T00:00:00.000Z\t" FILE_A "\tTorn\tline");
}

static int
note(void *context, const struct failed_file *file)
{
	strbuf_printf(context, "%s %s %s %s;", file->run, file->path,
	    file->reason->code, file->reason->message);
	return 0;
}

START_TEST(newest_reason_counts)
{
	struct spool *spool = scratch_spool();
	struct strbuf seen = {0};

	ck_assert_int_eq(failed_each(spool, note, &seen), 0);
	ck_assert_str_eq(strbuf_text(&seen), "");
	fail_two();
	ck_assert_int_eq(unlink(SPOOL "failed/h.1.x/" FILE_B), 0);
	scratch_write(SPOOL "failed/h.2.x/c", "c");
	ck_assert_int_eq(failed_each(spool, note, &seen), 0);
	ck_assert_str_eq(strbuf_text(&seen),
	    "h.1.x " FILE_A " New after;"
	    "h.2.x c Unknown no reason is on record;");
	strbuf_done(&seen);
	spool_close(spool);
}
END_TEST

START_TEST(retries)
{
	const struct operate_choice by_reason = {.reason = "New"},
				    all = {.all = true}, by_name = {0};
	char key[] = "in/" FILE_B, path[] = FILE_A, none[] = "none";
	char *arguments[] = {key, path, none};
	struct stage stage = begin(_i == 1, NULL, 0);

	fail_two();
	operate_retry(&stage, &by_reason);
	ck_assert_int_eq(stage.status, 0);
	scratch_check(SPOOL "claimed/" FILE_A, "a");
	scratch_check(SPOOL "failed/h.1.x/" FILE_B, "b");
	operate_retry(&stage, &all);
	ck_assert_int_eq(stage.status, 0);
	scratch_check(SPOOL "claimed/" FILE_B, "b");
	operate_retry(&stage, &all);
	ck_assert_int_eq(stage.status, 0);
	check_no_run(&stage);

	stage = begin(_i == 1, arguments, 3);
	ck_assert_int_eq(unlink(SPOOL "claimed/" FILE_A), 0);
	ck_assert_int_eq(unlink(SPOOL "claimed/" FILE_B), 0);
	fail_two();
	operate_retry(&stage, &by_name);
	ck_assert_int_eq(stage.status, 1); /* "none" */
	scratch_check(SPOOL "claimed/" FILE_A, "a");
	scratch_check(SPOOL "claimed/" FILE_B, "b");
	check_no_run(&stage);
}
END_TEST

START_TEST(holds_and_releases)
{
	char path[] = "base/" FILE_A;
	char *arguments[] = {path};
	struct stage stage = begin(_i == 1, arguments, 1);

	scratch_write(SPOOL "claimed/" FILE_A, "a");
	stage.options.dry_run = true;
	operate_hold(&stage);
	scratch_check(SPOOL "claimed/" FILE_A, "a");
	stage.options.dry_run = false;
	operate_hold(&stage);
	ck_assert(!scratch_exists(SPOOL "claimed/" FILE_A));
	scratch_check(SPOOL "held/" FILE_A, "a");
	operate_hold(&stage); /* again */
	ck_assert_int_eq(stage.status, 0);
	operate_release(&stage);
	ck_assert_int_eq(stage.status, 0);
	ck_assert(!scratch_exists(SPOOL "held/" FILE_A));
	scratch_check(SPOOL "claimed/" FILE_A, "a");
	operate_release(&stage);
	ck_assert_int_eq(stage.status, 1);
	check_no_run(&stage);
}
END_TEST

/* Nothing is replaced, and what can't be moved stays where it is. */
START_TEST(replaces_nothing)
{
	char path[] = FILE_A;
	char *arguments[] = {path};
	struct stage stage = begin(_i == 1, arguments, 1);

	scratch_write(SPOOL "claimed/" FILE_A, "new");
	scratch_write(SPOOL "held/" FILE_A, "old");
	operate_hold(&stage);
	ck_assert_int_eq(stage.status, 75);
	scratch_check(SPOOL "claimed/" FILE_A, "new");
	scratch_check(SPOOL "held/" FILE_A, "old");
	operate_release(&stage);
	ck_assert_int_eq(stage.status, 75);
	scratch_check(SPOOL "claimed/" FILE_A, "new");
	scratch_check(SPOOL "held/" FILE_A, "old");
	spool_close(stage.spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("operate");
	TCase *tcase = tcase_create("operate");

	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, newest_reason_counts);
	tcase_add_loop_test(tcase, retries, 0, 2);
	tcase_add_loop_test(tcase, holds_and_releases, 0, 2);
	tcase_add_loop_test(tcase, replaces_nothing, 0, 2);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
