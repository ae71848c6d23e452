/* saboteur: runs a program and harms it at a chosen system call.
 *
 * The program is seized before its exec and stopped at the entry and the exit
 * of each call, so nothing it does to itself later (seccomp, Landlock,
 * PR_SET_DUMPABLE) takes it from us; we never look into its memory, which the
 * last of these forbids. Once nothing more can befall it, it runs at full
 * speed. If we die, however it happens, the kernel kills all that we trace
 * (PTRACE_O_EXITKILL).
 *
 * Of several threads only the one at the chosen call is stopped; the others
 * run until each comes to a call of its own, and wait there for their turn. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/fault/saboteur_call.h"
#include "tests/fault/saboteur_plan.h"

enum {
	STATUS_FAILED = 125,
	STATUS_MISSED = 126,
	STATUS_SIGNAL = 128,
	SYSCALL_STOP = SIGTRAP | 0x80, /* PTRACE_O_TRACESYSGOOD */
	ERROR_MAX = 4095,
};

/* The call that a thread is in. */
struct call {
	bool entered;
	uint64_t number, turn, hits;
	struct saboteur_change change;
};

struct thread {
	pid_t tid, process;
	unsigned index;
	struct call call;
	struct thread *next;
};

struct driver {
	struct saboteur_plan plan;
	FILE *trace;
	pid_t program;
	bool executed;
	int status; /* of the program, as waitpid() tells it */
	struct thread *threads;
	unsigned thread_count; /* ever seen */
};

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("saboteur: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputs("\n", stderr);
	va_end(args);
	exit(STATUS_FAILED);
}

/* A thread can be killed at any time: then its ptrace requests fail, and its
 * end is what waitpid() tells next. */
static void
expect(int rc, const char *what)
{
	if (rc < 0 && rc != -ESRCH)
		die("%s: %s", what, strerror(-rc));
}

static int
request(enum __ptrace_request what, pid_t tid, unsigned long address,
    unsigned long data)
{
	return ptrace(what, tid, address, data) < 0 ? -errno : 0;
}

/* --- threads --------------------------------------------------------------*/

/* The process of thread TID; TID itself if it is gone already. */
static pid_t
process_of(pid_t tid)
{
	char path[64], line[256];
	int process = tid;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	file = fopen(path, "re");
	if (file == NULL)
		return tid;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "Tgid: %d", &process) == 1)
			break;
	}
	(void)fclose(file); /* only read */
	return process;
}

static struct thread *
find(const struct driver *driver, pid_t tid)
{
	struct thread *thread = driver->threads;

	while (thread != NULL && thread->tid != tid)
		thread = thread->next;
	return thread;
}

static struct thread *
find_or_add(struct driver *driver, pid_t tid)
{
	struct thread *thread = find(driver, tid);

	if (thread != NULL)
		return thread;
	thread = mem_zero(1, sizeof(*thread));
	thread->tid = tid;
	thread->process = process_of(tid);
	thread->index = driver->thread_count++;
	thread->next = driver->threads;
	driver->threads = thread;
	return thread;
}

static void
drop(struct driver *driver, struct thread *thread)
{
	struct thread **place = &driver->threads;

	while (*place != NULL && *place != thread)
		place = &(*place)->next;
	if (*place != NULL)
		*place = thread->next;
	free(thread);
}

/* --- the harms ------------------------------------------------------------*/

static void
trace(const struct driver *driver, const struct thread *thread,
    const char *result)
{
	const struct call *call = &thread->call;
	const char *name = NULL;

	if (driver->trace == NULL || !call->entered || call->turn == 0)
		return;
	if (call->number < SABOTEUR_CALLS_MAX)
		name = saboteur_call_name(saboteur_calls, (int)call->number);
	/* main() asks about errors. */
	(void)fprintf(driver->trace, "%" PRIu64 " %u %s %s\n", call->turn,
	    thread->index, name != NULL ? name : "unknown", result);
}

