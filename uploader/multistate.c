/* One small file an unfinished upload, written whole or not at all: to a
 * temporary, synced, renamed, and the directory synced, before the first part
 * is sent. The one line has eight tab-separated fields, texts
 * percent-encoded. The name is the inode's, so whoever holds the file finds
 * it; an inode number can be used again, so size, modification time and key
 * are compared, too. Nothing here is data: what is lost of it costs sending
 * again, and leaves an upload for the bucket's lifecycle rule to abort. */
#include "uploader/multistate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fsio.h"
#include "common/mem.h"
#include "common/percent.h"

static const char mark[] = "#s3spool-multipart-1";
enum { FILE_MAX = 16 * 1024, FIELDS = 10 };

void
multistate_done(struct multistate *state)
{
	strbuf_done(&state->run);
	strbuf_done(&state->bucket);
	strbuf_done(&state->key);
	strbuf_done(&state->upload_id);
	*state = (struct multistate){0};
}

static void
copy_text(struct strbuf *to, const struct strbuf *from)
{
	strbuf_reset(to);
	strbuf_puts(to, strbuf_text(from));
}

void
multistate_copy(struct multistate *to, const struct multistate *from)
{
	to->inode = from->inode;
	to->size = from->size;
	to->mtime_ns = from->mtime_ns;
	to->part_size = from->part_size;
	to->active_ns = from->active_ns;
	copy_text(&to->run, &from->run);
	copy_text(&to->bucket, &from->bucket);
	copy_text(&to->key, &from->key);
	copy_text(&to->upload_id, &from->upload_id);
}

static char *
name_of(uint64_t inode)
{
	return mem_format("%" PRIu64 ".tsv", inode);
}

static void
format(const struct multistate *state, struct strbuf *text)
{
	strbuf_printf(text,
	    "%s\t%" PRIu64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64,
	    mark, state->inode, state->size, state->mtime_ns, state->part_size,
	    state->active_ns);
	const struct strbuf *const texts[] = {
	    &state->run, &state->bucket, &state->key, &state->upload_id};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		strbuf_putc(text, '\t');
		percent_encode_component(text, strbuf_text(texts[i]));
	}
	strbuf_putc(text, '\n');
}

int
multistate_save(const struct spool *spool, const struct multistate *state)
{
	char *name = name_of(state->inode);
	char *temporary = mem_format("multipart-%s", name);
	struct strbuf text = {0};
	int fd, rc;

	format(state, &text);
	fd = fsio_open_beneath(
	    spool->tmp_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC);
	rc = fd < 0 ? fd : fsio_write_all(fd, strbuf_text(&text), text.length);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = -errno;
	/* The holder of the file writes this, so nobody else does; what it
	 * replaces is about the same inode and older. */
	if (rc == 0 &&
	    renameat(spool->tmp_fd, temporary, spool->multipart_fd, name) < 0)
		rc = -errno;
	if (rc == 0)
		rc = fsio_sync_dir(spool->multipart_fd);
	strbuf_done(&text);
	free(temporary);
	free(name);
	return rc;
}

static bool
read_number(const char *text, int64_t *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

/* TEXT is taken apart in place. */
static int
parse(char *text, size_t length, struct multistate *state)
{
	char *fields[FIELDS];
	char *next = text;
	size_t n = 0;
	int64_t inode;

	if (length == 0 || text[length - 1] != '\n' || strlen(text) != length)
		return -EINVAL;
	text[length - 1] = '\0';
	for (; next != NULL && n < FIELDS; n++)
		fields[n] = strsep(&next, "\t");
	if (n != FIELDS || next != NULL || strcmp(fields[0], mark) != 0)
		return -EINVAL;
	if (!read_number(fields[1], &inode) ||
	    !read_number(fields[2], &state->size) ||
	    !read_number(fields[3], &state->mtime_ns) ||
	    !read_number(fields[4], &state->part_size) ||
	    !read_number(fields[5], &state->active_ns) || state->size <= 0 ||
	    state->part_size <= 0)
		return -EINVAL;
	state->inode = (uint64_t)inode;
	struct strbuf *const texts[] = {
	    &state->run, &state->bucket, &state->key, &state->upload_id};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		strbuf_reset(texts[i]);
		if (*fields[6 + i] == '\0' ||
		    percent_decode(
			texts[i], fields[6 + i], strlen(fields[6 + i])) < 0)
			return -EINVAL;
	}
	return 0;
}

static int
load(const struct spool *spool, const char *name, struct multistate *state)
{
	char *text;
	ssize_t n;
	int fd, rc;

	fd = fsio_open_beneath(
	    spool->multipart_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fd;
	text = mem_alloc(FILE_MAX + 1);
	n = fsio_pread_all(fd, text, FILE_MAX, 0);
	if (n >= 0)
		text[n] = '\0';
	rc = n < 0 ? (int)n : parse(text, (size_t)n, state);
	free(text);
	(void)close(fd); /* only read from */
	return rc;
}

int
multistate_load(
    const struct spool *spool, uint64_t inode, struct multistate *ret_state)
{
	char *name = name_of(inode);
	int rc = load(spool, name, ret_state);

	free(name);
	return rc == 0 && ret_state->inode != inode ? -EINVAL : rc;
}

int
multistate_remove(const struct spool *spool, uint64_t inode)
{
	char *name = name_of(inode);
	int rc = unlinkat(spool->multipart_fd, name, 0);

	rc = rc < 0 && errno != ENOENT ? -errno : 0;
	free(name);
	return rc;
}

struct each {
	const struct spool *spool;
	void (*visit)(void *context, const struct multistate *state);
	void *context;
};

static int
visit_file(void *context, const char *path, const struct dirent *entry)
{
	const struct each *each = context;
	struct multistate state = {0};

	(void)entry;
	if (load(each->spool, path, &state) == 0)
		each->visit(each->context, &state);
	multistate_done(&state);
	return 0;
}

int
multistate_each(const struct spool *spool,
    void (*visit)(void *context, const struct multistate *state), void *context)
{
	struct each each = {spool, visit, context};

	return spool->multipart_fd < 0
		   ? 0
		   : fsio_walk(spool->multipart_fd, visit_file, &each);
}
