/* The command line: what each option does, what is refused, what is said. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/options.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

enum { WORDS_MAX = 10 };

static bool explain;
static const char *since;
static const struct option_extra extras[] = {
    {"explain", NULL, "say why", &explain},
    {"since", "TIME", "from then on", &since},
};
static const struct exit_meaning exits[] = {
    {0, "with --since: the same"},
    {1, "something is missing"},
    {75, "come again"},
    {99, "that too"},
};
static const struct program scan = {"s3spool-scan", "Claims files.",
    "[PATH...]", extras, LENGTH(extras), exits, LENGTH(exits)};
static const struct program reap = {
    "s3spool-reap", "Deletes files.", NULL, NULL, 0, NULL, 0};

static char said[16384]; /* on stdout or stderr */

/* Parses WORDS, ended by NULL, for PROGRAM with FD, which is stdout or stderr,
 * captured in said. */
static enum options_result
parse(const struct program *program, const char **words, int fd,
    struct options *ret_options)
{
	/* The options point into it. */
	static char *argv[WORDS_MAX + 2];
	FILE *file = tmpfile();
	enum options_result result;
	int argc = 1;
	int old;
	size_t got;

	for (int i = 0; i < LENGTH(argv); i++)
		free(argv[i]);
	memset(argv, 0, sizeof argv);
	argv[0] = strdup(program->name);
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = strdup(words[argc - 1]);
	ck_assert_ptr_nonnull(file);
	old = dup(fd);
	ck_assert_int_eq(dup2(fileno(file), fd), fd);
	result = options_parse(program, argc, argv, ret_options);
	ck_assert_int_eq(fflush(NULL), 0);
	ck_assert_int_eq(dup2(old, fd), fd);
	(void)close(old);
	rewind(file);
	got = fread(said, 1, sizeof said - 1, file);
	said[got] = '\0';
	(void)fclose(file);
	return result;
}

static const struct good {
	const char *words[WORDS_MAX];
	const char *config_file;
	bool dry_run;
	int verbosity;
	enum print_keys print;
	const char *overrides[3];
	const char *arguments[3];
	bool explain;
	const char *since;
} good[] = {
    /* the least */
    {.words = {"c"}, .config_file = "c"},
    /* each short option */
    {.words = {"-n", "c"}, .config_file = "c", .dry_run = true},
    {.words = {"-v", "c"}, .config_file = "c", .verbosity = 1},
    {.words = {"-q", "c"}, .config_file = "c", .verbosity = -1},
    {.words = {"-p", "c"}, .config_file = "c", .print = PRINT_LINES},
    {.words = {"-0", "c"}, .config_file = "c", .print = PRINT_NUL},
    {.words = {"-o", "a=b", "c"}, .config_file = "c", .overrides = {"a=b"}},
    /* each long one */
    {.words = {"--dry-run", "c"}, .config_file = "c", .dry_run = true},
    {.words = {"--verbose", "c"}, .config_file = "c", .verbosity = 1},
    {.words = {"--quiet", "c"}, .config_file = "c", .verbosity = -1},
    {.words = {"--print", "c"}, .config_file = "c", .print = PRINT_LINES},
    {.words = {"--print0", "c"}, .config_file = "c", .print = PRINT_NUL},
    {.words = {"--option=a=b", "c"}, .config_file = "c", .overrides = {"a=b"}},
    {.words = {"--option", "a=b", "c"},
	.config_file = "c",
	.overrides = {"a=b"}},
    /* an abbreviation */
    {.words = {"--dry", "c"}, .config_file = "c", .dry_run = true},
    /* joined, and counted */
    {.words = {"-nvv", "-v", "-q", "c"},
	.config_file = "c",
	.dry_run = true,
	.verbosity = 2},
    /* the last one wins */
    {.words = {"-0p", "c"}, .config_file = "c", .print = PRINT_LINES},
    /* overrides keep their order; a value may be empty or hold a '=' */
    {.words = {"-oa=", "-o", "b=c=d", "-o", "a=2", "c"},
	.config_file = "c",
	.overrides = {"a=", "b=c=d", "a=2"}},
    /* options after the operands */
    {.words = {"c", "x", "-n", "y"},
	.config_file = "c",
	.dry_run = true,
	.arguments = {"x", "y"}},
    /* "--" ends them */
    {.words = {"-n", "--", "-v", "-q"},
	.config_file = "-v",
	.dry_run = true,
	.arguments = {"-q"}},
    /* "-" is an operand */
    {.words = {"-"}, .config_file = "-"},
    /* a program's own */
    {.words = {"--explain", "c", "x"},
	.config_file = "c",
	.explain = true,
	.arguments = {"x"}},
    {.words = {"--since=2h", "c"}, .config_file = "c", .since = "2h"},
    {.words = {"--since", "", "c"}, .config_file = "c", .since = ""},
};

