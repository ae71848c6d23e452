/* What would be uploaded, without asking anybody; see upload_dry.h. */
#include "uploader/upload_dry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/mem.h"
#include "uploader/client.h"
#include "uploader/confine.h"
#include "uploader/libraries.h"
#include "uploader/named.h"
#include "uploader/pick.h"
#include "uploader/uploader.h"

static void
print_put(void *context, int dirfd, const char *path)
{
	struct uploader *up = context;
	const struct config *config = up->config;
	struct strbuf line = {0};
	struct stat st;
	char *key;

	if (bounds_are_reached(&up->bounds, up->begun) ||
	    fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return; /* gone meanwhile */
	up->begun++;
	if (up->stage->options.print != PRINT_NONE) {
		stage_print_key(up->stage, path);
		return;
	}
	key = mem_format("%s%s", config->key_prefix, path);
	strbuf_printf(
	    &line, "PUT %s://%s", up->endpoint->scheme, up->endpoint->host);
	endpoint_uri(up->endpoint, key, &line);
	strbuf_printf(&line, " %lld ", (long long)st.st_size);
	log_escape(&line, path);
	(void)puts(strbuf_text(&line)); /* stage_end asks for errors */
	strbuf_done(&line);
	free(key);
}

static bool
resolve(struct uploader *up)
{
	char *error = NULL;
	bool is_resolved = client_resolve(up, &error) == 0;

	/* confine asks libcurl for what it reads. */
	if (is_resolved && libraries_load(&error) == 0)
		return true;
	log_error("%s", error);
	free(error);
	stage_fail(up->stage, is_resolved ? EX_SOFTWARE : EX_CONFIG);
	return false;
}

void
upload_dry(struct stage *stage, const struct upload_wishes *wishes)
{
	struct uploader up = {
	    .stage = stage,
	    .config = stage->config,
	    .bounds = wishes->bounds,
	};
	int rc;

	bounds_begin(&up.bounds);
	if (resolve(&up) &&
	    (wishes->files_from == NULL ||
		named_open(stage, wishes->files_from, &up.named)) &&
	    stage_open_spool(stage, SPOOL_LOOK)) {
		confine(&up);
		rc = up.named != NULL ? named_each(up.named, print_put, &up)
				      : pick_each(stage->spool, print_put, &up);
		if (rc < 0) {
			log_error("Cannot list the claims in '%s': %s",
			    stage->config->spool_dir, strerror(-rc));
			stage_fail(stage, EX_IOERR);
		}
	}
	named_free(up.named);
	client_tear_down(&up);
}
