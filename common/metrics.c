/* Prometheus's text format ("Exposition formats") for node_exporter's textfile
 * collector; see metrics.h.
 *
 * metrics_dir belongs to somebody else, and other users' programs write there.
 * So nothing in it is believed, followed or waited for: counters are kept in
 * the spool, a file is made under a name of this spool's and renamed over ours
 * alone. s3spool_scan.prom is whose spool was there first, as its first line
 * says; that of another spool gets a hash into its name. While we look and
 * rename we hold the spool's lock, so that only another spool could come
 * between the two, and it doesn't: the name isn't its own.
 *
 * Nothing is synced. What a power cut takes is a counter that begins anew,
 * which Prometheus expects of counters. */
#include "common/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fsio.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/strbuf.h"

enum {
	COUNTS_MAX_BYTES = 64 * 1024,
	WAIT_MS = 5, /* another run writes a few files in less */
	WAITS_MAX = 1000
};

static const struct metrics_family info = {"s3spool_info",
    "What the spool belongs to, and which version wrote this.", METRICS_GAUGE,
    NULL, false};
static const struct metrics_family updated = {
    "s3spool_updated_timestamp_seconds",
    "When a stage last wrote its metrics: at the end of each run, and every "
    "15 seconds of an upload.",
    METRICS_GAUGE, "stage", true};
static const struct metrics_family runs = {"s3spool_runs_total",
    "Runs that have ended.", METRICS_COUNTER, "stage", false};
static const struct metrics_family last_run = {
    "s3spool_last_run_timestamp_seconds", "When a run last ended.",
    METRICS_KEPT, "stage", true};
static const struct metrics_family duration = {
    "s3spool_last_run_duration_seconds", "How long that run took.",
    METRICS_KEPT, "stage", true};
static const struct metrics_family exit_status = {
    "s3spool_last_run_exit_status", "What that run ended with.", METRICS_KEPT,
    "stage", false};
static const struct metrics_family success = {
    "s3spool_last_success_timestamp_seconds",
    "When a run last left nothing undone: when it ended with 0, or with 1, "
    "where the files in failed are all that is left.",
    METRICS_KEPT, "stage", true};

static const struct metrics_family room_files = {"s3spool_backlog_files",
    "Files that lie in a state.", METRICS_GAUGE, "state", false};
static const struct metrics_family room_bytes = {"s3spool_backlog_bytes",
    "Bytes of these files.", METRICS_GAUGE, "state", false};
static const struct metrics_family room_oldest = {
    "s3spool_backlog_oldest_timestamp_seconds",
    "Since when the oldest of them has been waiting, in confirmed since its "
    "retention was over; missing where there is none.",
    METRICS_GAUGE, "state", true};

struct value {
	const struct metrics_family *family;
	const char *word;
	int64_t value;
	bool is_absent;
};

struct metrics {
	const struct stage *stage;
	const char *name;
	int dirfd; /* metrics_dir, as a place only */
	int64_t began_ns;
	struct value *values;
	size_t count;
	struct strbuf labels; /* spool_dir="..." */
	struct strbuf owner;  /* the first line of our files */
	char *temporary;      /* the name of our file while it is written */
	char *plain, *own;    /* its names: see above */
};

/* --- the numbers ---------------------------------------------------------- */

/* A label's value is UTF-8 in which \, " and newline are escaped. What isn't
 * UTF-8 is shown as in the log, with its \ escaped. */
static void
put_label(struct strbuf *text, const char *name, const char *value)
{
	struct strbuf shown = {0};

	log_escape(&shown, value);
	strbuf_printf(text, "%s=\"", name);
	for (const char *c = strbuf_text(&shown); *c != '\0'; c++) {
		if (*c == '\\' || *c == '"')
			strbuf_putc(text, '\\');
		strbuf_putc(text, *c);
	}
	strbuf_putc(text, '"');
	strbuf_done(&shown);
}

