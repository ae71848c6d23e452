/* The ledger: every receipt is in it once, however often a merge is cut off
 * and whatever comes late. */
#include "reaper/ledger.h"

#include "common/mem.h"
#include "tests/unit/scratch.h"

#define DAY "2020-11-15"
#define NEXT_DAY "2020-11-16"

/* "PATH " for each receipt, in the order of the visits. */
static void
note(void *context, const struct receipt_reader *reader,
    const struct receipt *receipt)
{
	struct strbuf *seen = context;
	struct receipt again = {0};

	/* The line as it stands is this receipt. */
	ck_assert_int_eq(
	    receipt_parse(reader->line, reader->length, &again), 0);
	ck_assert_str_eq(strbuf_text(&again.path), strbuf_text(&receipt->path));
	strbuf_printf(seen, "%s ", strbuf_text(&receipt->path));
	receipt_done(&again);
}

static void
check_between(const struct spool *spool, int64_t since_ns, int64_t until_ns,
    const char *expected)
{
	struct strbuf seen = {0};
	char *faulty = NULL;

	ck_assert_int_eq(
	    ledger_each(spool, since_ns, until_ns, note, &seen, &faulty), 0);
	ck_assert_ptr_null(faulty);
	ck_assert_str_eq(strbuf_text(&seen), expected);
	strbuf_done(&seen);
}

static void
check_each(const struct spool *spool, const char *expected)
{
	check_between(spool, INT64_MIN, INT64_MAX, expected);
}

/* Writes FILE with a receipt for each of the PATHS (one letter each), a
 * second apart from WHEN on. */
static void
write_receipts(const char *file, const char *when, const char *paths)
{
	int64_t when_ns = scratch_time(when);
	struct strbuf lines = {0};

	strbuf_puts(&lines, RECEIPT_HEADER);
	for (; *paths != '\0'; paths++) {
		const char path[] = {*paths, '\0'};

		scratch_receipt(&lines, when_ns, path, NULL);
		when_ns += CLOCK_NS_PER_S;
	}
	scratch_write(file, strbuf_text(&lines));
	strbuf_done(&lines);
}

