/* Lazy registration with epoll.
 *
 * libcurl takes a socket out and puts it back for each request, which would
 * cost two epoll_ctl a file: so a connection stays registered for input while
 * it is idle, and is taken out when that turns out needless. That is for the
 * sockets that libcurl opens through us (OPENSOCKETFUNCTION) and closes
 * through us: it may use other descriptors, such as its resolver's, whose
 * closing we would miss; these are registered and taken out exactly as it
 * says. */
#include "uploader/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

/* At once: for more, what could be sent by now would wait too long. */
enum { EVENTS = 16 };

struct socket {
	uint32_t registered; /* events epoll knows of; 0: it isn't there */
	uint32_t wanted;     /* by libcurl; 0: the connection is idle */
	bool ours;	     /* opened and closed through us */
	CURLM *multi;	     /* which wants that */
};

static struct socket *
socket_of(struct sockets *sockets, curl_socket_t fd)
{
	size_t need = (size_t)fd + 1;

	if (need > sockets->count) {
		size_t count = need + 64;

		sockets->table = mem_grow(
		    sockets->table, count, sizeof *sockets->table);
		memset(sockets->table + sockets->count, 0,
		    (count - sockets->count) * sizeof *sockets->table);
		sockets->count = count;
	}
	return &sockets->table[fd];
}

/* Registers FD for EVENTS (0: not at all). */
static int
watch(struct sockets *sockets, curl_socket_t fd, uint32_t events)
{
	struct socket *socket = socket_of(sockets, fd);
	struct epoll_event event = {.events = events, .data.fd = fd};
	int op = events == 0		   ? EPOLL_CTL_DEL
		 : socket->registered != 0 ? EPOLL_CTL_MOD
					   : EPOLL_CTL_ADD;

	if (events == socket->registered)
		return 0;
	if (epoll_ctl(sockets->epoll_fd, op, fd, &event) < 0 && events != 0)
		return -1;
	socket->registered = events;
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION: libcurl waits for WHAT on FD. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
	struct sockets_multi *multi = context;
	struct sockets *sockets = multi->sockets;
	struct socket *socket = socket_of(sockets, fd);
	uint32_t events = 0;

	(void)easy;
	(void)unused;
	if (what != CURL_POLL_REMOVE)
		events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) |
			 ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
	socket->multi = multi->handle;
	socket->wanted = events;
	if (!socket->ours)
		return watch(sockets, fd, events);
	if ((events & ~socket->registered) != 0)
		return watch(sockets, fd, events | EPOLLIN);
	return 0;
}

static int
on_timer(CURLM *handle, long timeout_ms, void *context)
{
	struct sockets_multi *multi = context;

	(void)handle;
	multi->timer_ns = timeout_ms < 0 ? INT64_MAX
					 : clock_monotonic_ns() +
					       timeout_ms * CLOCK_NS_PER_MS;
	return 0;
}

static curl_socket_t
on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct sockets *sockets = context;
	curl_socket_t fd;

	(void)purpose;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
	if (fd >= 0)
		*socket_of(sockets, fd) = (struct socket){.ours = true};
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int
on_close(void *context, curl_socket_t fd)
{
	struct sockets *sockets = context;

	/* Closing takes it out of epoll, too. */
	*socket_of(sockets, fd) = (struct socket){0};
	return close(fd);
}

static int
act(CURLM *multi, curl_socket_t fd, int events)
{
	int running;

	return curl_multi_socket_action(multi, fd, events, &running) == CURLM_OK
		   ? 0
		   : -EIO;
}

/* One socket's events; those that libcurl doesn't wait for are dropped from
 * the registration, as they would come again and again. */
