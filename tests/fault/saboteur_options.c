/* The command line of the saboteur; see saboteur_plan.h.
 *
 * Each harm becomes a rule: a set of calls, the N-th of which it is to befall.
 * The options that harm by the arguments become rules for each call from the
 * first on, and count as reached from the start. */
#include "tests/fault/saboteur_plan.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/mem.h"
#include "tests/fault/saboteur_call.h"

/* Calls that change nothing outside the process: to die before the next of the
 * others is to leave the same behind. Not among them are those that take or
 * drop a lock, a lease or a connection, and reads, which may empty a pipe. */
static const char *const uninteresting[] = {
    /* memory */
    "brk", "madvise", "mmap", "mprotect", "mremap", "munmap",
    /* time and chance */
    "clock_getres", "clock_gettime", "clock_nanosleep", "getrandom",
    "gettimeofday", "nanosleep", "restart_syscall", "time",
    /* signals and threads */
    "arch_prctl", "futex", "get_robust_list", "membarrier", "rseq",
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_yield",
    "set_robust_list", "set_tid_address", "sigaltstack",
    /* who and where one is */
    "getcpu", "getcwd", "getegid", "geteuid", "getgid", "getgroups", "getpgid",
    "getpgrp", "getpid", "getppid", "getpriority", "getrlimit", "getrusage",
    "getsid", "gettid", "getuid", "prlimit64", "sysinfo", "uname",
    /* descriptors */
    "dup", "dup2", "dup3", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "getpeername",
    "getsockname", "getsockopt", "lseek", "pipe", "pipe2", "poll", "ppoll",
    "pselect6", "select", "setsockopt", "signalfd4", "socket", "socketpair",
    "timerfd_create", "timerfd_settime",
    /* looks at files */
    "access", "faccessat", "faccessat2", "fadvise64", "fgetxattr", "fstat",
    "fstatfs", "getdents64", "getxattr", "lgetxattr", "lstat", "newfstatat",
    "pread64", "readlink", "readlinkat", "stat", "statfs", "statx"};

enum { UNINTERESTING = sizeof(uninteresting) / sizeof(*uninteresting) };

enum option_value {
	OPTION_FROM = 1,
	OPTION_COUNT,
	OPTION_TRACE,
	OPTION_SKIP,
	OPTION_KILL_AT,
	OPTION_KILL_AFTER,
	OPTION_FAIL,
	OPTION_LIE,
	OPTION_SHORT,
	OPTION_NO_NOREPLACE,
	OPTION_NO_LEASE,
	OPTION_RUN_AT,
	OPTION_PATIENCE,
	OPTION_HELP,
};

static const struct option options[] = {
    {"from", required_argument, NULL, OPTION_FROM},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"skip-uninteresting", no_argument, NULL, OPTION_SKIP},
    {"kill-at", required_argument, NULL, OPTION_KILL_AT},
    {"kill-after", required_argument, NULL, OPTION_KILL_AFTER},
    {"fail", required_argument, NULL, OPTION_FAIL},
    {"lie", required_argument, NULL, OPTION_LIE},
    {"short", required_argument, NULL, OPTION_SHORT},
    {"no-noreplace", no_argument, NULL, OPTION_NO_NOREPLACE},
    {"no-lease", required_argument, NULL, OPTION_NO_LEASE},
    {"run-at", required_argument, NULL, OPTION_RUN_AT},
    {"patience", required_argument, NULL, OPTION_PATIENCE},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: saboteur [options] -- PROGRAM [ARG...]\n"
    "Runs PROGRAM and harms it, its threads and its children at system\n"
    "calls; ends when the last of them has.\n\n"
    "  --from CALL  count and harm only from the first CALL on\n"
    "  --skip-uninteresting  don't count what changes nothing outside the\n"
    "               process; listed below\n"
    "  --count FILE  write `total N`, and `NAME N` for each call\n"
    "  --trace FILE  write `N THREAD NAME RESULT` for each call\n"
    "  --kill-at N  kill the process before it makes the counted call N\n"
    "  --kill-after N  kill it when the call has been made\n"
    "  --fail CALLS:N=ERRNO  the N-th of CALLS isn't made, and fails\n"
    "  --lie CALLS:N=ERRNO   it is made, and is said to have failed\n"
    "  --short CALLS:N=BYTES  a read, write, pread64 or pwrite64 of no more\n"
    "  --no-noreplace  renameat2 with a flag answers EINVAL\n"
    "  --no-lease ERRNO  fcntl(F_SETLEASE) answers it\n"
    "  --run-at CALLS:N:entry=COMMAND, --run-at CALLS:N:exit=COMMAND\n"
    "               run it by sh while the thread is stopped there, at most\n"
    "               300 ms, then beside it; SABOTEUR_PID is the process\n"
    "  --patience MS  not 300 ms, but so many\n\n"
    "CALLS is CALL[,CALL...], or any: those that are counted, or setlease:\n"
    "each fcntl(F_SETLEASE). N+: from the N-th on. What befalls one call does\n"
    "so in the order of the options.\n"
    "Exit status: PROGRAM's own, 128 + its signal, 64 usage, 125 the\n"
    "saboteur failed, 126 an N was never reached.\n\n"
    "Uninteresting are:";

