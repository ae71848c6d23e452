/* Taking over from dead runs.
 *
 * A run that was killed leaves files in uploading/<run>/ (no more than it had
 * taken ahead, in flight, or waiting for receipts). Whose lock can be had is
 * dead; the lock is held while its files are taken, so that one heir comes at a
 * time and the reaper waits. Some of them may have been stored already, with a
 * receipt on disk, and only not moved on: these are matched by inode, size and
 * modification time, and moved on where they are, in the dead run's name, so
 * that nothing is sent or recorded twice. Only where that run's confirmed/
 * still holds an earlier file of the path, the line is handed over with the
 * file. */
#include "uploader/heir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "common/receipt.h"

struct legacy {
	char *path;
	ino_t inode;
	char *receipt; /* NULL: not stored, as far as is known */
};

struct heir {
	struct spool *spool;
	char **runs;
	size_t run_count, run_next;
	/* The run at hand. */
	int lock_fd; /* -1: its file is gone, so nobody can live in it */
	int room_fd;
	struct legacy *files;
	size_t count, next;
};

int
heir_new(struct spool *spool, struct heir **ret_heir)
{
	struct heir *heir = mem_zero(1, sizeof *heir);
	struct dirent *entry;
	struct fsio_dir *dir;
	int rc;

	heir->spool = spool;
	heir->lock_fd = heir->room_fd = -1;
	rc = fsio_open_dir(spool->uploading_fd, "", &dir);
	if (rc < 0)
		goto out;
	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		heir->runs = mem_grow(
		    heir->runs, heir->run_count + 1, sizeof *heir->runs);
		heir->runs[heir->run_count++] = mem_copy(entry->d_name);
	}
	fsio_close_dir(dir);
out:
	if (rc < 0)
		heir_free(heir);
	else
		*ret_heir = heir;
	return rc;
}

bool
heir_is_empty(const struct heir *heir)
{
	return heir->run_count == 0;
}

static void
leave_run(struct heir *heir)
{
	for (size_t i = 0; i < heir->count; i++) {
		free(heir->files[i].path);
		free(heir->files[i].receipt);
	}
	free(heir->files);
	heir->files = NULL;
	heir->count = heir->next = 0;
	if (heir->room_fd >= 0)
		(void)close(heir->room_fd); /* a directory */
	if (heir->lock_fd >= 0)
		(void)close(heir->lock_fd); /* a lock */
	heir->room_fd = heir->lock_fd = -1;
}

void
heir_free(struct heir *heir)
{
	if (heir == NULL)
		return;
	leave_run(heir);
	for (size_t i = 0; i < heir->run_count; i++)
		free(heir->runs[i]);
	free(heir->runs);
	free(heir);
}

