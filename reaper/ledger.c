/* Archiving, merging and reading the ledger.
 *
 * Merging a day: its file (if there is one) and the pieces that it doesn't
 * name are copied into a temporary, which is synced and renamed over the old
 * file; only then the pieces go. Dying in between leaves pieces that the new
 * file names, and the next merge drops them. This rename is the only one that
 * replaces a name: the old content is part of the new. Whole lines alone are
 * copied. That writes all of the day anew, so it is done once an hour at most:
 * with retain, runs of a day that is over come every minute. A run belongs to
 * the day of its newest receipt, so a receipt lies in the file of its own day
 * or of a later one: as a rule the next, as a run takes files for a day at
 * most. Older ones, taken over from a dead run, are in that run's file, too.
 */
#include "reaper/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/mem.h"
#include "common/run.h"
#include "common/timefmt.h"

static const char suffix[] = ".tsv";
static const int64_t hour_ns = 3600 * CLOCK_NS_PER_S;

struct names {
	char **name;
	size_t count;
	size_t sorted; /* of those, the first ones */
};

static void
names_add(struct names *names, const char *name, size_t length)
{
	names->name = mem_grow(
	    names->name, names->count + 1, sizeof *names->name);
	names->name[names->count++] = mem_copy_n(name, length);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
names_sort(struct names *names)
{
	if (names->count > names->sorted)
		qsort(names->name, names->count, sizeof *names->name, compare);
	names->sorted = names->count;
}

/* Asks those alone that were there when they were last sorted. */
static bool
names_have(const struct names *names, const char *name)
{
	return names->sorted > 0 && bsearch(&name, names->name, names->sorted,
					sizeof *names->name, compare) != NULL;
}

static void
names_done(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names){0};
}

/* The run of a file name, or 0 when it isn't RUN.tsv. */
static size_t
run_length(const char *file)
{
	size_t length = strlen(file);

	if (length < sizeof suffix ||
	    strcmp(file + length + 1 - sizeof suffix, suffix) != 0)
		return 0;
	return length + 1 - sizeof suffix;
}

static bool
is_day(const char *name, size_t length)
{
	static const char form[] = "dddd-dd-dd";

	if (length != sizeof form - 1)
		return false;
	for (size_t i = 0; i < length; i++)
		if (form[i] == 'd' ? name[i] < '0' || name[i] > '9'
				   : name[i] != form[i])
			return false;
	return true;
}

/* Lists what DIRFD/PATH holds; with FILES the runs of RUN.tsv files, without
 * the days (of directories and of merged files alike), sorted. */
static int
list(int dirfd, const char *path, bool files, struct names *names)
{
	struct dirent *entry;
	struct fsio_dir *dir;
	int rc;

	rc = fsio_open_dir(dirfd, path, &dir);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		size_t length = run_length(entry->d_name);

		if (!files && length == 0)
			length = strlen(entry->d_name);
		if (length > 0 && (files || is_day(entry->d_name, length)))
			names_add(names, entry->d_name, length);
	}
	fsio_close_dir(dir);
	names_sort(names);
	return rc;
}

int
ledger_archive(
    struct spool *spool, const char *name, const struct ledger_run *run)
{
	char *file = mem_format("%s%s", name, suffix);
	char day[TIMEFMT_MAX];
	char *target = NULL;
	int rc = 0;

	if (run->receipts == 0) {
		if (unlinkat(spool->runs_fd, file, 0) < 0 && errno != ENOENT)
			rc = -errno;
		goto out;
	}
	target = mem_format("%s/%s", timefmt_day(run->newest_ns, day), file);
	rc = fsio_make_parents(spool->ledger_fd, target);
	/* Before: a dead run's file, found again. After: a piece of the
	 * ledger. The name is the run's own: nothing is replaced. */
	if (rc == 0 &&
	    renameat(spool->runs_fd, file, spool->ledger_fd, target) < 0)
		rc = -errno;
out:
	free(target);
	free(file);
	return rc;
}