static void
append(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fsio_write_all(fd, text, strlen(text)), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void
merge(struct spool *spool, const char *now)
{
	char *day = NULL;

	ck_assert_int_eq(
	    ledger_merge(spool, scratch_time(now), scratch_time(now), &day), 0);
	ck_assert_ptr_null(day);
}

/* tmp/ is where merges are prepared: nothing may stay there. */
static void
check_tidy(void)
{
	ck_assert_int_eq(rmdir(SPOOL "tmp"), 0);
	ck_assert_int_eq(mkdir(SPOOL "tmp", 0700), 0);
}

START_TEST(archives)
{
	struct spool *spool = scratch_spool();
	const struct ledger_run run = {.is_dead = true,
	    .has_file = true,
	    .receipts = 2,
	    .newest_ns = scratch_time("2020-11-15T23:59:59Z")};
	ino_t inode;

	write_receipts(SPOOL "runs/r1.tsv", "2020-11-15T23:59:59Z", "ab");
	inode = scratch_inode(SPOOL "runs/r1.tsv");
	ck_assert_int_eq(ledger_archive(spool, "r1", &run), 0);
	ck_assert(!scratch_exists(SPOOL "runs/r1.tsv"));
	ck_assert_uint_eq(scratch_inode(SPOOL "ledger/" DAY "/r1.tsv"), inode);
	/* Another of the same day. */
	write_receipts(SPOOL "runs/r2.tsv", DAY, "c");
	ck_assert_int_eq(ledger_archive(spool, "r2", &run), 0);
	check_each(spool, "a b c ");
	ck_assert_int_eq(ledger_archive(spool, "none", &run), -ENOENT);
	spool_close(spool);
}
END_TEST

START_TEST(archives_nothing)
{
	const struct ledger_run run = {.is_dead = true, .has_file = true};
	struct spool *spool = scratch_spool();

	write_receipts(SPOOL "runs/r1.tsv", DAY, "");
	ck_assert_int_eq(ledger_archive(spool, "r1", &run), 0);
	ck_assert(!scratch_exists(SPOOL "runs/r1.tsv"));
	ck_assert_int_eq(rmdir(SPOOL "ledger"), 0); /* nothing is in it */
	ck_assert_int_eq(ledger_archive(spool, "r1", &run), 0);
	spool_close(spool);
}
END_TEST

START_TEST(merges)
{
	struct spool *spool = scratch_spool();
	struct strbuf expected = {0};
	int64_t day_ns = scratch_time(DAY);
	ino_t inode;

	write_receipts(SPOOL "ledger/" DAY "/r2.tsv", DAY, "c");
	write_receipts(SPOOL "ledger/" DAY "/r1.tsv", DAY, "ab");
	write_receipts(SPOOL "ledger/" NEXT_DAY "/r3.tsv", NEXT_DAY, "d");
	check_each(spool, "a b c d ");
	/* A day that isn't over stays in pieces, to its last instant. */
	merge(spool, DAY);
	merge(spool, "2020-11-15T23:59:59.999Z");
	ck_assert(!scratch_exists(SPOOL "ledger/" DAY ".tsv"));
	merge(spool, NEXT_DAY);
	strbuf_puts(&expected, RECEIPT_HEADER);
	receipt_format_section("r1", &expected);
	scratch_receipt(&expected, day_ns, "a", NULL);
	scratch_receipt(&expected, day_ns + CLOCK_NS_PER_S, "b", NULL);
	receipt_format_section("r2", &expected);
	scratch_receipt(&expected, day_ns, "c", NULL);
	scratch_check(SPOOL "ledger/" DAY ".tsv", strbuf_text(&expected));
	ck_assert(!scratch_exists(SPOOL "ledger/" DAY));
	ck_assert(!scratch_exists(SPOOL "ledger/" NEXT_DAY ".tsv"));
	check_each(spool, "a b c d ");
	/* Once more changes nothing, not even the file. */
	inode = scratch_inode(SPOOL "ledger/" DAY ".tsv");
	merge(spool, NEXT_DAY);
	ck_assert_uint_eq(scratch_inode(SPOOL "ledger/" DAY ".tsv"), inode);
	scratch_check(SPOOL "ledger/" DAY ".tsv", strbuf_text(&expected));
	merge(spool, "2020-11-17");
	check_each(spool, "a b c d ");
	check_tidy();
	strbuf_done(&expected);
	spool_close(spool);
}
END_TEST

START_TEST(merges_late_pieces)
{
	struct spool *spool = scratch_spool();

	write_receipts(SPOOL "ledger/" DAY "/r2.tsv", DAY, "ab");
	merge(spool, NEXT_DAY);
	write_receipts(SPOOL "ledger/" DAY "/r1.tsv", DAY, "cd");
	check_each(spool, "c d a b ");
	merge(spool, NEXT_DAY);
	ck_assert(!scratch_exists(SPOOL "ledger/" DAY));
	check_each(spool, "a b c d ");
	write_receipts(SPOOL "ledger/" DAY "/r3.tsv", DAY, "e");
	merge(spool, NEXT_DAY);
	check_each(spool, "a b c d e ");
	check_tidy();
	spool_close(spool);
}
END_TEST

/* A day's file isn't written anew for each piece that comes late. */
static const struct age {
	const char *file; /* when it was written */
	bool merged;	  /* at noon of the next day */
} ages[] = {
    {"2020-11-16T11:59:59Z", false},
    {"2020-11-16T11:00:01Z", false},
    {"2020-11-16T11:00:00Z", true},
    {"2020-11-16T00:00:00Z", true},
    {"1970-01-01", true},
    /* Clocks that step back don't make it wait for ever. */
    {"2020-11-16T12:00:00.001Z", true},
    {"2200-01-01", true},
};

START_TEST(merges_now_and_then)
{
	const struct age *row = &ages[_i];
	const char *noon = NEXT_DAY "T12:00:00Z";
	struct spool *spool = scratch_spool();
	ino_t inode;

	write_receipts(SPOOL "ledger/" DAY "/r2.tsv", DAY, "ab");
	merge(spool, noon);
	inode = scratch_inode(SPOOL "ledger/" DAY ".tsv");
	scratch_touch(SPOOL "ledger/" DAY ".tsv", scratch_time(row->file));
	write_receipts(SPOOL "ledger/" DAY "/r3.tsv", DAY, "c");
	write_receipts(SPOOL "ledger/2020-11-14/r1.tsv", "2020-11-14", "z");
	merge(spool, noon);
	ck_assert(scratch_exists(SPOOL "ledger/2020-11-14.tsv"));
	ck_assert_int_eq(
	    scratch_exists(SPOOL "ledger/" DAY "/r3.tsv"), !row->merged);
	ck_assert_int_eq(
	    scratch_inode(SPOOL "ledger/" DAY ".tsv") == inode, !row->merged);
	check_each(spool, row->merged ? "z a b c " : "z c a b ");
	spool_close(spool);
}
END_TEST

/* Dying after the rename and before the pieces are dropped leaves both. */
START_TEST(merge_cut_off)
{
	struct spool *spool = scratch_spool();
	ino_t inode;

	write_receipts(SPOOL "ledger/" DAY "/r1.tsv", DAY, "ab");
	write_receipts(SPOOL "ledger/" DAY "/r2.tsv", DAY, "c");
	merge(spool, NEXT_DAY);
	inode = scratch_inode(SPOOL "ledger/" DAY ".tsv");
	write_receipts(SPOOL "ledger/" DAY "/r1.tsv", DAY, "ab");
	write_receipts(SPOOL "ledger/" DAY "/r2.tsv", DAY, "c");
	check_each(spool, "a b c ");
	merge(spool, NEXT_DAY);
	check_each(spool, "a b c ");
	ck_assert(!scratch_exists(SPOOL "ledger/" DAY));
	ck_assert_uint_eq(scratch_inode(SPOOL "ledger/" DAY ".tsv"), inode);
	/* Dying while they are dropped, and one that is late. */
	write_receipts(SPOOL "ledger/" DAY "/r2.tsv", DAY, "c");
	write_receipts(SPOOL "ledger/" DAY "/r3.tsv", DAY, "d");
	check_each(spool, "c d a b ");
	merge(spool, NEXT_DAY);
	check_each(spool, "a b c d ");
	ck_assert(!scratch_exists(SPOOL "ledger/" DAY));
	/* Dying before the rename leaves a temporary, written anew. */
	scratch_write(SPOOL "tmp/merge-" DAY, "#run r9\nhalf a li");
	write_receipts(SPOOL "ledger/" DAY "/r4.tsv", DAY, "e");
	merge(spool, NEXT_DAY);
	check_each(spool, "a b c d e ");
	check_tidy();
	spool_close(spool);
}
END_TEST

/* Whole lines alone are copied, and no half of one spoils the next piece. */
START_TEST(merges_whole_lines)
{
	struct spool *spool = scratch_spool();
	struct strbuf line = {0}, expected = {0};

	write_receipts(SPOOL "ledger/" DAY "/r.tsv", DAY, "a");
	append(SPOOL "ledger/" DAY "/r.tsv", "no receipt\n# a remark\n");
	scratch_receipt(&line, scratch_time(DAY), "b", NULL);
	append(SPOOL "ledger/" DAY "/r.tsv", strbuf_text(&line));
	strbuf_truncate(&line, line.length - 1);
	append(SPOOL "ledger/" DAY "/r.tsv", strbuf_text(&line));
	write_receipts(SPOOL "ledger/" DAY "/r1.tsv", DAY, "c");
	merge(spool, NEXT_DAY);
	strbuf_puts(&expected, RECEIPT_HEADER);
	receipt_format_section("r", &expected);
	scratch_receipt(&expected, scratch_time(DAY), "a", NULL);
	scratch_receipt(&expected, scratch_time(DAY), "b", NULL);
	receipt_format_section("r1", &expected);
	scratch_receipt(&expected, scratch_time(DAY), "c", NULL);
	scratch_check(SPOOL "ledger/" DAY ".tsv", strbuf_text(&expected));
	strbuf_done(&line);
	strbuf_done(&expected);
	spool_close(spool);
}
END_TEST

/* A piece without any receipt, and what isn't ours. */
START_TEST(merges_odd_things)
{
	struct spool *spool = scratch_spool();

	scratch_write(SPOOL "ledger/" DAY "/empty.tsv", "");
	scratch_write(SPOOL "ledger/" DAY "/notes.txt", "keep");
	scratch_write(SPOOL "ledger/notes", "keep");
	scratch_write(SPOOL "ledger/notes.tsv", "keep");
	scratch_make_dirs(SPOOL "ledger/2020-11");
	merge(spool, NEXT_DAY);
	check_each(spool, "");
	ck_assert(!scratch_exists(SPOOL "ledger/" DAY "/empty.tsv"));
	scratch_check(SPOOL "ledger/" DAY "/notes.txt", "keep");
	scratch_check(SPOOL "ledger/notes", "keep");
	scratch_check(SPOOL "ledger/notes.tsv", "keep");
	write_receipts(SPOOL "ledger/" DAY "/r1.tsv", DAY, "a");
	merge(spool, NEXT_DAY);
	check_each(spool, "a ");
	check_tidy();
	spool_close(spool);
}
END_TEST

START_TEST(merge_fails)
{
	struct spool *spool = scratch_spool();
	char *day = NULL;

	write_receipts(SPOOL "ledger/2020-11-14/r0.tsv", "2020-11-14", "z");
	write_receipts(SPOOL "ledger/" DAY "/r1.tsv", DAY, "a");
	/* A directory where the day's file should be, and where a piece. */
	scratch_write(SPOOL "ledger/" DAY ".tsv/file", "text");
	scratch_write(SPOOL "ledger/" NEXT_DAY "/r2.tsv/file", "text");
	write_receipts(SPOOL "ledger/2020-11-17/r3.tsv", "2020-11-17", "b");
	ck_assert_int_eq(ledger_merge(spool, scratch_time("2020-11-18"),
			     scratch_time("2020-11-18"), &day),
	    -EISDIR);
	ck_assert_str_eq(day, DAY);
	free(day);
	/* The pieces stay, and the other days are done. */
	ck_assert(scratch_exists(SPOOL "ledger/" DAY "/r1.tsv"));
	ck_assert(scratch_exists(SPOOL "ledger/" NEXT_DAY "/r2.tsv"));
	ck_assert(!scratch_exists(SPOOL "ledger/" NEXT_DAY ".tsv"));
	ck_assert(scratch_exists(SPOOL "ledger/2020-11-14.tsv"));
	ck_assert(scratch_exists(SPOOL "ledger/2020-11-17.tsv"));
	check_tidy();
	spool_close(spool);
}
END_TEST

/* The same of many, in whatever order they are met. */
START_TEST(lists_each_of_many_once)
{
	enum { RUNS = 26 };
	struct spool *spool = scratch_spool();
	struct strbuf seen = {0};
	size_t times[RUNS] = {0};
	char *faulty = NULL;

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < RUNS; i++) {
			int n = i * 7 % RUNS; /* all of them, mixed */
			const char run[] = {(char)('a' + n), '\0'};
			/* Merged; most of them a second time. */
			const char *top = pass == 1 && n % 3 == 0
					      ? "runs"
					      : "ledger/" DAY;
			char *file = mem_format(SPOOL "%s/%s.tsv", top, run);

			if (pass == 0 || n % 3 != 2)
				write_receipts(file, DAY, run);
			free(file);
		}
		if (pass == 0)
			merge(spool, NEXT_DAY);
	}
	ck_assert_int_eq(
	    ledger_each(spool, INT64_MIN, INT64_MAX, note, &seen, &faulty), 0);
	for (size_t i = 0; i < seen.length; i += 2)
		times[strbuf_text(&seen)[i] - 'a']++;
	ck_assert_uint_eq(seen.length, 2 * RUNS);
	for (int i = 0; i < RUNS; i++)
		ck_assert_uint_eq(times[i], 1);
	strbuf_done(&seen);
	spool_close(spool);
}
END_TEST

