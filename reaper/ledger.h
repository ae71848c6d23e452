/* The ledger: every upload ever made, a file a day.
 *
 *   ledger/<day>/<run>.tsv  a finished run's receipts, as they were
 *   ledger/<day>.tsv        a past day's runs in one file, each named */
#ifndef REAPER_LEDGER_H
#define REAPER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/receipt.h"
#include "common/spool.h"

struct ledger_run {
	bool is_dead;
	bool has_file;
	size_t receipts;
	int64_t newest_ns; /* its newest receipt: its day */
};

/* Moves runs/NAME.tsv into the ledger, or unlinks it when it has no receipt.
 * The caller holds its lock. Returns 0 or a negative errno. */
int ledger_archive(
    struct spool *spool, const char *name, const struct ledger_run *run);
/* Merges the pieces of every day before NOW_NS's into the day's file, but for
 * days whose file was written in the hour before FS_NOW_NS, which is the file
 * system's time: their pieces wait, and are read where they are. Where one
 * can't be merged, it stays as it is, and the others are. Returns 0 or the
 * first negative errno, and then that day in *ret_day (the caller's to free),
 * unless no day could be listed. */
int ledger_merge(
    struct spool *spool, int64_t now_ns, int64_t fs_now_ns, char **ret_day);

/* Calls VISIT for each receipt that was uploaded between SINCE_NS and
 * UNTIL_NS, of running and finished runs, each run once. What can't be read is
 * passed over. Returns 0 or the first negative errno, and then what it is
 * about, from the spool on, in *ret_faulty (the caller's to free). */
int ledger_each(const struct spool *spool, int64_t since_ns, int64_t until_ns,
    void (*visit)(void *context, const struct receipt_reader *reader,
	const struct receipt *receipt),
    void *context, char **ret_faulty);

#endif
