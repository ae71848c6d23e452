/* What Prometheus is told: the file, what it goes on from, and its name. */
#include "common/metrics.h"

#include <inttypes.h>
#include <sys/wait.h>

#include "common/config.h"
#include "common/hash.h"
#include "common/mem.h"
#include "tests/unit/scratch.h"

static const struct metrics_family files = {
    "s3spool_x_total", "Files.", METRICS_COUNTER, NULL, false};
static const struct metrics_family classes = {
    "s3spool_y_total", "By class.", METRICS_COUNTER, "class", false};
static const struct metrics_family size = {
    "s3spool_z", "Now.", METRICS_GAUGE, NULL, false};
static const struct metrics_family when = {
    "s3spool_w_seconds", "When.", METRICS_KEPT, NULL, true};

static struct stage stage;

/* A stage with metrics in prom/. */
static void
enter(void)
{
	static const char text[] = "base_dir: base\ns3_bucket: b\n"
				   "metrics_dir: prom\n";
	char *error = NULL;

	scratch_enter();
	scratch_make_dirs("base/");
	scratch_make_dirs("prom/");
	stage = (struct stage){.status = 0};
	ck_assert_int_eq(config_parse("c.yaml", text, sizeof text - 1, NULL, 0,
			     &stage.config, &error),
	    0);
	ck_assert_int_eq(
	    spool_open(stage.config, SPOOL_CREATE, &stage.spool, &error), 0);
}

static void
leave(void)
{
	spool_close(stage.spool);
	config_free(stage.config);
}

/* The line of prom/FILE that begins with NAME{, but for what it has of labels
 * before its own: "LABELS VALUE", or "" where there is none. */
static char *
find(const char *file, const char *name)
{
	char *path = mem_format("prom/%s", file);
	char *start = mem_format("%s{", name);
	FILE *in = fopen(path, "re");
	char line[4096];
	char *found = mem_copy("");

	ck_assert_ptr_nonnull(in);
	while (fgets(line, sizeof line, in) != NULL) {
		char *label;

		if (strncmp(line, start, strlen(start)) != 0)
			continue;
		label = strstr(line, "/base/.spool\"");
		ck_assert_ptr_nonnull(label);
		line[strlen(line) - 1] = '\0';
		free(found);
		found = mem_copy(label + strlen("/base/.spool\""));
	}
	ck_assert_int_eq(fclose(in), 0);
	free(start);
	free(path);
	return found;
}

static void
check(const char *file, const char *name, const char *wanted)
{
	char *found = find(file, name);

	ck_assert_str_eq(found, wanted);
	free(found);
}

/* A run that counts N. */
static void
run(int64_t n, bool tells_when, bool at_end)
{
	struct metrics *metrics = metrics_begin(&stage, "scan");

	ck_assert_ptr_nonnull(metrics);
	metrics_add(metrics, &files, NULL, n);
	metrics_add(metrics, &classes, "a", n);
	metrics_add(metrics, &size, NULL, n);
	metrics_add(metrics, &classes, "b", 2 * n);
	if (tells_when)
		metrics_add(metrics, &when, NULL, n * CLOCK_NS_PER_S + 5);
	else
		metrics_keep(metrics, &when);
	ck_assert(metrics_write(metrics, at_end));
	metrics_free(metrics);
}

START_TEST(adds_and_keeps)
{
	run(2, false, true);
	check("s3spool_scan.prom", "s3spool_w_seconds", "");
	check("s3spool_scan.prom", "s3spool_x_total", "} 2");
	run(3, true, true);
	run(4, false, false);
	check("s3spool_scan.prom", "s3spool_x_total", "} 9");
	check("s3spool_scan.prom", "s3spool_y_total", ",class=\"b\"} 18");
	check("s3spool_scan.prom", "s3spool_z", "} 4");
	check("s3spool_scan.prom", "s3spool_w_seconds", "} 3.000000005");
	check("s3spool_scan.prom", "s3spool_runs_total", ",stage=\"scan\"} 2");
}
END_TEST

/* Only 0 and 1 are successes. */
START_TEST(tells_success)
{
	char *before, *after;

	stage.status = 75;
	run(1, false, true);
	check(
	    "s3spool_scan.prom", "s3spool_last_success_timestamp_seconds", "");
	stage.status = 1;
	run(1, false, true);
	before = find(
	    "s3spool_scan.prom", "s3spool_last_success_timestamp_seconds");
	ck_assert_str_ne(before, "");
	stage.status = 75;
	run(1, false, true);
	after = find(
	    "s3spool_scan.prom", "s3spool_last_success_timestamp_seconds");
	ck_assert_str_eq(after, before);
	check("s3spool_scan.prom", "s3spool_last_run_exit_status",
	    ",stage=\"scan\"} 75");
	free(before);
	free(after);
}
END_TEST