/* What can't be read: a run, a piece, a merged day, a day's pieces. */
static const struct fault {
	const char *file, *faulty;
} faults[] = {
    {"runs/x.tsv/file", "runs/x.tsv"},
    {"ledger/" DAY "/x.tsv/file", "ledger/" DAY "/x.tsv"},
    {"ledger/" NEXT_DAY ".tsv/file", "ledger/" NEXT_DAY ".tsv"},
    {"ledger/" DAY, "ledger/" DAY},
};

START_TEST(lists_what_it_can)
{
	const struct fault *row = &faults[_i];
	struct spool *spool = scratch_spool();
	struct strbuf seen = {0};
	char *file = mem_format(SPOOL "%s", row->file);
	char *faulty = NULL;

	scratch_write(file, "text");
	write_receipts(SPOOL "runs/y.tsv", DAY, "a");
	write_receipts(SPOOL "ledger/" DAY ".tsv", DAY, "b");
	write_receipts(SPOOL "ledger/" NEXT_DAY "/y2.tsv", NEXT_DAY, "c");
	write_receipts(SPOOL "ledger/2020-11-17/y3.tsv", "2020-11-17", "d");
	ck_assert_int_lt(
	    ledger_each(spool, INT64_MIN, INT64_MAX, note, &seen, &faulty), 0);
	ck_assert_str_eq(faulty, row->faulty);
	ck_assert_str_eq(strbuf_text(&seen), "a b c d ");
	free(faulty);
	free(file);
	strbuf_done(&seen);
	spool_close(spool);
}
END_TEST

