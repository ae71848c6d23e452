/* s3spool-reap --report: the record as a page to be looked at. */
#ifndef REAPER_REPORT_H
#define REAPER_REPORT_H

#include "common/stage.h"
#include "reaper/selection.h"

/* Prints one HTML page of the uploads selected, which needs nothing else, on
 * stdout: which hours of each location are there and which are missing, uploads
 * over time, and what lies in failed/. */
void report_print(struct stage *stage, const struct selection *selection);

#endif