static int
add_file(void *context, const char *path, const struct dirent *entry)
{
	struct heir *heir = context;
	struct stat st;

	(void)entry; /* its inode is a made-up one on FUSE, and on some
		      * overlays: no receipt would match */
	if (fstatat(heir->room_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	heir->files = mem_grow(
	    heir->files, heir->count + 1, sizeof *heir->files);
	heir->files[heir->count++] = (struct legacy){
	    mem_copy(path), st.st_ino, NULL};
	return 0;
}

static bool
matches(const struct heir *heir, const struct legacy *file,
    const struct receipt *receipt)
{
	struct stat st;

	return receipt->inode == file->inode &&
	       strcmp(strbuf_text(&receipt->path), file->path) == 0 &&
	       fstatat(heir->room_fd, file->path, &st, AT_SYMLINK_NOFOLLOW) ==
		   0 &&
	       S_ISREG(st.st_mode) && st.st_ino == receipt->inode &&
	       st.st_size == receipt->size &&
	       clock_from_timespec(&st.st_mtim) == receipt->mtime_ns;
}

/* Finds the lines that speak for the files at hand. */
static int
match_receipts(struct heir *heir, const char *run)
{
	struct receipt_reader reader;
	struct receipt receipt = {0};
	char *file = mem_format("%s.tsv", run);
	int fd = fsio_open_beneath(heir->spool->runs_fd, file, O_RDONLY);
	int rc;

	free(file);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = receipt_reader_open(&reader, fd);
	if (rc < 0)
		return rc;
	while ((rc = receipt_reader_next(&reader, &receipt)) > 0)
		for (size_t i = 0; i < heir->count; i++) {
			struct legacy *legacy = &heir->files[i];

			if (!matches(heir, legacy, &receipt))
				continue;
			free(legacy->receipt);
			legacy->receipt = mem_copy_n(
			    reader.line, reader.length + 1);
		}
	receipt_done(&receipt);
	receipt_reader_done(&reader);
	/* It may have died between writing the last ones and syncing them. */
	if (rc == 0 && heir->lock_fd >= 0 && fdatasync(heir->lock_fd) < 0)
		rc = -errno;
	return rc;
}

/* Takes on the next dead run: 1, or 0 when there is none. */
static int
next_run(struct heir *heir)
{
	while (heir->run_next < heir->run_count) {
		const char *run = heir->runs[heir->run_next++];
		int rc;

		leave_run(heir);
		rc = run_lock_dead(heir->spool, run, &heir->lock_fd);
		if (rc == -EAGAIN)
			continue; /* it lives, or has another heir */
		if (rc < 0)
			return rc;
		heir->room_fd = fsio_open_beneath(
		    heir->spool->uploading_fd, run, O_RDONLY | O_DIRECTORY);
		if (heir->room_fd == -ENOENT)
			continue;
		if (heir->room_fd < 0)
			return heir->room_fd;
		rc = fsio_walk(heir->room_fd, add_file, heir);
		if (rc == 0 && heir->count > 0)
			rc = match_receipts(heir, run);
		if (rc < 0)
			return rc;
		if (heir->count > 0)
			return 1;
	}
	leave_run(heir);
	return 0;
}

/* What the dead run would have done next: its receipt is durable. */
static int
confirm(struct heir *heir, const struct legacy *file)
{
	const struct spool_room uploading = {heir->room_fd, true};
	struct spool_room confirmed = {-1, true};
	int rc = run_confirmed_room(
	    heir->spool, heir->runs[heir->run_next - 1], &confirmed);

	if (rc < 0)
		return rc;
	rc = spool_confirm(
	    heir->spool, &uploading, &confirmed, file->path, file->inode);
	(void)close(confirmed.fd); /* a directory */
	return rc;
}

static void
hand_over(const struct legacy *file, struct pick_claim *claim)
{
	claim->inode = file->inode;
	strbuf_reset(&claim->receipt);
	if (file->receipt != NULL)
		strbuf_puts(&claim->receipt, file->receipt);
}

int
heir_next(struct heir *heir, const struct run *run, struct pathset *left,
    const struct pick_gate *gate, struct pick_claim *claim)
{
	for (;;) {
		struct legacy *file;
		int rc;

		if (heir->next == heir->count) {
			rc = next_run(heir);
			if (rc <= 0)
				return rc;
		}
		file = &heir->files[heir->next++];
		if (pathset_has(left, file->path))
			continue;
		const struct spool_name from = {
		    heir->room_fd, file->path, file->inode};

		rc = -EEXIST;
		strbuf_reset(&claim->path);
		strbuf_puts(&claim->path, file->path);
		claim->was_dead = true;
		claim->is_regular = false; /* by hearsay */
		claim->is_confirmed = false;
		claim->key_hash = -1;
		if (file->receipt != NULL && heir->lock_fd >= 0)
			rc = confirm(heir, file);
		if (rc == 0)
			claim->is_confirmed = true;
		else
			rc = pick_take(heir->spool, gate, &from, run, claim);
		if (rc == -ENOENT || rc == -EEXIST || rc == -EISDIR ||
		    rc == -ENOTDIR || rc == -EAGAIN)
			continue; /* gone, or we hold a file of this path, or
				   * somebody is about its key */
		if (rc < 0)
			return rc;
		hand_over(file, claim);
		return 1;
	}
}
