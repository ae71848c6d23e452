/* One pass through the ledger for all arguments together, then a look at what
 * is left of them. A file is only read from, without a lease: what changes
 * meanwhile isn't what was stored, whichever bytes were seen. See recall.h. */
#include "reaper/recall.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "common/fsio.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/receipt.h"
#include "common/strbuf.h"
#include "common/timefmt.h"
#include "common/whereabouts.h"
#include "reaper/forget.h"
#include "reaper/ledger.h"

enum { READ_BYTES = 256 * 1024 };

/* What is to be compared of a receipt, and told. */
struct upload {
	int64_t uploaded_at_ns, size;
	uint32_t crc32c;
	char *object; /* "s3://bucket/key" */
};

struct question {
	const char *path;
	struct upload *uploads;
	size_t count;
	/* The files of this path that there still are. */
	size_t files, differing;
	struct strbuf places; /* of those */
	int error;
};

struct recall {
	struct stage *stage;
	/* Of each argument two, next to each other: as a path, and as a key. */
	struct question *questions;
	size_t count;	 /* of both */
	bool is_partial; /* a part of the record can't be read */
};

static void
on_receipt(void *context, const struct receipt_reader *reader,
    const struct receipt *receipt)
{
	struct recall *recall = context;

	(void)reader;
	for (size_t i = 0; i < recall->count; i++) {
		struct question *question = &recall->questions[i];

		if (question->path == NULL ||
		    strcmp(strbuf_text(&receipt->path), question->path) != 0)
			continue;
		question->uploads = mem_grow(question->uploads,
		    question->count + 1, sizeof *question->uploads);
		question->uploads[question->count++] = (struct upload){
		    .uploaded_at_ns = receipt->uploaded_at_ns,
		    .size = receipt->size,
		    .crc32c = receipt->crc32c,
		    .object = mem_format("s3://%s/%s",
			strbuf_text(&receipt->bucket),
			strbuf_text(&receipt->key)),
		};
	}
}

static int
compare_uploads(const void *a, const void *b)
{
	const struct upload *x = a, *y = b;

	return x->uploaded_at_ns < y->uploaded_at_ns
		   ? -1
		   : x->uploaded_at_ns > y->uploaded_at_ns;
}

static void
begin(struct recall *recall, struct stage *stage)
{
	const struct options *options = &stage->options;
	char *faulty = NULL;
	int rc;

	*recall = (struct recall){
	    .stage = stage,
	    .questions = mem_zero(
		2 * options->argument_count, sizeof *recall->questions),
	    .count = 2 * options->argument_count,
	};
	for (size_t i = 0; i < recall->count; i += 2) {
		const char *argument = options->arguments[i / 2];

		recall->questions[i].path = keypath_below(
		    stage->config->base_dir, argument);
		recall->questions[i + 1].path = keypath_of_key(
		    stage->config->key_prefix, argument);
	}
	rc = ledger_each(
	    stage->spool, INT64_MIN, INT64_MAX, on_receipt, recall, &faulty);
	for (size_t i = 0; i < recall->count; i++)
		if (recall->questions[i].count > 0)
			qsort(recall->questions[i].uploads,
			    recall->questions[i].count,
			    sizeof *recall->questions[i].uploads,
			    compare_uploads);
	if (rc == 0)
		return;
	recall->is_partial = true;
	log_error("Cannot read '%s/%s': %s; it may have what is asked for",
	    stage->config->spool_dir, faulty, strerror(-rc));
	free(faulty);
	stage_fail(stage, EX_IOERR);
}

static int
note_any(void *context, const struct whereabouts *place)
{
	(void)place;
	*(bool *)context = true;
	return 1; /* no need to look further */
}

/* Whether there is or was such a file; what can't be looked at is told by who
 * looks again. */
static bool
is_known(const struct recall *recall, const struct question *question)
{
	bool is_here = false;

	if (question->path == NULL)
		return false;
	if (question->count > 0)
		return true;
	(void)whereabouts_each(
	    recall->stage->spool, question->path, note_any, &is_here);
	return is_here;
}

/* The question that the one at I, or the other after it, asks: a key only
 * where there is no such path. */
static struct question *
choose(const struct recall *recall, size_t i)
{
	struct question *question = &recall->questions[i];

	return !is_known(recall, question) && is_known(recall, question + 1)
		   ? question + 1
		   : question;
}

static void
end(struct recall *recall)
{
	for (size_t i = 0; i < recall->count; i++) {
		struct question *question = &recall->questions[i];

		for (size_t j = 0; j < question->count; j++)
			free(question->uploads[j].object);
		free(question->uploads);
		strbuf_done(&question->places);
	}
	free(recall->questions);
}

static int
read_crc(int fd, uint32_t *ret_crc32c)
{
	unsigned char *buffer = mem_alloc(READ_BYTES);
	uint32_t crc = 0;
	off_t offset = 0;
	ssize_t n;

	while ((n = fsio_pread_all(fd, buffer, READ_BYTES, offset)) > 0) {
		crc = crc32c_update(crc, buffer, (size_t)n);
		offset += n;
	}
	free(buffer);
	if (n == 0)
		*ret_crc32c = crc;
	return (int)n;
}

/* Whether the file open at FD is one that was stored: 1, 0, or a negative
 * errno. */