static void
warn(const struct config *config, const char *dir, int error)
{
	const char *hint = "";

	if (error == -ENOENT || error == -ENOTDIR)
		hint = "; create that directory, or correct metrics_dir";
	else if (error == -EACCES || error == -EPERM || error == -EROFS)
		hint = "; the user of s3spool must be allowed to write there, "
		       "with systemd also by ReadWritePaths=";
	else if (error == -EEXIST)
		hint = "; the names for them there belong to other spools";
	log_warning("Cannot write metrics into '%s': %s%s", dir,
	    strerror(-error), dir == config->metrics_dir ? hint : "");
}

struct metrics *
metrics_begin(const struct stage *stage, const char *name)
{
	const struct config *config = stage->config;
	struct metrics *metrics;
	uint64_t hash;
	int fd;

	if (config->metrics_dir == NULL)
		return NULL;
	fd = open(config->metrics_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		warn(config, config->metrics_dir, -errno);
		return NULL;
	}
	hash = hash_bytes(config->spool_dir, strlen(config->spool_dir));
	metrics = mem_zero(1, sizeof *metrics);
	metrics->stage = stage;
	metrics->name = name;
	metrics->dirfd = fd;
	metrics->began_ns = clock_monotonic_ns();
	put_label(&metrics->labels, "spool_dir", config->spool_dir);
	strbuf_printf(&metrics->owner, "# s3spool-%s writes this; %s\n", name,
	    strbuf_text(&metrics->labels));
	metrics->temporary = mem_format(".s3spool_%s_%016" PRIx64, name, hash);
	metrics->plain = mem_format("s3spool_%s.prom", name);
	metrics->own = mem_format("s3spool_%s_%016" PRIx64 ".prom", name, hash);
	return metrics;
}

void
metrics_free(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	(void)close(metrics->dirfd); /* only a place */
	free(metrics->values);
	strbuf_done(&metrics->labels);
	strbuf_done(&metrics->owner);
	free(metrics->temporary);
	free(metrics->plain);
	free(metrics->own);
	free(metrics);
}

static void
add(struct metrics *metrics, const struct value *value)
{
	metrics->values = mem_grow(
	    metrics->values, metrics->count + 1, sizeof *metrics->values);
	metrics->values[metrics->count++] = *value;
}

void
metrics_add(struct metrics *metrics, const struct metrics_family *family,
    const char *word, int64_t value)
{
	if (metrics != NULL)
		add(metrics, &(struct value){family, word, value, false});
}

void
metrics_keep(struct metrics *metrics, const struct metrics_family *family)
{
	if (metrics != NULL)
		add(metrics, &(struct value){family, NULL, 0, true});
}

void
metrics_add_room(struct metrics *metrics, const char *room,
    const struct tally *all, const struct tally *due)
{
	metrics_add(metrics, &room_files, room, all->files);
	metrics_add(metrics, &room_bytes, room, all->bytes);
	if (due->files > 0)
		metrics_add(metrics, &room_oldest, room, due->oldest_ns);
}

/* What is told of each run, of whatever stage. */
static void
add_run(struct metrics *metrics, bool at_end)
{
	const struct metrics_family *const kept[] = {
	    &last_run, &duration, &exit_status, &success};
	int status = metrics->stage->status;
	int64_t now_ns = clock_realtime_ns();
	const int64_t values[] = {
	    now_ns, clock_monotonic_ns() - metrics->began_ns, status, now_ns};

	metrics_add(metrics, &info, NULL, 1);
	metrics_add(metrics, &updated, metrics->name, now_ns);
	metrics_add(metrics, &runs, metrics->name, at_end);
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		bool is_told = at_end &&
			       (kept[i] != &success || status == STAGE_OK ||
				   status == STAGE_SOME_FAILED);

		add(metrics, &(struct value){
				 kept[i], metrics->name, values[i], !is_told});
	}
}

/* --- what is carried on --------------------------------------------------- */

/* A number's name there: NAME or NAME{WORD}, and a blank. */
static void
put_name(struct strbuf *text, const struct value *value)
{
	strbuf_puts(text, value->family->name);
	if (value->word != NULL)
		strbuf_printf(text, "{%s}", value->word);
	strbuf_putc(text, ' ');
}