START_TEST(takes)
{
	const struct good *row = &good[_i];
	struct options options;
	const char *words[WORDS_MAX];
	size_t i;

	memcpy(words, row->words, sizeof words);
	ck_assert_int_eq(
	    parse(&scan, words, STDERR_FILENO, &options), OPTIONS_RUN);
	ck_assert_str_eq(said, "");
	ck_assert_str_eq(options.config_file, row->config_file);
	ck_assert_int_eq(options.dry_run, row->dry_run);
	ck_assert_int_eq(options.verbosity, row->verbosity);
	ck_assert_int_eq(options.print, row->print);
	for (i = 0; i < options.override_count; i++)
		ck_assert_pstr_eq(options.overrides[i], row->overrides[i]);
	ck_assert(i == 3 || row->overrides[i] == NULL);
	for (i = 0; i < options.argument_count; i++)
		ck_assert_pstr_eq(options.arguments[i], row->arguments[i]);
	ck_assert(i == 3 || row->arguments[i] == NULL);
	ck_assert_int_eq(explain, row->explain);
	ck_assert_pstr_eq(since, row->since);
	options_done(&options);
	ck_assert_ptr_null(options.overrides);
}
END_TEST

static const struct bad {
	const struct program *program;
	const char *words[WORDS_MAX];
	const char *what; /* after the name, before the hint */
} bad[] = {
    /* no configuration */
    {&scan, {NULL}, "the CONFIG file is missing"},
    {&scan, {"-n"}, "the CONFIG file is missing"},
    {&scan, {"--"}, "the CONFIG file is missing"},
    /* unknown options; of joined ones the right one is named */
    {&scan, {"-x", "c"}, "unknown option '-x'"},
    {&scan, {"-nxv", "c"}, "unknown option '-x'"},
    {&scan, {"--print", "-xn", "c"}, "unknown option '-x'"},
    {&scan, {"--print", "-n:", "c"}, "unknown option '-:'"},
    {&scan, {"-n-", "c"}, "unknown option '--'"},
    {&scan, {"--nope", "c"}, "unknown or ambiguous option '--nope'"},
    {&scan, {"c", "--nope=1"}, "unknown or ambiguous option '--nope=1'"},
    /* --verbose or --version */
    {&scan, {"--ver", "c"}, "unknown or ambiguous option '--ver'"},
    /* another program's option */
    {&reap, {"--explain", "c"}, "unknown or ambiguous option '--explain'"},
    /* an argument too many or too few */
    {&scan, {"--dry-run=1", "c"}, "option '--dry-run=1' takes no argument"},
    {&scan, {"--explain=1", "c"}, "option '--explain=1' takes no argument"},
    {&scan, {"c", "--since"}, "option '--since' needs an argument"},
    {&scan, {"c", "-o"}, "option '-o' needs an argument"},
    {&scan, {"c", "-no"}, "option '-no' needs an argument"},
    /* what is no override */
    {&scan, {"-o", "a", "c"}, "option '-o' takes key=value, not 'a'"},
    {&scan, {"-o", "=a", "c"}, "option '-o' takes key=value, not '=a'"},
    {&scan, {"-o", "", "c"}, "option '-o' takes key=value, not ''"},
    /* good ones before it are freed */
    {&scan, {"-oa=b", "-o", "a", "c"}, "option '-o' takes key=value, not 'a'"},
    /* nothing may follow */
    {&reap, {"c", "d", "e"}, "unexpected argument 'd'"},
    /* what was typed can't break the line */
    {&reap, {"c", "d\ne"}, "unexpected argument 'd\\x0ae'"},
};

