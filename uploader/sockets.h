/* libcurl's multi handles and their sockets, watched by one epoll. */
#ifndef UPLOADER_SOCKETS_H
#define UPLOADER_SOCKETS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct socket; /* what is known of one, by descriptor */

struct sockets_multi {
	struct sockets *sockets;
	CURLM *handle;	  /* NULL: it isn't needed yet */
	int64_t timer_ns; /* when it wants to be called (clock_monotonic_ns);
			     INT64_MAX: never */
};

struct sockets {
	int epoll_fd; /* -1: sockets_init hasn't been called */
	int wake_fd;  /* registered for input, or -1 */
	struct socket *table;
	size_t count;
	struct sockets_multi *multis;
	size_t multi_count;
	int64_t waited_ns; /* in all, for anything to happen */
};

/* For COUNT multi handles. Returns 0 or a negative errno; sockets_done is due
 * either way. */
int sockets_init(struct sockets *sockets, size_t count);
/* The multi handle INDEX; the first time it is made, for at most CONNECTIONS.
 * NULL: no memory. */
CURLM *sockets_multi(struct sockets *sockets, size_t index, size_t connections);
/* Closes all connections. No easy handle is in a multi handle any more. */
void sockets_done(struct sockets *sockets);
/* Has EASY open and close its connections through it. False: no memory. */
bool sockets_serve(struct sockets *sockets, CURL *easy);

/* Waits for at most TIMEOUT_MS (-1: as long as it takes) and tells libcurl
 * what has happened. Returns 1 when WAKE_FD (-1: none) is readable, else 0,
 * or a negative errno. */
int sockets_wait(struct sockets *sockets, int timeout_ms, int wake_fd);
/* When the first of libcurl's timers is due; INT64_MAX: none is set. */
int64_t sockets_timer_ns(const struct sockets *sockets);
/* Calls libcurl for those that are due. Returns 0 or -EIO. */
int sockets_run_timers(struct sockets *sockets);

#endif
