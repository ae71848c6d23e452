/* The misbehaviours of rawstub: each is what one connection meets.
 *
 * Those that answer read the whole request first, asking for its body with 100
 * Continue, so that the fault is met exactly where its name says. Writes that
 * fail are the client's leaving, and end the mode. */
#include "tests/stub/rawstub_modes.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { TLS_ALERT_LENGTH = 7 };

unsigned rawstub_modes_delay_ms = 20;

static const char answer[] = "HTTP/1.1 200 OK\r\n"
			     "Content-Type: application/xml\r\n"
			     "ETag: \"0123456789abcdef0123456789abcdef\"\r\n"
			     "Content-Length: 11\r\n\r\n<Trickled/>";

/* --- reading and writing ---------------------------------------------------*/

static void
pause_ms(unsigned milliseconds)
{
	(void)poll(NULL, 0, (int)milliseconds); /* an early end does no harm */
}

bool
rawstub_modes_put(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t done = send(fd, bytes, length, MSG_NOSIGNAL);

		if (done <= 0)
			return false;
		bytes += done;
		length -= (size_t)done;
	}
	return true;
}

static bool
say(int fd, const char *text)
{
	return rawstub_modes_put(fd, text, strlen(text));
}

/* Reads until the other side has closed. */
static void
drain(int fd)
{
	static char chunk[RAWSTUB_CHUNK];

	while (recv(fd, chunk, sizeof(chunk), 0) > 0)
		;
}

static unsigned long long
content_length(const char *head)
{
	const char *at = strcasestr(head, "\r\ncontent-length:");

	return at != NULL ? strtoull(at + 17, NULL, 10) : 0;
}

/* Reads the head of a request; returns how much of its body came with it, or
 * -1. */
static ssize_t
read_head(int fd, char head[RAWSTUB_CHUNK + 1])
{
	size_t length = 0;
	const char *end;

	do {
		ssize_t got = recv(
		    fd, head + length, RAWSTUB_CHUNK - length, 0);

		if (got <= 0)
			return -1;
		length += (size_t)got;
		head[length] = '\0';
		end = strstr(head, "\r\n\r\n");
	} while (end == NULL && length < RAWSTUB_CHUNK);
	return end != NULL ? (ssize_t)(length - (size_t)(end + 4 - head)) : -1;
}

/* Reads a whole request, asking for its body where the client waits. */
static bool
read_request(int fd)
{
	static char head[RAWSTUB_CHUNK + 1], chunk[RAWSTUB_CHUNK];
	ssize_t got = read_head(fd, head);
	unsigned long long left;

	if (got < 0)
		return false;
	left = content_length(head);
	if (strcasestr(head, "\r\nexpect: 100-continue") != NULL && got == 0 &&
	    !say(fd, "HTTP/1.1 100 Continue\r\n\r\n"))
		return false;
	left -= (unsigned long long)got < left ? (unsigned long long)got : left;
	while (left > 0) {
		got = recv(fd, chunk, sizeof(chunk), 0);
		if (got <= 0)
			return false;
		left -= (unsigned long long)got < left ? (unsigned long long)got
						       : left;
	}
	return true;
}

static void
answer_raw(int fd, const char *text)
{
	if (read_request(fd))
		(void)say(fd, text); /* the client may be gone: so be it */
}

static void
answer_endlessly(int fd, const char *begin, const char *again)
{
	if (!read_request(fd) || !say(fd, begin))
		return;
	while (say(fd, again))
		;
}

static void
trickle(int fd, const char *text)
{
	for (; *text != '\0' && rawstub_modes_put(fd, text, 1); text++)
		pause_ms(rawstub_modes_delay_ms);
}

static void
drip(int fd, const char *begin)
{
	if (!read_request(fd) || !say(fd, begin))
		return;
	while (rawstub_modes_put(fd, "a", 1))
		pause_ms(rawstub_modes_delay_ms);
}

/* --- the misbehaviours -----------------------------------------------------*/

static void
do_close(int fd)
{
	(void)fd; /* it is closed by who called */
}

static void
do_reset(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (read_request(fd))
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
do_silent(int fd)
{
	drain(fd);
}

static void
do_no_read(int fd)
{
	struct pollfd gone = {.fd = fd, .events = POLLRDHUP};

	(void)poll(
	    &gone, 1, RAWSTUB_LIFE_MAX_S * 1000); /* the end either way */
}

static void
do_slow_read(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) == 1)
		pause_ms(rawstub_modes_delay_ms);
}

static void
do_early_503(int fd)
{
	static char head[RAWSTUB_CHUNK + 1];

	if (read_head(fd, head) >= 0)
		(void)say(fd, "HTTP/1.1 503 Slow Down\r\nConnection: close\r\n"
			      "Content-Length: 0\r\n\r\n"); /* gone: so be it */
}

static void
do_cut_status(int fd)
{
	answer_raw(fd, "HTTP/1.1 20");
}

static void
do_cut_headers(int fd)
{
	answer_raw(fd, "HTTP/1.1 200 OK\r\nETag: \"0123");
}

static void
do_cut_100(int fd)
{
	static char head[RAWSTUB_CHUNK + 1];

	if (read_head(fd, head) >= 0)
		(void)say(fd, "HTTP/1.1 100 Con"); /* gone: so be it */
}

static void
do_bad_status(int fd)
{
	answer_raw(fd, "HTTP/1.1 abc \001\002\r\nContent-Length: 0\r\n\r\n");
}

static void
do_no_http(int fd)
{
	answer_raw(fd, "<html><body>It works!</body></html>\n");
}

