/* Where RENAME_NOREPLACE is missing a file goes through the room of a run that
 * is started for it, as the scanner's claims do: a rename into that room is
 * what makes it ours, and whatever we leave there by dying, or because a name
 * was taken, the next uploader takes up. See operate.h. */
#include "uploader/operate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/run.h"
#include "common/strbuf.h"
#include "common/whereabouts.h"
#include "uploader/failed.h"

enum operation { RETRY, HOLD, RELEASE };

static const struct {
	const char *plan; /* of a dry run */
	const char *done;
	const char *verb;
} words[] = {
    [RETRY] = {"RETRY", "retried", "retry"},
    [HOLD] = {"HOLD", "held", "hold"},
    [RELEASE] = {"RELEASE", "released", "release"},
};

struct operate {
	struct stage *stage;
	enum operation operation;
	const struct operate_choice *choice;
	bool *was_met; /* of each argument */
	size_t moved;
	struct run *run; /* through whose room files go, or NULL */
};

static int
move_directly(struct operate *op, const struct spool_room *room,
    const char *path, ino_t inode)
{
	struct spool *spool = op->stage->spool;

	switch (op->operation) {
	case RETRY:
		return spool_retry(spool, room, path, inode);
	case HOLD:
		return spool_hold(spool, room, path, inode);
	case RELEASE:
		return spool_release(spool, path, inode);
	}
	return -EINVAL;
}

static int
move_by_room(struct operate *op, const struct spool_room *room,
    const char *path, ino_t inode)
{
	const struct spool_name from = {room->fd, path, inode};
	struct spool *spool = op->stage->spool;
	const struct spool_room *ours;
	int rc = 0;

	if (op->run == NULL)
		rc = run_start(spool, &op->run);
	if (rc < 0)
		return rc;
	ours = &op->run->uploading;
	rc = spool_take(spool, &from, ours, path);
	if (rc < 0)
		return rc;
	if (op->operation != HOLD)
		return spool_give_back(spool, ours, path, inode);
	rc = spool_hold(spool, ours, path, inode);
	if (rc < 0)
		(void)spool_give_back(spool, ours, path, inode); /* or later */
	return rc;
}

/* Says that PATH was moved, and why it was where it was, or NULL. */
static void
report(struct operate *op, const char *path, const char *why)
{
	struct strbuf line = {0};

	if (op->stage->options.print != PRINT_NONE) {
		stage_print_key(op->stage, path);
		return;
	}
	log_escape(&line, path);
	if (why != NULL) {
		strbuf_puts(&line, ": ");
		log_escape(&line, why);
	}
	/* stage_end asks whether stdout has failed. */
	(void)printf(
	    "%-9s  %s\n", words[op->operation].done, strbuf_text(&line));
	strbuf_done(&line);
}

