/* A list of claims, read as a stream, so that millions of names need no more
 * memory than one. Whoever wrote it is trusted with nothing: a name is a path
 * below base_dir without dots, or a key of such a path, and is looked for in
 * claimed/ alone, through a descriptor of its directory that no symbolic link
 * leads to.
 *
 * A name that comes twice finds its file taken, and perhaps even deleted: what
 * was taken lately is remembered by a hash, and of the rest the spool knows
 * where it is. See named.h. */
#include "uploader/named.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "common/whereabouts.h"

enum {
	READ_BYTES = 64 * 1024,
	NAME_MAX_BYTES = 64 * 1024, /* far above any path's length */
	TOLD_MAX = 100,		    /* names that are no claims */
	LATELY = 1 << 16
};

struct named {
	struct stage *stage;
	const char *file;
	int fd;
	char separator;
	struct strbuf text; /* read, and not yet taken ... */
	size_t start;	    /* ... from here on */
	bool at_end;	    /* of the file */
	bool is_skipping;   /* an endless name */
	bool is_waiting;
	size_t faults;
	/* The directory of the last name. */
	struct strbuf directory;
	int dirfd;	 /* -1: none */
	uint64_t *taken; /* hashes of paths, by their last bits */
};

bool
named_open(struct stage *stage, const char *file, struct named **ret_named)
{
	struct named *named;
	int fd = strcmp(file, "-") == 0
		     ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
		     : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		log_error(
		    "Cannot open the list '%s': %s", file, strerror(errno));
		stage_fail(stage, EX_IOERR);
		return false;
	}
	named = mem_zero(1, sizeof *named);
	named->stage = stage;
	named->file = file;
	named->fd = fd;
	named->separator = stage->options.print == PRINT_NUL ? '\0' : '\n';
	named->dirfd = -1;
	named->taken = mem_zero(LATELY, sizeof *named->taken);
	*ret_named = named;
	return true;
}

static void
leave_directory(struct named *named)
{
	if (named->dirfd >= 0)
		(void)close(named->dirfd); /* a directory */
	named->dirfd = -1;
}

void
named_free(struct named *named)
{
	if (named == NULL)
		return;
	if (named->faults > TOLD_MAX)
		log_error("%zu more names in '%s' are no claims",
		    named->faults - TOLD_MAX, named->file);
	leave_directory(named);
	(void)close(named->fd); /* only read from */
	strbuf_done(&named->text);
	strbuf_done(&named->directory);
	free(named->taken);
	free(named);
}

int
named_fd(const struct named *named)
{
	return named->fd;
}

bool
named_is_waiting(const struct named *named)
{
	return named->is_waiting;
}

/* NAME, whose file is no claim because of WHY. */
static void
refuse(struct named *named, const char *name, const char *why, int status)
{
	stage_fail(named->stage, status);
	if (named->faults++ < TOLD_MAX)
		log_error("'%s' is no claim: %s", name, why);
}

/* --- names ---------------------------------------------------------------- */

/* Reads more of the list: 0, -EAGAIN: that isn't there yet, and MAY_WAIT is
 * false; or another negative errno. */
static int
read_more(struct named *named, bool may_wait)
{
	struct pollfd ready = {.fd = named->fd, .events = POLLIN};
	size_t left = named->text.length - named->start;
	char *end;
	ssize_t n;
	int rc;

	do
		rc = poll(&ready, 1, may_wait ? -1 : 0);
	while (rc < 0 && errno == EINTR);
	if (rc <= 0)
		return rc < 0 ? -errno : -EAGAIN;
	if (named->start > 0) {
		memmove(named->text.data, named->text.data + named->start,
		    left + 1);
		named->text.length = left;
		named->start = 0;
	}
	end = strbuf_reserve(&named->text, READ_BYTES);
	do
		n = read(named->fd, end, READ_BYTES);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	named->at_end = n == 0;
	named->text.length += (size_t)n;
	end[n] = '\0';
	return 0;
}

/* Of what was read the next name, as far as it is whole; NULL: it isn't. */
static char *
cut_name(struct named *named, size_t *ret_length)
{
	size_t left = named->text.length - named->start;
	char *name, *end;

	if (left == 0)
		return NULL;
	name = named->text.data + named->start;
	end = memchr(name, named->separator, left);
	if (end == NULL && !named->at_end)
		return NULL;
	*ret_length = end != NULL ? (size_t)(end - name) : left;
	name[*ret_length] = '\0';
	named->start += *ret_length + (end != NULL);
	return name;
}

/* Drops the beginning of a name that no path can have. */
static void
skip_endless(struct named *named)
{
	if (!named->is_skipping)
		refuse(named, "...",
		    named->separator == '\0'
			? "a name of more than 64 KiB; with -0 names end with "
			  "NUL bytes"
			: "a name of more than 64 KiB; without -0 names end "
			  "with newlines",
		    STAGE_SOME_FAILED);
	named->is_skipping = true;
	named->start = named->text.length;
}

/* The next name, valid until the next call: 1, 0 at the end, -EAGAIN as for
 * read_more, or another negative errno. */
