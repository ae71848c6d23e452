/* Picking: each name once, none missed, whoever picks along; the dead before
 * the queue, the oldest hours before the others. */
#include "uploader/pick.h"

#include "tests/unit/scratch.h"
#include "uploader/pathset.h"

#define HOUR "b/2020/11/15/20"

/* Makes COUNT files claimed/DIRECTORY/NNNN-t.dat. */
static void
fill(const char *directory, int count)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof path, SPOOL "claimed/%s", directory);
	scratch_make_dirs(path);
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof path, SPOOL "claimed/%s/%04d-t.dat",
		    directory, i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(close(fd), 0);
	}
}

/* One uploader: its pick, its run, and what it has taken. */
struct uploader {
	struct spool *spool;
	struct pick *pick;
	struct run *run;
	struct pick_claim claim;
	size_t taken;
};

static const int64_t never_ns = INT64_MAX / 2;

/* One that removes the directories it has emptied AFTER_NS after their date. */
static void
begin_pruning(struct uploader *uploader, int64_t after_ns)
{
	*uploader = (struct uploader){.spool = scratch_spool()};
	uploader->pick = pick_new(uploader->spool, after_ns);
	ck_assert_int_eq(run_start(uploader->spool, &uploader->run), 0);
}

static void
begin(struct uploader *uploader)
{
	begin_pruning(uploader, never_ns);
}

static void
end(struct uploader *uploader)
{
	pick_free(uploader->pick);
	run_end(uploader->spool, uploader->run);
	spool_close(uploader->spool);
	strbuf_done(&uploader->claim.path);
	strbuf_done(&uploader->claim.receipt);
}

