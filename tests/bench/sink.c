/* sink: an S3 store that keeps nothing, for measuring uploaders over loopback.
 *
 * It must never be what is measured, so it does the least: one thread, bodies
 * that the kernel drops (MSG_TRUNC of tcp(7)) once they are counted, no look
 * at signatures or checksums. A body counts when it has the length that its
 * head announced. Answers are those of PutObject, CreateMultipartUpload,
 * UploadPart and CompleteMultipartUpload, as far as clients look at them
 * (Amazon S3 API Reference); x-amz-checksum-* comes back as it came, an ETag
 * is none that could be taken for an MD5, whoever asks for an object is told
 * that there is none, and listings are empty.
 *
 * Each connection has one request at a time: no uploader pipelines. So an
 * answer that is delayed is the connection's own, and as all wait equally
 * long, they are due in the order in which they began to wait. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"

enum {
	EXIT_USAGE = 64,
	HEAD_MAX = 16 << 10,
	ANSWER_MAX = 1024,
	CHECKSUM_MAX = 128,
	DROP_MAX = 1 << 20, /* bytes of a body at once */
	EVENTS = 256,
	BACKLOG = 4096,
	S_NS = 1000000000,
	MS_NS = 1000000
};

/* What becomes of a request. */
struct row {
	const char *method;
	const char *query; /* must be in it */
	bool has_key;
	bool stores; /* its body is an object's, or a part's */
	bool makes;  /* an object is whole then */
	const char *status;
	const char *body;
};

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

/* The first that fits. */
static const struct row rows[] = {
    {"PUT", "partNumber=", true, true, false, "200 OK", ""},
    {"PUT", "", true, true, true, "200 OK", ""},
    {"POST", "uploadId=", true, false, true, "200 OK",
	XML "<CompleteMultipartUploadResult><ETag>\"sink-1\"</ETag>"
	    "</CompleteMultipartUploadResult>"},
    {"POST", "uploads", true, false, false, "200 OK",
	XML "<InitiateMultipartUploadResult><UploadId>sink</UploadId>"
	    "</InitiateMultipartUploadResult>"},
    {"DELETE", "", true, false, false, "204 No Content", ""},
    {"HEAD", "", true, false, false, "404 Not Found", ""},
    {"GET", "uploadId=", true, false, false, "404 Not Found",
	XML "<Error><Code>NoSuchUpload</Code></Error>"},
    {"GET", "", true, false, false, "404 Not Found",
	XML "<Error><Code>NoSuchKey</Code></Error>"},
    {"HEAD", "", false, false, false, "200 OK", ""},
    {"PUT", "", false, false, false, "200 OK", ""},
    {"GET", "location", false, false, false, "200 OK",
	XML "<LocationConstraint/>"},
    {"GET", "uploads", false, false, false, "200 OK",
	XML "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>"
	    "</ListMultipartUploadsResult>"},
    {"GET", "", false, false, false, "200 OK",
	XML "<ListBucketResult><KeyCount>0</KeyCount>"
	    "<IsTruncated>false</IsTruncated></ListBucketResult>"},
};

static const struct row unknown = {"", "", false, false, false,
    "501 Not Implemented", XML "<Error><Code>NotImplemented</Code></Error>"};

enum { ROWS = sizeof rows / sizeof *rows };

struct connection {
	int fd;
	bool waits, gone, closes, in_body;
	struct connection *next; /* whose answer is due next */
	int64_t due_ns;
	const struct row *row;
	uint64_t body_left;
	char checksum[CHECKSUM_MAX]; /* the header's line, or "" */
	char answer[ANSWER_MAX];
	size_t answer_length;
	size_t held; /* bytes of the head that are there */
	char head[HEAD_MAX];
};

struct sink {
	int epoll_fd, listen_fd, timer_fd, signal_fd;
	int64_t latency_ns;
	struct connection *first, *last; /* that wait for their answers */
	/* So far; the bytes are those of objects and parts. */
	uint64_t objects, bytes, connections;
};

static char dropped[DROP_MAX];

static int64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* it cannot fail */
	return (int64_t)now.tv_sec * S_NS + now.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
