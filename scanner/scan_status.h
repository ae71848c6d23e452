/* s3spool-scan --status: what lies in base_dir, and why it isn't claimed. */
#ifndef SCANNER_SCAN_STATUS_H
#define SCANNER_SCAN_STATUS_H

#include "common/health.h"

/* Prints it; the spool is open. */
void scan_status(struct stage *stage, const struct health_options *options);

#endif
