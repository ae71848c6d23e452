/* The slots of an uploader: filling those that are free, and giving back what
 * was taken and finds none. What goes wrong with all files is logged, and stops
 * the uploader. Times are those of clock_monotonic_ns(). */
#ifndef UPLOADER_SLOTS_H
#define UPLOADER_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "uploader/uploader.h"

/* Fills the free slots, as many as may be active. False: there is nothing to
 * take for now, or it can't be. True: all are taken, or something that wakes
 * the loop up is waited for (up->awaits_files: the file that comes next). */
bool slots_fill(struct uploader *up);
/* The same, and when to look again where there is nothing, unless something
 * that was in flight is done before. (To look through many files that can't be
 * taken takes its time.) */
bool slots_take(struct uploader *up, int64_t *ret_again_ns);
/* Lets free slots, for which there is no other file, help with what there
 * is. */
void slots_help(struct uploader *up);
/* Gives back what was taken ahead, if there is no use for it, or none soon
 * enough; when the uploader is stopping, all. Returns when to ask again
 * (INT64_MAX: when something wakes the loop up). */
int64_t slots_give_back(struct uploader *up);

#endif
