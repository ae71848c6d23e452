/* Runs: names, locks, receipts; see run.h.
 *
 * The file is made in tmp/, locked there, and only then given its name in
 * runs/: nobody ever sees it unlocked while its process lives. Its rooms come
 * after it and go before it. OFD locks hold across NFSv4 clients, too, where
 * flock(2) didn't conflict with the server's own processes. */
#include "common/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "common/receipt.h"
#include "common/reserve.h"
#include "common/tally.h"

static const char suffix[] = ".tsv";

static char *
file_name(const char *run)
{
	return mem_format("%s%s", run, suffix);
}

/* host.pid.random; what can't be in a file name or would look like the dots
 * between is replaced in the host's name. */
static int
make_name(char **ret_name)
{
	char host[256] = "";
	uint64_t random;

	if (gethostname(host, sizeof host - 1) < 0)
		return -errno;
	for (char *p = host; *p != '\0'; p++)
		if (strchr("/.\t\n ", *p) != NULL)
			*p = '-';
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return -errno;
	*ret_name = mem_format("%.100s.%ld.%016llx",
	    *host != '\0' ? host : "host", (long)getpid(),
	    (unsigned long long)random);
	return 0;
}

static int
make_room(int parent_fd, const char *name, struct spool_room *ret_room)
{
	int fd;

	if (mkdirat(parent_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = fsio_open_beneath(parent_fd, name, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	*ret_room = (struct spool_room){fd, true};
	return 0;
}

/* Makes runs/<run>.tsv as the head of this file says. */
static int
make_file(struct spool *spool, struct run *run, const char *file)
{
	int rc;

	run->fd = fsio_open_beneath(
	    spool->tmp_fd, file, O_RDWR | O_CREAT | O_EXCL | O_APPEND);
	if (run->fd < 0)
		return run->fd;
	rc = fsio_lock(run->fd, 0, 0);
	if (rc == 0)
		rc = fsio_write_all(
		    run->fd, RECEIPT_HEADER, strlen(RECEIPT_HEADER));
	if (rc == 0)
		rc = clock_fs_probe(run->fd, &run->fs_clock);
	/* The name is random: nothing is there to be replaced. */
	if (rc == 0 && renameat(spool->tmp_fd, file, spool->runs_fd, file) < 0)
		rc = -errno;
	/* Receipts are durable only in a file whose name is. */
	if (rc == 0)
		rc = fsio_sync_dir(spool->runs_fd);
	/* A full disk would get one more such file with each try. */
	if (rc < 0)
		(void)unlinkat(spool->tmp_fd, file, 0); /* or as litter */
	return rc;
}

static int
try_to_start(struct spool *spool, struct run **ret_run)
{
	struct run *run = mem_zero(1, sizeof *run);
	char *file = NULL;
	int rc;

	run->fd = run->uploading.fd = run->confirmed.fd = run->failed.fd =
	    run->reasons_fd = -1;
	rc = make_name(&run->name);
	if (rc == 0) {
		file = file_name(run->name);
		rc = make_file(spool, run, file);
	}
	if (rc == 0)
		rc = make_room(spool->uploading_fd, run->name, &run->uploading);
	if (rc == 0)
		rc = make_room(spool->confirmed_fd, run->name, &run->confirmed);
	run->started_ns = clock_monotonic_ns();
	run->good_bytes = (int64_t)strlen(RECEIPT_HEADER);
	free(file);
	if (rc < 0)
		run_end(spool, run);
	else
		*ret_run = run;
	return rc;
}

int
run_start(struct spool *spool, struct run **ret_run)
{
	int rc = try_to_start(spool, ret_run);

	return reserve_give_up(spool, rc) ? try_to_start(spool, ret_run) : rc;
}

int
run_append(struct run *run, const char *lines, size_t length, size_t count)
{
	int rc = fsio_write_all(run->fd, lines, length);

	if (rc < 0) {
		/* Half a line would spoil the one after it. If it can't be
		 * cut off, the run is over, and readers leave it out. */
		(void)!ftruncate(run->fd, (off_t)run->good_bytes);
		return rc;
	}
	if (fdatasync(run->fd) < 0) {
		int error = errno;

		/* The lines may be in the cache alone, for good: a later sync
		 * would answer success. Nobody shall believe them. */
		(void)!ftruncate(run->fd, (off_t)run->good_bytes);
		return -error;
	}
	run->good_bytes += (int64_t)length;
	run->receipts += count;
	return 0;
}

static int
open_failed(struct spool *spool, struct run *run)
{
	char *file = file_name(run->name);

	run->reasons_fd = fsio_open_beneath(
	    spool->failed_fd, file, O_WRONLY | O_CREAT | O_APPEND);
	free(file);
	if (run->reasons_fd < 0)
		return run->reasons_fd;
	return make_room(spool->failed_fd, run->name, &run->failed);
}

int
run_append_reasons(
    struct spool *spool, struct run *run, const char *lines, size_t length)
{
	int rc = 0;

	if (run->failed.fd < 0)
		rc = open_failed(spool, run);
	if (rc == 0)
		rc = fsio_write_all(run->reasons_fd, lines, length);
	if (rc == 0 && fdatasync(run->reasons_fd) < 0)
		rc = -errno;
	if (rc == 0)
		rc = fsio_sync_dir(spool->failed_fd);
	return rc;
}

static void
close_if_open(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* what matters has been synced */
}

/* What is left in the rooms, or in the file, keeps them: a later run or the
 * reaper looks after it. */
static void
remove_traces(struct spool *spool, struct run *run)
{
	char *file = file_name(run->name);
	int left = -ENOENT;

	if (run->uploading.fd >= 0) {
		left = fsio_remove_empty(spool->uploading_fd, run->name);
		/* Else the reaper looks after it. */
		if (run->receipts == 0)
			(void)fsio_remove_empty(spool->confirmed_fd, run->name);
	}
	if (run->receipts == 0 && left == 0)
		(void)unlinkat(spool->runs_fd, file, 0);
	free(file);
}

void
run_end(struct spool *spool, struct run *run)
{
	if (run == NULL)
		return;
	if (run->name != NULL)
		remove_traces(spool, run);
	close_if_open(run->uploading.fd);
	close_if_open(run->confirmed.fd);
	close_if_open(run->failed.fd);
	close_if_open(run->reasons_fd);
	close_if_open(run->fd);
	free(run->name);
	free(run);
}

int
run_confirmed_room(
    const struct spool *spool, const char *name, struct spool_room *ret_room)
{
	return make_room(spool->confirmed_fd, name, ret_room);
}

int
run_lock_dead(const struct spool *spool, const char *name, int *ret_fd)
{
	char *file = file_name(name);
	struct stat ours, named;
	int fd, rc;

	/* The lock wants a descriptor that may write. */
	fd = fsio_open_beneath(spool->runs_fd, file, O_RDWR);
	rc = fd < 0 ? fd : fsio_lock(fd, 0, 0);
	/* Whoever had the lock may have archived the file before letting go;
	 * then what is locked now is no run's file any more. */
	if (rc == 0 && (fstat(fd, &ours) < 0 ||
			   fstatat(spool->runs_fd, file, &named,
			       AT_SYMLINK_NOFOLLOW) < 0 ||
			   ours.st_ino != named.st_ino))
		rc = -ENOENT;
	free(file);
	if (rc < 0 && fd >= 0)
		(void)close(fd); /* nothing was written */
	if (rc == -ENOENT) {
		*ret_fd = -1;
		return 0;
	}
	if (rc == 0)
		*ret_fd = fd;
	return rc;
}

int
run_is_dead(const struct spool *spool, const char *name)
{
	char *file = file_name(name);
	int fd, rc;

	fd = fsio_open_beneath(spool->runs_fd, file, O_RDONLY);
	free(file);
	if (fd < 0)
		return fd == -ENOENT ? 1 : fd;
	rc = fsio_is_locked(fd);
	(void)close(fd); /* only read from */
	return rc < 0 ? rc : !rc;
}

void
run_read_name(const char *name, struct run_facts *ret_facts)
{
	const char *random = strrchr(name, '.');
	const char *pid = random != NULL
			      ? memrchr(name, '.', (size_t)(random - name))
			      : NULL;
	char *end;

	*ret_facts = (struct run_facts){.pid = 0};
	if (pid != NULL && pid[1] >= '0' && pid[1] <= '9')
		ret_facts->pid = strtol(pid + 1, &end, 10);
	if (ret_facts->pid > 0 && end == random)
		ret_facts->host = mem_copy_n(name, (size_t)(pid - name));
	else
		*ret_facts = (struct run_facts){.host = mem_copy(name)};
}

int
run_look(
    const struct spool *spool, const char *name, struct run_facts *ret_facts)
{
	struct run_facts facts;
	char *file;
	int rc = run_is_dead(spool, name);

	if (rc < 0)
		return rc;
	run_read_name(name, &facts);
	facts.is_dead = rc == 1;
	file = file_name(name);
	/* Else it has gone, with its file, or never had one. */
	facts.has_file = tally_born(spool->runs_fd, file, &facts.started_ns) ==
			 0;
	free(file);
	*ret_facts = facts;
	return 0;
}

struct names {
	char **name;
	size_t count;
};

static int
collect(int dirfd, bool with_suffix, struct names *names)
{
	struct dirent *entry;
	struct fsio_dir *dir;
	int rc;

	if (dirfd < 0)
		return 0;
	rc = fsio_open_dir(dirfd, "", &dir);
	if (rc < 0)
		return rc;
	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		size_t length = strlen(entry->d_name);

		if (with_suffix) {
			if (length < sizeof suffix ||
			    strcmp(entry->d_name + length + 1 - sizeof suffix,
				suffix) != 0)
				continue;
			length -= sizeof suffix - 1;
		}
		names->name = mem_grow(
		    names->name, names->count + 1, sizeof *names->name);
		names->name[names->count++] = mem_copy_n(entry->d_name, length);
	}
	fsio_close_dir(dir);
	return rc;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
run_each(const struct spool *spool, int dirfd,
    int (*visit)(void *context, const char *name), void *context)
{
	struct names names = {NULL, 0};
	int rc;

	rc = collect(spool->runs_fd, true, &names);
	if (rc == 0)
		rc = collect(dirfd, false, &names);
	if (names.count > 0)
		qsort(
		    names.name, names.count, sizeof *names.name, compare_names);
	for (size_t i = 0; i < names.count; i++) {
		bool again = i > 0 &&
			     strcmp(names.name[i - 1], names.name[i]) == 0;

		if (rc == 0 && !again)
			rc = visit(context, names.name[i]);
	}
	for (size_t i = 0; i < names.count; i++)
		free(names.name[i]);
	free(names.name);
	return rc;
}
