/* The frame of a program; see stage.h.
 *
 * Standard output is for scripts, so failing to write it is an error like any
 * other; standard error is the log, about which nothing can be done. */
#include "common/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/reserve.h"
#include "common/settle.h"
#include "common/strbuf.h"

bool
stage_read_config(struct stage *stage)
{
	struct config *config = NULL;
	char *error = NULL;
	int rc = config_load(stage->options.config_file,
	    stage->options.overrides, stage->options.override_count, &config,
	    &error);

	if (rc < 0) {
		log_error("%s", error);
		free(error);
		stage_fail(stage, EX_CONFIG);
		return false;
	}
	config_free(stage->config);
	stage->config = config;
	log_setup(&(struct log_options){stage->program, config->log_level,
	    config->log_format, stage->options.verbosity});
	return true;
}

bool
stage_begin(
    struct stage *stage, const struct program *program, int argc, char **argv)
{
	*stage = (struct stage){.program = program->name, .status = STAGE_OK};
	log_setup(&(struct log_options){program->name, LOG_INFO, LOG_AUTO, 0});
	switch (options_parse(program, argc, argv, &stage->options)) {
	case OPTIONS_DONE:
		return false;
	case OPTIONS_USAGE:
		stage->status = EX_USAGE;
		return false;
	case OPTIONS_RUN:
		break;
	}
	if (!stage_read_config(stage))
		return false;
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN); /* write says EPIPE instead */
	/* Ignored, as it may be inherited, no child could be waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_IGN); /* and EFBIG */
	settle_ignore_sigio();
	return true;
}

bool
stage_ignores_hangup(void)
{
	struct sigaction action;

	return sigaction(SIGHUP, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

void
stage_log_to_file(struct stage *stage)
{
	char *error;

	if (stage->config->log_file == NULL ||
	    log_open(stage->config->log_file, &error) == 0)
		return;
	log_error("%s", error);
	free(error);
	stage_fail(stage, EX_IOERR);
}

bool
stage_open_spool(struct stage *stage, enum spool_mode mode)
{
	char *error = NULL;
	int rc = spool_open(stage->config, mode, &stage->spool, &error);

	if (rc == 0)
		return true;
	log_error("%s", error);
	free(error);
	stage_fail(stage, rc == -EPERM ? EX_CONFIG : EX_IOERR);
	return false;
}

bool
stage_check_paths(struct stage *stage)
{
	const struct options *options = &stage->options;
	const char *base_dir = stage->config->base_dir;
	size_t length = strlen(base_dir);

	for (size_t i = 0; i < options->argument_count; i++) {
		const char *path = options->arguments[i];

		if (path[0] != '/' || (strncmp(path, base_dir, length) == 0 &&
					  path[length] == '/'))
			continue;
		log_error("'%s' isn't below base_dir, '%s'", path, base_dir);
		stage_fail(stage, EX_USAGE);
		return false;
	}
	return true;
}

void
stage_answer(void)
{
	(void)signal(SIGPIPE, SIG_DFL);
}

void
stage_fail(struct stage *stage, int status)
{
	if (status > stage->status)
		stage->status = status;
}

void
stage_print_key(const struct stage *stage, const char *path)
{
	if (stage->options.print == PRINT_NONE)
		return;
	/* Errors stay in the stream; stage_end asks for them. */
	(void)fputs(stage->config->key_prefix, stdout);
	(void)fputs(path, stdout);
	(void)putchar(stage->options.print == PRINT_NUL ? '\0' : '\n');
}

void
stage_print_plan(const struct stage *stage, const char *verb,
    int64_t size_bytes, const char *path)
{
	struct strbuf line = {0};

	if (stage->options.print != PRINT_NONE) {
		stage_print_key(stage, path);
		return;
	}
	log_escape(&line, path);
	(void)printf(
	    "%s %" PRId64 " %s\n", verb, size_bytes, strbuf_text(&line));
	strbuf_done(&line);
}

int
stage_end(struct stage *stage)
{
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		log_error(
		    "Cannot write to standard output: %s", strerror(errno));
		stage_fail(stage, EX_IOERR);
	}
	if (stage->spool != NULL)
		reserve_tell(stage->spool);
	log_end();
	spool_close(stage->spool);
	config_free(stage->config);
	options_done(&stage->options);
	return stage->status;
}
