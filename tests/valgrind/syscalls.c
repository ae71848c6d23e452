/* Lets programs make system calls under a valgrind that doesn't know them.
 *
 * It answers ENOSYS and complains, and without openat2(2) the programs do
 * nothing; valgrind 3.19 of Debian 12 knows neither that nor pidfd_open(2).
 * Loaded before libc, this takes the place of its syscall(), through which the
 * programs make both, and asks the kernel by a function that runs on the real
 * processor, where valgrind doesn't look. Elsewhere than on x86-64 it is left
 * to valgrind to know them.
 *
 * There is no Landlock here: it would keep valgrind itself from its files. */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <valgrind/memcheck.h>

enum { ARGS = 6 };

long syscall(long number, ...);

#ifdef __x86_64__
/* Returns what the kernel does: a negative errno for an error. This runs on
 * valgrind's own stack, where there is no libc, and no errno. */
static unsigned long
make(unsigned long thread, long number, const long *args)
{
	register long fourth __asm__("r10") = args[3];
	long result;

	(void)thread; /* valgrind's number of it */
	__asm__ volatile(
	    "syscall"
	    : "=a"(result)
	    : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(fourth)
	    : "rcx", "r11", "memory");
	return (unsigned long)result;
}

static long
make_unseen(long number, const long *args)
{
	long result;

	/* What memcheck looks at where it knows the call. */
	if (number == SYS_openat2) {
		(void)VALGRIND_CHECK_MEM_IS_DEFINED(
		    args[1], strlen((const char *)args[1]) + 1);
		(void)VALGRIND_CHECK_MEM_IS_DEFINED(args[2], args[3]);
	}
	result = (long)VALGRIND_NON_SIMD_CALL2(make, number, args);
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}
#endif

static long
make_by_libc(long number, const long *args)
{
	void *symbol = dlsym(RTLD_NEXT, "syscall");
	long (*next)(long, ...);

	memcpy(&next, &symbol, sizeof next);
	return next(
	    number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

long
syscall(long number, ...)
{
	long args[ARGS];
	va_list list;

	/* libc's does the same: those that weren't passed don't matter. */
	va_start(list, number);
	for (int i = 0; i < ARGS; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	/* The programs' own programs have this loaded, too. */
	if (!RUNNING_ON_VALGRIND)
		return make_by_libc(number, args);
	switch (number) {
#ifdef __x86_64__
	case SYS_openat2:
	case SYS_pidfd_open:
		return make_unseen(number, args);
#endif
	case SYS_landlock_create_ruleset:
		errno = ENOSYS;
		return -1;
	default:
		return make_by_libc(number, args);
	}
}