/* Running ones first, then the days; each run once, wherever it is found. */
START_TEST(lists_each_run_once)
{
	struct spool *spool = scratch_spool();

	check_each(spool, "");
	write_receipts(SPOOL "ledger/" DAY "/old.tsv", DAY, "ab");
	merge(spool, NEXT_DAY);
	write_receipts(SPOOL "ledger/" NEXT_DAY "/piece.tsv", NEXT_DAY, "c");
	write_receipts(SPOOL "runs/live.tsv", NEXT_DAY, "d");
	check_each(spool, "d a b c ");
	/* Archived and merged while it is listed, or a copy put back. */
	write_receipts(SPOOL "ledger/" NEXT_DAY "/live.tsv", NEXT_DAY, "d");
	check_each(spool, "d a b c ");
	write_receipts(SPOOL "runs/old.tsv", DAY, "ab");
	check_each(spool, "d a b c ");
	/* The same path sent twice is two uploads. */
	write_receipts(SPOOL "runs/second.tsv", NEXT_DAY, "d");
	check_each(spool, "d a b d c ");
	spool_close(spool);
}
END_TEST

/* From SINCE on, up to but without UNTIL. */
static const struct span {
	const char *since, *until;
	const char *seen;
} spans[] = {
    {"2020-11-15", "2020-11-16", "a b c "},
    {"2020-11-15T00:00:00Z", "2020-11-15T00:00:01Z", "a "},
    {"2020-11-15T00:00:01Z", "2020-11-15T00:00:02Z", "b "},
    {"2020-11-15T00:00:00.001Z", "2020-11-15T00:00:01.001Z", "b "},
    {"2020-11-15T00:00:01Z", "2020-11-15T00:00:01Z", ""},
    {"2020-11-16", "2020-11-15", ""},
    {"2020-11-14", "2020-11-15", ""},
    /* A run that began on the 15th and ended on the 17th. */
    {"2020-11-17", "2020-11-18", "e "},
    {"2020-11-16T12:00:00Z", "2021-01-01", "d e "},
    {"2020-11-16T12:00:00Z", "2021-01-01T00:00:00.001Z", "d e f "},
    {"2020-12-31", "2021-01-02", "f "},
    {"2021-01-02", "2022-01-01", ""},
};

