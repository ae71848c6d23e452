/* How a process asks the store: what uploading and checking set up alike. */
#ifndef UPLOADER_CLIENT_H
#define UPLOADER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "uploader/uploader.h"

/* Reads the AWS shared files and settles where requests go and how often:
 * up->profiles, up->endpoint, up->max_attempts. Returns 0, or -EINVAL and one
 * line in *ret_error (the caller's to free). What has been set is
 * client_tear_down's to free, either way; the same for those below. */
int client_resolve(struct uploader *up, char **ret_error);
/* After client_resolve: how bodies are protected (up->sign_payload,
 * up->checksum), what objects carry (up->options), and the transfer loop, with
 * DONE as for transfer_new. up->client lacks nothing but credentials and a
 * signer then. Returns 0; -EINVAL or another negative errno: a wish that can't
 * be met; -ENOTSUP: libcurl can't be set up; with one line as above. */
int client_set_up(struct uploader *up,
    void (*done)(
	void *context, size_t slot, const struct transfer_result *result),
    char **ret_error);
/* Whether nothing protects bodies on their way, as the user wants it. */
bool client_is_unprotected(const struct uploader *up);

/* Blocks INT, TERM and HUP, and opens the descriptor that tells of them
 * instead. Returns it, or -1 with errno. */
int client_open_signals(void);

/* Reads a Date header. False: that is no date. */
bool client_read_date(const char *date, int64_t *ret_time_ns);
/* Takes the store's clock from its Date header DATE. False: that is no date;
 * nothing has changed. */
bool client_learn_clock(struct uploader *up, const char *date);

/* Frees what the above have set, and up->credentials and up->client.signer. */
void client_tear_down(struct uploader *up);

#endif
