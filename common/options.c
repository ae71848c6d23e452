/* The command line; see options.h.
 *
 * getopt_long() of the C library does the reading, so that options behave as
 * people expect: -nv, -okey=value, --pri for --print, and options after the
 * operands (unless POSIXLY_CORRECT is set). Its own messages are switched off
 * since ours end with where to find help. One table describes the common
 * options to the parser and to --help alike. */
#include "common/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/strbuf.h"

enum {
	NO_PROGRESS = 1, /* in place of a letter, of which it has none */
	/* The values of getopt_long() from here on are a program's extras. */
	FIRST_EXTRA = 256,
	HELP_COLUMN = 26
};

static const struct common_option {
	char letter;
	const char *name;
	const char *argument;
	const char *help;
} common_options[] = {
    {'n', "dry-run", NULL, "say what would be done and change nothing"},
    {'v', "verbose", NULL, "log more; may be repeated"},
    {'q', "quiet", NULL, "log less; may be repeated (errors always show)"},
    {'p', "print", NULL, "print the keys handled on stdout, one a line"},
    {'0', "print0", NULL, "as --print, each ended by a NUL byte"},
    {NO_PROGRESS, "no-progress", NULL,
	"don't show on a terminal how far it is (-q: neither)"},
    {'o', "option", "KEY=VALUE", "override one key of CONFIG; may be repeated"},
    {'h', "help", NULL, "print this and exit"},
    {'V', "version", NULL, "print the version and exit"},
};
/* The first colon: a missing argument is told from an unknown option. */
static const char short_options[] = ":nvqp0o:hV";

/* Ascending. */
static const struct exit_meaning common_exits[] = {
    {0, "nothing is left to do here (deferred or refused files included)"},
    {EX_USAGE, "the command line is wrong"},
    {EX_OSERR, "out of memory"},
    {EX_IOERR,
	"local input or output failed (spool unreadable, fsync, no space)"},
    {EX_CONFIG, "the configuration is wrong"},
};

enum {
	COMMON_COUNT = sizeof common_options / sizeof *common_options,
	COMMON_EXIT_COUNT = sizeof common_exits / sizeof *common_exits
};

static enum options_result __attribute__((format(printf, 2, 3)))
usage_error(const struct program *program, const char *format, ...)
{
	struct strbuf line = {0};
	va_list args;
	char *what;

	va_start(args, format);
	what = mem_vformat(format, args);
	va_end(args);
	/* What was typed may hold anything: it stays one line. */
	log_escape(&line, what);
	/* With stderr gone the exit status has to say it alone. */
	(void)fprintf(stderr, "%s: %s. Try '%s --help'.\n", program->name,
	    strbuf_text(&line), program->name);
	strbuf_done(&line);
	free(what);
	return OPTIONS_USAGE;
}

static void
add_help(struct strbuf *buf, char letter, const char *name,
    const char *argument, const char *help)
{
	size_t begin = buf->length;

	if (letter > ' ')
		strbuf_printf(buf, "  -%c, --%s", letter, name);
	else
		strbuf_printf(buf, "      --%s", name);
	if (argument != NULL)
		strbuf_printf(buf, "=%s", argument);
	/* A long name puts its help on a line of its own. */
	if (buf->length - begin > HELP_COLUMN - 2) {
		strbuf_putc(buf, '\n');
		begin = buf->length;
	}
	while (buf->length - begin < HELP_COLUMN)
		strbuf_putc(buf, ' ');
	strbuf_printf(buf, "%s\n", help);
}

/* Both tables in one; where they have the same status the common one's meaning
 * comes first. */
static void
add_exits(struct strbuf *buf, const struct program *program)
{
	size_t common = 0, own = 0;

	strbuf_puts(buf, "\nExit status:\n");
	while (common < COMMON_EXIT_COUNT || own < program->exit_count) {
		bool is_own = common == COMMON_EXIT_COUNT ||
			      (own < program->exit_count &&
				  program->exits[own].status <
				      common_exits[common].status);
		const struct exit_meaning *next = is_own
						      ? &program->exits[own++]
						      : &common_exits[common++];

		strbuf_printf(buf, "%4d  %s\n", next->status, next->text);
	}
}

static void
build_help(struct strbuf *buf, const struct program *program)
{
	strbuf_printf(buf, "Usage: %s [OPTIONS] CONFIG%s%s\n%s\n\nOptions:\n",
	    program->name, program->arguments != NULL ? " " : "",
	    program->arguments != NULL ? program->arguments : "",
	    program->summary);
	for (size_t i = 0; i < program->extra_count; i++) {
		const struct option_extra *extra = &program->extras[i];

		add_help(buf, '\0', extra->name, extra->argument, extra->help);
	}
	for (size_t i = 0; i < COMMON_COUNT; i++) {
		const struct common_option *option = &common_options[i];

		add_help(buf, option->letter, option->name, option->argument,
		    option->help);
	}
	add_exits(buf, program);
}

