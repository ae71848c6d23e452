/* Messages of which there are too many, for log.c: a hundred of a kind in a
 * minute are written, the others counted, and told as one.
 *
 * A kind is a text: what is left of a message without the names of the one
 * file that it is about. So nothing is ever hidden that says something else. */
#ifndef COMMON_LOG_REPEAT_H
#define COMMON_LOG_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/strbuf.h"

/* Whether MESSAGE of LEVEL, of the KIND, is to be hidden, and has been counted.
 * What log_repeat_take gives at NOW_NS has to be taken before. */
bool log_repeat_hides(enum log_level level, const struct strbuf *kind,
    const struct strbuf *message, int64_t now_ns);
/* Whether anything is hidden. */
bool log_repeat_is_hiding(void);
/* Takes one kind of which something was hidden, and whose minute is over, or
 * (ALL) any: how many, and, in *MESSAGE, which is emptied before, the last of
 * them. False: there is none. */
bool log_repeat_take(bool all, int64_t now_ns, enum log_level *ret_level,
    uint64_t *ret_count, struct strbuf *message);
/* Forgets everything. */
void log_repeat_done(void);

#endif