START_TEST(lists_a_span)
{
	const struct span *row = &spans[_i];
	struct spool *spool = scratch_spool();
	struct strbuf lines = {0};

	write_receipts(SPOOL "ledger/" DAY "/r1.tsv", DAY, "ab");
	strbuf_puts(&lines, RECEIPT_HEADER);
	scratch_receipt(
	    &lines, scratch_time("2020-11-15T23:59:59Z"), "c", NULL);
	scratch_receipt(
	    &lines, scratch_time("2020-11-16T23:00:00Z"), "d", NULL);
	scratch_receipt(
	    &lines, scratch_time("2020-11-17T00:00:00Z"), "e", NULL);
	scratch_write(SPOOL "ledger/" DAY "/r2.tsv", strbuf_text(&lines));
	write_receipts(SPOOL "ledger/2021-01-01/r3.tsv", "2021-01-01", "f");
	for (int i = 0; i < 2; i++) {
		check_between(spool, scratch_time(row->since),
		    scratch_time(row->until), row->seen);
		merge(spool, "2021-01-01"); /* and the same when merged */
	}
	strbuf_done(&lines);
	spool_close(spool);
}
END_TEST

/* A run lies in the day of its newest receipt, however long it took. */
START_TEST(lists_a_long_run)
{
	struct spool *spool = scratch_spool();
	struct strbuf lines = {0};

	strbuf_puts(&lines, RECEIPT_HEADER);
	scratch_receipt(
	    &lines, scratch_time("2020-11-15T12:00:00Z"), "a", NULL);
	scratch_receipt(
	    &lines, scratch_time("2020-11-20T12:00:00Z"), "b", NULL);
	scratch_write(SPOOL "ledger/2020-11-20/r.tsv", strbuf_text(&lines));
	write_receipts(SPOOL "ledger/9999-12-31/r1.tsv", DAY, "c");
	write_receipts(SPOOL "ledger/0001-01-01/r2.tsv", DAY, "d");
	check_between(spool, scratch_time(DAY), scratch_time(NEXT_DAY), "a c ");
	check_between(
	    spool, scratch_time(NEXT_DAY), scratch_time("2020-11-20"), "");
	check_between(spool, INT64_MIN, scratch_time("2020-11-01"), "");
	check_between(spool, scratch_time(NEXT_DAY), INT64_MAX, "b ");
	check_each(spool, "d a b c ");
	strbuf_done(&lines);
	spool_close(spool);
}
END_TEST

