/* What --status is made of: JSON, counting, ages and their thresholds, and who
 * a run is. */
#include "common/health.h"

#include "common/json.h"
#include "common/run.h"
#include "common/tally.h"
#include "tests/unit/scratch.h"

static const int64_t s = CLOCK_NS_PER_S;

START_TEST(writes_json)
{
	struct strbuf json = {0};

	json_open(&json, NULL, '{');
	json_text(&json, "a", "x\"{");
	json_open(&json, "b", '[');
	json_number(&json, NULL, -1);
	json_bool(&json, NULL, true);
	json_open(&json, NULL, '[');
	json_close(&json, ']');
	json_text(&json, NULL, "[");
	json_text(&json, NULL, NULL);
	json_close(&json, ']');
	json_open(&json, "c", '{');
	json_close(&json, '}');
	json_close(&json, '}');
	ck_assert_str_eq(strbuf_text(&json),
	    "{\"a\":\"x\\\"{\",\"b\":[-1,true,[],\"[\",null],\"c\":{}}");
	strbuf_done(&json);
}
END_TEST

static const struct age_row {
	const char *warn, *crit; /* NULL: the defaults */
	int64_t seconds;
	enum health_level level;
} age_rows[] = {
    {NULL, NULL, 0, HEALTH_OK},
    {NULL, NULL, 599, HEALTH_OK},
    {NULL, NULL, 600, HEALTH_WARNING},
    {NULL, NULL, 3599, HEALTH_WARNING},
    {NULL, NULL, 3600, HEALTH_CRITICAL},
    {"0", NULL, 0, HEALTH_WARNING},
    {"0", "0", 0, HEALTH_CRITICAL},
    {"2d", "1h", 3600, HEALTH_CRITICAL}, /* the worse one counts */
    {"90", "2m", 89, HEALTH_OK},
    {"90", "2m", 119, HEALTH_WARNING},
};

START_TEST(judges_ages)
{
	const struct age_row *row = &age_rows[_i];
	const struct health_options options = {
	    .warn_age = row->warn, .crit_age = row->crit};
	struct stage stage = {.status = 0};
	struct health health;

	ck_assert(health_begin(&health, &stage, &options));
	ck_assert_int_eq(health_of_age(&health, row->seconds), row->level);
}
END_TEST

START_TEST(refuses_ages)
{
	static const char *const texts[] = {"", "-1", "1w", "h", "1 h"};

	for (int i = 0; i < LENGTH(texts); i++) {
		const struct health_options options = {.crit_age = texts[i]};
		struct stage stage = {.status = 0};
		struct health health;

		ck_assert(!health_begin(&health, &stage, &options));
		ck_assert_int_eq(stage.status, 64);
	}
}
END_TEST

START_TEST(hides_better_levels)
{
	const struct health_options options = {.json = true};
	struct stage stage = {.status = 0};
	struct tally tally = {0};
	struct health health;

	ck_assert(health_begin(&health, &stage, &options));
	health_judge_age(&health, "empty", &tally);
	ck_assert_int_eq(health.level, HEALTH_OK);
	health_unknown(&health, "room", -EIO);
	ck_assert_int_eq(health.level, HEALTH_UNKNOWN);
	tally_add(&tally, 1, health.now_ns - 700 * s);
	health_judge_age(&health, "claimed", &tally);
	ck_assert_int_eq(health.level, HEALTH_WARNING);
	tally_add(&tally, 1, health.now_ns - 7200 * s);
	health_judge_age(&health, "claimed", &tally);
	health_unknown(&health, "room", -EIO);
	ck_assert_int_eq(health.level, HEALTH_CRITICAL);
	ck_assert_ptr_nonnull(strstr(strbuf_text(&health.problems),
	    "; a file waits in claimed for 2 h; "));
	health_open_room(&health, "claimed", &tally);
	ck_assert_str_eq(strbuf_text(&health.text),
	    "claimed     2 files, 2 B, oldest 2 h\n");
	ck_assert_str_eq(strbuf_text(&health.json),
	    "\"claimed\":{\"files\":2,\"bytes\":2,\"oldest_seconds\":7200");
	json_close(&health.json, '}');
	health_end(&health);
	ck_assert_int_eq(stage.status, 2);
}
END_TEST

/* A modification time counts unless it is younger than the file's birth, where
 * that can be told, or lies ahead. */
START_TEST(tells_since_when)
{
	int64_t now_ns, bytes, since_ns;
	struct clock_fs clock;

	clock_fs_guess(&clock);
	now_ns = clock_fs_now_ns(&clock);
	scratch_write("file", "12345");
	scratch_touch("file", now_ns - 86400 * s);
	ck_assert_int_eq(tally_look(AT_FDCWD, "file", TALLY_MOVED, now_ns,
			     &bytes, &since_ns),
	    0);
	ck_assert_int_eq(bytes, 5);
	ck_assert_int_lt(now_ns - since_ns, 3600 * s);
	scratch_touch("file", now_ns + 86400 * s);
	ck_assert_int_eq(tally_look(AT_FDCWD, "file", TALLY_WRITTEN, now_ns,
			     &bytes, &since_ns),
	    0);
	ck_assert_int_lt(now_ns - since_ns, 3600 * s);
	ck_assert_int_lt(since_ns, now_ns + 3600 * s);
	ck_assert_int_eq(tally_look(AT_FDCWD, "none", TALLY_WRITTEN, now_ns,
			     &bytes, &since_ns),
	    -ENOENT);
}
END_TEST

START_TEST(counts_rooms)
{
	struct tally tally = {0};
	int fd;

	scratch_write("room/a/b/1", "1");
	scratch_write("room/2", "22");
	ck_assert_int_eq(symlink("/", "room/a/link"), 0);
	fd = open("room", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(tally_room(fd, TALLY_WRITTEN, INT64_MAX, &tally), 0);
	ck_assert_int_eq(tally.files, 3);
	ck_assert_int_eq(tally.bytes, 1 + 2 + 1);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(tally_room(-1, TALLY_MOVED, 0, &tally), 0);
	ck_assert_int_eq(tally.files, 3);
}
END_TEST

static const struct name_row {
	const char *name, *host;
	long pid;
} name_rows[] = {
    {"north5.4242.0123456789abcdef", "north5", 4242},
    {"a.b.c.7.x", "a.b.c", 7},
    {".7.x", "", 7},
    /* What no run of ours is called. */
    {"north5", "north5", 0},
    {"7.x", "7.x", 0},
    {"", "", 0},
    {"..", "..", 0},
    {"a.-7.x", "a.-7.x", 0},
    {"a.7b.x", "a.7b.x", 0},
    {"a.0.x", "a.0.x", 0},
};

START_TEST(reads_names)
{
	const struct name_row *row = &name_rows[_i];
	struct run_facts facts;

	run_read_name(row->name, &facts);
	ck_assert_str_eq(facts.host, row->host);
	ck_assert_int_eq(facts.pid, row->pid);
	free(facts.host);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("health");

	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, writes_json);
	tcase_add_loop_test(tcase, judges_ages, 0, LENGTH(age_rows));
	tcase_add_test(tcase, refuses_ages);
	tcase_add_test(tcase, hides_better_levels);
	tcase_add_test(tcase, tells_since_when);
	tcase_add_test(tcase, counts_rooms);
	tcase_add_loop_test(tcase, reads_names, 0, LENGTH(name_rows));
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
