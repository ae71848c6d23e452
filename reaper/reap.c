/* The end of a file's way.
 *
 * A file is unlinked only under a durable receipt whose inode, size,
 * modification time and CRC are the file's, in the order: take the lease, fstat
 * and compare, ask whether the lease stands, unlink. The bytes are read once
 * more because times prove little: a writer can restore the modification time
 * (rsync and tar do), our own renames set the change time, and a store through
 * a mapping changes neither on tmpfs and overlayfs. Receipts are read as a
 * stream, so a run of any length costs no memory; each line whose file is gone
 * is done.
 */
#include "reaper/reap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/closer.h"
#include "common/crc32c.h"
#include "common/crew.h"
#include "common/fsio.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/receipt.h"
#include "common/run.h"
#include "common/settle.h"
#include "common/units.h"
#include "reaper/ledger.h"

enum {
	BATCH = 256,		      /* worth several cores, as are ... */
	MANY_BYTES = 8 * 1024 * 1024, /* ... in a batch */
	TRY_EVERY = 8,		      /* batches */
	SHARES = 2,		      /* of a batch, for each thread */
	READ_BYTES = 256 * 1024,
	/* The space of a larger file is wanted back at once. */
	CLOSE_LATER_MAX = 1024 * 1024
};

void
reap_fail(
    struct reaper *reaper, const char *operation, const char *name, int error)
{
	log_about(LOG_ERROR, LOG_PATH(name), "Cannot %s '%s/%s': %s", operation,
	    reaper->stage.config->spool_dir, name, strerror(-error));
	stage_fail(&reaper->stage, EX_IOERR);
}

static void
keep(struct reaper *reaper, uint64_t inode)
{
	if (reaper->kept_count == reaper->kept_capacity) {
		reaper->kept_capacity = reaper->kept_capacity * 2 + 64;
		reaper->kept_inodes = mem_grow(reaper->kept_inodes,
		    reaper->kept_capacity, sizeof *reaper->kept_inodes);
	}
	reaper->kept_inodes[reaper->kept_count++] = inode;
	reaper->kept++;
}

enum fate {
	FATE_NONE, /* it is gone, or nothing that we have put there */
	FATE_DELETE,
	FATE_KEEP,   /* its receipt is good, but it isn't time yet */
	FATE_CHANGED /* the receipt is about other bytes */
};

/* A receipt, and what came of it. */
struct item {
	struct receipt receipt;
	enum fate fate;
	int error; /* a negative errno: nothing was found out about it */
};

/* What a thread works with. */
struct hand {
	unsigned char *buffer; /* what files are read into */
	/* The directory of the last file, as the next is mostly from there. */
	struct strbuf dir;
	int dir_fd; /* -1: none */
};

/* Receipts are dealt with a batch at a time: a few files in one thread, many in
 * as many as there are cores, and in more where these wait for a device (a disk
 * that discards what is unlinked). No two of a batch are about one path, so the
 * name that a thread has judged is the one it unlinks. */
struct reaper_batch {
	struct reaper *reaper;
	int room_fd;
	struct item items[BATCH];
	uint64_t path_hashes[BATCH]; /* theirs */
	size_t count;
	int64_t bytes;
	struct crew *crew;
	size_t cores;
	/* What the last full batches took, on average, with a hand for each
	 * core (and of that in computing) and with more, or 0. */
	int64_t few_ns, few_cpu_ns, more_ns;
	unsigned tried; /* full batches */
	struct hand hands[CREW_MAX];
	struct closer closer;
};

/* 1: the file's first bytes, as many as the receipt says, have its CRC, and,
 * where it could grow meanwhile, no others follow; 0: not so. */