static void
print_help(void)
{
	size_t column = SIZE_MAX / 2;

	printf("%s", help);
	for (size_t i = 0; i < UNINTERESTING; i++) {
		size_t length = strlen(uninteresting[i]) + 1;

		column += length;
		if (column > 76) {
			printf("\n ");
			column = length + 1;
		}
		printf(" %s", uninteresting[i]);
	}
	printf("\n");
}

static bool
complain(const char *option, const char *text, const char *what)
{
	/* With stderr gone the exit status says it alone. */
	(void)fprintf(stderr, "saboteur: --%s '%s': %s\n", option, text, what);
	return false;
}

/* --- reading a rule -------------------------------------------------------*/

static bool
parse_number(const char *text, uint64_t *ret_number, const char **ret_rest)
{
	char *rest;
	unsigned long long number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &rest, 10);
	if (errno != 0)
		return false;
	*ret_number = number;
	*ret_rest = rest;
	return true;
}

/* The calls that LIST names, separated by commas. */
static bool
parse_calls(struct saboteur_rule *rule, char *list)
{
	char *place = NULL;

	rule->any = strcmp(list, "any") == 0;
	if (rule->any)
		return true;
	if (strcmp(list, "setlease") == 0) {
		rule->look = SABOTEUR_LOOK_SETLEASE;
		rule->calls[SYS_fcntl] = true;
		return true;
	}
	for (char *name = strtok_r(list, ",", &place); name != NULL;
	     name = strtok_r(NULL, ",", &place)) {
		int number = saboteur_call_number(saboteur_calls, name);

		if (number < 0)
			return complain(
			    rule->option, rule->text, "no such system call");
		rule->calls[number] = true;
	}
	return true;
}

/* CALLS:N or CALLS:N+; *RET_REST is what follows. */
static bool
parse_point(struct saboteur_rule *rule, const char **ret_rest)
{
	const char *colon = strchr(rule->text, ':');
	char *list;
	bool right;

	if (colon == NULL || colon == rule->text ||
	    !parse_number(colon + 1, &rule->nth, ret_rest) || rule->nth == 0)
		return complain(rule->option, rule->text, "not CALLS:N");
	rule->onwards = **ret_rest == '+';
	if (rule->onwards)
		(*ret_rest)++;
	list = mem_copy_n(rule->text, (size_t)(colon - rule->text));
	right = parse_calls(rule, list);
	free(list);
	return right;
}

static bool
parse_errno(struct saboteur_rule *rule, const char *name)
{
	int number = saboteur_call_number(saboteur_errors, name);

	if (number < 0)
		return complain(rule->option, rule->text, "no such error");
	rule->value = (unsigned)number;
	return true;
}

static bool
parse_fault(struct saboteur_rule *rule)
{
	const char *rest;

	if (!parse_point(rule, &rest))
		return false;
	if (*rest != '=')
		return complain(rule->option, rule->text, "not CALLS:N=ERRNO");
	return parse_errno(rule, rest + 1);
}

static bool
parse_short(struct saboteur_rule *rule)
{
	static const int sized[] = {
	    SYS_read, SYS_write, SYS_pread64, SYS_pwrite64};
	const char *rest;
	uint64_t bytes;
	size_t count = 0, wanted = 0;

	if (!parse_point(rule, &rest))
		return false;
	for (size_t i = 0; i < SABOTEUR_CALLS_MAX; i++)
		wanted += rule->calls[i];
	for (size_t i = 0; i < sizeof(sized) / sizeof(*sized); i++)
		count += rule->calls[sized[i]];
	if (rule->any || count < wanted)
		return complain(rule->option, rule->text,
		    "only read, write, pread64 and pwrite64 can be short");
	if (*rest != '=' || !parse_number(rest + 1, &bytes, &rest) ||
	    *rest != '\0' || bytes > UINT32_MAX)
		return complain(rule->option, rule->text, "not CALLS:N=BYTES");
	rule->value = (unsigned)bytes;
	return true;
}

