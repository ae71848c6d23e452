/* What is on disk about unfinished multipart uploads, so that any later run
 * can go on with them or abort them: spool/multipart/<inode>.tsv. */
#ifndef UPLOADER_MULTISTATE_H
#define UPLOADER_MULTISTATE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/spool.h"
#include "common/strbuf.h"

struct multistate {
	uint64_t inode; /* names the file */
	int64_t size, mtime_ns, part_size;
	/* When a run last took it up, by the file system's clock, since hosts'
	 * may differ. */
	int64_t active_ns;
	struct strbuf run; /* whose it is, as long as that lives */
	struct strbuf bucket, key, upload_id;
};

void multistate_done(struct multistate *state);
/* Makes *to (zeroed, or another state) the same as *from. */
void multistate_copy(struct multistate *to, const struct multistate *from);
/* Writes it durably, in place of any other of its inode. Returns 0 or a
 * negative errno. */
int multistate_save(const struct spool *spool, const struct multistate *state);
/* Reads that of INODE. Returns 0, -ENOENT, -EINVAL (it isn't whole: nothing
 * of it is used), or another negative errno. */
int multistate_load(
    const struct spool *spool, uint64_t inode, struct multistate *ret_state);
/* Forgets it. Returns 0, also when it is gone, or a negative errno. */
int multistate_remove(const struct spool *spool, uint64_t inode);
/* Calls VISIT for each that can be read. Returns 0 or a negative errno. */
int multistate_each(const struct spool *spool,
    void (*visit)(void *context, const struct multistate *state),
    void *context);

#endif
