/* One thread at a time, which runs credentials_load, says so in a flag, and
 * wakes up whoever waits by an eventfd. Nothing else is shared while it runs:
 * the request is written before the thread begins, the outcome is read after it
 * has been joined. */
#include "uploader/credentials/refresh.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/thread.h"

static const int64_t lead_ns = 600 * CLOCK_NS_PER_S;
static const int64_t lead_spread_ns = 300 * CLOCK_NS_PER_S;
static const int64_t retry_ns = 30 * CLOCK_NS_PER_S;

/* RANDOM/2^32 of BOUND, which is far below 2^63 / 1000. */
static int64_t
part_of(int64_t bound_ns, uint32_t random)
{
	return bound_ns / 1000 * (int64_t)(random >> 12) / (1 << 20) * 1000;
}

int64_t
credentials_refresh_wait_ns(int64_t left_ns, uint32_t random)
{
	int64_t wait_ns;

	if (left_ns == INT64_MAX)
		return INT64_MAX;
	if (left_ns <= 0)
		return credentials_refresh_retry_ns(left_ns, random);
	wait_ns = left_ns - lead_ns - part_of(lead_spread_ns, random);
	if (wait_ns < left_ns / 2)
		wait_ns = left_ns / 2;
	return wait_ns > CLOCK_NS_PER_S ? wait_ns : CLOCK_NS_PER_S;
}

int64_t
credentials_refresh_retry_ns(int64_t left_ns, uint32_t random)
{
	int64_t wait_ns = retry_ns + part_of(retry_ns, random);

	/* Once they have expired there is no hurry any more. */
	if (left_ns > 0 && wait_ns > left_ns / 2)
		wait_ns = left_ns / 2;
	return wait_ns > CLOCK_NS_PER_S ? wait_ns : CLOCK_NS_PER_S;
}

struct credentials_refresh {
	char *region;
	struct credentials_context context;
	int done_fd, cancel_fd;
	bool running;
	atomic_bool done;
	pthread_t thread;
	int result;
	struct credentials *credentials;
	char *error;
};

struct credentials_refresh *
credentials_refresh_new(const struct credentials_context *context)
{
	struct credentials_refresh *refresh = mem_zero(1, sizeof *refresh);

	refresh->region = mem_copy(context->region);
	refresh->context = *context;
	refresh->context.region = refresh->region;
	refresh->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	refresh->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (refresh->done_fd >= 0 && refresh->cancel_fd >= 0 &&
	    curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return refresh;
	if (refresh->done_fd >= 0)
		(void)close(refresh->done_fd); /* holds no data */
	if (refresh->cancel_fd >= 0)
		(void)close(refresh->cancel_fd);
	free(refresh->region);
	free(refresh);
	return NULL;
}

/* An eventfd takes 2^64-2 of these before it could fail. */
static void
ring(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof one);
}

static void
join(struct credentials_refresh *refresh)
{
	uint64_t rung;

	(void)pthread_join(refresh->thread, NULL); /* it is there */
	(void)!read(refresh->done_fd, &rung, sizeof rung);
	refresh->running = false;
}

void
credentials_refresh_free(struct credentials_refresh *refresh)
{
	if (refresh == NULL)
		return;
	ring(refresh->cancel_fd);
	if (refresh->running)
		join(refresh);
	credentials_free(refresh->credentials);
	free(refresh->error);
	(void)close(refresh->done_fd); /* holds no data */
	(void)close(refresh->cancel_fd);
	curl_global_cleanup();
	free(refresh->region);
	free(refresh);
}

bool
credentials_refresh_is_running(const struct credentials_refresh *refresh)
{
	return refresh->running;
}

int
credentials_refresh_fd(const struct credentials_refresh *refresh)
{
	return refresh->done_fd;
}

static void *
run(void *data)
{
	struct credentials_refresh *refresh = data;

	refresh->result = credentials_load(
	    &refresh->context, &refresh->credentials, &refresh->error);
	atomic_store(&refresh->done, true);
	ring(refresh->done_fd);
	return NULL;
}

int
credentials_refresh_start(struct credentials_refresh *refresh, const char *only,
    int64_t clock_offset_ns)
{
	int rc;

	if (refresh->running)
		return 0;
	refresh->context.only = only;
	refresh->context.clock_offset_ns = clock_offset_ns;
	refresh->context.cancel_fd = refresh->cancel_fd;
	atomic_store(&refresh->done, false);
	rc = thread_start(&refresh->thread, run, refresh);
	refresh->running = rc == 0;
	return rc;
}

bool
credentials_refresh_take(struct credentials_refresh *refresh, int *ret_result,
    struct credentials **ret_credentials, char **ret_error)
{
	if (!refresh->running || !atomic_load(&refresh->done))
		return false;
	join(refresh);
	*ret_result = refresh->result;
	if (refresh->result == 0)
		*ret_credentials = refresh->credentials;
	else
		*ret_error = refresh->error;
	refresh->credentials = NULL;
	refresh->error = NULL;
	return true;
}