static int
next_name(struct named *named, bool may_wait, const char **ret_name)
{
	for (;;) {
		size_t length = 0;
		char *name = cut_name(named, &length);
		int rc;

		if (name != NULL && named->is_skipping) {
			named->is_skipping = false;
		} else if (name != NULL && strlen(name) < length) {
			refuse(named, name,
			    "a NUL byte follows in its line; is the list one "
			    "for -0?",
			    STAGE_SOME_FAILED);
		} else if (name != NULL && length > 0) {
			*ret_name = name;
			return 1;
		} else if (name == NULL && named->at_end) {
			return 0;
		} else if (name == NULL) {
			if (named->text.length - named->start > NAME_MAX_BYTES)
				skip_endless(named);
			rc = read_more(named, may_wait);
			if (rc < 0)
				return rc;
		}
	}
}

/* The path that NAME is, or whose key it is. */
static const char *
path_of(const struct config *config, const char *name)
{
	size_t prefix = strlen(config->key_prefix);
	size_t base = strlen(config->base_dir);

	if (prefix > 0 && strncmp(name, config->key_prefix, prefix) == 0)
		return name + prefix;
	/* Nor is what lies elsewhere a path here without its slash. */
	if (name[0] == '/' &&
	    (strncmp(name, config->base_dir, base) != 0 || name[base] != '/'))
		return name;
	return keypath_below(config->base_dir, name);
}

/* Whether PATH has no component that is empty, "." or "..". */
static bool
is_plain(const char *path)
{
	for (;;) {
		size_t length = strcspn(path, "/");

		if (length == 0 || (length == 1 && path[0] == '.') ||
		    (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[length] == '\0')
			return true;
		path += length + 1;
	}
}

/* --- files ---------------------------------------------------------------- */

/* Opens the directory that PATH, NAME being its last component, is in. */
static int
enter_directory(struct named *named, const char *path, const char *name)
{
	const struct spool *spool = named->stage->spool;
	size_t length = (size_t)(name - path);
	int fd;

	if (named->dirfd >= 0 && named->directory.length == length &&
	    strncmp(strbuf_text(&named->directory), path, length) == 0)
		return 0;
	leave_directory(named);
	strbuf_reset(&named->directory);
	strbuf_add(&named->directory, path, length);
	if (spool->claimed_fd < 0)
		return -ENOENT; /* there is no spool yet */
	fd = fsio_open_beneath(spool->claimed_fd,
	    length > 0 ? strbuf_text(&named->directory) : ".",
	    O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	named->dirfd = fd;
	return 0;
}

/* Looks PATH up in claimed/. */
static int
find(struct named *named, const char *path, struct spool_name *ret_from,
    struct stat *ret_st)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	/* A directory that stays open may have been pruned and made anew. */
	for (int i = 0; i < 2; i++) {
		bool was_open = named->dirfd >= 0;
		int rc = enter_directory(named, path, name);

		if (rc < 0)
			return rc;
		*ret_from = (struct spool_name){
		    .dirfd = named->dirfd, .name = name};
		if (fstatat(named->dirfd, name, ret_st, AT_SYMLINK_NOFOLLOW) ==
		    0) {
			ret_from->inode = ret_st->st_ino;
			return 0;
		}
		if (errno != ENOENT || !was_open)
			return -errno;
		leave_directory(named);
	}
	return -ENOENT;
}

/* Where a path is that isn't in claimed/. */
struct place {
	const struct spool *spool;
	const char *state; /* the last one found, as whereabouts_each says */
	bool is_dead;	   /* uploading: by a run that has died */
};

static int
note_place(void *context, const struct whereabouts *place)
{
	static const char *const states[] = {
	    "base", "claimed", "held", "uploading", "failed", "confirmed"};
	struct place *found = context;
	int dead = 0;

	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(states[i], place->state) == 0)
			found->state = states[i];
	if (strcmp(found->state, "uploading") == 0)
		dead = run_is_dead(found->spool, place->run);
	found->is_dead = dead > 0;
	return dead < 0 ? dead : 0;
}

static bool
was_taken(const struct named *named, const char *path)
{
	uint64_t hash = pathset_hash(path);

	return named->taken[hash % LATELY] == hash;
}

static void
note_taken(struct named *named, const char *path)
{
	uint64_t hash = pathset_hash(path);

	named->taken[hash % LATELY] = hash;
}

/* PATH isn't in claimed/. Somebody who takes it first, us included, is no
 * fault of the list's. */