static void
do_garbage(int fd)
{
	char bytes[4096];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 131 + 7);
	if (read_request(fd))
		(void)rawstub_modes_put(
		    fd, bytes, sizeof(bytes)); /* gone: so be it */
}

static void
do_bad_length(int fd)
{
	answer_raw(fd, "HTTP/1.1 200 OK\r\nETag: \"0123\"\r\n"
		       "Content-Length: 100000\r\n\r\n<Short>");
}

static void
do_bad_chunk(int fd)
{
	answer_raw(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "zz\r\nnonsense\r\n");
}

static void
do_two_lengths(int fd)
{
	answer_raw(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
		       "Content-Length: 7\r\n\r\n<a/>...");
}

static void
do_extra(int fd)
{
	answer_raw(fd, "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n"
		       "HTTP/1.1 200 OK\r\nETag: \"0123\"\r\n"
		       "Content-Length: 0\r\n\r\n");
	drain(fd);
}

static void
do_endless_header(int fd)
{
	answer_endlessly(fd, "HTTP/1.1 200 OK\r\nx-amz-long: ",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void
do_endless_headers(int fd)
{
	answer_endlessly(fd, "HTTP/1.1 200 OK\r\n",
	    "x-amz-meta-more: and more and more and more\r\n");
}

static void
do_endless_100(int fd)
{
	static char head[RAWSTUB_CHUNK + 1];

	if (read_head(fd, head) < 0)
		return;
	while (say(fd, "HTTP/1.1 100 Continue\r\n\r\n"))
		;
}

static void
do_endless_body(int fd)
{
	answer_endlessly(fd,
	    "HTTP/1.1 500 Internal Server Error\r\n"
	    "Content-Type: application/xml\r\n\r\n<Error><Message>",
	    "and so on and so on and so on and so on and so on and so on ");
}

static void
do_trickle(int fd)
{
	if (read_request(fd))
		trickle(fd, answer);
}

static void
do_drip(int fd)
{
	drip(fd, "HTTP/1.1 500 Internal Server Error\r\n"
		 "Content-Type: application/xml\r\n\r\n<Error><Message>");
}

static void
do_slow_loris(int fd)
{
	drip(fd, "HTTP/1.1 200 OK\r\nx-amz-slow: ");
}

/* The client's first message in TLS. */
static bool
read_hello(int fd)
{
	char hello[4096];

	return recv(fd, hello, sizeof(hello), 0) > 0;
}

static void
do_tls_cut(int fd)
{
	(void)read_hello(fd); /* closed in either case */
}

static void
do_tls_plain(int fd)
{
	if (read_hello(fd))
		(void)say(fd, "HTTP/1.1 400 Bad Request\r\n"
			      "Content-Length: 0\r\n\r\n"); /* gone: so be it */
}

static void
do_tls_alert(int fd)
{
	/* An alert record of TLS 1.2: fatal, handshake_failure. */
	static const char alert[] = "\x15\x03\x03\x00\x02\x02\x28";

	if (read_hello(fd))
		(void)rawstub_modes_put(
		    fd, alert, TLS_ALERT_LENGTH); /* gone: so be it */
}

static void
do_tls_half(int fd)
{
	/* A handshake record that promises 122 bytes and has four. */
	static const char half[] = "\x16\x03\x03\x00\x7a\x02\x00\x00\x76";

	if (read_hello(fd))
		(void)rawstub_modes_put(
		    fd, half, sizeof(half) - 1); /* gone: so be it */
}

static const struct rawstub_mode modes[] = {
    {"close", do_close, "close at once"},
    {"reset", do_reset, "reset in place of an answer"},
    {"silent", do_silent, "read everything and never answer"},
    {"no-read", do_no_read, "never read"},
    {"slow-read", do_slow_read, "read a byte every --delay-ms"},
    {"early-503", do_early_503, "503 and close before the body"},
    {"cut-status", do_cut_status, "close inside the status line"},
    {"cut-headers", do_cut_headers, "close inside a header"},
    {"cut-100", do_cut_100, "close inside 100 Continue"},
    {"bad-status", do_bad_status, "a status that is no number"},
    {"no-http", do_no_http, "HTML without a status line"},
    {"garbage", do_garbage, "bytes without sense"},
    {"bad-length", do_bad_length, "less than Content-Length says"},
    {"bad-chunk", do_bad_chunk, "a chunk's size that is no number"},
    {"two-lengths", do_two_lengths, "two Content-Length headers"},
    {"extra", do_extra, "an answer that nobody asked for after the real one"},
    {"endless-header", do_endless_header, "a header without end"},
    {"endless-headers", do_endless_headers, "headers without end"},
    {"endless-100", do_endless_100, "100 Continue without end"},
    {"endless-body", do_endless_body, "500 with a body without end"},
    {"drip", do_drip, "500 with such a body, a byte every --delay-ms"},
    {"trickle", do_trickle, "200, a byte every --delay-ms"},
    {"slow-loris", do_slow_loris, "the same in a header that never ends"},
    {"tls-cut", do_tls_cut, "close after the ClientHello"},
    {"tls-plain", do_tls_plain, "plain HTTP in answer to it"},
    {"tls-alert", do_tls_alert, "a fatal alert in answer to it"},
    {"tls-half", do_tls_half, "half a ServerHello, then close"},
};

enum { MODES = sizeof(modes) / sizeof(*modes) };

const struct rawstub_mode *
rawstub_modes_find(const char *name)
{
	for (size_t i = 0; i < MODES; i++) {
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	}
	return NULL;
}

void
rawstub_modes_list(FILE *to)
{
	for (size_t i = 0; i < MODES; i++)
		fprintf(to, "  %-16s%s\n", modes[i].name, modes[i].help);
}
