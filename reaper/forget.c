/* Whole days alone, and of them those that are merged: ledger/<day>.tsv. That a
 * day is removed is durable in ledger/removed before it happens, so that no
 * answer is ever missing something without a word. See forget.h. */
#include "reaper/forget.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/log.h"
#include "common/mem.h"

static const int64_t day_ns = INT64_C(86400) * CLOCK_NS_PER_S;
/* As late as that no day is; sums with it don't overflow. */
static const int64_t never_ns = INT64_MAX / 2;
static const char note[] = "removed";
enum { DAY_LENGTH = sizeof "2020-11-15" - 1 };

/* Those that the ledger has anything of; one twice where pieces of it wait to
 * be merged. */
struct days {
	int64_t *start_ns;
	size_t count;
};

/* Whether NAME begins with a day, and which. */
static bool
read_day(const char *name, int64_t *ret_start_ns)
{
	char *day = mem_copy_n(name, strnlen(name, DAY_LENGTH));
	bool is_day = strlen(day) == DAY_LENGTH &&
		      timefmt_parse(day, ret_start_ns) == 0 &&
		      *ret_start_ns >= 0 && *ret_start_ns < never_ns;

	free(day);
	return is_day;
}

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
list_days(const struct spool *spool, struct days *days)
{
	struct dirent *entry;
	struct fsio_dir *dir;
	int64_t start_ns;
	int rc;

	rc = fsio_open_dir(spool->ledger_fd, "", &dir);
	if (rc < 0)
		return rc;
	while ((rc = fsio_read_dir(dir, &entry)) > 0) {
		const char *rest = entry->d_name;

		if (!read_day(entry->d_name, &start_ns))
			continue;
		rest += DAY_LENGTH;
		if (*rest != '\0' && strcmp(rest, ".tsv") != 0)
			continue;
		days->start_ns = mem_grow(
		    days->start_ns, days->count + 1, sizeof *days->start_ns);
		days->start_ns[days->count++] = start_ns;
	}
	fsio_close_dir(dir);
	if (days->count > 0)
		qsort(days->start_ns, days->count, sizeof *days->start_ns,
		    compare);
	return rc;
}

static int
write_note(const struct spool *spool, const char *day)
{
	static const char temporary[] = "ledger-removed";
	char *line = mem_format("%s\n", day);
	int rc = 0;
	int fd = fsio_open_beneath(
	    spool->tmp_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC);

	if (fd < 0)
		rc = fd;
	else
		rc = fsio_write_all(fd, line, strlen(line));
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = -errno;
	/* It replaces an earlier one, which named an earlier day. */
	if (rc == 0 &&
	    renameat(spool->tmp_fd, temporary, spool->ledger_fd, note) < 0)
		rc = -errno;
	if (rc == 0)
		rc = fsio_sync_dir(spool->ledger_fd);
	free(line);
	return rc;
}

int
forget_last(const struct spool *spool, char ret_day[TIMEFMT_MAX])
{
	char text[DAY_LENGTH + 1] = "";
	int64_t start_ns;
	ssize_t n;
	int fd;

	ret_day[0] = '\0';
	if (spool->ledger_fd < 0)
		return 0;
	fd = fsio_open_beneath(spool->ledger_fd, note, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	n = fsio_pread_all(fd, text, DAY_LENGTH, 0);
	(void)close(fd); /* only read from */
	if (n < 0)
		return (int)n;
	if (!read_day(text, &start_ns))
		return -EBADMSG;
	(void)timefmt_day(start_ns, ret_day); /* returns its argument */
	return 0;
}

/* How many of the days, the first ones, are old. */
static size_t
count_old(const struct days *days, int64_t now_ns, int64_t retention_ns)
{
	size_t count = days->count;
	int64_t until_ns = days->start_ns[count - 1] + day_ns;
	int64_t later_ns;

	if (now_ns < until_ns)
		until_ns = now_ns;
	later_ns = until_ns;
	for (; count > 0; count--) {
		int64_t start_ns = days->start_ns[count - 1];
		int64_t gap_ns = later_ns - (start_ns + day_ns);

		/* It may be a clock that was wrong: no time has passed. */
		if (gap_ns > retention_ns)
			until_ns -= gap_ns;
		if (start_ns + day_ns <= until_ns - retention_ns)
			break;
		if (start_ns < later_ns)
			later_ns = start_ns;
	}
	return count;
}

/* Whether pieces of the day wait to be merged. */
static bool
has_pieces(const struct spool *spool, int64_t start_ns)
{
	char day[TIMEFMT_MAX];
	struct stat st;

	return fstatat(spool->ledger_fd, timefmt_day(start_ns, day), &st,
		   AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

/* The days that are due take the place of all. */
static void
choose(const struct spool *spool, size_t old, struct days *days,
    struct forgotten *forgotten)
{
	size_t count = 0;

	for (size_t i = 0; i < old; i++)
		if (!has_pieces(spool, days->start_ns[i]))
			days->start_ns[count++] = days->start_ns[i];
	days->count = forgotten->days = count;
	if (count > 0)
		/* It returns its argument. */
		(void)timefmt_day(days->start_ns[count - 1], forgotten->last);
}

static int
remove_days(const struct spool *spool, const struct days *days)
{
	for (size_t i = 0; i < days->count; i++) {
		char day[TIMEFMT_MAX];
		char *file = mem_format(
		    "%s.tsv", timefmt_day(days->start_ns[i], day));
		int rc = unlinkat(spool->ledger_fd, file, 0);

		free(file);
		if (rc < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

int
forget_days(struct spool *spool, int64_t now_ns, int64_t retention_ns,
    bool dry_run, struct forgotten *ret_forgotten)
{
	struct days days = {0};
	char earlier[TIMEFMT_MAX] = "";
	int rc;

	*ret_forgotten = (struct forgotten){0};
	rc = list_days(spool, &days);
	if (rc == 0 && days.count > 0)
		choose(spool, count_old(&days, now_ns, retention_ns), &days,
		    ret_forgotten);
	if (rc == 0 && days.count > 0 && !dry_run) {
		rc = forget_last(spool, earlier);
		if (rc == -EBADMSG)
			rc = 0; /* it is written anew */
		/* Before: all of them. After: some may be gone already. */
		if (rc == 0 && strcmp(ret_forgotten->last, earlier) > 0)
			rc = write_note(spool, ret_forgotten->last);
		if (rc == 0)
			rc = remove_days(spool, &days);
	}
	free(days.start_ns);
	return rc;
}

void
forget_say(const struct spool *spool, int64_t since_ns)
{
	char day[TIMEFMT_MAX];
	int64_t start_ns;
	int rc = forget_last(spool, day);

	if (rc < 0)
		log_warning("Cannot tell until when the record was removed: "
			    "ledger/%s: %s",
		    note, strerror(-rc));
	else if (day[0] != '\0' && timefmt_parse(day, &start_ns) == 0 &&
		 since_ns < start_ns + day_ns)
		log_info("The record until %s has been removed, as "
			 "ledger_retention says",
		    day);
}