/* Copies the whole receipts of the file at FD (taken over) to OUT, with the
 * sections it has (into SECTIONS), or as the section NAME. */
static int
copy_receipts(int fd, const char *name, FILE *out, struct names *sections)
{
	struct receipt_reader reader;
	struct receipt receipt = {0};
	struct strbuf line = {0};
	int rc;

	rc = receipt_reader_open(&reader, fd);
	if (rc < 0)
		return rc;
	if (name != NULL)
		receipt_format_section(name, &line);
	while ((rc = receipt_reader_next(&reader, &receipt)) > 0) {
		const char *section = strbuf_text(&reader.section);
		const char *last = sections->count > 0
				       ? sections->name[sections->count - 1]
				       : "";

		if (name == NULL && strcmp(section, last) != 0) {
			names_add(sections, section, strlen(section));
			receipt_format_section(section, &line);
		}
		strbuf_add(&line, reader.line, reader.length);
		strbuf_putc(&line, '\n');
		if (fputs(strbuf_text(&line), out) == EOF) {
			rc = -errno;
			break;
		}
		strbuf_reset(&line);
	}
	if (rc == 0 && line.length > 0 && fputs(strbuf_text(&line), out) == EOF)
		rc = -errno;
	strbuf_done(&line);
	receipt_done(&receipt);
	receipt_reader_done(&reader);
	return rc;
}

/* Writes what the day's file is to hold; *ret_added: pieces were new. */
static int
write_day(const struct spool *spool, const char *day,
    const struct names *pieces, FILE *out, bool *ret_added)
{
	struct names sections = {0};
	char *file = mem_format("%s%s", day, suffix);
	int rc = 0;
	int fd = fsio_open_beneath(spool->ledger_fd, file, O_RDONLY);

	free(file);
	*ret_added = false;
	if (fputs(RECEIPT_HEADER, out) == EOF)
		rc = -errno;
	if (fd >= 0 && rc == 0)
		rc = copy_receipts(fd, NULL, out, &sections);
	else if (fd >= 0)
		(void)close(fd); /* only read from */
	else if (fd != -ENOENT)
		rc = fd;
	names_sort(&sections);
	for (size_t i = 0; rc == 0 && i < pieces->count; i++) {
		if (names_have(&sections, pieces->name[i]))
			continue;
		*ret_added = true;
		file = mem_format("%s/%s%s", day, pieces->name[i], suffix);
		fd = fsio_open_beneath(spool->ledger_fd, file, O_RDONLY);
		free(file);
		rc = fd < 0
			 ? fd
			 : copy_receipts(fd, pieces->name[i], out, &sections);
	}
	names_done(&sections);
	return rc;
}

