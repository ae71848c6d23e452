/* Where RENAME_NOREPLACE is missing a file goes through the room of a run that
 * is started for it, as the scanner's claims do: a rename into that room is
 * what makes it ours, and whatever we leave there by dying, or because a name
 * was taken, the next uploader takes up. See operate.h. */
#include "uploader/operate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/failed.h"
#include "common/fsio.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/run.h"
#include "common/strbuf.h"
#include "common/whereabouts.h"

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

/* A file of failed/ that is to be retried. */
struct chosen {
	char *run, *path, *when, *why;
};

struct operate {
	struct stage *stage;
	enum operation operation;
	const struct operate_choice *choice;
	bool *was_met;	      /* of each argument */
	struct chosen *files; /* to be retried */
	size_t file_count;
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
	struct stat st;
	int rc = 0;

	/* Mostly it is seen here, while the file can stay where it is. */
	if (fstatat(op->operation == HOLD ? spool->held_fd : spool->claimed_fd,
		path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (op->run == NULL)
		rc = run_start(spool, &op->run);
	if (rc < 0)
		return rc;
	ours = &op->run->uploading;
	rc = spool_take(spool, &from, ours, path);
	if (rc < 0)
		return rc;
	if (op->operation != HOLD) {
		rc = spool_give_back(spool, ours, path, inode);
		/* Then it is in the queue all the same, behind that. */
		return rc == -EEXIST ? 0 : rc;
	}
	rc = spool_hold(spool, ours, path, inode);
	/* After other errors it may have its name in held/, too. */
	if (rc == -EEXIST)
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

/* Says why PATH wasn't moved: RC. */
static void
fail(struct operate *op, const char *path, int rc)
{
	const char *verb = words[op->operation].verb;
	int status = EX_IOERR;

	switch (rc) {
	case -EEXIST:
		log_error("Cannot %s '%s': another file of its path is %s; try "
			  "again when that has gone on",
		    verb, path,
		    op->operation == HOLD ? "held" : "in the queue");
		status = EX_TEMPFAIL;
		break;
	case -EISDIR:
		log_error("Cannot %s '%s': it is a directory; name the files "
			  "in it",
		    verb, path);
		status = STAGE_SOME_FAILED;
		break;
	case -ENOENT:
		log_error("Cannot %s '%s': somebody else has just moved it",
		    verb, path);
		status = STAGE_SOME_FAILED;
		break;
	default:
		log_error("Cannot %s '%s': %s", verb, path, strerror(-rc));
	}
	stage_fail(op->stage, status);
}

/* What PATH is; nothing that leads out of the room, by links or dots. */
static int
look(const struct spool_room *room, const char *path, struct stat *ret_st)
{
	int rc = 0;
	int fd = room->fd < 0
		     ? -ENOENT
		     : fsio_open_beneath(room->fd, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	if (fstat(fd, ret_st) < 0)
		rc = -errno;
	else if (S_ISDIR(ret_st->st_mode))
		rc = -EISDIR;
	(void)close(fd); /* only a place */
	return rc;
}

/* ST is what look has seen. */
static void
move(struct operate *op, const struct spool_room *room, const char *path,
    const struct stat *st, const char *why)
{
	struct stage *stage = op->stage;
	int rc;

	if (stage->options.dry_run) {
		op->moved++;
		stage_print_plan(
		    stage, words[op->operation].plan, st->st_size, path);
		return;
	}
	rc = move_directly(op, room, path, st->st_ino);
	if (rc == -ENOTSUP)
		rc = move_by_room(op, room, path, st->st_ino);
	if (rc < 0) {
		fail(op, path, rc);
		return;
	}
	op->moved++;
	report(op, path, why);
}

static bool
is_key(const struct config *config, const char *path, const char *argument)
{
	const char *of_key = keypath_of_key(config->key_prefix, argument);

	return strcmp(path, keypath_below(config->base_dir, argument)) == 0 ||
	       (of_key != NULL && strcmp(path, of_key) == 0);
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
	const struct failed_reason *reason = file->reason;
	struct operate *op = context;

	if (!is_chosen(op, file))
		return 0;
	op->files = mem_grow(op->files, op->file_count + 1, sizeof *op->files);
	op->files[op->file_count++] = (struct chosen){
	    .run = mem_copy(file->run),
	    .path = mem_copy(file->path),
	    .when = mem_copy(reason->when),
	    .why = mem_format("%s: %s", reason->code, reason->message),
	};
	return 0;
}

static int
compare_chosen(const void *a, const void *b)
{
	const struct chosen *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order != 0 ? order : strcmp(x->when, y->when);
}

static void
retry_file(struct operate *op, const struct chosen *file)
{
	struct spool_room room;
	struct stat st;
	int rc = failed_open_room(op->stage->spool, file->run, &room);

	if (rc < 0) {
		fail(op, file->path, rc);
		return;
	}
	rc = look(&room, file->path, &st);
	if (rc < 0)
		fail(op, file->path, fsio_is_nowhere(rc) ? -ENOENT : rc);
	else
		move(op, &room, file->path, &st, file->why);
	(void)close(room.fd); /* a directory */
}

/* Where several runs have failed with files of one path the oldest goes first:
 * under overwrite the last one is to be the object. */
static void
retry_chosen(struct operate *op)
{
	if (op->file_count > 0)
		qsort(op->files, op->file_count, sizeof *op->files,
		    compare_chosen);
	for (size_t i = 0; i < op->file_count; i++)
		retry_file(op, &op->files[i]);
}

static void
end(struct operate *op)
{
	for (size_t i = 0; i < op->file_count; i++) {
		free(op->files[i].run);
		free(op->files[i].path);
		free(op->files[i].when);
		free(op->files[i].why);
	}
	free(op->files);
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

	retry_chosen(&op);
	if (rc < 0) {
		log_error("Cannot look through '%s/failed': %s",
		    stage->config->spool_dir, strerror(-rc));
		stage_fail(stage, EX_IOERR);
	}
	for (size_t i = 0; rc == 0 && i < options->argument_count; i++) {
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

struct sought {
	enum operation by;
	const char *state; /* NULL: nowhere yet */
};

/* Where an earlier file of the path has gone on further, the first place is the
 * one that counts; but what is to be held may be held already. */
static int
note_place(void *context, const struct whereabouts *place)
{
	struct sought *sought = context;

	if (sought->state == NULL ||
	    (sought->by == HOLD && strcmp(place->state, "held") == 0))
		sought->state = place->state;
	return 0;
}

/* PATH isn't where it would have to be. */
static void
say_missing(struct operate *op, const char *path)
{
	struct stage *stage = op->stage;
	const char *why = "there is no such file here", *state;
	struct sought sought = {op->operation, NULL};
	int rc = whereabouts_each(stage->spool, path, note_place, &sought);

	state = sought.state != NULL ? sought.state : "";
	if (rc == 0 && op->operation == HOLD && strcmp(state, "held") == 0) {
		log_info("%s is held already", path);
		return;
	}
	if (strcmp(state, "base") == 0)
		why = "it isn't claimed yet; 's3spool scan' claims it once it "
		      "is settled";
	else if (strcmp(state, op->operation == HOLD ? "claimed" : "held") == 0)
		why = "somebody else has just moved it";
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

/* The stage's arguments, as far as they lie below FD (-1: none does). */
static void
move_named(struct operate *op, int fd)
{
	const struct options *options = &op->stage->options;
	const struct config *config = op->stage->config;
	const struct spool_room room = {fd, false};

	for (size_t i = 0; i < options->argument_count; i++) {
		const char *argument = options->arguments[i];
		const char *path = keypath_below(config->base_dir, argument);
		const char *of_key = keypath_of_key(
		    config->key_prefix, argument);
		struct stat st;
		int rc = look(&room, path, &st);

		if (fsio_is_nowhere(rc) && of_key != NULL &&
		    look(&room, of_key, &st) == 0) {
			path = of_key;
			rc = 0;
		}

		if (fsio_is_nowhere(rc))
			say_missing(op, path);
		else if (rc < 0)
			fail(op, path, rc);
		else
			move(op, &room, path, &st, NULL);
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