/* What COUNTS has of VALUE; false: nothing, or nothing that makes sense. */
static bool
find_count(const char *counts, const struct value *value, int64_t *ret_count)
{
	struct strbuf name = {0};
	bool found = false;

	put_name(&name, value);
	for (const char *line = counts; !found && line != NULL;
	     line = strchr(line, '\n')) {
		char *end;

		line += *line == '\n';
		if (strncmp(line, strbuf_text(&name), name.length) != 0)
			continue;
		errno = 0;
		*ret_count = strtoll(line + name.length, &end, 10);
		found = errno == 0 && end > line + name.length &&
			*end == '\n' && *ret_count >= 0;
	}
	strbuf_done(&name);
	return found;
}

/* Adds to each value what COUNTS has of it, and makes of them what the next
 * run is to find. */
static void
carry_on(struct metrics *metrics, const char *counts, struct strbuf *text)
{
	for (size_t i = 0; i < metrics->count; i++) {
		struct value *value = &metrics->values[i];
		int64_t before, sum;

		if (value->family->kind == METRICS_GAUGE)
			continue;
		if (find_count(counts, value, &before)) {
			if (value->is_absent)
				value->value = before;
			else if (value->family->kind == METRICS_COUNTER &&
				 !__builtin_add_overflow(
				     before, value->value, &sum))
				value->value = sum;
			value->is_absent = false;
		}
		if (value->is_absent)
			continue;
		put_name(text, value);
		strbuf_printf(text, "%" PRId64 "\n", value->value);
	}
}

/* Other runs hold it no longer than it takes to write a file. */
static int
lock_counts(const struct metrics *metrics, int *ret_fd)
{
	const struct timespec a_while = {.tv_nsec = WAIT_MS * CLOCK_NS_PER_MS};
	int fd, rc;

	rc = spool_open_metrics(metrics->stage->spool, metrics->name, &fd);
	if (rc < 0)
		return rc;
	rc = fsio_lock(fd, 0, 0);
	for (int i = 0; rc == -EAGAIN && i < WAITS_MAX; i++) {
		(void)nanosleep(&a_while, NULL); /* a signal: so be it */
		rc = fsio_lock(fd, 0, 0);
	}
	if (rc == 0)
		*ret_fd = fd;
	else
		(void)close(fd); /* unlocked and unwritten */
	return rc;
}

/* Reads FD's numbers, adds ours, and writes them back. Where it is cut off,
 * find_count takes what is whole. */
static int
add_counts(struct metrics *metrics, int fd)
{
	char *before = mem_alloc(COUNTS_MAX_BYTES + 1);
	ssize_t n = fsio_pread_all(fd, before, COUNTS_MAX_BYTES, 0);
	struct strbuf text = {0};
	int rc = n < 0 ? (int)n : 0;

	before[n < 0 ? 0 : n] = '\0';
	carry_on(metrics, before, &text);
	if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = -errno;
	if (rc == 0)
		rc = fsio_write_all(fd, strbuf_text(&text), text.length);
	if (rc == 0 && ftruncate(fd, (off_t)text.length) < 0)
		rc = -errno;
	strbuf_done(&text);
	free(before);
	return rc;
}

/* --- the file in metrics_dir ---------------------------------------------- */

static void
put_value(
    const struct metrics *metrics, const struct value *value, struct strbuf *to)
{
	const struct metrics_family *family = value->family;
	const struct config *config = metrics->stage->config;
	int64_t whole = value->value / CLOCK_NS_PER_S;
	int64_t rest = value->value % CLOCK_NS_PER_S;

	strbuf_printf(to, "%s{%s", family->name, strbuf_text(&metrics->labels));
	if (family == &info) {
		strbuf_putc(to, ',');
		put_label(to, "base_dir", config->base_dir);
		strbuf_putc(to, ',');
		put_label(to, "bucket", config->bucket);
		strbuf_puts(to, ",version=\"" S3SPOOL_VERSION "\",stage=\"");
		strbuf_printf(to, "%s\"", metrics->name);
	}
	if (family->label != NULL)
		strbuf_printf(to, ",%s=\"%s\"", family->label, value->word);
	if (!family->in_ns)
		strbuf_printf(to, "} %" PRId64 "\n", value->value);
	else
		strbuf_printf(to, "} %s%" PRId64 ".%09" PRId64 "\n",
		    value->value < 0 ? "-" : "", whole < 0 ? -whole : whole,
		    rest < 0 ? -rest : rest);
}