watch(struct sink *sink, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(sink->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

/* Frees it, or leaves that to the queue, if it is in there. */
static void
hang_up(struct connection *connection)
{
	(void)close(connection->fd); /* a socket: nothing to lose */
	connection->gone = true;
	if (!connection->waits)
		free(connection);
}

/* False: the connection is gone. */
static bool
send_all(struct connection *connection, const char *text, size_t length)
{
	/* Nothing else is on its way: what doesn't fit never will. */
	if (send(connection->fd, text, length, MSG_NOSIGNAL) == (ssize_t)length)
		return true;
	hang_up(connection);
	return false;
}

/* --- answers -------------------------------------------------------------- */

static const char *
date(void)
{
	static char text[64];
	static time_t last;
	time_t now = time(NULL);
	struct tm tm;

	if (now != last) {
		(void)gmtime_r(&now, &tm);
		(void)strftime(
		    text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		last = now;
	}
	return text;
}

static void
set_timer(struct sink *sink)
{
	struct itimerspec when = {0};

	if (sink->first != NULL) {
		when.it_value.tv_sec = sink->first->due_ns / S_NS;
		when.it_value.tv_nsec = sink->first->due_ns % S_NS;
	}
	if (timerfd_settime(sink->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		die("timerfd_settime");
}

static void
send_answer(struct connection *connection)
{
	if (send_all(
		connection, connection->answer, connection->answer_length) &&
	    connection->closes)
		hang_up(connection);
}

static void
answer(struct sink *sink, struct connection *connection)
{
	const struct row *row = connection->row;
	int length = snprintf(connection->answer, ANSWER_MAX,
	    "HTTP/1.1 %s\r\nDate: %s\r\nServer: sink\r\n"
	    "x-amz-request-id: 0123456789ABCDEF\r\nETag: \"sink-1\"\r\n%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    row->status, date(), connection->checksum, strlen(row->body),
	    row->body);

	connection->answer_length = (size_t)length;
	connection->in_body = false;
	sink->objects += row->makes;
	if (sink->latency_ns == 0) {
		send_answer(connection);
		return;
	}
	connection->due_ns = now_ns() + sink->latency_ns;
	connection->waits = true;
	connection->next = NULL;
	if (sink->first == NULL) {
		sink->first = connection;
		set_timer(sink);
	} else
		sink->last->next = connection;
	sink->last = connection;
}

static void
send_due(struct sink *sink)
{
	uint64_t expirations;
	int64_t now = now_ns();

	/* Only to make it unreadable; EAGAIN: it was set anew. */
	if (read(sink->timer_fd, &expirations, sizeof expirations) < 0 &&
	    errno != EAGAIN)
		die("timerfd");
	while (sink->first != NULL && sink->first->due_ns <= now) {
		struct connection *connection = sink->first;

		sink->first = connection->next;
		connection->waits = false;
		if (connection->gone)
			free(connection);
		else
			send_answer(connection);
	}
	set_timer(sink);
}

/* --- requests ------------------------------------------------------------- */

/* What NAME's value begins with, if LINE is that header. */
static const char *
value_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	line += length + 1;
	return line + strspn(line, " ");
}

static const struct row *
row_of(const char *method, char *target)
{
	char *query = strchr(target, '?'), *key;

	if (query != NULL)
		*query++ = '\0';
	key = *target == '/' ? strchr(target + 1, '/') : NULL;
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].method, method) == 0 &&
		    rows[i].has_key == (key != NULL && key[1] != '\0') &&
		    strstr(query != NULL ? query : "", rows[i].query) != NULL)
			return &rows[i];
	return &unknown;
}

/* Reads the head at TEXT, which ends in a NUL; returns whether the client waits
 * to be told to go on. */
static bool
read_head(struct connection *connection, char *text)
{
	char *rest = NULL, *method, *target, *line;
	bool expects = false;
	const char *value;

	connection->body_left = 0;
	connection->checksum[0] = '\0';
	connection->in_body = true;
	line = strtok_r(text, "\r\n", &rest);
	method = line != NULL ? strsep(&line, " ") : NULL;
	target = line != NULL ? strsep(&line, " ") : NULL;
	connection->closes = line == NULL || strcmp(line, "HTTP/1.1") != 0;
	connection->row = target != NULL ? row_of(method, target) : &unknown;
	while ((line = strtok_r(NULL, "\r\n", &rest)) != NULL) {
		if ((value = value_of(line, "Content-Length")) != NULL)
			connection->body_left = strtoull(value, NULL, 10);
		else if ((value = value_of(line, "Expect")) != NULL)
			expects = *value != '\0';
		else if ((value = value_of(line, "Connection")) != NULL)
			connection->closes |= strcasecmp(value, "close") == 0;
		else if (value_of(line, "Transfer-Encoding") != NULL) {
			/* Its end isn't looked for. */
			connection->row = &unknown;
			connection->closes = true;
		} else if (strncasecmp(line, "x-amz-checksum-", 15) == 0)
			(void)snprintf(connection->checksum, CHECKSUM_MAX,
			    "%.*s\r\n", CHECKSUM_MAX - 3, line);
	}
	return expects && connection->body_left > 0;
}

static void
count_body(struct sink *sink, struct connection *connection, size_t bytes)
{
	connection->body_left -= bytes;
	if (connection->row->stores)
		sink->bytes += bytes;
}

/* Receives into BYTES, or nowhere by FLAGS. Returns how many; 0: there are no
 * more yet, or the connection is gone. */
static size_t
receive(struct connection *connection, char *bytes, size_t size, int flags)
{
	ssize_t got = recv(connection->fd, bytes, size, flags);

	if (got > 0)
		return (size_t)got;
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		hang_up(connection);
	return 0;
}

/* True: the head is there, and with it perhaps some of the body. */
static bool
take_head(struct sink *sink, struct connection *connection)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t got, body;
	char *end;

	if (connection->held == HEAD_MAX) {
		hang_up(connection);
		return false;
	}
	got = receive(connection, connection->head + connection->held,
	    HEAD_MAX - connection->held, 0);
	if (got == 0)
		return false;
	connection->held += got;
	end = memmem(connection->head, connection->held, "\r\n\r\n", 4);
	if (end == NULL)
		return false;
	*end = '\0';
	body = connection->held - (size_t)(end + 4 - connection->head);
	connection->held = 0;
	if (read_head(connection, connection->head) && body == 0 &&
	    !send_all(connection, go_on, sizeof go_on - 1))
		return false;
	if (body > connection->body_left) {
		hang_up(connection); /* it pipelines */
		return false;
	}
	count_body(sink, connection, body);
	return true;
}

