/* The sockets of a libcurl multi handle, watched by epoll. */
#ifndef UPLOADER_SOCKETS_H
#define UPLOADER_SOCKETS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct socket; /* what is known of one, by descriptor */

struct sockets {
	CURLM *multi;
	int epoll_fd; /* -1: sockets_init hasn't been called */
	int wake_fd;  /* registered for input, or -1 */
	struct socket *table;
	size_t count;
	int64_t timer_ns;  /* when libcurl wants to be called
			      (clock_monotonic_ns); -1: never */
	int64_t waited_ns; /* in all, for anything to happen */
};

/* Takes over waiting for MULTI, which must outlive it. Returns 0 or a
 * negative errno. */
int sockets_init(struct sockets *sockets, CURLM *multi);
/* After curl_multi_cleanup, which closes sockets through it. */
void sockets_done(struct sockets *sockets);
/* Has EASY open and close its connections through it. False: no memory. */
bool sockets_serve(struct sockets *sockets, CURL *easy);

/* Waits for at most TIMEOUT_MS (-1: as long as it takes) and tells libcurl
 * what has happened. Returns 1 when WAKE_FD (-1: none) is readable, else 0,
 * or a negative errno. */
int sockets_wait(struct sockets *sockets, int timeout_ms, int wake_fd);
/* Calls libcurl when its timer is due. Returns 0 or -EIO. */
int sockets_run_timer(struct sockets *sockets);

#endif