static bool
parse_run(struct saboteur_rule *rule)
{
	const char *rest;

	if (!parse_point(rule, &rest))
		return false;
	if (strncmp(rest, ":entry=", 7) == 0)
		rest += 7;
	else if (strncmp(rest, ":exit=", 6) == 0) {
		rule->harm = SABOTEUR_RUN_EXIT;
		rest += 6;
	} else
		return complain(rule->option, rule->text,
		    "not CALLS:N:entry=COMMAND or CALLS:N:exit=COMMAND");
	rule->command = rest;
	return true;
}

static bool
parse_kill(struct saboteur_rule *rule)
{
	const char *rest;

	rule->any = true;
	if (!parse_number(rule->text, &rule->nth, &rest) || *rest != '\0' ||
	    rule->nth == 0)
		return complain(rule->option, rule->text, "not a number");
	return true;
}

/* A harm to each call NUMBER that LOOKs so, if there is one. */
static void
set_constant(
    struct saboteur_rule *rule, int number, enum saboteur_look look, int error)
{
	rule->look = look;
	rule->calls[number] = true;
	rule->nth = 1;
	rule->onwards = true;
	rule->reached = true;
	rule->value = (unsigned)error;
}

static bool
parse_rule(struct saboteur_plan *plan, const char *option,
    enum option_value value, const char *text)
{
	struct saboteur_rule *rule = &plan->rules[plan->rule_count];

	if (plan->rule_count == SABOTEUR_RULES_MAX)
		return complain(option, text, "too many harms");
	plan->rule_count++;
	rule->option = option;
	rule->text = text;
	rule->harm = SABOTEUR_FAIL;
	switch (value) {
	case OPTION_KILL_AT:
	case OPTION_KILL_AFTER:
		rule->harm = value == OPTION_KILL_AT ? SABOTEUR_KILL_AT
						     : SABOTEUR_KILL_AFTER;
		return parse_kill(rule);
	case OPTION_LIE:
		rule->harm = SABOTEUR_LIE;
		return parse_fault(rule);
	case OPTION_SHORT:
		rule->harm = SABOTEUR_SHORT;
		return parse_short(rule);
	case OPTION_NO_NOREPLACE:
		set_constant(
		    rule, SYS_renameat2, SABOTEUR_LOOK_RENAME_FLAG, EINVAL);
		return true;
	case OPTION_NO_LEASE:
		set_constant(rule, SYS_fcntl, SABOTEUR_LOOK_SETLEASE, 0);
		return parse_errno(rule, text);
	case OPTION_RUN_AT:
		rule->harm = SABOTEUR_RUN_ENTRY;
		return parse_run(rule);
	default:
		return parse_fault(rule);
	}
}

/* --- the command line -----------------------------------------------------*/

static void
skip_uninteresting(struct saboteur_plan *plan)
{
	for (size_t i = 0; i < UNINTERESTING; i++) {
		int number = saboteur_call_number(
		    saboteur_calls, uninteresting[i]);

		/* Not every machine has each of them. */
		if (number >= 0)
			plan->uninteresting[number] = true;
	}
}

static bool
set_patience(struct saboteur_plan *plan, const char *option)
{
	uint64_t patience_ms;
	const char *rest;

	if (!parse_number(optarg, &patience_ms, &rest) || *rest != '\0' ||
	    patience_ms > INT_MAX)
		return complain(option, optarg, "not a number");
	plan->patience_ms = (int)patience_ms;
	return true;
}

static bool
set_option(
    struct saboteur_plan *plan, const char *option, enum option_value value)
{
	switch (value) {
	case OPTION_FROM:
		plan->from = saboteur_call_number(saboteur_calls, optarg);
		return plan->from >= 0 ||
		       complain(option, optarg, "no such system call");
	case OPTION_COUNT:
		plan->count_path = optarg;
		return true;
	case OPTION_TRACE:
		plan->trace_path = optarg;
		return true;
	case OPTION_SKIP:
		skip_uninteresting(plan);
		return true;
	case OPTION_PATIENCE:
		return set_patience(plan, option);
	default:
		return parse_rule(
		    plan, option, value, optarg != NULL ? optarg : "");
	}
}

enum saboteur_parsed
saboteur_plan_parse(struct saboteur_plan *plan, int argc, char **argv)
{
	int value, index = 0;

	plan->from = -1;
	plan->patience_ms = 300;
	/* The plus: what follows PROGRAM is its own. */
	while ((value = getopt_long(argc, argv, "+", options, &index)) != -1) {
		if (value == OPTION_HELP) {
			print_help();
			return SABOTEUR_HELPED;
		}
		if (value == '?' || !set_option(plan, options[index].name,
					(enum option_value)value))
			return SABOTEUR_WRONG;
	}
	plan->program = argv + optind;
	if (optind < argc)
		return SABOTEUR_RUN;
	(void)fputs("saboteur: no PROGRAM; see --help\n", stderr);
	return SABOTEUR_WRONG;
}