/* Flushes and syncs OUT, and closes it. */
static int
finish_file(FILE *out, int rc)
{
	if (rc == 0 && (fflush(out) != 0 || fsync(fileno(out)) < 0))
		rc = -errno;
	if (fclose(out) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int
drop_pieces(
    const struct spool *spool, const char *day, const struct names *pieces)
{
	for (size_t i = 0; i < pieces->count; i++) {
		char *file = mem_format(
		    "%s/%s%s", day, pieces->name[i], suffix);
		int rc = unlinkat(spool->ledger_fd, file, 0);

		free(file);
		if (rc < 0 && errno != ENOENT)
			return -errno;
	}
	if (unlinkat(spool->ledger_fd, day, AT_REMOVEDIR) < 0 &&
	    errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	return 0;
}

static int
merge_day(struct spool *spool, const char *day)
{
	struct names pieces = {0};
	char *temporary = mem_format("merge-%s", day);
	char *file = mem_format("%s%s", day, suffix);
	bool added = false;
	FILE *out = NULL;
	int fd, rc;

	rc = list(spool->ledger_fd, day, true, &pieces);
	if (rc < 0 || pieces.count == 0)
		goto out;
	fd = fsio_open_beneath(
	    spool->tmp_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0) {
		rc = fd;
		goto out;
	}
	out = fdopen(fd, "w");
	if (out == NULL) {
		rc = -errno;
		(void)close(fd); /* nothing was written */
		goto out;
	}
	rc = finish_file(out, write_day(spool, day, &pieces, out, &added));
	if (rc == 0 && added &&
	    renameat(spool->tmp_fd, temporary, spool->ledger_fd, file) < 0)
		rc = -errno;
	if (rc == 0)
		rc = fsio_sync_dir(spool->ledger_fd);
	if (rc == 0)
		rc = drop_pieces(spool, day, &pieces);
	if (rc != 0 || !added)
		(void)unlinkat(spool->tmp_fd, temporary, 0); /* litter */
out:
	names_done(&pieces);
	free(temporary);
	free(file);
	return rc;
}

/* Whether the day's file was written less than an hour ago. */
static bool
is_fresh(const struct spool *spool, const char *day, int64_t fs_now_ns)
{
	char *file = mem_format("%s%s", day, suffix);
	struct stat st;
	int64_t age_ns;
	bool fresh = fstatat(spool->ledger_fd, file, &st,
			 AT_SYMLINK_NOFOLLOW) == 0 &&
		     !__builtin_sub_overflow(fs_now_ns,
			 clock_from_timespec(&st.st_mtim), &age_ns) &&
		     age_ns >= 0 && age_ns < hour_ns;

	free(file);
	return fresh;
}

int
ledger_merge(
    struct spool *spool, int64_t now_ns, int64_t fs_now_ns, char **ret_day)
{
	struct names days = {0};
	char today[TIMEFMT_MAX];
	int rc;

	(void)timefmt_day(now_ns, today); /* returns its argument */
	rc = list(spool->ledger_fd, "", false, &days);
	for (size_t i = 0; i < days.count; i++) {
		int its_rc;

		if (i > 0 && strcmp(days.name[i - 1], days.name[i]) == 0)
			continue;
		if (strcmp(days.name[i], today) >= 0)
			break;
		if (is_fresh(spool, days.name[i], fs_now_ns))
			continue; /* more of it may come */
		its_rc = merge_day(spool, days.name[i]);
		if (rc == 0 && its_rc < 0) {
			rc = its_rc;
			*ret_day = mem_copy(days.name[i]);
		}
	}
	names_done(&days);
	return rc;
}

struct reading {
	const struct spool *spool;
	int64_t since_ns, until_ns;
	void (*visit)(void *context, const struct receipt_reader *reader,
	    const struct receipt *receipt);
	void *context;
	/* Runs read so far, other than merged ones; sorted after all of runs/,
	 * and after the pieces of each day, no two of which are of one name. */
	struct names seen;
	struct receipt receipt;
	int rc;	      /* the first fault ... */
	char *faulty; /* ... and of what in the spool */
};

/* RC is what reading TOP/NAME returned. What can't be read is passed over, not
 * what comes after. */
static void
note_fault(struct reading *reading, int rc, const char *top, const char *name)
{
	if (rc >= 0 || reading->rc < 0)
		return;
	reading->rc = rc;
	reading->faulty = mem_format("%s/%s", top, name);
}

/* Whether the line last read from a merged day is of a run that has been read
 * elsewhere. Asked line by line, answered anew only for each section. */
static bool
was_seen(const struct reading *reading, const struct receipt_reader *reader,
    struct strbuf *section, bool *seen)
{
	const char *name = strbuf_text(&reader->section);

	if (strcmp(name, strbuf_text(section)) != 0) {
		strbuf_reset(section);
		strbuf_puts(section, name);
		*seen = names_have(&reading->seen, name);
	}
	return *seen;
}

/* Reads DIRFD/FILE; NAME is its run, or NULL for a merged day, of which the
 * runs seen already are left out. */
static int
read_file(
    struct reading *reading, int dirfd, const char *file, const char *name)
{
	struct receipt_reader reader;
	struct strbuf section = {0};
	bool seen = false;
	int fd = fsio_open_beneath(dirfd, file, O_RDONLY);
	int rc;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd; /* it has moved on meanwhile */
	rc = receipt_reader_open(&reader, fd);
	if (rc < 0)
		return rc;
	while ((rc = receipt_reader_next(&reader, &reading->receipt)) > 0) {
		if (reading->receipt.uploaded_at_ns < reading->since_ns ||
		    reading->receipt.uploaded_at_ns >= reading->until_ns)
			continue;
		if (name == NULL && was_seen(reading, &reader, &section, &seen))
			continue;
		reading->visit(reading->context, &reader, &reading->receipt);
	}
	receipt_reader_done(&reader);
	strbuf_done(&section);
	if (name != NULL)
		names_add(&reading->seen, name, strlen(name));
	return rc;
}

static int
read_run(void *context, const char *name)
{
	struct reading *reading = context;
	char *file = mem_format("%s%s", name, suffix);

	note_fault(reading,
	    read_file(reading, reading->spool->runs_fd, file, name), "runs",
	    file);
	free(file);
	return 0;
}

/* Pieces first, then the merged file: what is merged in between has been read
 * or is found there. */
static void
read_day(struct reading *reading, const char *day)
{
	int ledger_fd = reading->spool->ledger_fd;
	struct names pieces = {0};
	char *file;

	note_fault(reading, list(ledger_fd, day, true, &pieces), "ledger", day);
	for (size_t i = 0; i < pieces.count; i++) {
		if (names_have(&reading->seen, pieces.name[i]))
			continue;
		file = mem_format("%s/%s%s", day, pieces.name[i], suffix);
		note_fault(reading,
		    read_file(reading, ledger_fd, file, pieces.name[i]),
		    "ledger", file);
		free(file);
	}
	names_done(&pieces);
	names_sort(&reading->seen);
	file = mem_format("%s%s", day, suffix);
	note_fault(
	    reading, read_file(reading, ledger_fd, file, NULL), "ledger", file);
	free(file);
}

/* Whether a receipt of the time asked for can lie in DAY's files, generously.
 * None is of much later, but a run's first may be of long before: its last file
 * took days, or the clock was wrong then. */
static bool
may_hold(const struct reading *reading, const char *day)
{
	const int64_t two_days_ns = INT64_C(2) * 86400 * 1000000000;
	int64_t start_ns, end_ns;

	return timefmt_parse(day, &start_ns) < 0 ||
	       __builtin_add_overflow(start_ns, two_days_ns, &end_ns) ||
	       end_ns >= reading->since_ns;
}

int
ledger_each(const struct spool *spool, int64_t since_ns, int64_t until_ns,
    void (*visit)(void *context, const struct receipt_reader *reader,
	const struct receipt *receipt),
    void *context, char **ret_faulty)
{
	struct reading reading = {
	    .spool = spool,
	    .since_ns = since_ns,
	    .until_ns = until_ns,
	    .visit = visit,
	    .context = context,
	};
	struct names days = {0};

	if (spool->runs_fd >= 0)
		note_fault(&reading, run_each(spool, -1, read_run, &reading),
		    "runs", "");
	names_sort(&reading.seen);
	if (spool->ledger_fd >= 0)
		note_fault(&reading, list(spool->ledger_fd, "", false, &days),
		    "ledger", "");
	for (size_t i = 0; i < days.count; i++) {
		if (i > 0 && strcmp(days.name[i - 1], days.name[i]) == 0)
			continue;
		if (may_hold(&reading, days.name[i]))
			read_day(&reading, days.name[i]);
	}
	names_done(&days);
	names_done(&reading.seen);
	receipt_done(&reading.receipt);
	if (reading.rc < 0)
		*ret_faulty = reading.faulty;
	return reading.rc;
}
