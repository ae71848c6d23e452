/* The URL of a custom endpoint, taken apart and judged. */
#ifndef UPLOADER_ENDPOINT_URL_H
#define UPLOADER_ENDPOINT_URL_H

#include "uploader/settings.h"

struct endpoint_url {
	char *scheme;	 /* "https" or "http" */
	char *name;	 /* the host in lower case, without its port */
	char *host;	 /* with its port, where that isn't the scheme's own */
	char *base_path; /* "" or "/path", percent-encoded */
};

/* Takes apart the URL in SETTING. Returns 0 and *ret_url, which
 * endpoint_url_done frees, or -EINVAL and one line in *ret_error (the caller's
 * to free), in which no password is. */
int endpoint_url_parse(const struct setting *setting,
    struct endpoint_url *ret_url, char **ret_error);
void endpoint_url_done(struct endpoint_url *url);

#endif