/* Takes the next file: false, there is none. */
static bool
next(struct uploader *uploader)
{
	const struct pick_claim *claim = &uploader->claim;
	const char *path;
	struct stat st;
	int room_fd = uploader->run->uploading.fd;
	int rc = pick_next(uploader->pick, uploader->run, &uploader->claim);

	ck_assert_int_ge(rc, 0);
	if (rc == 0)
		return false;
	/* It is in the run's room, or had only to be moved on; and nowhere
	 * else. */
	path = strbuf_text(&claim->path);
	if (claim->is_confirmed)
		room_fd = openat(uploader->spool->confirmed_fd, "dead",
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(fstatat(room_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_uint_eq(st.st_ino, claim->inode);
	ck_assert_uint_eq(st.st_nlink, 1);
	ck_assert_int_lt(fstatat(uploader->spool->claimed_fd, path, &st,
			     AT_SYMLINK_NOFOLLOW),
	    0);
	if (claim->is_confirmed)
		ck_assert_int_eq(close(room_fd), 0);
	uploader->taken++;
	return true;
}

static void
note(struct pathset *seen, const struct pick_claim *claim)
{
	const char *path = strbuf_text(&claim->path);

	ck_assert_msg(!pathset_has(seen, path), "%s twice", path);
	pathset_add(seen, path);
}

static const int counts[] = {
    0,	  /* an empty directory */
    1,	  /* one */
    2,	  /* two */
    1023, /* all but a batch */
    1024, /* a batch */
    1025, /* a name more */
    2048, /* two batches */
    5000, /* several: read in a circle */
};

START_TEST(takes_each_once)
{
	struct pathset seen;
	struct uploader uploader;

	pathset_init(&seen);
	begin(&uploader);
	fill(HOUR, counts[_i]);
	while (next(&uploader)) {
		note(&seen, &uploader.claim);
		ck_assert(!uploader.claim.was_dead);
		ck_assert_uint_eq(uploader.claim.receipt.length, 0);
	}
	ck_assert_uint_eq(uploader.taken, (size_t)counts[_i]);
	/* Asking again looks anew. */
	ck_assert(!next(&uploader));
	fill("b/2020/11/15/21", 1);
	ck_assert(next(&uploader));
	ck_assert_str_eq(
	    strbuf_text(&uploader.claim.path), "b/2020/11/15/21/0000-t.dat");
	ck_assert(!next(&uploader));
	pathset_done(&seen);
	end(&uploader);
}
END_TEST

static const char *const newest_first[] = {"b/2021/01/01/00/0000-t.dat",
    "a/2020/11/15/21/0000-t.dat", "b/2020/11/15/20/0000-t.dat",
    "a/2020/11/15/9/0000-t.dat", "a/2019/12/31/23/0000-t.dat"};

START_TEST(takes_the_newest_first)
{
	struct uploader uploader;

	begin(&uploader);
	pick_set_newest(uploader.pick, never_ns);
	for (int i = 0; i < LENGTH(newest_first); i++) {
		char *hour = strdup(newest_first[(i * 2) % 5]);

		ck_assert_ptr_nonnull(hour);
		*strrchr(hour, '/') = '\0';
		fill(hour, 1);
		free(hour);
	}
	for (int i = 0; i < LENGTH(newest_first); i++) {
		ck_assert(next(&uploader));
		ck_assert_str_eq(
		    strbuf_text(&uploader.claim.path), newest_first[i]);
	}
	ck_assert(!next(&uploader));
	end(&uploader);
}
END_TEST

/* What comes while a backlog is worked off goes before it, once the list is
 * that old. */
START_TEST(notices_what_is_newer)
{
	struct uploader uploader;
	bool relists = _i == 1;

	begin(&uploader);
	pick_set_newest(uploader.pick, relists ? 0 : never_ns);
	fill("b/2019/11/15/20", 1);
	fill("b/2020/11/15/20", 1);
	ck_assert(next(&uploader));
	fill("b/2021/11/15/20", 1);
	ck_assert(next(&uploader));
	ck_assert_str_eq(strbuf_text(&uploader.claim.path),
	    relists ? "b/2021/11/15/20/0000-t.dat"
		    : "b/2019/11/15/20/0000-t.dat");
	if (!relists)
		ck_assert(!next(&uploader)); /* for this pass */
	ck_assert(next(&uploader));
	ck_assert(!next(&uploader));
	end(&uploader);
}
END_TEST

/* Names at every depth, and odd ones. */
START_TEST(takes_odd_names)
{
	static const char *const paths[] = {"top", "b/location", "b/2020/year",
	    HOUR "/46-t.dat", HOUR "/46-t/deeper", "b/.hidden/.file",
	    "b/a\nb/c\td", "b/\xc3\xa9/\xff", "b/ /%2F"};
	struct uploader uploader;
	struct pathset seen;
	struct strbuf path = {0};

	pathset_init(&seen);
	begin(&uploader);
	for (int i = 0; i < LENGTH(paths); i++) {
		strbuf_reset(&path);
		strbuf_printf(&path, SPOOL "claimed/%s", paths[i]);
		scratch_write(strbuf_text(&path), "text");
	}
	ck_assert_int_eq(symlink("b", SPOOL "claimed/link"), 0);
	while (next(&uploader))
		note(&seen, &uploader.claim);
	for (int i = 0; i < LENGTH(paths); i++)
		ck_assert_msg(pathset_has(&seen, paths[i]), "%s", paths[i]);
	/* What is no file is taken, too, to be refused; never followed. */
	ck_assert(pathset_has(&seen, "link"));
	ck_assert_uint_eq(seen.count, LENGTH(paths) + 1);
	strbuf_done(&path);
	pathset_done(&seen);
	end(&uploader);
}
END_TEST

/* Which directories are gone when all has been taken, by prune_after. */
static const struct emptied {
	const char *dir;
	int64_t after_s;
	bool is_old; /* nobody has changed it for years */
	bool goes;
} emptied[] = {
    {HOUR, 0, false, true},
    {HOUR, 26 * 3600, true, true},
    {HOUR, 26 * 3600, false, false}, /* somebody was here just now */
    {"b/2199/12/31/23", 0, true, true},
    {"b/2199/12/31/23", 26 * 3600, true, false},
    {"b", 0, false, true},
    {"b", 26 * 3600, true, true},
    {"b", 26 * 3600, false, false},
};

START_TEST(removes_what_it_emptied)
{
	const struct emptied *row = &emptied[_i];
	struct uploader uploader;
	char dir[256];

	begin_pruning(&uploader, row->after_s * CLOCK_NS_PER_S);
	fill(row->dir, 1500);
	(void)snprintf(dir, sizeof dir, SPOOL "claimed/%s", row->dir);
	if (row->is_old)
		scratch_touch(dir, INT64_C(1500000000) * CLOCK_NS_PER_S);
	while (next(&uploader))
		ck_assert(uploader.taken == 1500 || scratch_exists(dir));
	ck_assert_uint_eq(uploader.taken, 1500);
	ck_assert_int_eq(scratch_exists(dir), !row->goes);
	ck_assert(scratch_exists(SPOOL "claimed"));
	end(&uploader);
}
END_TEST

/* One in which something was left stays. */
START_TEST(keeps_what_it_left)
{
	struct uploader uploader;

	begin_pruning(&uploader, 0);
	fill(HOUR, 3);
	pick_leave(uploader.pick, HOUR "/0001-t.dat");
	while (next(&uploader))
		continue;
	ck_assert_uint_eq(uploader.taken, 2);
	ck_assert(scratch_exists(SPOOL "claimed/" HOUR "/0001-t.dat"));
	end(&uploader);
}
END_TEST

START_TEST(oldest_hours_first)
{
	static const char *const hours[] = {"b/2019/12/31/23", "a/2020/1/2/6",
	    "b/2020/1/2/6", "a/2020/1/2/10", "a/2020/11/1/0"};
	struct uploader uploader;

	begin(&uploader);
	for (int i = LENGTH(hours) - 1; i >= 0; i--)
		fill(hours[i], 20);
	for (int i = 0; i < 20 * LENGTH(hours); i++) {
		const char *hour = hours[i / 20];

		ck_assert(next(&uploader));
		ck_assert_int_eq(strncmp(strbuf_text(&uploader.claim.path),
				     hour, strlen(hour)),
		    0);
	}
	ck_assert(!next(&uploader));
	end(&uploader);
}
END_TEST

/* Several on one spool, step by step in turn: a few names, one batch, many. */
static const struct share {
	int uploaders, count;
} shares[] = {{2, 1}, {2, 10}, {2, 1024}, {2, 3000}, {5, 700}, {5, 5000}};

enum { UPLOADERS_MAX = 5 };

START_TEST(shares_everything)
{
	const struct share *row = &shares[_i];
	struct uploader uploaders[UPLOADERS_MAX] = {{0}};
	struct pathset seen;
	int busy = row->uploaders;

	pathset_init(&seen);
	for (int i = 0; i < row->uploaders; i++)
		begin(&uploaders[i]);
	fill(HOUR, row->count);
	fill("b/2020/11/15/21", row->count / 10);
	while (busy > 0) {
		busy = 0;
		for (int i = 0; i < row->uploaders; i++)
			/* The first two don't go at the same pace. */
			for (int j = 0; j <= i; j++)
				if (next(&uploaders[i])) {
					note(&seen, &uploaders[i].claim);
					busy++;
				}
	}
	ck_assert_uint_eq(seen.count, (size_t)(row->count + row->count / 10));
	if (row->count > 100)
		for (int i = 0; i < row->uploaders; i++)
			ck_assert_uint_gt(uploaders[i].taken, 0);
	pathset_done(&seen);
	for (int i = 0; i < row->uploaders; i++)
		end(&uploaders[i]);
}
END_TEST

/* Names that others took make it jump on; what it jumped over it finds
 * before it says that there is nothing. */
static const int crowds[] = {1000, 3000}; /* in one batch, and in more */

START_TEST(finds_what_it_jumped_over)
{
	const int count = crowds[_i];
	struct uploader uploader;
	struct pathset seen;
	size_t gone = 0;
	char path[256];

	pathset_init(&seen);
	begin(&uploader);
	fill(HOUR, count);
	ck_assert(next(&uploader));
	note(&seen, &uploader.claim);
	for (int i = 0; i < count; i++) {
		(void)snprintf(
		    path, sizeof path, SPOOL "claimed/" HOUR "/%04d-t.dat", i);
		if (i % 4 != 0 && unlink(path) == 0)
			gone++;
	}
	while (next(&uploader))
		note(&seen, &uploader.claim);
	ck_assert_uint_eq(seen.count + gone, (size_t)count);
	pathset_done(&seen);
	end(&uploader);
}
END_TEST

START_TEST(leaves)
{
	struct uploader uploader, other;

	begin(&uploader);
	begin(&other);
	fill(HOUR, 100);
	pick_leave(uploader.pick, HOUR "/0007-t.dat");
	pick_leave(uploader.pick, HOUR "/0042-t.dat");
	pick_leave(uploader.pick, HOUR "/0042-t.dat");
	ck_assert_uint_eq(pick_left(uploader.pick), 2);
	while (next(&uploader)) {
		const char *path = strbuf_text(&uploader.claim.path);

		ck_assert_str_ne(path, HOUR "/0007-t.dat");
		ck_assert_str_ne(path, HOUR "/0042-t.dat");
	}
	ck_assert_uint_eq(uploader.taken, 98);
	ck_assert(scratch_exists(SPOOL "claimed/" HOUR "/0007-t.dat"));
	/* That is this process's opinion alone. */
	while (next(&other))
		continue;
	ck_assert_uint_eq(other.taken, 2);
	ck_assert_uint_eq(pick_left(other.pick), 0);
	end(&uploader);
	end(&other);
}
END_TEST

/* A gate that keeps one path back, and counts. */
struct gate {
	const char *closed;
	int entered, left;
	bool was_dead;
};

static int
enter(void *context, const char *path, bool was_dead, int64_t *ret_key_hash)
{
	struct gate *gate = context;

	if (strcmp(path, gate->closed) == 0)
		return -EAGAIN;
	gate->was_dead = was_dead;
	*ret_key_hash = ++gate->entered;
	return 0;
}

static void
leave(void *context, int64_t key_hash)
{
	struct gate *gate = context;

	ck_assert_int_eq(key_hash, gate->entered);
	gate->left++;
}

START_TEST(asks_the_gate)
{
	struct gate gate = {.closed = HOUR "/0001-t.dat"};
	const struct pick_gate asked = {enter, leave, &gate};
	struct uploader uploader;

	begin(&uploader);
	pick_set_gate(uploader.pick, &asked);
	fill(HOUR, 3);
	scratch_write(SPOOL "uploading/nofile/x.dat", "text");
	ck_assert(next(&uploader));
	ck_assert_str_eq(strbuf_text(&uploader.claim.path), "x.dat");
	ck_assert(gate.was_dead);
	ck_assert_int_eq(uploader.claim.key_hash, 1);
	ck_assert(next(&uploader));
	ck_assert(!gate.was_dead);
	ck_assert_int_eq(uploader.claim.key_hash, 2);
	ck_assert(next(&uploader));
	ck_assert(!next(&uploader));
	ck_assert_int_eq(gate.left, 0);
	ck_assert(scratch_exists(SPOOL "claimed/" HOUR "/0001-t.dat"));
	/* One that we hold already isn't taken, and the gate is left. */
	scratch_write(SPOOL "claimed/" HOUR "/0002-t.dat", "later");
	scratch_write(SPOOL "uploading/nofile/x.dat", "later");
	ck_assert(!next(&uploader));
	ck_assert_int_eq(gate.entered, 5);
	ck_assert_int_eq(gate.left, 2);
	/* It opens. */
	gate.closed = "";
	ck_assert(next(&uploader));
	ck_assert_str_eq(strbuf_text(&uploader.claim.path), HOUR "/0001-t.dat");
	end(&uploader);
}
END_TEST

/* A second file of a path that this run holds waits its turn. */
START_TEST(holds_one_of_a_path)
{
	struct uploader uploader;
	struct pathset seen;

	pathset_init(&seen);
	begin(&uploader);
	fill(HOUR, 10);
	ck_assert_int_eq(fsio_make_dirs(uploader.run->uploading.fd, HOUR), 0);
	scratch_write("held", "held");
	ck_assert_int_eq(renameat(AT_FDCWD, "held", uploader.run->uploading.fd,
			     HOUR "/0003-t.dat"),
	    0);
	while (next(&uploader))
		note(&seen, &uploader.claim);
	ck_assert_uint_eq(seen.count, 9);
	ck_assert(scratch_exists(SPOOL "claimed/" HOUR "/0003-t.dat"));
	/* The held one has left. */
	ck_assert_int_eq(
	    unlinkat(uploader.run->uploading.fd, HOUR "/0003-t.dat", 0), 0);
	ck_assert(next(&uploader));
	ck_assert_str_eq(strbuf_text(&uploader.claim.path), HOUR "/0003-t.dat");
	pathset_done(&seen);
	end(&uploader);
}
END_TEST

/* A dead run's file under uploading/dead/, with a line in its receipts that
 * may differ from it. */
static const struct legacy {
	const char *path;
	const char *receipt_path; /* NULL: none */
	off_t size_off;
	int64_t mtime_off;
	uint64_t inode_off;
	bool
	    in_confirmed; /* an earlier file of its path waits for the reaper */
	bool is_confirmed, has_line;
} legacies[] = {
    {HOUR "/0-no-line.dat", NULL, 0, 0, 0, false, false, false},
    {HOUR "/1-stored.dat", HOUR "/1-stored.dat", 0, 0, 0, false, true, true},
    {HOUR "/2-grown.dat", HOUR "/2-grown.dat", 1, 0, 0, false, false, false},
    {HOUR "/3-touched.dat", HOUR "/3-touched.dat", 0, 1, 0, false, false,
	false},
    {HOUR "/4-another.dat", HOUR "/4-another.dat", 0, 0, 1, false, false,
	false},
    {HOUR "/5-other.dat", HOUR "/5-path.dat", 0, 0, 0, false, false, false},
    {HOUR "/6-second.dat", HOUR "/6-second.dat", 0, 0, 0, true, false, true},
    {"7 odd\n\t%\xff.dat", "7 odd\n\t%\xff.dat", 0, 0, 0, false, true, true},
};

static void
make_legacy(const struct legacy *row, struct strbuf *lines)
{
	struct strbuf path = {0};
	struct stat st;

	strbuf_printf(&path, SPOOL "confirmed/dead/%s", row->path);
	if (row->in_confirmed)
		scratch_write(strbuf_text(&path), "earlier");
	strbuf_reset(&path);
	strbuf_printf(&path, SPOOL "uploading/dead/%s", row->path);
	scratch_write(strbuf_text(&path), row->path);
	scratch_touch(strbuf_text(&path), INT64_C(1605472290123456789));
	ck_assert_int_eq(stat(strbuf_text(&path), &st), 0);
	st.st_size += row->size_off;
	st.st_mtim.tv_nsec += row->mtime_off;
	st.st_ino += row->inode_off;
	if (row->receipt_path != NULL)
		scratch_receipt(lines, 0, row->receipt_path, &st);
	strbuf_done(&path);
}

/* Checks what was taken of the dead run; its line must be one of LINES. */
static void
check_legacy(const struct pick_claim *claim, const struct strbuf *lines)
{
	const char *path = strbuf_text(&claim->path);
	const char *line = strbuf_text(&claim->receipt);
	const struct legacy *row = legacies;

	while (
	    row < legacies + LENGTH(legacies) && strcmp(row->path, path) != 0)
		row++;
	ck_assert_msg(row < legacies + LENGTH(legacies), "%s", path);
	ck_assert(claim->was_dead);
	ck_assert_msg(claim->is_confirmed == row->is_confirmed, "%s", path);
	ck_assert_msg((*line != '\0') == row->has_line, "%s: %s", path, line);
	if (row->has_line) {
		ck_assert_ptr_nonnull(strstr(strbuf_text(lines), line));
		ck_assert_int_eq(line[strlen(line) - 1], '\n');
		ck_assert_int_eq(strncmp(line, "1970-01-01T", 11), 0);
	}
}

START_TEST(dead_runs_first)
{
	struct uploader uploader;
	struct pathset seen;
	struct strbuf lines = {0};

	pathset_init(&seen);
	begin(&uploader);
	fill("b/1999/01/01/00", 5); /* older by its name */
	strbuf_puts(&lines, RECEIPT_HEADER);
	for (int i = 0; i < LENGTH(legacies); i++)
		make_legacy(&legacies[i], &lines);
	scratch_write(SPOOL "runs/dead.tsv", strbuf_text(&lines));
	scratch_write(SPOOL "uploading/nofile/x.dat", "text");
	ck_assert_int_eq(pick_look(uploader.pick), 1);
	for (int i = 0; i < LENGTH(legacies) + 1; i++) {
		ck_assert(next(&uploader));
		note(&seen, &uploader.claim);
		if (strcmp(strbuf_text(&uploader.claim.path), "x.dat") == 0)
			ck_assert_uint_eq(uploader.claim.receipt.length, 0);
		else
			check_legacy(&uploader.claim, &lines);
	}
	for (int i = 0; i < 5; i++) {
		ck_assert(next(&uploader));
		ck_assert(!uploader.claim.was_dead);
		ck_assert(!uploader.claim.is_confirmed);
		ck_assert_uint_eq(uploader.claim.receipt.length, 0);
	}
	ck_assert(!next(&uploader));
	scratch_check(SPOOL "confirmed/dead/" HOUR "/6-second.dat", "earlier");
	/* Its receipts are its own still. */
	scratch_check(SPOOL "runs/dead.tsv", strbuf_text(&lines));
	strbuf_done(&lines);
	pathset_done(&seen);
	end(&uploader);
}
END_TEST

/* A live run's are its own, and so are the dead one's that has an heir. */
START_TEST(live_runs_never)
{
	struct uploader uploader, other;

	begin(&uploader);
	begin(&other);
	fill(HOUR, 3);
	while (next(&other))
		continue;
	ck_assert_uint_eq(other.taken, 3);
	ck_assert(!next(&uploader));
	scratch_write(SPOOL "runs/dead.tsv", RECEIPT_HEADER);
	scratch_write(SPOOL "uploading/dead/1", "text");
	scratch_write(SPOOL "uploading/dead/2", "text");
	ck_assert(next(&other)); /* its heir from now on */
	ck_assert(!next(&uploader));
	ck_assert(next(&other));
	ck_assert(!next(&other));
	ck_assert_int_eq(run_is_dead(other.spool, "dead"), 1);
	end(&uploader);
	end(&other);
}
END_TEST

START_TEST(dead_paths_left_or_held)
{
	struct uploader uploader;

	begin(&uploader);
	scratch_write(SPOOL "runs/dead.tsv", RECEIPT_HEADER);
	scratch_write(SPOOL "uploading/dead/left", "text");
	scratch_write(SPOOL "uploading/dead/held", "text");
	scratch_write(SPOOL "uploading/dead/taken", "text");
	scratch_write("held", "held");
	ck_assert_int_eq(
	    renameat(AT_FDCWD, "held", uploader.run->uploading.fd, "held"), 0);
	pick_leave(uploader.pick, "left");
	ck_assert(next(&uploader));
	ck_assert_str_eq(strbuf_text(&uploader.claim.path), "taken");
	ck_assert(!next(&uploader));
	scratch_check(SPOOL "uploading/dead/left", "text");
	scratch_check(SPOOL "uploading/dead/held", "text");
	end(&uploader);
}
END_TEST

/* A room that somebody removes ends it, rather than keep it busy for ever. */
START_TEST(room_is_gone)
{
	struct uploader uploader;
	char room[512];

	begin(&uploader);
	fill(HOUR, 3);
	(void)snprintf(
	    room, sizeof room, SPOOL "uploading/%s", uploader.run->name);
	ck_assert_int_eq(rmdir(room), 0);
	ck_assert_int_lt(
	    pick_next(uploader.pick, uploader.run, &uploader.claim), 0);
	ck_assert(scratch_exists(SPOOL "claimed/" HOUR "/0000-t.dat"));
	end(&uploader);
}
END_TEST

START_TEST(looks)
{
	struct spool *spool = scratch_spool();
	struct pick *pick = pick_new(spool, never_ns);

	ck_assert_int_eq(pick_look(pick), 0);
	pick_free(pick);
	/* Directories alone are nothing to take. */
	scratch_make_dirs(SPOOL "claimed/" HOUR);
	pick = pick_new(spool, never_ns);
	ck_assert_int_eq(pick_look(pick), 0);
	pick_free(pick);
	fill(HOUR, 1);
	pick = pick_new(spool, never_ns);
	ck_assert_int_eq(pick_look(pick), 1);
	ck_assert_int_eq(pick_look(pick), 1);
	pick_free(pick);
	ck_assert(scratch_exists(SPOOL "claimed/" HOUR "/0000-t.dat"));
	ck_assert_int_eq(unlink(SPOOL "claimed/" HOUR "/0000-t.dat"), 0);
	scratch_write(SPOOL "uploading/dead/file", "text");
	pick = pick_new(spool, never_ns);
	ck_assert_int_eq(pick_look(pick), 1);
	pick_free(pick);
	pick_free(NULL);
	spool_close(spool);
}
END_TEST

static void
visit(void *context, int dirfd, const char *path)
{
	struct pathset *seen = context;
	struct stat st;

	ck_assert_int_eq(fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(!pathset_has(seen, path));
	pathset_add(seen, path);
}

/* For a dry run: what might be taken, and nothing is touched. */
START_TEST(tells_each)
{
	struct uploader live;
	struct pathset seen;

	pathset_init(&seen);
	begin(&live);
	fill(HOUR, 3);
	while (next(&live))
		continue;
	fill("b/2020/11/15/21", 2);
	scratch_write(SPOOL "runs/dead.tsv", RECEIPT_HEADER);
	scratch_write(SPOOL "uploading/dead/d/1", "text");
	scratch_write(SPOOL "uploading/nofile/2", "text");
	ck_assert_int_eq(pick_each(live.spool, visit, &seen), 0);
	ck_assert_uint_eq(seen.count, 4);
	ck_assert(pathset_has(&seen, "d/1"));
	ck_assert(pathset_has(&seen, "2"));
	ck_assert(pathset_has(&seen, "b/2020/11/15/21/0000-t.dat"));
	ck_assert(pathset_has(&seen, "b/2020/11/15/21/0001-t.dat"));
	ck_assert(scratch_exists(SPOOL "uploading/dead/d/1"));
	pathset_done(&seen);
	end(&live);
}
END_TEST

START_TEST(tells_each_without_a_spool)
{
	char base[] = "base", dir[] = "base/.spool";
	const struct config config = {.base_dir = base, .spool_dir = dir};
	struct pathset seen;
	struct spool *spool = NULL;
	char *error = NULL;

	pathset_init(&seen);
	scratch_make_dirs(base);
	ck_assert_int_eq(spool_open(&config, SPOOL_LOOK, &spool, &error), 0);
	ck_assert_int_eq(pick_each(spool, visit, &seen), 0);
	ck_assert_uint_eq(seen.count, 0);
	pathset_done(&seen);
	spool_close(spool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pick");
	TCase *tcase = tcase_create("pick");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_test(tcase, takes_the_newest_first);
	tcase_add_loop_test(tcase, notices_what_is_newer, 0, 2);
	tcase_add_loop_test(tcase, takes_each_once, 0, LENGTH(counts));
	tcase_add_test(tcase, takes_odd_names);
	tcase_add_loop_test(tcase, removes_what_it_emptied, 0, LENGTH(emptied));
	tcase_add_test(tcase, keeps_what_it_left);
	tcase_add_test(tcase, oldest_hours_first);
	tcase_add_loop_test(tcase, shares_everything, 0, LENGTH(shares));
	tcase_add_loop_test(
	    tcase, finds_what_it_jumped_over, 0, LENGTH(crowds));
	tcase_add_test(tcase, leaves);
	tcase_add_test(tcase, asks_the_gate);
	tcase_add_test(tcase, holds_one_of_a_path);
	tcase_add_test(tcase, dead_runs_first);
	tcase_add_test(tcase, live_runs_never);
	tcase_add_test(tcase, dead_paths_left_or_held);
	tcase_add_test(tcase, room_is_gone);
	tcase_add_test(tcase, looks);
	tcase_add_test(tcase, tells_each);
	tcase_add_test(tcase, tells_each_without_a_spool);
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