/* Whether one before it has its family. */
static bool
is_later(const struct metrics *metrics, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (metrics->values[i].family == metrics->values[index].family)
			return true;
	return false;
}

/* All numbers of a family belong together. */
static void
put_family(const struct metrics *metrics, size_t first, struct strbuf *text)
{
	const struct metrics_family *family = metrics->values[first].family;
	bool has_head = false;

	for (size_t i = first; i < metrics->count; i++) {
		const struct value *value = &metrics->values[i];

		if (value->family != family || value->is_absent)
			continue;
		if (!has_head)
			strbuf_printf(text, "# HELP %s %s\n# TYPE %s %s\n",
			    family->name, family->help, family->name,
			    family->kind == METRICS_COUNTER ? "counter"
							    : "gauge");
		has_head = true;
		put_value(metrics, value, text);
	}
}

/* Whether NAME is a file of ours. Returns 0 when it is, -EEXIST when it is
 * another spool's or none that we can read, -ENOENT or another negative errno.
 */
static int
look(const struct metrics *metrics, const char *name)
{
	const struct strbuf *owner = &metrics->owner;
	int fd = openat(metrics->dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char *line;
	bool is_ours;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -errno : -EEXIST;
	line = mem_alloc(owner->length);
	is_ours = fsio_pread_all(fd, line, owner->length, 0) ==
		      (ssize_t)owner->length &&
		  memcmp(line, owner->data, owner->length) == 0;
	free(line);
	(void)close(fd); /* only read from */
	return is_ours ? 0 : -EEXIST;
}

/* Gives the file its name: that which it had, or the first that is free. */
static int
give_name(const struct metrics *metrics)
{
	int dirfd = metrics->dirfd;
	int own = look(metrics, metrics->own);
	int plain = own == 0 ? -EEXIST : look(metrics, metrics->plain);

	if (own != 0 && own != -ENOENT)
		return own;
	if (plain == -ENOENT) {
		if (renameat2(dirfd, metrics->temporary, dirfd, metrics->plain,
			RENAME_NOREPLACE) == 0)
			return 0;
		if (errno == EEXIST)
			plain = -EEXIST; /* another spool's, just now */
		else if (errno != EINVAL && errno != ENOSYS)
			return -errno;
	}
	return renameat(dirfd, metrics->temporary, dirfd,
		   plain == -EEXIST ? metrics->own : metrics->plain) == 0
		   ? 0
		   : -errno;
}

/* Readable by node_exporter, whatever our umask. */
static int
publish(const struct metrics *metrics, const struct strbuf *text)
{
	const char *name = metrics->temporary;
	int fd, rc;

	(void)unlinkat(metrics->dirfd, name, 0); /* of a run that was killed */
	fd = openat(metrics->dirfd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = fsio_write_all(fd, text->data, text->length);
	if (rc == 0 && fchmod(fd, 0644) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0)
		rc = give_name(metrics);
	if (rc < 0)
		(void)unlinkat(metrics->dirfd, name, 0); /* nobody reads it */
	return rc;
}

bool
metrics_write(struct metrics *metrics, bool at_end)
{
	struct strbuf text = {0};
	const struct config *config;
	bool is_counted;
	int fd, rc;

	if (metrics == NULL)
		return true;
	config = metrics->stage->config;
	add_run(metrics, at_end);
	rc = lock_counts(metrics, &fd);
	if (rc == 0)
		rc = add_counts(metrics, fd);
	else
		fd = -1;
	is_counted = rc == 0;
	if (!is_counted)
		warn(config, config->spool_dir, rc);
	if (fd >= 0) {
		strbuf_puts(&text, strbuf_text(&metrics->owner));
		for (size_t i = 0; i < metrics->count; i++)
			if (!is_later(metrics, i))
				put_family(metrics, i, &text);
		rc = publish(metrics, &text);
		if (rc < 0)
			warn(config, config->metrics_dir, rc);
		strbuf_done(&text);
		(void)close(fd); /* and others may write */
	}
	metrics->count = 0;
	return is_counted;
}
