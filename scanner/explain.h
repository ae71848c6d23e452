/* s3spool-scan --explain: why a file is or isn't settled. */
#ifndef SCANNER_EXPLAIN_H
#define SCANNER_EXPLAIN_H

#include "scanner/claim.h"

/* "settled", "deferred", "excluded", ...: what a scan would do. */
const char *explain_word(enum claim_outcome outcome);
/* One line on stdout: what would become of PATH, and why. */
void explain_report(const char *path, const struct claim_report *report);
/* Explains ARGUMENT, a path below base_dir (absolute, or relative to it) or the
 * key of one, whether or not it matches a pattern. False: there is no such
 * file. */
bool explain_path(struct claim *claim, const char *argument);

#endif