START_TEST(lists_without_a_spool)
{
	char base[] = "base", dir[] = "base/.spool";
	const struct config config = {.base_dir = base, .spool_dir = dir};
	struct spool *spool = NULL;
	char *error = NULL;

	scratch_make_dirs(base);
	ck_assert_int_eq(spool_open(&config, SPOOL_LOOK, &spool, &error), 0);
	check_each(spool, "");
	spool_close(spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tcase = tcase_create("ledger");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, archives);
	tcase_add_test(tcase, archives_nothing);
	tcase_add_test(tcase, merges);
	tcase_add_test(tcase, merges_late_pieces);
	tcase_add_loop_test(tcase, merges_now_and_then, 0, LENGTH(ages));
	tcase_add_test(tcase, merge_cut_off);
	tcase_add_test(tcase, merges_whole_lines);
	tcase_add_test(tcase, merges_odd_things);
	tcase_add_test(tcase, merge_fails);
	tcase_add_test(tcase, lists_each_run_once);
	tcase_add_test(tcase, lists_each_of_many_once);
	tcase_add_loop_test(tcase, lists_what_it_can, 0, LENGTH(faults));
	tcase_add_loop_test(tcase, lists_a_span, 0, LENGTH(spans));
	tcase_add_test(tcase, lists_a_long_run);
	tcase_add_test(tcase, lists_without_a_spool);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