static void
say_missing(struct named *named, const char *path)
{
	struct place place = {.spool = named->stage->spool, .state = ""};
	int rc;

	if (was_taken(named, path))
		return;
	rc = whereabouts_each(place.spool, path, note_place, &place);
	if (rc < 0)
		refuse(named, path, strerror(-rc), EX_IOERR);
	else if (strcmp(place.state, "uploading") == 0 && place.is_dead)
		refuse(named, path,
		    "a run that has died had it; an upload without "
		    "--files-from takes it up",
		    EX_TEMPFAIL);
	else if (strcmp(place.state, "uploading") == 0 ||
		 strcmp(place.state, "confirmed") == 0 ||
		 strcmp(place.state, "claimed") == 0)
		log_debug("%s isn't taken: it is under way, or stored", path);
	else if (strcmp(place.state, "base") == 0)
		refuse(named, path,
		    "it is in base_dir still; 's3spool scan' claims it once it "
		    "is settled",
		    STAGE_SOME_FAILED);
	else if (strcmp(place.state, "held") == 0)
		refuse(named, path,
		    "it is held, and isn't sent before 's3spool release'",
		    STAGE_SOME_FAILED);
	else if (strcmp(place.state, "failed") == 0)
		refuse(named, path,
		    "it is in failed/, and isn't sent before 's3spool retry'",
		    STAGE_SOME_FAILED);
	else
		refuse(named, path, "there is no such file in claimed/",
		    STAGE_SOME_FAILED);
}

/* The claim that NAME names: 1 and *ret_path, *ret_from; 0: there is none, as
 * was said; or a negative errno. */
static int
resolve(struct named *named, const char *name, const char **ret_path,
    struct spool_name *ret_from)
{
	const char *path = path_of(named->stage->config, name);
	struct stat st;
	char *why;
	int rc;

	if (!is_plain(path)) {
		refuse(named, name, "it is no path below base_dir",
		    STAGE_SOME_FAILED);
		return 0;
	}
	rc = find(named, path, ret_from, &st);
	*ret_path = path;
	if (rc == 0 && S_ISREG(st.st_mode))
		return 1;
	if (rc == 0) {
		why = mem_format("it is %s", fsio_kind(st.st_mode));
		refuse(named, path, why, STAGE_SOME_FAILED);
		free(why);
	} else if (rc == -ENOENT || rc == -ENOTDIR || rc == -ENAMETOOLONG) {
		say_missing(named, path);
	} else if (rc == -ELOOP) {
		refuse(named, path, "a symbolic link leads to it",
		    STAGE_SOME_FAILED);
	} else if (rc == -EACCES) {
		refuse(named, path, strerror(-rc), EX_IOERR);
	} else {
		return rc;
	}
	return 0;
}

/* Takes FROM: 1 taken, 0 not, or a negative errno. */
static int
take(struct named *named, const struct spool_name *from, const char *path,
    const struct run *run, const struct pick_gate *gate,
    struct pick_claim *claim)
{
	int rc;

	strbuf_reset(&claim->path);
	strbuf_puts(&claim->path, path);
	strbuf_reset(&claim->receipt);
	claim->was_dead = claim->is_confirmed = false;
	claim->inode = from->inode;
	claim->is_regular = true;
	rc = pick_take(named->stage->spool, gate, from, run, claim);
	switch (-rc) {
	case 0:
		note_taken(named, path);
		return 1;
	case ENOENT:
		say_missing(named, path);
		return 0;
	case EEXIST:
	case EISDIR:
	case ENOTDIR:
	case EAGAIN:
		log_warning("%s stays queued: an earlier file of its path or "
			    "key is under way",
		    path);
		stage_fail(named->stage, EX_TEMPFAIL);
		return 0;
	case EACCES:
	case EPERM:
		log_error("Cannot take '%s' from claimed/: %s; give it, and "
			  "the directory it is in, to the user who runs "
			  "s3spool",
		    path, strerror(-rc));
		stage_fail(named->stage, EX_IOERR);
		return 0;
	default:
		return rc;
	}
}

/* The list can't be read on: what it has named so far goes on. */
static int
fail_reading(struct named *named, int error)
{
	log_error(
	    "Cannot read the list '%s': %s", named->file, strerror(-error));
	stage_fail(named->stage, EX_IOERR);
	named->at_end = true;
	named->start = named->text.length;
	return 0;
}

int
named_wait(struct named *named)
{
	int rc = 0;

	while (rc == 0 && !named->at_end && named->start == named->text.length)
		rc = read_more(named, true);
	if (rc < 0)
		return fail_reading(named, rc);
	return named->start < named->text.length;
}

int
named_next(struct named *named, const struct run *run, struct pathset *left,
    const struct pick_gate *gate, struct pick_claim *claim)
{
	for (;;) {
		const char *name, *path;
		struct spool_name from;
		int rc = next_name(named, false, &name);

		named->is_waiting = rc == -EAGAIN;
		if (rc <= 0)
			return rc == 0 || rc == -EAGAIN
				   ? 0
				   : fail_reading(named, rc);
		rc = resolve(named, name, &path, &from);
		if (rc == 1 && pathset_has(left, path))
			continue; /* given back in this run */
		if (rc == 1)
			rc = take(named, &from, path, run, gate, claim);
		if (rc != 0)
			return rc;
	}
}

int
named_each(struct named *named,
    void (*visit)(void *context, int dirfd, const char *path), void *context)
{
	for (;;) {
		const char *name, *path;
		struct spool_name from;
		int rc = next_name(named, true, &name);

		if (rc <= 0)
			return rc == 0 ? 0 : fail_reading(named, rc);
		rc = resolve(named, name, &path, &from);
		if (rc < 0)
			return rc;
		if (rc == 1)
			visit(context, named->stage->spool->claimed_fd, path);
	}
}
