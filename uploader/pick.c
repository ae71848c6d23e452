/* Choosing among claims that other processes choose among, too.
 *
 * A pass lists the directories of claimed/ and goes through them oldest hour
 * first, or newest. Inside one it reads a batch of names, from a random offset
 * where there are many, and takes them by rename one at a time, as there is use
 * for them now or soon: so others share. Two renames in a row lost to others
 * mean that somebody works at the same place: it jumps on. (In order, 8
 * processes wasted 62 % of their renames; so, 0.2 %.) Another pass follows one
 * in which it lost a name, as it may have left others behind. */
#include "uploader/pick.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pruning.h"
#include "uploader/chance.h"
#include "uploader/heir.h"
#include "uploader/named.h"
#include "uploader/pathset.h"

enum {
	BATCH_NAMES = 1024,
	LOST_MAX = 2,  /* in a row, before it jumps on */
	PASSES_MAX = 3 /* without a file, before transfers go on */
};

struct name {
	size_t offset; /* in the batch's text */
	ino_t inode;
	unsigned char type;
};

/* A directory in claimed/. An hour's is expected to hold files alone, so it
 * isn't read before it is its turn. */
struct dir {
	char *path;
	bool is_known; /* its subdirectories are in the list, too */
};

struct bar {
	char *path;
	int error; /* a negative errno */
};

struct pick {
	struct spool *spool;
	int64_t after_ns; /* prune_after */
	struct pick_gate gate;
	struct named *named; /* instead of all the rest; or NULL */
	bool newest_first;
	int64_t relist_ns; /* then */
	struct heir *heir; /* of dead runs; NULL: asked in this pass */
	struct pathset left;
	struct pathset barred; /* what may not be read or taken */
	struct bar *unsaid;    /* of these; for pick_report */
	size_t unsaid_count;
	/* The pass: directories in claimed/, and which is next. */
	struct dir *dirs;
	size_t dir_count, dir_next;
	bool in_pass;
	int64_t pass_began_ns; /* where relist_ns counts */
	bool took;	       /* in this pass something */
	bool missed; /* in this pass a name was lost to somebody else */
	/* The directory at hand: its path and descriptor. */
	const char *dir_path;
	struct fsio_dir *dir;
	bool dir_known;
	bool dir_emptied;	 /* every name that was read has been taken */
	int64_t dir_changed_ns;	 /* before we took any */
	size_t to_skip, to_read; /* names, on this way through it and the
				    next: they are read in a circle */
	bool wrapped;
	/* The batch. */
	struct strbuf text;
	struct name *names;
	size_t count, next, lost;
	struct strbuf path;
};

struct pick *
pick_new(struct spool *spool, int64_t after_ns)
{
	struct pick *pick = mem_zero(1, sizeof *pick);

	pick->spool = spool;
	pick->after_ns = after_ns;
	pick->names = mem_zero(BATCH_NAMES, sizeof *pick->names);
	pathset_init(&pick->left);
	pathset_init(&pick->barred);
	return pick;
}

static void
close_dir(struct pick *pick)
{
	if (pick->dir != NULL)
		fsio_close_dir(pick->dir);
	pick->dir = NULL;
	pick->count = pick->next = pick->lost = 0;
}

static void
end_pass(struct pick *pick)
{
	close_dir(pick);
	for (size_t i = 0; i < pick->dir_count; i++)
		free(pick->dirs[i].path);
	free(pick->dirs);
	pick->dirs = NULL;
	pick->dir_count = pick->dir_next = 0;
	heir_free(pick->heir);
	pick->heir = NULL;
	pick->in_pass = false;
}

void
pick_free(struct pick *pick)
{
	if (pick == NULL)
		return;
	end_pass(pick);
	pick_report(pick);
	pathset_done(&pick->left);
	pathset_done(&pick->barred);
	strbuf_done(&pick->text);
	strbuf_done(&pick->path);
	free(pick->names);
	free(pick);
}

void
pick_set_gate(struct pick *pick, const struct pick_gate *gate)
{
	pick->gate = *gate;
}

void
pick_set_newest(struct pick *pick, int64_t relist_ns)
{
	pick->newest_first = true;
	pick->relist_ns = relist_ns;
}

void
pick_set_list(struct pick *pick, struct named *named)
{
	pick->named = named;
}

int
pick_take(struct spool *spool, const struct pick_gate *gate,
    const struct spool_name *from, const struct run *run,
    struct pick_claim *claim)
{
	const char *path = strbuf_text(&claim->path);
	int rc = 0;

	claim->key_hash = -1;
	if (gate->enter != NULL)
		rc = gate->enter(
		    gate->context, path, claim->was_dead, &claim->key_hash);
	if (rc < 0)
		return rc;
	rc = spool_take(spool, from, &run->uploading, path);
	if (rc < 0 && gate->enter != NULL)
		gate->leave(gate->context, claim->key_hash);
	return rc;
}

