/* Answers for people: the same judgement as a scan's, without the claim. */
#include "scanner/explain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/keypath.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/strbuf.h"

const char *
explain_word(enum claim_outcome outcome)
{
	switch (outcome) {
	case CLAIM_CLAIMED:
		return "settled";
	case CLAIM_DEFERRED:
		return "deferred";
	case CLAIM_REFUSED:
		return "refused";
	case CLAIM_EXCLUDED:
		return "excluded";
	case CLAIM_GONE:
		return "gone";
	case CLAIM_EXDEV:
	case CLAIM_ERROR:
		return "error";
	}
	return "error";
}

void
explain_report(const char *path, const struct claim_report *report)
{
	struct strbuf line = {0};

	log_escape(&line, path);
	if (report->outcome == CLAIM_CLAIMED)
		strbuf_puts(&line, report->by_age_alone
				       ? ": quiet for long enough (no lease "
					 "can be had); the next scan claims it"
				       : ": nobody writes it, and it is old "
					 "enough; the next scan claims it");
	else
		strbuf_printf(&line, ": %s", claim_reason(report));
	/* stage_end asks whether stdout has failed. */
	(void)printf(
	    "%-8s  %s\n", explain_word(report->outcome), strbuf_text(&line));
	strbuf_done(&line);
}

static bool
is_directory(const struct walk_entry *entry)
{
	struct stat st;

	return fstatat(entry->dir->fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) ==
		   0 &&
	       S_ISDIR(st.st_mode);
}

static void
report_unmatched(const struct walk_entry *entry, struct claim_report *report)
{
	struct stat st;

	if (fstatat(entry->dir->fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) <
	    0) {
		report->reason = NULL;
		report->error = -errno;
		return;
	}
	report->outcome = CLAIM_REFUSED;
	report->reason = "its path below base_dir matches no pattern";
}

/* What would become of PATH, a path below base_dir. */
static void
look(struct claim *claim, const char *path, struct claim_report *report)
{
	const struct config *config = claim->config;
	const char *slash = strrchr(path, '/');
	char *directory = mem_copy_n(
	    path, slash != NULL ? (size_t)(slash - path) : 0);
	int fd = fsio_open_beneath(claim->spool->base_fd,
	    *directory != '\0' ? directory : ".", O_RDONLY | O_DIRECTORY);
	struct walk_dir dir = {.fd = fd};
	const struct walk_entry entry = {
	    .dir = &dir,
	    .name = slash != NULL ? slash + 1 : path,
	    .path = path,
	    .type = DT_UNKNOWN,
	};

	free(directory);
	*report = (struct claim_report){
	    .outcome = CLAIM_GONE, .error = fd < 0 ? fd : 0};
	if (fd < 0)
		return;
	if (is_directory(&entry))
		report->reason = "it is a directory; name the files in it";
	else if (keypath_matches(
		     config->patterns.items, config->patterns.count, path))
		claim_file(claim, &entry, NULL, report);
	else
		report_unmatched(&entry, report);
	(void)close(fd); /* a directory */
}

bool
explain_path(struct claim *claim, const char *argument)
{
	const char *path = keypath_below(claim->config->base_dir, argument);
	const char *of_key = keypath_of_key(
	    claim->config->key_prefix, argument);
	struct claim_report report, other;

	look(claim, path, &report);
	if (report.outcome == CLAIM_GONE && of_key != NULL) {
		look(claim, of_key, &other);
		if (other.outcome != CLAIM_GONE) {
			path = of_key;
			report = other;
		}
	}
	explain_report(path, &report);
	return report.outcome != CLAIM_GONE;
}
