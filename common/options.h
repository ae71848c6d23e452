/* The command line that all three programs share. */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum print_keys { PRINT_NONE, PRINT_LINES, PRINT_NUL };

struct options {
	const char *config_file;
	bool dry_run;
	int verbosity;	       /* -v counts up, -q counts down */
	enum print_keys print; /* -p, -0 */
	bool no_progress;
	char **overrides; /* -o key=value, in order; points into argv */
	size_t override_count;
	char **arguments; /* what follows CONFIG; points into argv */
	size_t argument_count;
};

/* A further option of one program. TARGET is a bool* where ARGUMENT is NULL,
 * else a const char ** that is set to the text given. */
struct option_extra {
	const char *name;     /* long name, without "--" */
	const char *argument; /* its placeholder in the help, or NULL */
	const char *help;
	void *target;
};

/* One meaning of an exit status; several may have the same. */
struct exit_meaning {
	int status;
	const char *text;
};

struct program {
	const char *name;      /* "s3spool-scan" */
	const char *summary;   /* one sentence for --help */
	const char *arguments; /* what may follow CONFIG ("[PATH...]"), or NULL:
				  nothing may */
	const struct option_extra *extras;
	size_t extra_count;
	/* What the exit statuses mean besides what they mean in all programs;
	 * ascending. */
	const struct exit_meaning *exits;
	size_t exit_count;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

/* Reads the command line; options and arguments may be mixed, "--" ends the
 * options. OPTIONS_DONE: --help or --version was answered on stdout, exit 0.
 * OPTIONS_USAGE: one line on stderr said what is wrong (stdout can't be
 * written, too), exit 64. Only OPTIONS_RUN leaves anything in *ret_options and
 * the extras' targets to use; options_done is harmless after all three. */
enum options_result options_parse(const struct program *program, int argc,
    char **argv, struct options *ret_options);
/* Frees what options_parse allocated. */
void options_done(struct options *options);

#endif
