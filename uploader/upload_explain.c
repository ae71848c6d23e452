/* See upload_explain.h. What lies in base_dir the scanner explains, and what is
 * stored the reaper. */
#include "uploader/upload_explain.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/failed.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/run.h"
#include "common/whereabouts.h"

struct question {
	const struct spool *spool;
	const char *path;
	bool found;
	bool is_directory; /* in some room, at least */
};

static int
explain_uploading(struct question *question, const char *run)
{
	struct run_facts facts;
	int rc = run_look(question->spool, run, &facts);

	if (rc < 0)
		return rc;
	question->found = true;
	if (facts.is_dead)
		whereabouts_print("uploading", question->path,
		    "its uploader, pid %ld on %s, has ended; the next one "
		    "takes it up",
		    facts.pid, facts.host);
	else
		whereabouts_print("uploading", question->path,
		    "pid %ld on %s has it: it is being sent, or waits for "
		    "its next try",
		    facts.pid, facts.host);
	free(facts.host);
	return 0;
}

static int
visit_place(void *context, const struct whereabouts *place)
{
	struct question *question = context;

	/* Of one in base_dir the scanner says it. */
	if (place->is_directory) {
		question->is_directory |= strcmp(place->state, "base") != 0;
		return 0;
	}
	question->found |= strcmp(place->state, "claimed") == 0 ||
			   strcmp(place->state, "held") == 0;
	if (strcmp(place->state, "claimed") == 0)
		whereabouts_print(
		    "claimed", question->path, "it waits for an uploader");
	else if (strcmp(place->state, "held") == 0)
		whereabouts_print("held", question->path,
		    "a person holds it back until 's3spool release'");
	else if (strcmp(place->state, "uploading") == 0)
		return explain_uploading(question, place->run);
	return 0;
}

static int
visit_failed(void *context, const struct failed_file *file)
{
	struct question *question = context;

	if (strcmp(file->path, question->path) != 0)
		return 0;
	question->found = true;
	whereabouts_print("failed", question->path, "%s: %s (%s, run %s)",
	    file->reason->code, file->reason->message, file->reason->when,
	    file->run);
	return 0;
}

/* False: it isn't in the queue. */
static bool
explain_path(struct stage *stage, const char *path, bool *ret_is_directory)
{
	struct question question = {.spool = stage->spool, .path = path};
	int rc = whereabouts_each(stage->spool, path, visit_place, &question);

	if (rc == 0)
		rc = failed_each(stage->spool, visit_failed, &question);
	if (rc < 0) {
		log_error("Cannot look through '%s': %s",
		    stage->config->spool_dir, strerror(-rc));
		stage_fail(stage, EX_IOERR);
	}
	*ret_is_directory = question.is_directory;
	return question.found;
}

void
upload_explain(struct stage *stage)
{
	const struct options *options = &stage->options;

	for (size_t i = 0; i < options->argument_count; i++) {
		const char *argument = options->arguments[i];
		const char *path = keypath_below(
		    stage->config->base_dir, argument);
		const char *of_key = keypath_of_key(
		    stage->config->key_prefix, argument);
		bool is_directory;

		if (explain_path(stage, path, &is_directory))
			continue;
		if (!is_directory && of_key != NULL) {
			path = of_key;
			if (explain_path(stage, path, &is_directory))
				continue;
		}
		if (is_directory)
			log_error("Cannot explain '%s': it is a directory; "
				  "name the files in it",
			    path);
		stage_fail(stage, STAGE_SOME_FAILED);
	}
}
