/* meter: runs a command and tells what it took.
 *
 *   meter FD COMMAND [ARGUMENT...]
 *
 * writes a line to the descriptor FD: seconds, seconds of CPU, peak of resident
 * memory in KiB, status (128 and more: ended by that signal). A small program
 * of its own, since a process's peak begins with that of whoever started it
 * (getrusage(2), RUSAGE_CHILDREN): Python's would be all that is seen. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 64, NOT_FOUND = 127 };

static double
now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* it cannot fail */
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double
seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	double began_s = now_s(), took_s;
	struct rusage usage;
	int status, fd;
	pid_t child;

	if (argc < 3) {
		fputs("usage: meter FD COMMAND [ARGUMENT...]\n", stderr);
		return EXIT_USAGE;
	}
	fd = (int)strtol(argv[1], NULL, 10);
	child = fork();
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)close(fd); /* ours alone */
		execvp(argv[2], argv + 2);
		fprintf(stderr, "meter: %s: %s\n", argv[2], strerror(errno));
		_exit(NOT_FOUND);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
		perror("meter");
		return EXIT_FAILURE;
	}
	took_s = now_s() - began_s;
	if (dprintf(fd, "%.6f %.6f %ld %d\n", took_s,
		seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
		usage.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status)
				  : 128 + WTERMSIG(status)) < 0)
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