/* Answers --help or --version. */
static enum options_result
answer(const struct program *program, bool help)
{
	struct strbuf text = {0};
	enum options_result result = OPTIONS_DONE;

	if (help)
		build_help(&text, program);
	else
		strbuf_printf(&text, "%s %s\n", program->name, S3SPOOL_VERSION);
	if (fputs(strbuf_text(&text), stdout) == EOF || fflush(stdout) != 0)
		result = usage_error(
		    program, "stdout can't be written: %s", strerror(errno));
	strbuf_done(&text);
	return result;
}

/* The table for getopt_long(), the caller's to free. */
static struct option *
build_long_options(const struct program *program)
{
	/* The last, all zero, ends it. */
	struct option *table = mem_zero(
	    COMMON_COUNT + program->extra_count + 1, sizeof *table);
	struct option *next = table;

	for (size_t i = 0; i < COMMON_COUNT; i++, next++) {
		next->name = common_options[i].name;
		next->has_arg = common_options[i].argument != NULL;
		next->val = (unsigned char)common_options[i].letter;
	}
	for (size_t i = 0; i < program->extra_count; i++, next++) {
		next->name = program->extras[i].name;
		next->has_arg = program->extras[i].argument != NULL;
		next->val = FIRST_EXTRA + (int)i;
	}
	return table;
}

static enum options_result
add_override(const struct program *program, struct options *options, char *text)
{
	if (strchr(text, '=') == NULL || *text == '=')
		return usage_error(
		    program, "option '-o' takes key=value, not '%s'", text);
	options->overrides = mem_grow(options->overrides,
	    options->override_count + 1, sizeof *options->overrides);
	options->overrides[options->override_count++] = text;
	return OPTIONS_RUN;
}

static void
set_extra(const struct option_extra *extra, const char *argument)
{
	if (extra->argument != NULL)
		*(const char **)extra->target = argument;
	else
		*(bool *)extra->target = true;
}

/* What getopt_long() answered '?' to. It leaves in optopt a letter that is
 * unknown, or the value of a long option that was given an argument too many,
 * or 0 for a long name that is unknown or begins several. Only in the latter
 * two is WORD, the last that it took whole, the one to blame. */
static enum options_result
unknown_option(const struct program *program, const char *word)
{
	if (optopt == 0)
		return usage_error(
		    program, "unknown or ambiguous option '%s'", word);
	if (optopt >= FIRST_EXTRA || optopt == NO_PROGRESS ||
	    (optopt != ':' && strchr(short_options, optopt) != NULL))
		return usage_error(
		    program, "option '%s' takes no argument", word);
	return usage_error(program, "unknown option '-%c'", optopt);
}

/* Takes one option, CODE, as getopt_long() returned it. */
static enum options_result
take_option(const struct program *program, int code, char **argv,
    struct options *options)
{
	switch (code) {
	case 'n':
		options->dry_run = true;
		break;
	case 'v':
		options->verbosity++;
		break;
	case 'q':
		options->verbosity--;
		break;
	case 'p':
		options->print = PRINT_LINES;
		break;
	case '0':
		options->print = PRINT_NUL;
		break;
	case NO_PROGRESS:
		options->no_progress = true;
		break;
	case 'o':
		return add_override(program, options, optarg);
	case 'h':
	case 'V':
		return answer(program, code == 'h');
	case ':':
		return usage_error(
		    program, "option '%s' needs an argument", argv[optind - 1]);
	case '?':
		return unknown_option(program, argv[optind - 1]);
	default:
		set_extra(&program->extras[code - FIRST_EXTRA], optarg);
	}
	return OPTIONS_RUN;
}

/* Takes what is left in ARGV when the options are gone. */
static enum options_result
take_operands(const struct program *program, int argc, char **argv,
    struct options *options)
{
	if (optind >= argc)
		return usage_error(program, "the CONFIG file is missing");
	options->config_file = argv[optind];
	options->arguments = argv + optind + 1;
	options->argument_count = (size_t)(argc - optind - 1);
	if (program->arguments == NULL && options->argument_count > 0)
		return usage_error(
		    program, "unexpected argument '%s'", options->arguments[0]);
	return OPTIONS_RUN;
}

enum options_result
options_parse(const struct program *program, int argc, char **argv,
    struct options *ret_options)
{
	struct option *long_options = build_long_options(program);
	struct options options = {0};
	enum options_result result = OPTIONS_RUN;

	*ret_options = options;
	/* 0 makes glibc forget an earlier command line altogether. */
	optind = 0;
	opterr = 0;
	while (result == OPTIONS_RUN) {
		int code = getopt_long(
		    argc, argv, short_options, long_options, NULL);

		if (code == -1)
			break;
		result = take_option(program, code, argv, &options);
	}
	if (result == OPTIONS_RUN)
		result = take_operands(program, argc, argv, &options);
	if (result == OPTIONS_RUN)
		*ret_options = options;
	else
		options_done(&options);
	free(long_options);
	return result;
}

void
options_done(struct options *options)
{
	if (options == NULL)
		return;
	free(options->overrides);
	*options = (struct options){0};
}