static int
compare_bytes(const struct receipt *receipt, int fd, bool may_grow,
    unsigned char **buffer)
{
	int64_t limit = receipt->size + may_grow;
	int64_t offset = 0;
	uint32_t crc = 0;
	ssize_t n = 0;

	if (*buffer == NULL)
		*buffer = mem_alloc(READ_BYTES);
	for (; offset < limit; offset += n) {
		size_t length = limit - offset < READ_BYTES
				    ? (size_t)(limit - offset)
				    : READ_BYTES;

		n = fsio_pread_all(fd, *buffer, length, offset);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		crc = crc32c_update(crc, *buffer, (size_t)n);
	}
	return offset == receipt->size && crc == receipt->crc32c;
}

/* Judges the file open at FD, under the lease it takes. */
static int
judge(const struct reaper *reaper, struct item *item, int fd,
    unsigned char **buffer)
{
	const struct config *config = reaper->stage.config;
	const struct receipt *receipt = &item->receipt;
	enum lease lease;
	struct stat st;
	int error, same;

	lease = settle_take_lease(fd, config->settle_check, &error);
	if (fstat(fd, &st) < 0)
		return -errno;
	item->fate = FATE_CHANGED;
	if (!S_ISREG(st.st_mode) || st.st_ino != receipt->inode ||
	    st.st_size != receipt->size ||
	    clock_from_timespec(&st.st_mtim) != receipt->mtime_ns)
		return 0;
	item->fate = FATE_KEEP;
	if (lease == LEASE_WRITER)
		return 0;
	if (config->retain_seconds > 0 &&
	    clock_fs_now_ns(&reaper->fs_clock) -
		    clock_from_timespec(&st.st_ctim) <
		config->retain_seconds * CLOCK_NS_PER_S)
		return 0;
	same = compare_bytes(receipt, fd, lease == LEASE_NONE, buffer);
	if (same < 0)
		return same;
	if (!same)
		item->fate = FATE_CHANGED;
	else if (lease == LEASE_NONE || settle_lease_stands(fd))
		item->fate = FATE_DELETE;
	return 0;
}

static void
close_dir(struct hand *hand)
{
	if (hand->dir_fd >= 0)
		(void)close(hand->dir_fd); /* a directory */
	hand->dir_fd = -1;
}

/* Has HAND's directory be that which the first LENGTH bytes of PATH name, "" or
 * with its slash. Returns 0 or a negative errno. (The way to it leads through
 * directories that we have made.) */
static int
open_dir(const struct reaper_batch *batch, struct hand *hand, const char *path,
    size_t length)
{
	if (hand->dir_fd >= 0 && hand->dir.length == length &&
	    memcmp(strbuf_text(&hand->dir), path, length) == 0)
		return 0;
	close_dir(hand);
	strbuf_reset(&hand->dir);
	strbuf_add(&hand->dir, path, length);
	hand->dir_fd = fsio_open_beneath(batch->room_fd,
	    length > 0 ? strbuf_text(&hand->dir) : ".", O_PATH | O_DIRECTORY);
	return hand->dir_fd < 0 ? hand->dir_fd : 0;
}

/* What the receipt is about, if it is still there: judged, and deleted when
 * that is its fate. Runs in any thread. */