static int
is_stored(const struct question *question, int fd)
{
	bool has_size = false;
	uint32_t crc32c = 0;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < question->count; i++)
		has_size |= question->uploads[i].size == st.st_size;
	if (!S_ISREG(st.st_mode) || !has_size)
		return 0;
	rc = read_crc(fd, &crc32c);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < question->count; i++)
		if (question->uploads[i].size == st.st_size &&
		    question->uploads[i].crc32c == crc32c)
			return 1;
	return 0;
}

static int
compare_file(void *context, const struct whereabouts *place)
{
	struct question *question = context;
	int fd = fsio_open_beneath(place->dirfd, question->path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	int rc;

	if (fd == -ENOENT)
		return 0; /* it has moved on */
	question->files++;
	if (question->places.length > 0)
		strbuf_puts(&question->places, ", ");
	strbuf_puts(&question->places, place->state);
	rc = fd == -ELOOP || fd == -ENXIO ? 0 : fd; /* a link, a socket */
	if (fd >= 0) {
		rc = is_stored(question, fd);
		(void)close(fd); /* only read from */
	}
	if (rc < 0)
		question->error = rc;
	else if (rc == 0)
		question->differing++;
	return 0;
}

/* It isn't in what could be read, which is the stage's failure. */
static void
answer_partial(const struct question *question)
{
	whereabouts_print(
	    "unknown", question->path, "a part of the record can't be read");
}

/* It isn't on record, which may have been shortened. */
static void
answer_missing(const struct spool *spool, const struct question *question)
{
	char day[TIMEFMT_MAX];

	if (forget_last(spool, day) == 0 && day[0] == '\0')
		whereabouts_print("no", question->path, "it isn't on record");
	else
		whereabouts_print("no", question->path,
		    "it isn't on record, which was removed until %s, as "
		    "ledger_retention says",
		    day[0] != '\0' ? day : "an unknown day");
}

static void
answer_has(const struct recall *recall, struct question *question)
{
	struct stage *stage = recall->stage;
	const struct upload *last;
	char when[TIMEFMT_MAX];
	int rc = 0;

	if (question->count == 0 && recall->is_partial) {
		answer_partial(question);
		return;
	}
	if (question->count == 0) {
		answer_missing(stage->spool, question);
		stage_fail(stage, STAGE_SOME_FAILED);
		return;
	}
	last = &question->uploads[question->count - 1];
	(void)timefmt_rfc3339(last->uploaded_at_ns, when);
	rc = whereabouts_each(
	    stage->spool, question->path, compare_file, question);
	if (rc == 0)
		rc = question->error;
	if (rc < 0) {
		log_error("Cannot compare '%s' with the record: %s",
		    question->path, strerror(-rc));
		stage_fail(stage, EX_IOERR);
	} else if (question->differing > 0 && recall->is_partial) {
		answer_partial(question);
	} else if (question->differing > 0) {
		whereabouts_print("no", question->path,
		    "the file in %s has other bytes than were stored as %s, "
		    "last %s",
		    strbuf_text(&question->places), last->object, when);
		stage_fail(stage, STAGE_SOME_FAILED);
	} else if (question->files > 0) {
		whereabouts_print("yes", question->path,
		    "stored as %s, last %s; the file in %s has the same size "
		    "and CRC",
		    last->object, when, strbuf_text(&question->places));
	} else {
		whereabouts_print("yes", question->path,
		    "stored as %s, last %s; no file is left here", last->object,
		    when);
	}
}

void
recall_has(struct stage *stage)
{
	struct recall recall;

	begin(&recall, stage);
	for (size_t i = 0; i < recall.count; i += 2)
		answer_has(&recall, choose(&recall, i));
	end(&recall);
}

static int
note_confirmed(void *context, const struct whereabouts *place)
{
	struct question *question = context;

	if (strcmp(place->state, "confirmed") != 0 || place->is_directory)
		return 0;
	question->files++;
	whereabouts_print("confirmed", question->path,
	    "it is stored, and waits for the reaper to delete it (or for "
	    "retain to be over)");
	return 0;
}

void
recall_explain(struct stage *stage)
{
	struct recall recall;

	begin(&recall, stage);
	forget_say(stage->spool, INT64_MIN);
	for (size_t i = 0; i < recall.count; i += 2) {
		struct question *question = choose(&recall, i);
		/* Without a spool there is nothing to see. */
		int rc = whereabouts_each(
		    stage->spool, question->path, note_confirmed, question);

		if (rc < 0) {
			log_error("Cannot look through '%s': %s",
			    stage->config->spool_dir, strerror(-rc));
			stage_fail(stage, EX_IOERR);
		}
		for (size_t j = 0; j < question->count; j++) {
			const struct upload *upload = &question->uploads[j];
			char when[TIMEFMT_MAX];

			whereabouts_print("stored", question->path,
			    "%s, %" PRId64 " bytes, CRC-32C %08" PRIx32 ", %s",
			    timefmt_rfc3339(upload->uploaded_at_ns, when),
			    upload->size, upload->crc32c, upload->object);
		}
		if (question->files + question->count == 0)
			stage_fail(stage, STAGE_SOME_FAILED);
	}
	end(&recall);
}
