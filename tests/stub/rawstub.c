/* rawstub: a server that breaks HTTP and TLS below what s3stub can.
 *
 * One misbehaviour a process, named on the command line; each connection gets
 * a child of its own. With --first N --upstream PORT only the first N
 * connections are spoilt and the later ones are passed on to that port, so that
 * a client's second attempt can succeed. The signature survives this: it
 * covers the Host header, which names us, and s3stub takes it as it comes. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/stub/rawstub_modes.h"

enum { EXIT_USAGE = 64 };

struct settings {
	unsigned port, upstream, first;
	const char *log;
};

static struct settings settings;

/* Passes bytes between the two until either closes. */
static void
relay(int fd)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ends[2];
	static char chunk[RAWSTUB_CHUNK];

	to.sin_port = htons((uint16_t)settings.upstream);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (other < 0 || connect(other, (struct sockaddr *)&to, sizeof(to)) < 0)
		return;
	ends[0] = fd;
	ends[1] = other;
	for (;;) {
		struct pollfd polls[2] = {
		    {.fd = fd, .events = POLLIN},
		    {.fd = other, .events = POLLIN},
		};

		if (poll(polls, 2, -1) < 0)
			return;
		for (int i = 0; i < 2; i++) {
			ssize_t got;

			if (polls[i].revents == 0)
				continue;
			got = recv(ends[i], chunk, sizeof(chunk), 0);
			if (got <= 0 ||
			    !rawstub_modes_put(ends[1 - i], chunk, (size_t)got))
				return;
		}
	}
}

static void
serve(int fd, unsigned number, const struct rawstub_mode *mode)
{
	bool spoilt = settings.upstream == 0 || number <= settings.first;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(RAWSTUB_LIFE_MAX_S);
	if (spoilt)
		mode->run(fd);
	else
		relay(fd);
	(void)close(fd); /* a socket: nothing to lose */
	_exit(0);
}

static void
write_log(unsigned number, const struct rawstub_mode *mode)
{
	FILE *log = settings.log != NULL ? fopen(settings.log, "ae") : NULL;

	if (log == NULL)
		return;
	fprintf(log, "%u\t%s\n", number,
	    settings.upstream == 0 || number <= settings.first ? mode->name
							       : "relay");
	(void)fclose(log); /* a test that misses the line will say so */
}

static int
listen_here(uint16_t *ret_port)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t length = sizeof(here);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	here.sin_port = htons((uint16_t)settings.port);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 ||
	    listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&here, &length) < 0) {
		fprintf(stderr, "cannot listen on 127.0.0.1: %s\n",
		    strerror(errno));
		return -1;
	}
	*ret_port = ntohs(here.sin_port);
	return fd;
}

static void
usage(FILE *to)
{
	fputs("usage: rawstub MODE [--port N] [--delay-ms N] [--log FILE]\n"
	      "               [--first N --upstream PORT]\n"
	      "Listens on 127.0.0.1, prints its URL, spoils each connection\n"
	      "(or the first N, and passes the others on to PORT).\n",
	    to);
	rawstub_modes_list(to);
}

static bool
parse(int argc, char **argv)
{
	for (int i = 2; i < argc; i += 2) {
		unsigned *number = NULL;

		if (i + 1 == argc)
			return false;
		if (strcmp(argv[i], "--port") == 0)
			number = &settings.port;
		else if (strcmp(argv[i], "--upstream") == 0)
			number = &settings.upstream;
		else if (strcmp(argv[i], "--first") == 0)
			number = &settings.first;
		else if (strcmp(argv[i], "--delay-ms") == 0)
			number = &rawstub_modes_delay_ms;
		else if (strcmp(argv[i], "--log") == 0)
			settings.log = argv[i + 1];
		else
			return false;
		if (number != NULL)
			*number = (unsigned)strtoul(argv[i + 1], NULL, 10);
	}
	return true;
}

int
main(int argc, char **argv)
{
	const struct rawstub_mode *mode = argc > 1 ? rawstub_modes_find(argv[1])
						   : NULL;
	pid_t parent = getppid();
	uint16_t port = 0;
	int listener;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	if (mode == NULL || !parse(argc, argv)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 0;
	signal(SIGCHLD, SIG_IGN); /* children leave no zombies */
	listener = listen_here(&port);
	if (listener < 0)
		return EXIT_FAILURE;
	printf("%s://127.0.0.1:%u\n",
	    strncmp(mode->name, "tls-", 4) == 0 ? "https" : "http", port);
	fflush(stdout);
	for (unsigned number = 1;; number++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			/* No descriptor left: wait for children to end. */
			(void)poll(NULL, 0, 10);
			continue;
		}
		write_log(number, mode);
		if (fork() == 0)
			serve(fd, number, mode);
		(void)close(fd); /* the child has it */
	}
}