/* An overflow begins anew, as Prometheus expects of counters. */
START_TEST(takes_what_makes_sense)
{
	static const struct row {
		const char *counts, *wanted;
	} rows[] = {
	    {"", "} 1"},
	    {"s3spool_x_total 7\n", "} 8"},
	    {"s3spool_x_total 7", "} 1"},
	    {"s3spool_x_total -7\n", "} 1"},
	    {"s3spool_x_total \n", "} 1"},
	    {"s3spool_x_total 7x\n", "} 1"},
	    {"s3spool_x_total_y 7\ns3spool_x_total 3\n", "} 4"},
	    {"\n\ns3spool_x_total 3\n", "} 4"},
	    {"s3spool_x_total 9223372036854775807\n", "} 1"},
	    {"s3spool_x_total 9223372036854775808\n", "} 1"},
	};

	for (int i = 0; i < LENGTH(rows); i++) {
		scratch_write(SPOOL "locks/metrics-scan", rows[i].counts);
		run(1, false, true);
		check("s3spool_scan.prom", "s3spool_x_total", rows[i].wanted);
	}
}
END_TEST

/* They begin together, when the pipe is closed. */
START_TEST(counts_together)
{
	enum { RUNS = 8, TIMES = 20 };
	int gate[2];

	ck_assert_int_eq(pipe(gate), 0);
	for (int i = 0; i < RUNS; i++) {
		pid_t pid = fork();
		char c;

		ck_assert_int_ge(pid, 0);
		if (pid > 0)
			continue;
		(void)close(gate[1]); /* or it never ends */
		if (read(gate[0], &c, 1) != 0)
			_exit(1);
		for (int n = 0; n < TIMES; n++)
			run(1, true, true);
		_exit(0);
	}
	ck_assert_int_eq(close(gate[1]), 0);
	for (int i = 0; i < RUNS; i++) {
		int status;

		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(close(gate[0]), 0);
	check("s3spool_scan.prom", "s3spool_x_total", "} 160");
	check(
	    "s3spool_scan.prom", "s3spool_runs_total", ",stage=\"scan\"} 160");
}
END_TEST

/* What another run is about to write counts: however long it takes until the
 * lock is free, which is given time enough to be overlooked. */
START_TEST(waits_for_the_lock)
{
	static const struct timespec a_while = {.tv_nsec = 100000000};
	int fd, status;
	pid_t pid;

	ck_assert_int_eq(spool_open_metrics(stage.spool, "scan", &fd), 0);
	ck_assert_int_eq(fsio_lock(fd, 0, 0), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		/* The lock isn't the process's, but the description's. */
		(void)close(fd);
		run(1, true, true);
		_exit(0);
	}
	(void)nanosleep(&a_while, NULL);
	scratch_write(SPOOL "locks/metrics-scan", "s3spool_x_total 7\n");
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	check("s3spool_scan.prom", "s3spool_x_total", "} 8");
}
END_TEST

START_TEST(replaces_only_its_own)
{
	const char *spool_dir = stage.config->spool_dir;
	uint64_t hash = hash_bytes(spool_dir, strlen(spool_dir));
	char own[64], *path;

	(void)snprintf(
	    own, sizeof own, "s3spool_scan_%016" PRIx64 ".prom", hash);
	scratch_write("prom/s3spool_scan.prom", "another's\n");
	run(1, true, true);
	scratch_check("prom/s3spool_scan.prom", "another's\n");
	check(own, "s3spool_x_total", "} 1");
	ck_assert_int_eq(remove("prom/s3spool_scan.prom"), 0);
	run(1, true, true);
	ck_assert(!scratch_exists("prom/s3spool_scan.prom"));
	check(own, "s3spool_x_total", "} 2");
	/* Both are another's: nothing is written, and all is counted. */
	scratch_write("prom/s3spool_scan.prom", "another's\n");
	path = mem_format("prom/%s", own);
	scratch_write(path, "another's\n");
	run(1, true, true);
	scratch_check(path, "another's\n");
	ck_assert_int_eq(remove(path), 0);
	free(path);
	run(1, true, true);
	check(own, "s3spool_x_total", "} 4");
}
END_TEST

START_TEST(wants_none)
{
	free(stage.config->metrics_dir);
	stage.config->metrics_dir = NULL;
	ck_assert_ptr_null(metrics_begin(&stage, "scan"));
	metrics_add(NULL, &files, NULL, 1);
	metrics_keep(NULL, &when);
	ck_assert(metrics_write(NULL, true));
	metrics_free(NULL);
	stage.config->metrics_dir = mem_copy("/nowhere/at/all");
	ck_assert_ptr_null(metrics_begin(&stage, "scan"));
	ck_assert_int_eq(stage.status, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tcase = tcase_create("metrics");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, enter, leave);
	tcase_add_test(tcase, adds_and_keeps);
	tcase_add_test(tcase, tells_success);
	tcase_add_test(tcase, takes_what_makes_sense);
	tcase_add_test(tcase, counts_together);
	tcase_add_test(tcase, waits_for_the_lock);
	tcase_add_test(tcase, replaces_only_its_own);
	tcase_add_test(tcase, wants_none);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
