/* floor: the least that moves a tree into a bucket by libcurl, to measure
 * uploaders against: it walks the tree, sends each file by an unsigned PUT over
 * HTTP/1.1 connections that are kept, and unlinks it after a 2xx. Nothing is
 * locked, verified, tried again or written down, and whatever fails ends it.
 *
 * libcurl is used as its documentation has it: the multi interface with epoll
 * (CURLMOPT_SOCKETFUNCTION), one easy handle a connection, that is used over
 * and over. Files up to WHOLE_MAX are read at once, others as they go. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

enum { EXIT_USAGE = 64, WHOLE_MAX = 1 << 20, EVENTS = 256 };

struct slot {
	CURL *easy;
	const char *path; /* of the file on its way */
	int fd;		  /* -1: it is in bytes */
	char *bytes;
	size_t size, sent;
};

struct floor {
	const char *url;
	size_t base_length; /* of the tree's own path */
	char **paths;
	size_t count, next, done;
	CURLM *multi;
	int epoll_fd;
	long timeout_ms; /* libcurl's; -1: none */
};

__attribute__((noreturn)) static void
die(const char *what, const char *why)
{
	fprintf(stderr, "floor: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void
walk(struct floor *floor, char *base)
{
	char *roots[] = {base, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOSTAT, NULL);
	size_t size = 0;

	if (tree == NULL)
		die(base, strerror(errno));
	for (FTSENT *entry; (entry = fts_read(tree)) != NULL;) {
		if (entry->fts_info != FTS_NSOK && entry->fts_info != FTS_F)
			continue;
		if (floor->count == size) {
			size = size * 2 + 1024;
			floor->paths = mem_grow(
			    floor->paths, size, sizeof *floor->paths);
		}
		floor->paths[floor->count++] = mem_copy(entry->fts_path);
	}
	(void)fts_close(tree); /* read to its end */
}

/* --- one file ------------------------------------------------------------- */

static size_t
on_read(char *to, size_t size, size_t count, void *context)
{
	struct slot *slot = context;
	size_t left = slot->size - slot->sent, length = size * count;
	ssize_t got;

	if (length > left)
		length = left;
	if (slot->fd < 0) {
		memcpy(to, slot->bytes + slot->sent, length);
	} else {
		got = pread(slot->fd, to, length, (off_t)slot->sent);
		if (got <= 0)
			return CURL_READFUNC_ABORT;
		length = (size_t)got;
	}
	slot->sent += length;
	return length;
}

static size_t
on_write(char *from, size_t size, size_t count, void *context)
{
	(void)from;
	(void)context;
	return size * count;
}

/* Takes the next file, if there is one. */
static void
start(struct floor *floor, struct slot *slot)
{
	char url[4096];
	struct stat st;

	if (floor->next == floor->count)
		return;
	slot->path = floor->paths[floor->next++];
	slot->fd = open(slot->path, O_RDONLY | O_CLOEXEC);
	if (slot->fd < 0 || fstat(slot->fd, &st) < 0)
		die(slot->path, strerror(errno));
	slot->size = (size_t)st.st_size;
	slot->sent = 0;
	if (slot->size <= WHOLE_MAX) {
		if (slot->bytes == NULL)
			slot->bytes = mem_alloc(WHOLE_MAX);
		if (read(slot->fd, slot->bytes, slot->size) != st.st_size)
			die(slot->path, "read");
		(void)close(slot->fd); /* only read */
		slot->fd = -1;
	}
	(void)snprintf(url, sizeof url, "%s%s", floor->url,
	    slot->path + floor->base_length);
	curl_easy_setopt(slot->easy, CURLOPT_URL, url);
	curl_easy_setopt(
	    slot->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)st.st_size);
	curl_multi_add_handle(floor->multi, slot->easy);
}

static void
finish(struct floor *floor, CURL *easy, CURLcode code)
{
	struct slot *slot;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&slot);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(floor->multi, easy);
	if (code != CURLE_OK)
		die(slot->path, curl_easy_strerror(code));
	if (status / 100 != 2)
		die(slot->path, "the store refuses it");
	if (slot->fd >= 0)
		(void)close(slot->fd); /* only read */
	if (unlink(slot->path) < 0)
		die(slot->path, strerror(errno));
	floor->done++;
	start(floor, slot);
}

/* --- the loop ------------------------------------------------------------- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct floor *floor = context;
	struct epoll_event event = {.data.fd = fd};
	int op = known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		/* It may be closed already. */
		(void)epoll_ctl(floor->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) |
		       ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
	curl_multi_assign(floor->multi, fd, floor);
	return epoll_ctl(floor->epoll_fd, op, fd, &event);
}

static int
on_timer(CURLM *multi, long timeout_ms, void *context)
{
	(void)multi;
	((struct floor *)context)->timeout_ms = timeout_ms;
	return 0;
}

static void
turn(struct floor *floor)
{
	struct epoll_event events[EVENTS];
	int left, running, count = 0;

	if (floor->timeout_ms != 0)
		count = epoll_wait(
		    floor->epoll_fd, events, EVENTS, (int)floor->timeout_ms);
	if (count <= 0) {
		floor->timeout_ms = -1;
		curl_multi_socket_action(
		    floor->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	for (int i = 0; i < count; i++) {
		uint32_t seen = events[i].events;
		int what = ((seen & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
			   ((seen & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
			   ((seen & (EPOLLERR | EPOLLHUP)) != 0
				   ? CURL_CSELECT_ERR
				   : 0);

		curl_multi_socket_action(
		    floor->multi, events[i].data.fd, what, &running);
	}
	for (CURLMsg *message;
	     (message = curl_multi_info_read(floor->multi, &left)) != NULL;)
		finish(floor, message->easy_handle, message->data.result);
}

static struct slot *
new_slot(long buffer, struct curl_slist *headers)
{
	struct slot *slot = mem_zero(1, sizeof *slot);
	CURL *easy = slot->easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, slot);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	if (buffer > 0)
		curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, buffer);
	return slot;
}

int
main(int argc, char **argv)
{
	struct floor floor = {.timeout_ms = -1};
	struct curl_slist *headers;
	long connections;

	if (argc != 5) {
		fputs("usage: floor CONNECTIONS BUFFER URL DIR\n"
		      "BUFFER: CURLOPT_UPLOAD_BUFFERSIZE; 0: libcurl's own\n",
		    stderr);
		return EXIT_USAGE;
	}
	connections = strtol(argv[1], NULL, 10);
	floor.url = argv[3];
	floor.base_length = strlen(argv[4]);
	walk(&floor, argv[4]);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	floor.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	floor.multi = curl_multi_init();
	curl_multi_setopt(floor.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(floor.multi, CURLMOPT_SOCKETDATA, &floor);
	curl_multi_setopt(floor.multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(floor.multi, CURLMOPT_TIMERDATA, &floor);
	curl_multi_setopt(floor.multi, CURLMOPT_MAXCONNECTS, connections);
	headers = curl_slist_append(NULL, "Expect:");
	headers = curl_slist_append(headers, "Accept:");
	for (long i = 0; i < connections && floor.next < floor.count; i++)
		start(&floor, new_slot(strtol(argv[2], NULL, 10), headers));
	while (floor.done < floor.count)
		turn(&floor);
	return EXIT_SUCCESS; /* which frees it all */
}
