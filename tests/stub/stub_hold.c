/* Requests that wait: for a delay to pass, or for ever.
 *
 * libmicrohttpd does not look at a suspended connection, so its socket is
 * watched here: without that each client which gave up on a stalled answer
 * would leave its connection behind. */
#include "tests/stub/stub_hold.h"

#include <stdlib.h>
#include <time.h>

#include "common/mem.h"

struct stub_hold {
	struct stub_hold *next;
	struct MHD_Connection *connection;
	int fd;
	bool forever;
	uint64_t due_ms;
};

uint64_t
stub_hold_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* it cannot fail */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void
stub_hold_add(struct stub_holds *holds, struct MHD_Connection *connection,
    uint64_t delay_ms, bool forever)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct stub_hold *hold = mem_zero(1, sizeof(*hold));

	hold->connection = connection;
	hold->fd = info != NULL ? info->connect_fd : -1;
	hold->forever = forever;
	hold->due_ms = stub_hold_now_ms() + delay_ms;
	hold->next = holds->first;
	holds->first = hold;
	holds->count++;
	MHD_suspend_connection(connection);
}

void
stub_hold_poll(const struct stub_holds *holds, struct pollfd *polls)
{
	for (const struct stub_hold *hold = holds->first; hold != NULL;
	     hold = hold->next, polls++)
		*polls = (struct pollfd){
		    .fd = hold->fd, .events = hold->forever ? POLLRDHUP : 0};
}

int
stub_hold_timeout(const struct stub_holds *holds, int max)
{
	uint64_t now = stub_hold_now_ms();

	for (const struct stub_hold *hold = holds->first; hold != NULL;
	     hold = hold->next) {
		if (hold->forever)
			continue;
		if (hold->due_ms <= now)
			return 0;
		if (max < 0 || hold->due_ms - now < (uint64_t)max)
			max = hold->due_ms - now < INT32_MAX
				  ? (int)(hold->due_ms - now)
				  : INT32_MAX;
	}
	return max;
}

void
stub_hold_resume(struct stub_holds *holds, const struct pollfd *polls, bool all)
{
	struct stub_hold **at = &holds->first;
	uint64_t now = stub_hold_now_ms();

	while (*at != NULL) {
		struct stub_hold *hold = *at;
		bool gone = polls != NULL && polls->revents != 0;

		if (polls != NULL)
			polls++;
		if (!all && !gone && (hold->forever || hold->due_ms > now)) {
			at = &hold->next;
			continue;
		}
		*at = hold->next;
		holds->count--;
		MHD_resume_connection(hold->connection);
		free(hold);
	}
}