static int
on_event(struct sockets *sockets, int fd, uint32_t events)
{
	struct socket *socket = socket_of(sockets, fd);
	const uint32_t trouble = EPOLLERR | EPOLLHUP;

	if (socket->wanted == 0)
		return watch(sockets, fd, 0);
	if ((events & (socket->wanted | trouble)) == 0)
		return watch(sockets, fd, socket->wanted);
	return act(socket->multi, fd,
	    ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
		((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
		((events & trouble) != 0 ? CURL_CSELECT_ERR : 0));
}

int
sockets_init(struct sockets *sockets, size_t count)
{
	*sockets = (struct sockets){.wake_fd = -1};
	sockets->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sockets->epoll_fd < 0)
		return -errno;
	sockets->multis = mem_zero(count, sizeof *sockets->multis);
	sockets->multi_count = count;
	for (size_t i = 0; i < count; i++) {
		sockets->multis[i].sockets = sockets;
		sockets->multis[i].timer_ns = INT64_MAX;
	}
	return 0;
}

static bool
set_up_multi(struct sockets_multi *multi, long connections)
{
	CURLM *handle = multi->handle;

	return curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, on_socket) ==
		   CURLM_OK &&
	       curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, multi) ==
		   CURLM_OK &&
	       curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, on_timer) ==
		   CURLM_OK &&
	       curl_multi_setopt(handle, CURLMOPT_TIMERDATA, multi) ==
		   CURLM_OK &&
	       curl_multi_setopt(handle, CURLMOPT_MAXCONNECTS, connections) ==
		   CURLM_OK &&
	       curl_multi_setopt(handle, CURLMOPT_MAX_TOTAL_CONNECTIONS,
		   connections) == CURLM_OK &&
	       curl_multi_setopt(handle, CURLMOPT_PIPELINING,
		   (long)CURLPIPE_NOTHING) == CURLM_OK;
}

CURLM *
sockets_multi(struct sockets *sockets, size_t index, size_t connections)
{
	struct sockets_multi *multi = &sockets->multis[index];

	if (multi->handle != NULL)
		return multi->handle;
	multi->handle = curl_multi_init();
	if (multi->handle != NULL && set_up_multi(multi, (long)connections))
		return multi->handle;
	(void)curl_multi_cleanup(multi->handle); /* nothing is in it */
	multi->handle = NULL;
	return NULL;
}

void
sockets_done(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->multi_count; i++)
		if (sockets->multis[i].handle != NULL)
			(void)curl_multi_cleanup(sockets->multis[i].handle);
	free(sockets->multis);
	if (sockets->epoll_fd >= 0)
		(void)close(sockets->epoll_fd); /* holds no data */
	free(sockets->table);
}

bool
sockets_serve(struct sockets *sockets, CURL *easy)
{
	return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) ==
		   CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets) ==
		   CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) ==
		   CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets) ==
		   CURLE_OK;
}

static int
set_wake(struct sockets *sockets, int wake_fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = wake_fd};

	if (wake_fd < 0 || wake_fd == sockets->wake_fd)
		return 0;
	if (epoll_ctl(sockets->epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) < 0)
		return -errno;
	sockets->wake_fd = wake_fd;
	return 0;
}

int
sockets_wait(struct sockets *sockets, int timeout_ms, int wake_fd)
{
	struct epoll_event events[EVENTS];
	int rc = set_wake(sockets, wake_fd);
	int64_t began_ns = clock_monotonic_ns();
	int woken = 0;
	int n;

	if (rc < 0)
		return rc;
	n = epoll_wait(sockets->epoll_fd, events, EVENTS, timeout_ms);
	sockets->waited_ns += clock_monotonic_ns() - began_ns;
	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; rc == 0 && i < n; i++) {
		if (events[i].data.fd == wake_fd)
			woken = 1;
		else
			rc = on_event(
			    sockets, events[i].data.fd, events[i].events);
	}
	return rc < 0 ? -EIO : woken;
}

int64_t
sockets_timer_ns(const struct sockets *sockets)
{
	int64_t soonest_ns = INT64_MAX;

	for (size_t i = 0; i < sockets->multi_count; i++)
		if (sockets->multis[i].timer_ns < soonest_ns)
			soonest_ns = sockets->multis[i].timer_ns;
	return soonest_ns;
}

int
sockets_run_timers(struct sockets *sockets)
{
	int64_t now_ns = clock_monotonic_ns();

	for (size_t i = 0; i < sockets->multi_count; i++) {
		struct sockets_multi *multi = &sockets->multis[i];

		if (multi->timer_ns > now_ns)
			continue;
		multi->timer_ns = INT64_MAX;
		if (act(multi->handle, CURL_SOCKET_TIMEOUT, 0) < 0)
			return -EIO;
	}
	return 0;
}