void
pick_begin_anew(struct pick *pick)
{
	end_pass(pick);
}

void
pick_leave(struct pick *pick, const char *path)
{
	pathset_add(&pick->left, path);
}

size_t
pick_left(struct pick *pick)
{
	return pathset_count(&pick->left);
}

size_t
pick_barred(struct pick *pick)
{
	return pathset_count(&pick->barred);
}

/* PATH, which a script made as somebody else, may not be read or renamed: that
 * must not hold up all the others. */
static void
bar(struct pick *pick, const char *path, int error)
{
	if (pathset_has(&pick->barred, path))
		return;
	pathset_add(&pick->barred, path);
	pick->unsaid = mem_grow(
	    pick->unsaid, pick->unsaid_count + 1, sizeof *pick->unsaid);
	pick->unsaid[pick->unsaid_count++] = (struct bar){
	    mem_copy(path), error};
}

void
pick_report(struct pick *pick)
{
	for (size_t i = 0; i < pick->unsaid_count; i++) {
		const struct bar *bar = &pick->unsaid[i];

		log_about(LOG_ERROR, LOG_PATH(bar->path),
		    "Cannot take '%s' from claimed/: %s; give it, and the "
		    "directory it is in, to the user who runs s3spool",
		    bar->path, strerror(-bar->error));
		free(bar->path);
	}
	free(pick->unsaid);
	pick->unsaid = NULL;
	pick->unsaid_count = 0;
}

static void
add_dir(struct pick *pick, const char *path, bool is_known)
{
	if ((pick->dir_count & (pick->dir_count - 1)) == 0)
		pick->dirs = mem_grow(pick->dirs,
		    pick->dir_count > 0 ? pick->dir_count * 2 : 1,
		    sizeof *pick->dirs);
	pick->dirs[pick->dir_count++] = (struct dir){mem_copy(path), is_known};
}

static int list_dirs(struct pick *pick, struct strbuf *path);

/* PATH may be a directory. */
static int
list_dir(struct pick *pick, struct strbuf *path, unsigned char type)
{
	if (type != DT_DIR || !keypath_is_hour(strbuf_text(path)))
		return list_dirs(pick, path);
	add_dir(pick, strbuf_text(path), false);
	return 0;
}

/* Adds PATH and the directories below it that hold anything but
 * directories. */
static int
list_dirs(struct pick *pick, struct strbuf *path)
{
	size_t length = path->length;
	bool holds_files = false;
	struct dirent *entry;
	struct fsio_dir *dir;
	int rc;

	rc = fsio_open_dir(pick->spool->claimed_fd, strbuf_text(path), &dir);
	if (rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP)
		return 0; /* pruned meanwhile, or no directory */
	if (rc == -EACCES && path->length > 0) {
		bar(pick, strbuf_text(path), rc);
		return 0;
	}
	if (rc < 0)
		return rc;
	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		if (entry->d_type != DT_DIR) {
			holds_files = true;
			if (entry->d_type != DT_UNKNOWN)
				continue;
		}
		if (length > 0)
			strbuf_putc(path, '/');
		strbuf_puts(path, entry->d_name);
		rc = list_dir(pick, path, entry->d_type);
		strbuf_truncate(path, length);
		if (rc < 0)
			break;
	}
	fsio_close_dir(dir);
	if (rc == 0 && holds_files)
		add_dir(pick, strbuf_text(path), true);
	return rc;
}

static int
compare_dirs(const void *a, const void *b)
{
	const struct dir *x = a, *y = b;

	return keypath_compare(x->path, y->path);
}

static int
compare_dirs_newest(const void *a, const void *b)
{
	return compare_dirs(b, a);
}

static int
begin_pass(struct pick *pick)
{
	int rc;

	strbuf_reset(&pick->path);
	rc = list_dirs(pick, &pick->path);
	if (rc < 0)
		return rc;
	if (pick->dir_count > 0)
		qsort(pick->dirs, pick->dir_count, sizeof *pick->dirs,
		    pick->newest_first ? compare_dirs_newest : compare_dirs);
	if (pick->newest_first)
		pick->pass_began_ns = clock_monotonic_ns();
	rc = heir_new(pick->spool, &pick->heir);
	pick->in_pass = rc == 0;
	pick->missed = pick->took = false;
	return rc;
}

/* A directory, perhaps, in one in which only files were expected: its turn is
 * after the others. */
static int
list_unexpected(struct pick *pick, const struct dirent *entry)
{
	struct strbuf path = {0};
	int rc;

	if (pick->dir_known)
		return 0;
	strbuf_printf(&path, "%s/%s", pick->dir_path, entry->d_name);
	rc = list_dirs(pick, &path);
	strbuf_done(&path);
	return rc;
}

