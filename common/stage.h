/* What the three programs do alike at their start and end: command line,
 * configuration, log, spool; keys on stdout; exit status. */
#ifndef COMMON_STAGE_H
#define COMMON_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/options.h"
#include "common/spool.h"

/* Exit statuses; the larger one wins. EX_USAGE (64), EX_IOERR (74),
 * EX_TEMPFAIL (75), EX_NOPERM (77) and EX_CONFIG (78) are sysexits.h's. */
enum { STAGE_OK = 0, STAGE_SOME_FAILED = 1 };

struct stage {
	const char *program; /* its name */
	struct options options;
	struct config *config;
	struct spool *spool; /* NULL until stage_open_spool */
	int status;
};

/* Reads the command line and the configuration, sets up log, umask and
 * signals. Returns true to go on; false: exit with stage_end. */
bool stage_begin(
    struct stage *stage, const struct program *program, int argc, char **argv);
/* From now on the log goes to log_file, if there is one: for what works
 * unattended. What answers a person, or tells a wrong command line, goes on
 * saying so on stderr. */
void stage_log_to_file(struct stage *stage);
/* Whether SIGHUP was ignored from the beginning, as nohup(1) has it: then it is
 * not to end us. (Blocked and read from a descriptor it would.) */
bool stage_ignores_hangup(void);
/* Reads the configuration (again). False: it was said what is wrong, exit with
 * stage_end. */
bool stage_read_config(struct stage *stage);
/* Opens the spool; MODE as for spool_open. False: it was said why, exit with
 * stage_end. */
bool stage_open_spool(struct stage *stage, enum spool_mode mode);
/* Whether the arguments, paths or keys, may be files of base_dir. False: one is
 * absolute and leads elsewhere; it was said, exit with stage_end. */
bool stage_check_paths(struct stage *stage);
/* From now on the program only answers a person, on stdout: where nobody reads
 * on, as after `| head`, it ends by SIGPIPE as other tools do. */
void stage_answer(void);
/* The larger of the status so far and this one. */
void stage_fail(struct stage *stage, int status);
/* With --print or --print0: writes the key of PATH to stdout. */
void stage_print_key(const struct stage *stage, const char *path);
/* One line of a dry run on stdout: VERB, SIZE, PATH; or the key alone, as
 * stage_print_key does, where keys were asked for. */
void stage_print_plan(const struct stage *stage, const char *verb,
    int64_t size_bytes, const char *path);
/* Flushes stdout, ends the log, frees everything, returns the exit status. */
int stage_end(struct stage *stage);

#endif