static void
move(struct operate *op, const struct spool_room *room, const char *path,
    const char *why)
{
	struct stage *stage = op->stage;
	struct stat st;
	int rc = 0;

	if (fstatat(room->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		rc = -errno;
	if (rc == 0 && stage->options.dry_run) {
		op->moved++;
		stage_print_plan(
		    stage, words[op->operation].plan, st.st_size, path);
		return;
	}
	if (rc == 0)
		rc = move_directly(op, room, path, st.st_ino);
	if (rc == -ENOTSUP)
		rc = move_by_room(op, room, path, st.st_ino);
	if (rc == 0) {
		op->moved++;
		report(op, path, why);
	} else if (rc == -EEXIST) {
		log_error("Cannot %s '%s': another file of its path is %s; try "
			  "again when that has gone on",
		    words[op->operation].verb, path,
		    op->operation == HOLD ? "held" : "in the queue");
		stage_fail(stage, EX_TEMPFAIL);
	} else {
		log_error("Cannot %s '%s': %s%s", words[op->operation].verb,
		    path, strerror(-rc),
		    rc == -ENOENT ? "; somebody else has just moved it" : "");
		stage_fail(stage, rc == -ENOENT ? STAGE_SOME_FAILED : EX_IOERR);
	}
}

static bool
is_key(const struct config *config, const char *path, const char *argument)
{
	size_t length = strlen(config->key_prefix);

	return strcmp(path, keypath_below(config->base_dir, argument)) == 0 ||
	       (strncmp(argument, config->key_prefix, length) == 0 &&
		   strcmp(argument + length, path) == 0);
}

static bool
is_chosen(struct operate *op, const struct failed_file *file)
{
	const struct options *options = &op->stage->options;
	bool is_named = false;

	if (op->choice->all)
		return true;
	if (op->choice->reason != NULL)
		return strcmp(op->choice->reason, file->reason->code) == 0;
	for (size_t i = 0; i < options->argument_count; i++)
		if (is_key(
			op->stage->config, file->path, options->arguments[i]))
			is_named = op->was_met[i] = true;
	return is_named;
}

static int
visit_failed(void *context, const struct failed_file *file)
{
	struct operate *op = context;
	char *why;

	if (!is_chosen(op, file))
		return 0;
	why = mem_format("%s: %s", file->reason->code, file->reason->message);
	move(op, file->room, file->path, why);
	free(why);
	return 0;
}

static void
end(struct operate *op)
{
	run_end(op->stage->spool, op->run);
	free(op->was_met);
}

void
operate_retry(struct stage *stage, const struct operate_choice *choice)
{
	const struct options *options = &stage->options;
	struct operate op = {
	    .stage = stage,
	    .operation = RETRY,
	    .choice = choice,
	    .was_met = mem_zero(
		options->argument_count + 1, sizeof *op.was_met),
	};
	int rc = failed_each(stage->spool, visit_failed, &op);

	if (rc < 0) {
		log_error("Cannot look through '%s/failed': %s",
		    stage->config->spool_dir, strerror(-rc));
		stage_fail(stage, EX_IOERR);
	}
	for (size_t i = 0; i < options->argument_count; i++) {
		if (op.was_met[i])
			continue;
		log_error("'%s' isn't in failed/; 's3spool explain' says where "
			  "it is",
		    options->arguments[i]);
		stage_fail(stage, STAGE_SOME_FAILED);
	}
	if (choice->reason != NULL && op.moved == 0 && stage->status == 0) {
		log_error("Nothing in failed/ has the reason '%s'; 's3spool "
			  "status' names those that there are",
		    choice->reason);
		stage_fail(stage, STAGE_SOME_FAILED);
	}
	end(&op);
}

/* The last place where it was found counts. */
static int
note_place(void *context, const struct whereabouts *place)
{
	static const char *const states[] = {
	    "base", "claimed", "held", "uploading", "failed", "confirmed"};
	const char **state = context;

	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(states[i], place->state) == 0)
			*state = states[i];
	return 0;
}

/* PATH isn't where it would have to be. */
static void
say_missing(struct operate *op, const char *path)
{
	struct stage *stage = op->stage;
	const char *state = "";
	const char *why = "there is no such file here";
	int rc = whereabouts_each(stage->spool, path, note_place, &state);

	if (rc == 0 && op->operation == HOLD && strcmp(state, "held") == 0) {
		log_info("%s is held already", path);
		return;
	}
	if (strcmp(state, "base") == 0)
		why = "it isn't claimed yet; 's3spool scan' claims it once it "
		      "is settled";
	else if (strcmp(state, "claimed") == 0)
		why = "it isn't held, and waits for an uploader";
	else if (strcmp(state, "uploading") == 0)
		why = "an uploader has it; 's3spool explain' says which";
	else if (strcmp(state, "failed") == 0)
		why = "it is in failed/, and isn't sent before 's3spool retry'";
	else if (strcmp(state, "confirmed") == 0)
		why = "it is stored already";
	log_error("Cannot %s '%s': %s", words[op->operation].verb, path,
	    rc < 0 ? strerror(-rc) : why);
	stage_fail(stage, rc < 0 ? EX_IOERR : STAGE_SOME_FAILED);
}

/* The stage's arguments, as far as they lie below FD. */
static void
move_named(struct operate *op, int fd)
{
	const struct options *options = &op->stage->options;
	const struct spool_room room = {fd, false};

	for (size_t i = 0; i < options->argument_count; i++) {
		const char *path = keypath_below(
		    op->stage->config->base_dir, options->arguments[i]);
		struct stat st;
		/* Nothing that leads out of the room, by links or dots. */
		int file = fd < 0 ? -ENOENT
				  : fsio_open_beneath(
					fd, path, O_PATH | O_NOFOLLOW);
		bool is_dir = file >= 0 && fstat(file, &st) == 0 &&
			      S_ISDIR(st.st_mode);

		if (file >= 0)
			(void)close(file); /* only a place */
		if (is_dir) {
			log_error("Cannot %s '%s': it is a directory; name the "
				  "files in it",
			    words[op->operation].verb, path);
			stage_fail(op->stage, STAGE_SOME_FAILED);
		} else if (file >= 0) {
			move(op, &room, path, NULL);
		} else {
			say_missing(op, path);
		}
	}
	end(op);
}

void
operate_hold(struct stage *stage)
{
	struct operate op = {.stage = stage, .operation = HOLD};

	move_named(&op, stage->spool->claimed_fd);
}

void
operate_release(struct stage *stage)
{
	struct operate op = {.stage = stage, .operation = RELEASE};

	move_named(&op, stage->spool->held_fd);
}