START_TEST(refuses)
{
	const struct bad *row = &bad[_i];
	const char *words[WORDS_MAX];
	char line[256];
	struct options options;

	memcpy(words, row->words, sizeof words);
	(void)snprintf(line, sizeof line, "%s: %s. Try '%s --help'.\n",
	    row->program->name, row->what, row->program->name);
	ck_assert_int_eq(
	    parse(row->program, words, STDERR_FILENO, &options), OPTIONS_USAGE);
	ck_assert_str_eq(said, line);
	options_done(&options);
}
END_TEST

START_TEST(tells_its_version)
{
	const char *words[] = {"--version", NULL};
	const char *letter[] = {"-V", "c", NULL};
	struct options options;

	ck_assert_int_eq(
	    parse(&scan, words, STDOUT_FILENO, &options), OPTIONS_DONE);
	ck_assert_str_eq(said, "s3spool-scan " S3SPOOL_VERSION "\n");
	ck_assert_int_eq(
	    parse(&reap, letter, STDOUT_FILENO, &options), OPTIONS_DONE);
	ck_assert_str_eq(said, "s3spool-reap " S3SPOOL_VERSION "\n");
}
END_TEST

static const char *const help_parts[] = {
    "Usage: s3spool-scan [OPTIONS] CONFIG [PATH...]\n", /* the synopsis */
    "\nClaims files.\n",				/* the summary */
    "\n      --explain           say why\n",		/* its own */
    "\n      --since=TIME        from then on\n",	/* with argument */
    "\n  -n, --dry-run           ",			/* common ones */
    "\n  -v, --verbose           ",
    "\n  -q, --quiet             ",
    "\n  -p, --print             ",
    "\n  -0, --print0            ",
    "\n  -o, --option=KEY=VALUE  ",
    "\n  -h, --help              ",
    "\n  -V, --version           ",
    /* statuses: all of both tables, in their order */
    "\n   0  nothing",
    "\n   0  with --since: the same\n   1  something is missing\n  64  ",
    "\n  71  ",
    "\n  74  ",
    "\n  75  come again\n  78  ",
    "\n  99  that too\n",
};

START_TEST(helps)
{
	const char *words[] = {"--help", NULL};
	const char *letter[] = {"c", "-h", "-x", NULL};
	struct options options;

	ck_assert_int_eq(
	    parse(&scan, words, STDOUT_FILENO, &options), OPTIONS_DONE);
	for (int i = 0; i < LENGTH(help_parts); i++)
		ck_assert_msg(
		    strstr(said, help_parts[i]) != NULL, "%s", help_parts[i]);
	for (const char *line = said; *line != '\0';
	     line = strchr(line, '\n') + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 80);
	ck_assert_int_eq(
	    parse(&reap, letter, STDOUT_FILENO, &options), OPTIONS_DONE);
	ck_assert_ptr_nonnull(
	    strstr(said, "Usage: s3spool-reap [OPTIONS] CONFIG\n"));
}
END_TEST

/* A full disk behind stdout is no success. */
START_TEST(notices_a_failing_stdout)
{
	const char *words[] = {"--help", NULL};
	struct options options;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	ck_assert_int_eq(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
	/* fflush(NULL) in parse() finds nothing left to flush. */
	ck_assert_int_eq(
	    parse(&scan, words, STDERR_FILENO, &options), OPTIONS_USAGE);
	ck_assert_str_eq(said,
	    "s3spool-scan: stdout can't be written: No space left on device. "
	    "Try 's3spool-scan --help'.\n");
}
END_TEST

START_TEST(is_harmless_when_done_twice)
{
	struct options options = {0};

	options_done(NULL);
	options_done(&options);
	options_done(&options);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("options");
	TCase *tcase = tcase_create("options");
	SRunner *runner = srunner_create(suite);
	int failed;

	/* The tests say where options may stand, not the environment. */
	(void)unsetenv("POSIXLY_CORRECT");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, takes, 0, LENGTH(good));
	tcase_add_loop_test(tcase, refuses, 0, LENGTH(bad));
	tcase_add_test(tcase, tells_its_version);
	tcase_add_test(tcase, helps);
	tcase_add_test(tcase, notices_a_failing_stdout);
	tcase_add_test(tcase, is_harmless_when_done_twice);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
