/* Less than the user may do: what a program has no use for after its start is
 * refused from then on, whatever a file, a name or an answer makes of it.
 *
 * Landlock confines the files, seccomp the system calls. Each is used as far as
 * the kernel has it; that one is in force, or why it isn't, is one line of the
 * debug log, and never an error. A build with sanitizers does without, since
 * these read /proc, write reports and (for leaks) trace. */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/spool.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANDBOX_IS_OFF 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANDBOX_IS_OFF 1
#endif
#endif
#ifndef SANDBOX_IS_OFF
#define SANDBOX_IS_OFF 0
#endif

struct sandbox {
	const struct spool *spool; /* base_dir and the spool stay open to all
				      that we do there; NULL: neither does */
	char *const *readable;	   /* files, and directories with all that is */
	size_t readable_count;	   /* below; what isn't there is passed over */
	const char *metrics_dir;   /* a directory whose files may be read, made
				      and replaced; NULL: none */
	bool connects;	    /* TCP, outwards; else there is no network at all */
	bool runs_programs; /* they inherit it all, so that exec is allowed and
			       files aren't confined */
};

/* Confines the calling thread, and what it starts, for good. To be called when
 * the spool is open and there is no other thread yet. What is open stays
 * usable, and the log can be opened anew. */
void sandbox_enter(const struct sandbox *sandbox);

/* Keeps this process's memory and environment out of core dumps, and from
 * other processes of the user: /proc/PID/mem, environ, ptrace. */
void sandbox_hide(void);

#endif