static void
trace_result(
    const struct driver *driver, const struct thread *thread, int64_t result)
{
	const char *name = NULL;
	char text[32];

	if (driver->trace == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%" PRId64, result);
	if (result < 0 && result >= -ERROR_MAX)
		name = saboteur_call_name(saboteur_errors, (int)-result);
	trace(driver, thread, name != NULL ? name : text);
}

static void
kill_process(const struct thread *thread)
{
	if (kill(thread->process, SIGKILL) < 0)
		expect(-errno, "kill");
}

/* A command still running after PATIENCE_MS may wait for what the program
 * holds. Then it goes on beside it, and main() waits for it. */
static void
run_command(const char *command, pid_t process, int patience_ms)
{
	pid_t pid = fork();
	struct pollfd ended = {.fd = -1, .events = POLLIN};
	char text[16];
	int rc;

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		(void)snprintf(text, sizeof(text), "%d", (int)process);
		if (setenv("SABOTEUR_PID", text, 1) == 0 &&
		    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
			(void)execl(
			    "/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(STATUS_FAILED);
	}
	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ended.fd < 0)
		die("pidfd_open: %s", strerror(errno));
	do
		rc = poll(&ended, 1, patience_ms);
	while (rc < 0 && errno == EINTR);
	(void)close(ended.fd); /* nothing was written */
	if (rc > 0 && waitpid(pid, NULL, 0) < 0)
		die("waitpid: %s", strerror(errno));
}

/* The rule of the next bit in *HITS, which is cleared; NULL after the last. */
static struct saboteur_rule *
next_hit(struct driver *driver, uint64_t *hits)
{
	int bit = __builtin_ffsll((long long)*hits) - 1;

	if (bit < 0)
		return NULL;
	*hits &= *hits - 1;
	return &driver->plan.rules[bit];
}

static void
harm_entry(struct driver *driver, struct thread *thread)
{
	struct saboteur_change *change = &thread->call.change;
	uint64_t hits = thread->call.hits;
	struct saboteur_rule *rule;

	while ((rule = next_hit(driver, &hits)) != NULL) {
		switch (rule->harm) {
		case SABOTEUR_KILL_AT:
			rule->reached = true;
			kill_process(thread);
			return;
		case SABOTEUR_FAIL:
			expect(saboteur_call_drop(thread->tid, change),
			    "registers");
			break;
		case SABOTEUR_SHORT:
			expect(saboteur_call_shorten(
				   thread->tid, change, rule->value),
			    "registers");
			break;
		case SABOTEUR_RUN_ENTRY:
			rule->reached = true;
			run_command(rule->command, thread->process,
			    driver->plan.patience_ms);
			break;
		case SABOTEUR_KILL_AFTER:
		case SABOTEUR_LIE:
		case SABOTEUR_RUN_EXIT:
			break;
		}
	}
}

/* The call has answered RESULT; returns what the thread is told. */
static int64_t
change_answer(struct driver *driver, struct thread *thread, int64_t result)
{
	uint64_t hits = thread->call.hits;
	bool changed = thread->call.change.saved;
	struct saboteur_rule *rule;

	while ((rule = next_hit(driver, &hits)) != NULL) {
		if (rule->harm != SABOTEUR_FAIL && rule->harm != SABOTEUR_LIE)
			continue;
		result = -(int64_t)rule->value;
		changed = true;
	}
	if (changed)
		expect(saboteur_call_answer(
			   thread->tid, &thread->call.change, result),
		    "registers");
	return result;
}

static void
harm_exit(struct driver *driver, struct thread *thread)
{
	uint64_t hits = thread->call.hits;
	struct saboteur_rule *rule;

	while ((rule = next_hit(driver, &hits)) != NULL) {
		rule->reached = true;
		if (rule->harm == SABOTEUR_RUN_EXIT)
			run_command(rule->command, thread->process,
			    driver->plan.patience_ms);
		if (rule->harm == SABOTEUR_KILL_AFTER)
			kill_process(thread);
	}
}

/* --- what waitpid() tells -------------------------------------------------*/

static void
take_call(struct driver *driver, struct thread *thread)
{
	struct __ptrace_syscall_info info;
	struct call *call = &thread->call;
	int rc = request(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof(info),
	    (uintptr_t)&info);

	expect(rc, "PTRACE_GET_SYSCALL_INFO");
	if (rc < 0 || !driver->executed)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		if (!saboteur_call_native(&info))
			die("it is not a program for this machine's own ABI");
		*call = (struct call){.entered = true, .number = info.entry.nr};
		saboteur_plan_meet(&driver->plan, call->number, info.entry.args,
		    &call->turn, &call->hits);
		harm_entry(driver, thread);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && call->entered) {
		/* Of exec, and of clone in the child, there are exits that
		 * nobody has entered. */
		trace_result(driver, thread,
		    change_answer(driver, thread, info.exit.rval));
		harm_exit(driver, thread);
		call->entered = false;
	}
}

/* THREAD has become another program. If it wasn't its process's first thread,
 * it has just taken over that one's number, and no one reports its old end. */
static void
take_exec(struct driver *driver, struct thread *thread)
{
	unsigned long former_tid = 0;
	struct thread *former;
	int rc = request(
	    PTRACE_GETEVENTMSG, thread->tid, 0, (uintptr_t)&former_tid);

	expect(rc, "PTRACE_GETEVENTMSG");
	if (rc < 0)
		return;
	driver->executed = true;
	former = find(driver, (pid_t)former_tid);
	if (former == NULL || former == thread)
		return;
	trace(driver, thread, "?");
	thread->call = former->call;
	drop(driver, former);
}

