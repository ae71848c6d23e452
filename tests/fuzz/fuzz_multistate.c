/* The file about an unfinished multipart upload. What can be read is saved
 * and read once more, and is then the same. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "common/spool.h"
#include "uploader/multistate.h"

static char root[64];
static struct spool spool = {.multipart_fd = -1, .tmp_fd = -1};

static void
remove_root(void)
{
	(void)rmdir(root); /* its one file is gone, unless we crash */
}

/* One directory plays tmp/ and multipart/. In memory, where there is such a
 * place: saving syncs. */
static void
open_root(void)
{
	const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)snprintf(
	    root, sizeof root, "%s/s3spool-fuzz-XXXXXX", place); /* fits */
	FUZZ_CHECK(mkdtemp(root) != NULL);
	FUZZ_CHECK(atexit(remove_root) == 0);
	spool.multipart_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(spool.multipart_fd >= 0);
	spool.tmp_fd = spool.multipart_fd;
}

/* The number that the file must have, as it names it; 1 if it has none. */
static uint64_t
inode_in(const uint8_t *data, size_t size)
{
	const uint8_t *tab = size > 0 ? memchr(data, '\t', size) : NULL;
	uint64_t inode = 0;

	if (tab == NULL)
		return 1;
	for (tab++; tab < data + size && *tab >= '0' && *tab <= '9'; tab++)
		inode = inode * 10 + (uint64_t)(*tab - '0');
	return inode;
}

static void
write_file(uint64_t inode, const uint8_t *data, size_t size)
{
	char name[32];
	int fd;

	(void)snprintf(name, sizeof name, "%" PRIu64 ".tsv", inode); /* fits */
	fd = openat(spool.multipart_fd, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
	FUZZ_CHECK(close(fd) == 0);
}

static void
check_again(const struct multistate *state)
{
	struct multistate again = {0};

	FUZZ_CHECK(multistate_save(&spool, state) == 0);
	FUZZ_CHECK(multistate_load(&spool, state->inode, &again) == 0);
	FUZZ_CHECK(again.size == state->size);
	FUZZ_CHECK(again.mtime_ns == state->mtime_ns);
	FUZZ_CHECK(again.part_size == state->part_size);
	FUZZ_CHECK(again.active_ns == state->active_ns);
	FUZZ_CHECK(
	    strcmp(strbuf_text(&again.run), strbuf_text(&state->run)) == 0);
	FUZZ_CHECK(strcmp(strbuf_text(&again.bucket),
		       strbuf_text(&state->bucket)) == 0);
	FUZZ_CHECK(
	    strcmp(strbuf_text(&again.key), strbuf_text(&state->key)) == 0);
	FUZZ_CHECK(strcmp(strbuf_text(&again.upload_id),
		       strbuf_text(&state->upload_id)) == 0);
	multistate_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct multistate state = {0};
	uint64_t inode = inode_in(data, size);
	int result;

	if (spool.multipart_fd < 0)
		open_root();
	write_file(inode, data, size);
	result = multistate_load(&spool, inode, &state);
	FUZZ_CHECK(result == 0 || result == -EINVAL);
	if (result == 0) {
		FUZZ_CHECK(state.inode == inode);
		FUZZ_CHECK(state.size > 0 && state.part_size > 0);
		FUZZ_CHECK(state.key.length > 0);
		check_again(&state);
	}
	multistate_done(&state);
	FUZZ_CHECK(multistate_remove(&spool, inode) == 0);
	return 0;
}