static void
reap_item(void *context, size_t number, size_t index)
{
	struct reaper_batch *batch = context;
	struct hand *hand = &batch->hands[number];
	struct item *item = &batch->items[index];
	const char *path = strbuf_text(&item->receipt.path);
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	int fd;

	item->fate = FATE_NONE;
	item->error = 0;
	fd = open_dir(batch, hand, path, (size_t)(name - path));
	if (fd == 0)
		fd = fsio_open_beneath(hand->dir_fd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return; /* done */
	if (fd == -ELOOP || fd == -ENXIO)
		return; /* nothing that we have put there */
	if (fd == -EAGAIN) {
		item->fate = FATE_KEEP; /* a lease: a writer */
		return;
	}
	if (fd < 0) {
		item->error = fd;
		return;
	}
	item->error = judge(batch->reaper, item, fd, &hand->buffer);
	/* Before: the file and its receipt. After: the receipt. */
	if (item->error == 0 && item->fate == FATE_DELETE &&
	    !batch->reaper->dry_run && unlinkat(hand->dir_fd, name, 0) < 0)
		item->error = -errno;
	/* That gives the lease back. */
	if (item->fate == FATE_DELETE && item->receipt.size <= CLOSE_LATER_MAX)
		closer_add(&batch->closer, fd);
	else
		(void)close(fd); /* only read from */
}

static void
report_item(struct reaper *reaper, const struct item *item)
{
	const struct receipt *receipt = &item->receipt;
	const char *path = strbuf_text(&receipt->path);

	if (item->error < 0) {
		/* Nothing was found out about it: it stays as it is. */
		keep(reaper, receipt->inode);
		reap_fail(
		    reaper, "delete the confirmed file", path, item->error);
	} else if (item->fate == FATE_KEEP) {
		keep(reaper, receipt->inode);
	} else if (item->fate == FATE_DELETE) {
		if (reaper->dry_run) {
			stage_print_plan(
			    &reaper->stage, "DELETE", receipt->size, path);
		} else {
			stage_print_key(&reaper->stage, path);
			log_debug("Deleted %s", path);
		}
		reaper->deleted++;
		reaper->deleted_bytes = units_add_sizes(
		    reaper->deleted_bytes, receipt->size);
	}
}

static void
show_progress(struct reaper *reaper)
{
	const struct progress_count count = {
	    .verb = "deleted",
	    .files = reaper->deleted,
	    .bytes = reaper->deleted_bytes,
	    .by_files = true,
	};

	if (progress_is_due(&reaper->progress))
		progress_show(&reaper->progress, &count);
}

/* As many as there are cores, where there is enough to do. Where these wait for
 * the most part, it is tried out, now and then, whether more are worth it. */
static size_t
choose_hands(struct reaper_batch *batch)
{
	bool more;

	if (batch->count < BATCH)
		return batch->bytes >= MANY_BYTES ? batch->cores : 1;
	if (batch->few_cpu_ns > batch->few_ns * (int64_t)batch->cores / 4)
		return batch->cores;
	more = batch->more_ns > 0 && batch->more_ns < batch->few_ns * 3 / 4;
	if (++batch->tried % TRY_EVERY == 0)
		more = !more;
	return more ? CREW_MAX : batch->cores;
}

static void
note_time(int64_t *average_ns, int64_t ns)
{
	*average_ns = *average_ns == 0 ? ns : (*average_ns * 7 + ns) / 8;
}

static void
reap_batch(struct reaper_batch *batch)
{
	int64_t began_ns = clock_monotonic_ns();
	int64_t began_cpu_ns = clock_cpu_ns();
	size_t hands = choose_hands(batch);

	if (batch->count == 0)
		return;
	crew_run(
	    batch->crew, &(struct crew_work){
			     .hands = hands,
			     .count = batch->count,
			     /* What is large takes its time one by one. */
			     .share = batch->bytes >= MANY_BYTES
					  ? 1
					  : batch->count / (hands * SHARES) + 1,
			     .task = reap_item,
			     .context = batch,
			 });
	if (batch->count == BATCH && hands > batch->cores) {
		note_time(&batch->more_ns, clock_monotonic_ns() - began_ns);
	} else if (batch->count == BATCH) {
		note_time(&batch->few_ns, clock_monotonic_ns() - began_ns);
		note_time(&batch->few_cpu_ns, clock_cpu_ns() - began_cpu_ns);
	}
	for (size_t i = 0; i < batch->count; i++)
		report_item(batch->reaper, &batch->items[i]);
	show_progress(batch->reaper);
	batch->count = 0;
	batch->bytes = 0;
}

/* Where the next receipt is read to. */
static struct receipt *
next_receipt(struct reaper_batch *batch)
{
	if (batch->count == BATCH)
		reap_batch(batch);
	return &batch->items[batch->count].receipt;
}

/* It has been read. */
static void
add_receipt(struct reaper_batch *batch)
{
	struct item *item = &batch->items[batch->count];
	const struct strbuf *path = &item->receipt.path;
	/* Of "", too. */
	uint64_t hash = hash_bytes(path->data, path->length);
	size_t i = 0;

	while (i < batch->count && batch->path_hashes[i] != hash)
		i++;
	if (i < batch->count) {
		struct item first;

		reap_batch(batch); /* which leaves this one where it is */
		first = batch->items[0];
		batch->items[0] = *item;
		*item = first;
		item = &batch->items[0];
	}
	batch->path_hashes[batch->count] = hash;
	batch->bytes = units_add_sizes(batch->bytes, item->receipt.size);
	batch->count++;
}

/* All receipts of one run. FD is taken over. */
static int
reap_receipts(struct reaper *reaper, const char *name, int fd, int room_fd,
    struct ledger_run *run)
{
	struct reaper_batch *batch = reaper->batch;
	struct receipt_reader reader;
	int rc;

	rc = receipt_reader_open(&reader, fd);
	if (rc < 0)
		return rc;
	batch->room_fd = room_fd;
	while ((rc = receipt_reader_next(&reader, next_receipt(batch))) > 0) {
		const struct receipt *receipt = next_receipt(batch);

		if (run->receipts++ == 0 ||
		    receipt->uploaded_at_ns > run->newest_ns)
			run->newest_ns = receipt->uploaded_at_ns;
		if (room_fd >= 0)
			add_receipt(batch);
	}
	reap_batch(batch);
	/* NFS and FUSE keep a name for what is unlinked and still open. */
	closer_flush(&batch->closer);
	for (size_t i = 0; i < CREW_MAX; i++)
		close_dir(&batch->hands[i]);
	/* A live run may be in the middle of writing a line. */
	if (rc == 0 && reader.bad_lines > 0 && run->is_dead)
		log_warning("%zu lines of '%s/runs/%s.tsv' are no whole "
			    "receipts (a crash can tear the last one); they "
			    "count as absent",
		    reader.bad_lines, reaper->stage.config->spool_dir, name);
	receipt_reader_done(&reader);
	return rc;
}

struct leftovers {
	struct reaper *reaper;
	struct spool_room room;
	size_t staying;
};

static int
compare_inodes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool
is_kept(const struct reaper *reaper, uint64_t inode)
{
	return reaper->kept_count > 0 &&
	       bsearch(&inode, reaper->kept_inodes, reaper->kept_count,
		   sizeof inode, compare_inodes) != NULL;
}

/* PATH lies in a dead run's confirmed/ and wasn't deleted. */
static int
visit_leftover(void *context, const char *path, const struct dirent *entry)
{
	struct leftovers *left = context;
	struct reaper *reaper = left->reaper;
	struct stat st;
	int rc;

	(void)entry; /* its inode is a made-up one on FUSE, and on some
		      * overlays */
	if (fstatat(left->room.fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (is_kept(reaper, st.st_ino)) {
		left->staying++;
		return 0;
	}
	rc = spool_reclaim(reaper->stage.spool, &left->room, path, st.st_ino);
	if (rc == 0) {
		reaper->queued_again++;
		log_about(LOG_WARNING, LOG_PATH(path),
		    "No receipt fits %s: it was changed after it was "
		    "stored, or its receipt is lost; queued again",
		    path);
		return 0;
	}
	left->staying++;
	if (rc != -EEXIST)
		reap_fail(reaper, "put back into claimed/", path, rc);
	return 0;
}

/* After a dead run's last line: what is left goes back, what is empty goes
 * away, and a run of which nothing is left goes into the ledger. */
static void
finish_dead_run(struct reaper *reaper, const char *name, int room_fd,
    const struct ledger_run *run)
{
	struct leftovers left = {
	    .reaper = reaper,
	    .room = {room_fd, true},
	};
	struct spool *spool = reaper->stage.spool;
	int rc = 0;

	if (reaper->kept_count > 0)
		qsort(reaper->kept_inodes, reaper->kept_count,
		    sizeof *reaper->kept_inodes, compare_inodes);
	/* As a rule nothing but directories is left. */
	if (room_fd >= 0)
		rc = fsio_remove_empty(spool->confirmed_fd, name);
	if (rc == -ENOTEMPTY) {
		rc = fsio_walk(room_fd, visit_leftover, &left);
		if (rc == 0 && left.staying == 0)
			rc = fsio_remove_empty(spool->confirmed_fd, name);
	}
	/* Receipts of files that are still in its uploading/ are needed by
	 * whoever takes them over. */
	if (rc == 0 && left.staying == 0)
		rc = fsio_remove_empty(spool->uploading_fd, name);
	if (rc == 0 && left.staying == 0 && run->has_file)
		rc = ledger_archive(spool, name, run);
	if (rc < 0 && rc != -ENOTEMPTY)
		reap_fail(reaper, "finish the run", name, rc);
}

/* Opens a run's receipts: with its lock where it is dead. *ret_fd is -1 when
 * it has none, *ret_lock_fd when it lives or nothing may be locked. */
static int
open_run(struct reaper *reaper, const char *name, struct ledger_run *run,
    int *ret_fd, int *ret_lock_fd)
{
	const struct spool *spool = reaper->stage.spool;
	char *file;
	int rc, fd;

	if (!reaper->dry_run) {
		rc = run_lock_dead(spool, name, ret_lock_fd);
		if (rc < 0 && rc != -EAGAIN)
			return rc;
		run->is_dead = rc == 0;
	}
	/* An open file description of its own for reading, since closing the
	 * locked one's duplicate would be harmless, but its offset shared. */
	file = mem_format("%s.tsv", name);
	fd = fsio_open_beneath(spool->runs_fd, file, O_RDONLY);
	free(file);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	run->has_file = fd >= 0;
	*ret_fd = fd;
	return 0;
}

static int
reap_run(void *context, const char *name)
{
	struct reaper *reaper = context;
	struct ledger_run run = {0};
	int fd = -1, lock_fd = -1, room_fd = -1;
	int rc;

	reaper->kept_count = 0;
	rc = open_run(reaper, name, &run, &fd, &lock_fd);
	if (rc == 0) {
		room_fd = fsio_open_beneath(reaper->stage.spool->confirmed_fd,
		    name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (room_fd < 0 && room_fd != -ENOENT)
			rc = room_fd;
	}
	if (rc == 0 && fd >= 0) {
		rc = reap_receipts(reaper, name, fd, room_fd, &run);
		fd = -1;
	}
	if (rc == 0 && run.is_dead)
		finish_dead_run(reaper, name, room_fd, &run);
	if (rc < 0)
		reap_fail(reaper, "reap the run", name, rc);
	if (fd >= 0)
		(void)close(fd); /* only read from */
	if (room_fd >= 0)
		(void)close(room_fd); /* a directory */
	if (lock_fd >= 0)
		(void)close(lock_fd); /* nothing was written */
	return 0;
}

static void
end_batches(struct reaper_batch *batch)
{
	crew_free(batch->crew);
	for (size_t i = 0; i < CREW_MAX; i++) {
		free(batch->hands[i].buffer);
		strbuf_done(&batch->hands[i].dir);
	}
	closer_done(&batch->closer);
	for (size_t i = 0; i < BATCH; i++)
		receipt_done(&batch->items[i].receipt);
	free(batch);
}

void
reap_runs(struct reaper *reaper)
{
	const struct spool *spool = reaper->stage.spool;
	int rc;

	reaper->batch = mem_zero(1, sizeof *reaper->batch);
	reaper->batch->reaper = reaper;
	reaper->batch->crew = crew_new();
	reaper->batch->cores = crew_cores();
	closer_init(&reaper->batch->closer);
	for (size_t i = 0; i < CREW_MAX; i++)
		reaper->batch->hands[i].dir_fd = -1;
	rc = run_each(spool, spool->confirmed_fd, reap_run, reaper);
	if (rc < 0)
		reap_fail(reaper, "list", "runs", rc);
	end_batches(reaper->batch);
	reaper->batch = NULL;
	free(reaper->kept_inodes);
	reaper->kept_inodes = NULL;
}
