/* System calls: how they are called, and how one is changed whose thread has
 * stopped in it. */
#ifndef TESTS_FAULT_SABOTEUR_CALL_H
#define TESTS_FAULT_SABOTEUR_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

struct saboteur_name {
	const char *name;
	int number;
};

/* What this machine's headers know, in order of name, closed by a NULL;
 * GNUmakefile makes them. */
extern const struct saboteur_name saboteur_calls[];
extern const struct saboteur_name saboteur_errors[];

/* -1 when TABLE knows no such NAME. */
int saboteur_call_number(const struct saboteur_name *table, const char *name);
/* NULL when TABLE knows no such NUMBER. */
const char *saboteur_call_name(const struct saboteur_name *table, int number);

/* A call that something was done to; zeroed before the first. */
struct saboteur_change {
	struct user_regs_struct entry;
	bool saved;
};

/* Whether INFO's call is one of those tables (a 32-bit program has others). */
bool saboteur_call_native(const struct __ptrace_syscall_info *info);
/* At the entry: the call won't be made. */
int saboteur_call_drop(pid_t tid, struct saboteur_change *change);
/* At the entry: its third argument becomes at most LENGTH. */
int saboteur_call_shorten(
    pid_t tid, struct saboteur_change *change, uint64_t length);
/* At the exit: its result becomes ANSWER, and all else is as if the call had
 * been made unchanged. These three return 0 or a negative errno. */
int saboteur_call_answer(
    pid_t tid, const struct saboteur_change *change, int64_t answer);

#endif
