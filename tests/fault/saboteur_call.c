/* The names and the registers of system calls; see saboteur_call.h.
 *
 * A call that isn't to be made becomes close(-1), not the number -1 that ptrace
 * has for this: the kernel asks a seccomp filter about the changed number, and
 * a filter that kills what it doesn't know lets close pass. Compilers count on
 * a call to leave its arguments' registers alone, so the answer is written over
 * the registers as they were at the entry. */
#include "tests/fault/saboteur_call.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define RESULT rax
#define FIRST rdi
#define THIRD rdx
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#define RESULT regs[0]
#define FIRST regs[0]
#define THIRD regs[2]
#else
#error "Which registers hold a system call here?"
#endif

int
saboteur_call_number(const struct saboteur_name *table, const char *name)
{
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, name) == 0)
			return table->number;
	}
	return -1;
}

const char *
saboteur_call_name(const struct saboteur_name *table, int number)
{
	while (table->name != NULL && table->number != number)
		table++;
	return table->name;
}

bool
saboteur_call_native(const struct __ptrace_syscall_info *info)
{
	return info->arch == NATIVE;
}

static int
transfer(
    enum __ptrace_request request, pid_t tid, long set, void *data, size_t size)
{
	struct iovec io = {.iov_base = data, .iov_len = size};

	return ptrace(request, tid, set, &io) < 0 ? -errno : 0;
}

static int
save(pid_t tid, struct saboteur_change *change)
{
	int rc = 0;

	if (!change->saved)
		rc = transfer(PTRACE_GETREGSET, tid, NT_PRSTATUS,
		    &change->entry, sizeof(change->entry));
	change->saved = rc == 0;
	return rc;
}

int
saboteur_call_drop(pid_t tid, struct saboteur_change *change)
{
	struct user_regs_struct changed;
	int rc = save(tid, change);

	if (rc < 0)
		return rc;
	changed = change->entry;
	changed.FIRST = (uint64_t)-1;
#if defined(__aarch64__)
	/* The number isn't among the registers. */
	rc = transfer(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL,
	    &(int){SYS_close}, sizeof(int));
	if (rc < 0)
		return rc;
#else
	changed.orig_rax = SYS_close;
#endif
	return transfer(
	    PTRACE_SETREGSET, tid, NT_PRSTATUS, &changed, sizeof(changed));
}

int
saboteur_call_shorten(
    pid_t tid, struct saboteur_change *change, uint64_t length)
{
	struct user_regs_struct changed;
	int rc = save(tid, change);

	if (rc < 0 || change->entry.THIRD <= length)
		return rc;
	changed = change->entry;
	changed.THIRD = length;
	return transfer(
	    PTRACE_SETREGSET, tid, NT_PRSTATUS, &changed, sizeof(changed));
}

int
saboteur_call_answer(
    pid_t tid, const struct saboteur_change *change, int64_t answer)
{
	struct user_regs_struct changed = change->entry;
	int rc = 0;

	if (!change->saved)
		rc = transfer(PTRACE_GETREGSET, tid, NT_PRSTATUS, &changed,
		    sizeof(changed));
	if (rc < 0)
		return rc;
	changed.RESULT = (uint64_t)answer;
	return transfer(
	    PTRACE_SETREGSET, tid, NT_PRSTATUS, &changed, sizeof(changed));
}