/* Reads up to a batch of names from where the directory's stream stands.
 * Returns 1 when it is at its end, 0 when not, or a negative errno. */
static int
read_names(struct pick *pick)
{
	struct dirent *entry;
	int rc;

	strbuf_reset(&pick->text);
	pick->count = pick->next = pick->lost = 0;
	while (pick->count < BATCH_NAMES) {
		if (pick->wrapped && pick->to_read == 0)
			return 1;
		rc = fsio_read_dir(pick->dir, &entry);
		if (rc <= 0)
			return rc < 0 ? rc : 1;
		if (pick->wrapped)
			pick->to_read--;
		if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) {
			pick->dir_emptied = false;
			rc = list_unexpected(pick, entry);
			if (rc < 0)
				return rc;
		}
		if (entry->d_type == DT_DIR)
			continue;
		pick->names[pick->count++] = (struct name){
		    pick->text.length, entry->d_ino, entry->d_type};
		strbuf_add(
		    &pick->text, entry->d_name, strlen(entry->d_name) + 1);
	}
	return 0;
}

/* Moves on by COUNT names; false at the end of the directory. */
static bool
skip_names(struct pick *pick, size_t count)
{
	struct dirent *entry;

	for (; count > 0; count--)
		if (fsio_read_dir(pick->dir, &entry) <= 0)
			return false;
	return true;
}

/* Rotates the batch by a random offset, so that processes that read the same
 * few names begin at different ones. */
static void
rotate(struct pick *pick)
{
	size_t shift = chance_below(pick->count);
	struct name *copy;

	if (shift == 0)
		return;
	copy = mem_zero(pick->count, sizeof *copy);
	for (size_t i = 0; i < pick->count; i++)
		copy[i] = pick->names[(i + shift) % pick->count];
	memcpy(pick->names, copy, pick->count * sizeof *copy);
	free(copy);
}

/* The first batch of a directory: all of it, begun anywhere, when it fits;
 * else a circle through it from a random name. */
static int
first_batch(struct pick *pick)
{
	size_t total = BATCH_NAMES, start;
	int rc;

	pick->wrapped = false;
	rc = read_names(pick);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		rotate(pick);
		pick->wrapped = true;
		pick->to_read = 0;
		return 0;
	}
	while (skip_names(pick, 1))
		total++;
	start = chance_below(total);
	rc = fsio_rewind_dir(pick->dir);
	if (rc < 0)
		return rc;
	(void)skip_names(pick, start); /* at its end the circle closes */
	pick->to_skip = start;
	rc = read_names(pick);
	return rc < 0 ? rc : 0;
}

/* The next batch of the directory at hand: 1, or 0 when it is through. */
static int
next_batch(struct pick *pick)
{
	int rc;

	if (pick->lost >= LOST_MAX) {
		/* Somebody works here: leave him a stretch of it. */
		size_t stretch = chance_below((size_t)4 * BATCH_NAMES);

		if (pick->wrapped)
			stretch = stretch < pick->to_read ? stretch
							  : pick->to_read;
		if (pick->wrapped)
			pick->to_read -= stretch;
		(void)skip_names(pick, stretch); /* its end is seen below */
	}
	for (;;) {
		if (pick->wrapped && pick->to_read == 0)
			return 0;
		rc = read_names(pick);
		if (rc < 0)
			return rc;
		if (pick->count > 0)
			return 1;
		if (pick->wrapped)
			return 0;
		rc = fsio_rewind_dir(pick->dir);
		if (rc < 0)
			return rc;
		pick->wrapped = true;
		pick->to_read = pick->to_skip;
	}
}

/* Opens DIR, which is to be the one at hand. */
static int
open_dir(struct pick *pick, const struct dir *dir)
{
	struct stat st;
	int rc;

	rc = fsio_open_dir(pick->spool->claimed_fd, dir->path, &pick->dir);
	if (rc == -EACCES)
		bar(pick, dir->path, rc);
	/* Or it was pruned meanwhile, or is no directory. */
	if (rc < 0)
		return rc == -EACCES || rc == -ENOTDIR || rc == -ELOOP ? -ENOENT
								       : rc;
	pick->dir_path = dir->path;
	pick->dir_known = dir->is_known;
	pick->dir_emptied = true;
	pick->dir_changed_ns = INT64_MAX;
	if (pick->after_ns > 0 && fstat(fsio_dir_fd(pick->dir), &st) == 0)
		pick->dir_changed_ns = clock_from_timespec(&st.st_mtim);
	return first_batch(pick);
}