/* Goes on with what has arrived. */
static void
serve(struct sink *sink, struct connection *connection)
{
	if (!connection->in_body && !take_head(sink, connection))
		return;
	while (connection->body_left > 0) {
		size_t want = connection->body_left < DROP_MAX
				  ? (size_t)connection->body_left
				  : DROP_MAX;
		size_t got = receive(connection, dropped, want, MSG_TRUNC);

		if (got == 0)
			return;
		count_body(sink, connection, got);
		if (got < want)
			return;
	}
	answer(sink, connection);
}

static void
accept_all(struct sink *sink)
{
	int fd;

	while ((fd = accept4(sink->listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *connection = mem_zero(1, sizeof *connection);

		connection->fd = fd;
		sink->connections++;
		watch(sink, fd, connection);
	}
}

/* --- the loop ------------------------------------------------------------- */

/* False: it is time to end. */
static bool
turn(struct sink *sink)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(sink->epoll_fd, events, EVENTS, -1);
	bool is_due = false;

	if (count < 0 && errno != EINTR)
		die("epoll_wait");
	for (int i = 0; i < count; i++) {
		void *what = events[i].data.ptr;

		if (what == &sink->signal_fd)
			return false;
		if (what == &sink->listen_fd)
			accept_all(sink);
		else if (what == &sink->timer_fd)
			is_due = true;
		else if (((struct connection *)what)->waits)
			hang_up(what); /* or it pipelines */
		else
			serve(sink, what);
	}
	/* At the end, since it frees connections that may have events here. */
	if (is_due)
		send_due(sink);
	return true;
}

static void
set_up(struct sink *sink)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t length = sizeof here;
	sigset_t signals;

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	sink->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	sink->timer_fd = timerfd_create(
	    CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	sink->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sink->listen_fd = socket(
	    AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sink->signal_fd < 0 || sink->timer_fd < 0 || sink->epoll_fd < 0 ||
	    sink->listen_fd < 0 ||
	    bind(sink->listen_fd, (struct sockaddr *)&here, length) < 0 ||
	    listen(sink->listen_fd, BACKLOG) < 0 ||
	    getsockname(sink->listen_fd, (struct sockaddr *)&here, &length) < 0)
		die("cannot listen on 127.0.0.1");
	watch(sink, sink->signal_fd, &sink->signal_fd);
	watch(sink, sink->timer_fd, &sink->timer_fd);
	watch(sink, sink->listen_fd, &sink->listen_fd);
	printf("http://127.0.0.1:%u\n", ntohs(here.sin_port));
	(void)fflush(stdout);
}

static void
print_counts(const struct sink *sink)
{
	printf("{\"objects\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"connections\": %" PRIu64 "}\n",
	    sink->objects, sink->bytes, sink->connections);
}

int
main(int argc, char **argv)
{
	pid_t parent = getppid();
	struct sink sink = {0};

	if (argc == 3 && strcmp(argv[1], "--latency-ms") == 0)
		sink.latency_ns = strtol(argv[2], NULL, 10) * MS_NS;
	else if (argc != 1) {
		fputs("usage: sink [--latency-ms N]\n"
		      "Prints its URL once it listens, and on SIGTERM what it "
		      "has counted, as JSON.\n",
		    stderr);
		return EXIT_USAGE;
	}
	/* A benchmark that dies must not leave its sink behind. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return EXIT_SUCCESS;
	set_up(&sink);
	while (turn(&sink))
		;
	print_counts(&sink);
	return EXIT_SUCCESS;
}