static void
take_stop(struct driver *driver, pid_t tid, int status)
{
	struct thread *thread = find_or_add(driver, tid);
	int number = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_STOP && number != SIGTRAP) {
		/* SIGSTOP and its kin: it stays so until SIGCONT. */
		expect(request(PTRACE_LISTEN, tid, 0, 0), "PTRACE_LISTEN");
		return;
	}
	if (number == SYSCALL_STOP)
		take_call(driver, thread);
	else if (event == PTRACE_EVENT_EXEC)
		take_exec(driver, thread);
	if (number == SYSCALL_STOP || event != 0)
		number = 0; /* it isn't a signal */
	expect(request(saboteur_plan_pending(&driver->plan) ? PTRACE_SYSCALL
							    : PTRACE_CONT,
		   tid, 0, (unsigned long)number),
	    "PTRACE_SYSCALL");
}

static void
take_end(struct driver *driver, pid_t tid, int status)
{
	struct thread *thread = find(driver, tid);

	if (tid == driver->program)
		driver->status = status;
	if (thread == NULL)
		return; /* a command, or killed at birth */
	trace(driver, thread, "?");
	/* The end of a thread is all that its last call does. */
	if (thread->call.entered && thread->call.number == SYS_exit &&
	    thread->tid != thread->process &&
	    find(driver, thread->process) != NULL)
		harm_exit(driver, thread);
	drop(driver, thread);
}

/* --- the beginning and the end --------------------------------------------*/

static void
start(struct driver *driver)
{
	const unsigned long follow = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD |
				     PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
				     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	int gate[2], rc;
	char byte;

	if (pipe2(gate, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	driver->program = fork();
	if (driver->program < 0)
		die("fork: %s", strerror(errno));
	if (driver->program == 0) {
		(void)close(gate[1]); /* or its end would never come */
		if (read(gate[0], &byte, 1) == 1)
			(void)execvp(
			    driver->plan.program[0], driver->plan.program);
		_exit(errno);
	}
	rc = request(PTRACE_SEIZE, driver->program, 0, follow);
	if (rc < 0)
		die("PTRACE_SEIZE: %s", strerror(-rc));
	if (write(gate[1], "", 1) != 1)
		die("pipe: %s", strerror(errno));
	(void)close(gate[0]); /* only the one byte ever goes */
	(void)close(gate[1]); /* through it */
}

static int
own_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : STATUS_SIGNAL + WTERMSIG(status);
}

static int
finish(const struct driver *driver)
{
	const struct saboteur_plan *plan = &driver->plan;
	const struct saboteur_rule *missed = saboteur_plan_missed(plan);
	int rc;

	if (!driver->executed)
		die("cannot run '%s': %s", plan->program[0],
		    strerror(WEXITSTATUS(driver->status)));
	rc = plan->count_path != NULL ? saboteur_plan_write_count(plan) : 0;
	if (rc < 0)
		die("cannot write '%s': %s", plan->count_path, strerror(-rc));
	if (driver->trace != NULL &&
	    (ferror(driver->trace) != 0 || fclose(driver->trace) != 0))
		die("cannot write '%s'", plan->trace_path);
	if (missed == NULL)
		return own_status(driver->status);
	(void)fprintf(stderr,
	    "saboteur: --%s '%s' was never reached; the program ended with "
	    "status %d\n",
	    missed->option, missed->text, own_status(driver->status));
	return STATUS_MISSED;
}

int
main(int argc, char **argv)
{
	struct driver *driver = mem_zero(1, sizeof(*driver));
	struct saboteur_plan *plan = &driver->plan;
	pid_t pid;
	int status;

	switch (saboteur_plan_parse(plan, argc, argv)) {
	case SABOTEUR_WRONG:
		return EX_USAGE;
	case SABOTEUR_HELPED:
		return 0;
	case SABOTEUR_RUN:
		break;
	}
	if (plan->trace_path != NULL) {
		driver->trace = fopen(plan->trace_path, "we");
		if (driver->trace == NULL)
			die("cannot write '%s': %s", plan->trace_path,
			    strerror(errno));
		/* To be read while the program hangs. */
		(void)setvbuf(driver->trace, NULL, _IOLBF, 0);
	}
	start(driver);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			take_stop(driver, pid, status);
		else
			take_end(driver, pid, status);
	}
	if (errno != ECHILD)
		die("waitpid: %s", strerror(errno));
	status = finish(driver);
	free(driver);
	return status;
}