/* Opens the next directory of the pass: 1, or 0 when there is none. */
static int
next_dir(struct pick *pick)
{
	int rc;

	close_dir(pick);
	while (pick->dir_next < pick->dir_count) {
		/* A copy: the list grows. */
		const struct dir dir = pick->dirs[pick->dir_next++];

		rc = open_dir(pick, &dir);
		if (rc != -ENOENT)
			return rc < 0 ? rc : 1;
	}
	return 0;
}

/* Every name in the directory at hand has been taken. Whatever is in the way
 * of removing it, it stays. */
static void
remove_emptied(struct pick *pick, const struct run *run)
{
	if (pick->dir_emptied && *pick->dir_path != '\0' &&
	    pruning_is_due(pick->after_ns, pick->dir_path, pick->dir_changed_ns,
		clock_fs_now_ns(&run->fs_clock)))
		(void)unlinkat(
		    pick->spool->claimed_fd, pick->dir_path, AT_REMOVEDIR);
}

/* Tries to take the next name of the batch: 1 taken, 0 not. */
static int
take_name(struct pick *pick, const struct run *run, struct pick_claim *claim)
{
	const struct name *name = &pick->names[pick->next++];
	const struct spool_name from = {fsio_dir_fd(pick->dir),
	    strbuf_text(&pick->text) + name->offset, name->inode};
	int rc;

	strbuf_reset(&claim->path);
	if (*pick->dir_path != '\0') {
		strbuf_puts(&claim->path, pick->dir_path);
		strbuf_putc(&claim->path, '/');
	}
	strbuf_puts(&claim->path, from.name);
	if (pathset_has(&pick->left, strbuf_text(&claim->path))) {
		pick->dir_emptied = false;
		return 0;
	}
	claim->was_dead = claim->is_confirmed = false;
	rc = pick_take(pick->spool, &pick->gate, &from, run, claim);
	pick->dir_emptied &= rc == 0;
	if (rc == -EEXIST || rc == -EISDIR || rc == -ENOTDIR || rc == -EAGAIN)
		return 0; /* we, or others, hold an earlier file of this path */
	if (rc == -ENOENT) {
		pick->missed = true;
		pick->lost++;
		return 0;
	}
	if (rc == -EACCES || rc == -EPERM) {
		bar(pick, strbuf_text(&claim->path), rc);
		return 0;
	}
	if (rc < 0)
		return rc;
	pick->lost = 0;
	pick->took = true;
	claim->inode = name->inode;
	claim->is_regular = name->type == DT_REG;
	strbuf_reset(&claim->receipt);
	return 1;
}

/* Whether newer hours may have come: then the pass begins anew, and what is
 * left of this one is a part of that. Not before it has taken something, or
 * many directories without a file could keep it from the others. */
static bool
is_outdated(const struct pick *pick)
{
	return pick->newest_first && pick->took &&
	       clock_monotonic_ns() - pick->pass_began_ns >= pick->relist_ns;
}

/* One step: 1 taken, 0 go on, -ENODATA the pass is through. */
static int
step(struct pick *pick, const struct run *run, struct pick_claim *claim)
{
	int rc;

	if (pick->heir != NULL) {
		rc = heir_next(
		    pick->heir, run, &pick->left, &pick->gate, claim);
		if (rc != 0)
			return rc;
		heir_free(pick->heir);
		pick->heir = NULL;
		return 0;
	}
	if (pick->dir != NULL) {
		if (pick->next < pick->count && pick->lost < LOST_MAX)
			return take_name(pick, run, claim);
		if (is_outdated(pick)) {
			end_pass(pick);
			return begin_pass(pick);
		}
		rc = next_batch(pick);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		remove_emptied(pick, run);
	}
	rc = next_dir(pick);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return -ENODATA;
}

int
pick_look(struct pick *pick)
{
	int rc = 0;

	if (pick->named != NULL)
		return named_wait(pick->named);
	if (!pick->in_pass)
		rc = begin_pass(pick);
	if (rc == 0) {
		rc = 1;
		/* To the first directory that holds a file. */
		while (rc == 1 && heir_is_empty(pick->heir) &&
		       pick->next == pick->count)
			rc = next_dir(pick);
	}
	if (rc < 0)
		end_pass(pick);
	return rc;
}

int
pick_next(struct pick *pick, const struct run *run, struct pick_claim *claim)
{
	if (pick->named != NULL)
		return named_next(
		    pick->named, run, &pick->left, &pick->gate, claim);
	for (int pass = 0; pass < PASSES_MAX; pass++) {
		int rc = pick->in_pass ? 0 : begin_pass(pick);

		while (rc == 0)
			rc = step(pick, run, claim);
		if (rc == 1)
			return 1;
		end_pass(pick);
		if (rc != -ENODATA)
			return rc;
		if (!pick->missed)
			break;
	}
	return 0;
}
