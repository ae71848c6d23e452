/* The spool: who may have one, and every move in every way that it can go,
 * both with RENAME_NOREPLACE and where that is missing. */
#include "common/spool.h"

#include "tests/unit/scratch.h"

#define PATH "b/2020/11/15/20/46-topic.dat"

static const char *const parts[] = {"claimed", "uploading", "confirmed",
    "failed", "held", "runs", "ledger", "locks", "tmp"};

static int
open_spool(enum spool_mode mode, struct spool **ret_spool, char **ret_error)
{
	char base[] = "base", dir[] = "base/.spool";
	const struct config config = {.base_dir = base, .spool_dir = dir};

	return spool_open(&config, mode, ret_spool, ret_error);
}

START_TEST(is_made)
{
	struct spool *spool = scratch_spool();
	const int fds[] = {spool->claimed_fd, spool->uploading_fd,
	    spool->confirmed_fd, spool->failed_fd, spool->held_fd,
	    spool->runs_fd, spool->ledger_fd, spool->locks_fd, spool->tmp_fd};
	struct stat st, named;
	char path[64];

	ck_assert_int_eq(stat("base/.spool", &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	ck_assert_uint_eq(spool->device, st.st_dev);
	ck_assert_uint_eq(spool->inode, st.st_ino);
	ck_assert(!spool->lacks_noreplace);
	for (int i = 0; i < LENGTH(parts); i++) {
		(void)snprintf(path, sizeof path, SPOOL "%s", parts[i]);
		ck_assert_int_eq(stat(path, &named), 0);
		ck_assert_int_eq(named.st_mode & 07777, 0700);
		ck_assert_int_eq(fstat(fds[i], &st), 0);
		ck_assert_uint_eq(st.st_ino, named.st_ino);
	}
	spool_close(spool);
	/* And opened again as it is. */
	scratch_write(SPOOL "claimed/file", "text");
	spool_close(scratch_spool());
	scratch_check(SPOOL "claimed/file", "text");
	spool_close(NULL);
}
END_TEST

START_TEST(is_looked_at)
{
	struct spool *spool = NULL;
	char *error = NULL;

	scratch_make_dirs("base");
	/* None: no error, and nothing is made. */
	ck_assert_int_eq(open_spool(SPOOL_LOOK, &spool, &error), 0);
	ck_assert_ptr_null(error);
	ck_assert_int_ge(spool->base_fd, 0);
	ck_assert_int_eq(spool->root_fd, -1);
	ck_assert_int_eq(spool->claimed_fd, -1);
	ck_assert_int_eq(spool->tmp_fd, -1);
	spool_close(spool);
	ck_assert(!scratch_exists("base/.spool"));
	/* Half of one. */
	ck_assert_int_eq(mkdir("base/.spool", 0700), 0);
	ck_assert_int_eq(mkdir(SPOOL "runs", 0700), 0);
	ck_assert_int_eq(open_spool(SPOOL_LOOK, &spool, &error), 0);
	ck_assert_int_ge(spool->root_fd, 0);
	ck_assert_int_ge(spool->runs_fd, 0);
	ck_assert_int_eq(spool->claimed_fd, -1);
	spool_close(spool);
	ck_assert(!scratch_exists(SPOOL "claimed"));
	/* All of it. */
	spool_close(scratch_spool());
	ck_assert_int_eq(open_spool(SPOOL_LOOK, &spool, &error), 0);
	ck_assert_int_ge(spool->claimed_fd, 0);
	spool_close(spool);
}
END_TEST

static void
check_refused(int expected)
{
	static const enum spool_mode modes[] = {SPOOL_CREATE, SPOOL_LOOK};

	for (int i = 0; i < LENGTH(modes); i++) {
		struct spool *spool = NULL;
		char *error = NULL;

		ck_assert_int_eq(
		    open_spool(modes[i], &spool, &error), expected);
		ck_assert_ptr_null(spool);
		ck_assert_ptr_nonnull(error);
		ck_assert_ptr_null(strchr(error, '\n'));
		ck_assert_ptr_nonnull(strstr(error, "base"));
		free(error);
	}
}

/* And nobody is told to change it. */
static void
check_owner_is_told(int expected, const char *owner)
{
	struct spool *spool = NULL;
	char *error = NULL;

	ck_assert_int_eq(open_spool(SPOOL_LOOK, &spool, &error), expected);
	ck_assert_ptr_nonnull(strstr(error, owner));
	ck_assert_ptr_nonnull(strstr(error, "run s3spool as that user"));
	ck_assert_ptr_null(strstr(error, "chown"));
	free(error);
}

/* Open to anybody else, in any way. */
static const mode_t refused_modes[] = {
    0720, 0740, 0710, 0702, 0704, 0701, 0750, 0755, 0770, 0777, 01777};

START_TEST(must_be_closed)
{
	scratch_make_dirs("base/.spool");
	ck_assert_int_eq(chmod("base/.spool", refused_modes[_i]), 0);
	check_refused(-EPERM);
	ck_assert(!scratch_exists(SPOOL "claimed"));
	ck_assert_int_eq(chmod("base/.spool", 0700), 0);
	spool_close(scratch_spool());
}
END_TEST

START_TEST(must_be_ours)
{
	if (geteuid() != 0)
		return; /* only root can give one away */
	ck_assert_int_eq(mkdir("base", 0700), 0);
	ck_assert_int_eq(mkdir("base/.spool", 0700), 0);
	ck_assert_int_eq(chown("base/.spool", 65534, (gid_t)-1), 0);
	check_refused(-EPERM);
	ck_assert(!scratch_exists(SPOOL "claimed"));
	check_owner_is_told(-EPERM, "uid 65534");
	/* Nor is root's any other user's, who can't even open it. */
	ck_assert_int_eq(chown("base/.spool", 0, (gid_t)-1), 0);
	ck_assert_int_eq(chmod("base", 0755), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	ck_assert_int_eq(seteuid(65534), 0);
	check_owner_is_told(-EACCES, "user root (uid 0)");
	ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(parts_must_be_closed)
{
	char path[64];

	spool_close(scratch_spool());
	for (int i = 0; i < LENGTH(parts); i++) {
		(void)snprintf(path, sizeof path, SPOOL "%s", parts[i]);
		ck_assert_int_eq(chmod(path, 0770), 0);
		check_refused(-EPERM);
		ck_assert_int_eq(chmod(path, 0700), 0);
		if (geteuid() == 0) {
			ck_assert_int_eq(chown(path, 65534, (gid_t)-1), 0);
			check_refused(-EPERM);
			ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
		}
	}
	spool_close(scratch_spool());
}
END_TEST

/* In base_dir the producer may put a link to a directory of ours in its place,
 * and must not make us work there. */
START_TEST(must_be_no_link)
{
	scratch_make_dirs("base");
	scratch_make_dirs("private");
	ck_assert_int_eq(chmod("private", 0700), 0);
	ck_assert_int_eq(symlink("../private", "base/.spool"), 0);
	check_refused(-EPERM);
	ck_assert(!scratch_exists("private/claimed"));
}
END_TEST

/* Nor on the way to it. */
START_TEST(must_not_lie_behind_a_link)
{
	char base[] = "base", dir[] = "base/sub/spool";
	struct config config = {.base_dir = base, .spool_dir = dir};
	struct spool *spool = NULL;
	char *error = NULL;

	scratch_make_dirs("base");
	scratch_make_dirs("private");
	ck_assert_int_eq(symlink("../private", "base/sub"), 0);
	ck_assert_int_eq(
	    spool_open(&config, SPOOL_CREATE, &spool, &error), -EPERM);
	ck_assert_ptr_nonnull(strstr(error, dir));
	free(error);
	ck_assert(!scratch_exists("private/spool"));
	ck_assert_int_eq(unlink("base/sub"), 0);
	scratch_make_dirs("base/sub");
	ck_assert_int_eq(spool_open(&config, SPOOL_CREATE, &spool, &error), 0);
	spool_close(spool);
	ck_assert(scratch_exists("base/sub/spool/claimed"));
}
END_TEST

START_TEST(says_what_is_wrong)
{
	struct spool *spool = NULL;
	char *error = NULL;

	check_refused(-ENOENT); /* no base_dir */
	scratch_write("base", "text");
	check_refused(-ENOTDIR); /* a file */
	ck_assert_int_eq(unlink("base"), 0);
	scratch_write("base/.spool", "text");
	check_refused(-ENOTDIR);
	ck_assert_int_eq(unlink("base/.spool"), 0);
	ck_assert_int_eq(mkdir("base/.spool", 0700), 0);
	scratch_write(SPOOL "runs", "text");
	check_refused(-ENOTDIR);
	ck_assert_int_eq(unlink(SPOOL "runs"), 0);
	/* A part that is a link would lead out. */
	scratch_make_dirs("elsewhere");
	ck_assert_int_eq(symlink("../../elsewhere", SPOOL "runs"), 0);
	check_refused(-EPERM);
	ck_assert_int_eq(unlink(SPOOL "runs"), 0);
	ck_assert_int_eq(open_spool(SPOOL_CREATE, &spool, &error), 0);
	spool_close(spool);
}
END_TEST

START_TEST(spool_elsewhere)
{
	char base[] = "base", dir[] = "other/spool", link[] = "link";
	struct config config = {.base_dir = base, .spool_dir = dir};
	struct spool *spool = NULL;
	char *error = NULL;

	scratch_make_dirs("base");
	/* Its parent isn't made. */
	ck_assert_int_eq(
	    spool_open(&config, SPOOL_CREATE, &spool, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "parent"));
	free(error);
	error = NULL;
	ck_assert_int_eq(spool_open(&config, SPOOL_LOOK, &spool, &error), 0);
	ck_assert_int_eq(spool->root_fd, -1);
	spool_close(spool);
	scratch_make_dirs("other");
	ck_assert_int_eq(spool_open(&config, SPOOL_CREATE, &spool, &error), 0);
	spool_close(spool);
	/* The user's own link on the way is his. */
	ck_assert_int_eq(symlink("other/spool", "link"), 0);
	config.spool_dir = link;
	ck_assert_int_eq(spool_open(&config, SPOOL_CREATE, &spool, &error), 0);
	ck_assert_uint_eq(spool->inode, scratch_inode("other/spool"));
	spool_close(spool);
}
END_TEST

START_TEST(has_locks)
{
	struct spool *spool = scratch_spool(), *other = scratch_spool();
	struct clock_fs clock = {0};
	int fd = -1, second = -1, keys = -1, other_keys = -1;
	struct stat st;

	ck_assert_int_eq(spool_lock(spool, "scan", &fd, &clock), 0);
	ck_assert_int_eq(stat(SPOOL "locks/scan", &st), 0);
	ck_assert_int_eq(clock.fs_ns, clock_from_timespec(&st.st_mtim));
	ck_assert_int_eq(spool_lock(spool, "scan", &second, &clock), -EAGAIN);
	ck_assert_int_eq(spool_lock(other, "scan", &second, &clock), -EAGAIN);
	ck_assert_int_eq(second, -1);
	ck_assert_int_eq(spool_lock(other, "reap", &second, &clock), 0);
	ck_assert_int_eq(close(second), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(spool_lock(other, "scan", &fd, &clock), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(spool_open_keys(spool, &keys), 0);
	ck_assert_int_eq(spool_open_keys(other, &other_keys), 0);
	ck_assert_int_eq(fsio_lock(keys, 7, 1), 0);
	ck_assert_int_eq(fsio_lock(other_keys, 7, 1), -EAGAIN);
	ck_assert_int_eq(fsio_lock(other_keys, 8, 1), 0);
	ck_assert_int_eq(close(keys), 0);
	ck_assert_int_eq(close(other_keys), 0);
	spool_close(spool);
	spool_close(other);
}
END_TEST

struct rooms {
	struct spool *spool;
	struct spool_room dead, uploading, confirmed, failed;
};

static struct spool_room
open_room(const char *path)
{
	int fd;

	scratch_make_dirs(path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return (struct spool_room){fd, true};
}

static void
open_rooms(struct rooms *rooms, bool lacks_noreplace)
{
	rooms->spool = scratch_spool();
	rooms->spool->lacks_noreplace = lacks_noreplace;
	rooms->dead = open_room(SPOOL "uploading/dead");
	rooms->uploading = open_room(SPOOL "uploading/run");
	rooms->confirmed = open_room(SPOOL "confirmed/run");
	rooms->failed = open_room(SPOOL "failed/run");
}

static void
close_rooms(struct rooms *rooms)
{
	ck_assert_int_eq(close(rooms->dead.fd), 0);
	ck_assert_int_eq(close(rooms->uploading.fd), 0);
	ck_assert_int_eq(close(rooms->confirmed.fd), 0);
	ck_assert_int_eq(close(rooms->failed.fd), 0);
	spool_close(rooms->spool);
}

static int
claim(struct rooms *rooms, ino_t inode)
{
	const struct spool_name from = {rooms->spool->base_fd, PATH, inode};

	return spool_claim(rooms->spool, &from, PATH);
}

static int
unclaim(struct rooms *rooms, ino_t inode)
{
	const struct spool_name to = {rooms->spool->base_fd, PATH, inode};

	return spool_unclaim(rooms->spool, PATH, &to);
}

/* The scanner's way where RENAME_NOREPLACE is missing. */
static int
fetch(struct rooms *rooms, ino_t inode)
{
	const struct spool_name from = {rooms->spool->base_fd, PATH, inode};

	return spool_take(rooms->spool, &from, &rooms->uploading, PATH);
}

static int
put_back(struct rooms *rooms, ino_t inode)
{
	const struct spool_name to = {rooms->spool->base_fd, PATH, inode};

	return spool_return(rooms->spool, &rooms->uploading, PATH, &to);
}

static int
take(struct rooms *rooms, ino_t inode)
{
	const struct spool_name from = {rooms->spool->claimed_fd, PATH, inode};

	return spool_take(rooms->spool, &from, &rooms->uploading, PATH);
}

static int
take_over(struct rooms *rooms, ino_t inode)
{
	const struct spool_name from = {rooms->dead.fd, PATH, inode};

	return spool_take(rooms->spool, &from, &rooms->uploading, PATH);
}

static int
give_back(struct rooms *rooms, ino_t inode)
{
	return spool_give_back(rooms->spool, &rooms->uploading, PATH, inode);
}

static int
confirm(struct rooms *rooms, ino_t inode)
{
	return spool_confirm(
	    rooms->spool, &rooms->uploading, &rooms->confirmed, PATH, inode);
}

static int
reject(struct rooms *rooms, ino_t inode)
{
	return spool_reject(
	    rooms->spool, &rooms->uploading, &rooms->failed, PATH, inode);
}

static int
reclaim(struct rooms *rooms, ino_t inode)
{
	return spool_reclaim(rooms->spool, &rooms->confirmed, PATH, inode);
}

/* failed/ is another run's, perhaps: not ours alone. */
static int
retry(struct rooms *rooms, ino_t inode)
{
	const struct spool_room failed = {rooms->failed.fd, false};

	return spool_retry(rooms->spool, &failed, PATH, inode);
}

static int
hold(struct rooms *rooms, ino_t inode)
{
	const struct spool_room claimed = {rooms->spool->claimed_fd, false};

	return spool_hold(rooms->spool, &claimed, PATH, inode);
}

/* The way to hold one where RENAME_NOREPLACE is missing. */
static int
hold_taken(struct rooms *rooms, ino_t inode)
{
	return spool_hold(rooms->spool, &rooms->uploading, PATH, inode);
}

static int
release(struct rooms *rooms, ino_t inode)
{
	return spool_release(rooms->spool, PATH, inode);
}

static const struct row {
	int (*act)(struct rooms *rooms, ino_t inode);
	bool from_ours, to_ours; /* a room that is ours alone */
	const char *from, *to, *to_root;
} rows[] = {
    {claim, false, false, "base/" PATH, SPOOL "claimed/" PATH,
	SPOOL "claimed/b"},
    {unclaim, false, false, SPOOL "claimed/" PATH, "base/" PATH, "base/b"},
    {fetch, false, true, "base/" PATH, SPOOL "uploading/run/" PATH,
	SPOOL "uploading/run/b"},
    {put_back, true, false, SPOOL "uploading/run/" PATH, "base/" PATH,
	"base/b"},
    {take, false, true, SPOOL "claimed/" PATH, SPOOL "uploading/run/" PATH,
	SPOOL "uploading/run/b"},
    {take_over, false, true, SPOOL "uploading/dead/" PATH,
	SPOOL "uploading/run/" PATH, SPOOL "uploading/run/b"},
    {give_back, true, false, SPOOL "uploading/run/" PATH, SPOOL "claimed/" PATH,
	SPOOL "claimed/b"},
    {confirm, true, true, SPOOL "uploading/run/" PATH,
	SPOOL "confirmed/run/" PATH, SPOOL "confirmed/run/b"},
    {reject, true, true, SPOOL "uploading/run/" PATH, SPOOL "failed/run/" PATH,
	SPOOL "failed/run/b"},
    {reclaim, true, false, SPOOL "confirmed/run/" PATH, SPOOL "claimed/" PATH,
	SPOOL "claimed/b"},
    {retry, false, false, SPOOL "failed/run/" PATH, SPOOL "claimed/" PATH,
	SPOOL "claimed/b"},
    {hold, false, false, SPOOL "claimed/" PATH, SPOOL "held/" PATH,
	SPOOL "held/b"},
    {hold_taken, true, false, SPOOL "uploading/run/" PATH, SPOOL "held/" PATH,
	SPOOL "held/b"},
    {release, false, false, SPOOL "held/" PATH, SPOOL "claimed/" PATH,
	SPOOL "claimed/b"},
};

/* Each test runs over the rows twice: with RENAME_NOREPLACE and without, where
 * a move that would unlink a shared name isn't made at all: NULL then. */
static const struct row *
begin(int i, struct rooms *rooms)
{
	const struct row *row = &rows[i / 2];

	open_rooms(rooms, i % 2 == 1);
	if (i % 2 == 0 || row->from_ours || row->to_ours)
		return row;
	scratch_write(row->from, "text");
	ck_assert_int_eq(row->act(rooms, scratch_inode(row->from)), -ENOTSUP);
	ck_assert_int_eq(row->act(rooms, 0), -ENOTSUP);
	scratch_check(row->from, "text");
	ck_assert(!scratch_exists(row->to));
	close_rooms(rooms);
	return NULL;
}

START_TEST(moves)
{
	struct rooms rooms;
	const struct row *row = begin(_i, &rooms);
	ino_t inode;

	if (row == NULL)
		return;
	scratch_write(row->from, "text");
	inode = scratch_inode(row->from);
	/* The parents are made on the way. */
	ck_assert(!scratch_exists(row->to_root));
	ck_assert_int_eq(row->act(&rooms, inode), 0);
	ck_assert(!scratch_exists(row->from));
	ck_assert_uint_eq(scratch_inode(row->to), inode);
	scratch_check(row->to, "text");
	/* Once more is harmless: it has happened already. */
	ck_assert_int_eq(row->act(&rooms, inode), 0);
	ck_assert_uint_eq(scratch_inode(row->to), inode);
	ck_assert_int_eq(rooms.spool->lacks_noreplace, _i % 2 == 1);
	close_rooms(&rooms);
}
END_TEST

START_TEST(moves_an_unknown_inode)
{
	struct rooms rooms;
	const struct row *row = begin(_i, &rooms);

	if (row == NULL)
		return;
	scratch_write(row->from, "text");
	ck_assert_int_eq(row->act(&rooms, 0), 0);
	ck_assert(!scratch_exists(row->from));
	scratch_check(row->to, "text");
	ck_assert_int_eq(unlink(row->to), 0);
	ck_assert_int_eq(row->act(&rooms, 0), -ENOENT);
	close_rooms(&rooms);
}
END_TEST

START_TEST(never_replaces)
{
	struct rooms rooms;
	const struct row *row = begin(_i, &rooms);
	ino_t inode, other;

	if (row == NULL)
		return;
	scratch_write(row->from, "text");
	scratch_write(row->to, "other");
	inode = scratch_inode(row->from);
	other = scratch_inode(row->to);
	ck_assert_int_eq(row->act(&rooms, inode), -EEXIST);
	ck_assert_int_eq(row->act(&rooms, 0), -EEXIST);
	scratch_check(row->from, "text");
	scratch_check(row->to, "other");
	ck_assert_uint_eq(scratch_inode(row->to), other);
	/* Nor anything else that bears the name. */
	ck_assert_int_eq(unlink(row->to), 0);
	ck_assert_int_eq(symlink("dangling", row->to), 0);
	ck_assert_int_eq(row->act(&rooms, inode), -EEXIST);
	ck_assert_int_eq(unlink(row->to), 0);
	ck_assert_int_eq(mkdir(row->to, 0700), 0);
	ck_assert_int_eq(row->act(&rooms, inode), -EEXIST);
	scratch_check(row->from, "text");
	/* Free again. */
	ck_assert_int_eq(rmdir(row->to), 0);
	ck_assert_int_eq(row->act(&rooms, inode), 0);
	scratch_check(row->to, "text");
	close_rooms(&rooms);
}
END_TEST

START_TEST(source_is_gone)
{
	struct rooms rooms;
	const struct row *row = begin(_i, &rooms);

	if (row == NULL)
		return;
	/* Never there, not even its directories. */
	ck_assert_int_eq(row->act(&rooms, 4711), -ENOENT);
	ck_assert_int_eq(row->act(&rooms, 0), -ENOENT);
	ck_assert(!scratch_exists(row->to));
	/* There, and taken; the target's directories stand. */
	scratch_write(row->from, "text");
	ck_assert_int_eq(fsio_make_parents(AT_FDCWD, row->to), 0);
	ck_assert_int_eq(unlink(row->from), 0);
	ck_assert_int_eq(row->act(&rooms, 4711), -ENOENT);
	ck_assert(!scratch_exists(row->to));
	close_rooms(&rooms);
}
END_TEST

START_TEST(file_in_the_way)
{
	struct rooms rooms;
	const struct row *row = begin(_i, &rooms);

	if (row == NULL)
		return;
	scratch_write(row->from, "text");
	if (strcmp(row->to_root, "base/b") == 0) {
		close_rooms(&rooms);
		return; /* from base_dir to itself: the same b */
	}
	scratch_write(row->to_root, "other");
	ck_assert_int_eq(row->act(&rooms, scratch_inode(row->from)), -ENOTDIR);
	scratch_check(row->from, "text");
	scratch_check(row->to_root, "other");
	close_rooms(&rooms);
}
END_TEST

/* link and unlink that was cut off in between: both names are one inode. */
START_TEST(finishes_halves)
{
	struct rooms rooms;
	const struct row *row = begin(_i, &rooms);
	ino_t inode;

	if (row == NULL)
		return;
	scratch_write(row->from, "text");
	ck_assert_int_eq(fsio_make_parents(AT_FDCWD, row->to), 0);
	ck_assert_int_eq(link(row->from, row->to), 0);
	inode = scratch_inode(row->from);
	ck_assert_int_eq(row->act(&rooms, inode), 0);
	/* A shared name may be another file's by now: only ours goes. */
	ck_assert(scratch_exists(row->from) == !row->from_ours);
	ck_assert_uint_eq(scratch_inode(row->to), inode);
	close_rooms(&rooms);
}
END_TEST

/* A room that somebody has removed is another matter than a name that
 * somebody has taken: who is told so looks for another name, for ever. */
START_TEST(room_is_gone)
{
	struct rooms rooms;
	const struct row *row = begin(_i, &rooms);
	char *room;

	if (row == NULL)
		return;
	room = strdup(row->to_root);
	scratch_write(row->from, "text");
	*strrchr(room, '/') = '\0';
	if (strcmp(room, "base") != 0) {
		ck_assert_int_eq(rmdir(room), 0);
		ck_assert_int_eq(
		    row->act(&rooms, scratch_inode(row->from)), -ESTALE);
		scratch_check(row->from, "text");
	}
	free(room);
	close_rooms(&rooms);
}
END_TEST

/* What a cut-off link and unlink leaves: the name in our own room goes. */
START_TEST(drop_twin)
{
	static const char *const others[] = {
	    SPOOL "claimed/" PATH, "base/" PATH, SPOOL "held/" PATH};
	const char *other = others[_i], ours[] = SPOOL "uploading/run/" PATH;
	struct rooms rooms;
	struct spool *spool;
	struct stat file;

	open_rooms(&rooms, true);
	spool = rooms.spool;
	scratch_write(ours, "text");
	ck_assert_int_eq(stat(ours, &file), 0);
	/* Not there, another file, or the inode under another path. */
	ck_assert_int_eq(
	    spool_drop_twin(spool, &rooms.uploading, PATH, &file), 0);
	scratch_write(other, "other");
	ck_assert_int_eq(
	    spool_drop_twin(spool, &rooms.uploading, PATH, &file), 0);
	ck_assert_int_eq(link(ours, "base/link"), 0);
	ck_assert_int_eq(
	    spool_drop_twin(spool, &rooms.uploading, PATH, &file), 0);
	scratch_check(ours, "text");
	/* Ours. */
	ck_assert_int_eq(unlink("base/link"), 0);
	ck_assert_int_eq(unlink(other), 0);
	ck_assert_int_eq(link(ours, other), 0);
	ck_assert_int_eq(
	    spool_drop_twin(spool, &rooms.uploading, PATH, &file), 1);
	ck_assert(!scratch_exists(ours));
	scratch_check(other, "text");
	/* Once more is harmless. */
	ck_assert_int_eq(
	    spool_drop_twin(spool, &rooms.uploading, PATH, &file), 1);
	scratch_check(other, "text");
	close_rooms(&rooms);
}
END_TEST

/* A producer's link in the way to the file's other name is not followed. */
START_TEST(drop_twin_behind_a_link)
{
	const char ours[] = SPOOL "uploading/run/" PATH;
	struct rooms rooms;
	struct stat file;

	open_rooms(&rooms, true);
	scratch_write(ours, "text");
	ck_assert_int_eq(stat(ours, &file), 0);
	scratch_make_dirs("base/elsewhere");
	ck_assert_int_eq(link(ours, "base/elsewhere/46-topic.dat"), 0);
	scratch_make_dirs("base/b/2020/11/15");
	ck_assert_int_eq(
	    symlink("../../../../elsewhere", "base/b/2020/11/15/20"), 0);
	ck_assert_int_eq(access("base/" PATH, F_OK), 0);
	ck_assert_int_eq(
	    spool_drop_twin(rooms.spool, &rooms.uploading, PATH, &file), 0);
	scratch_check(ours, "text");
	close_rooms(&rooms);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spool");
	TCase *opening = tcase_create("opening");
	TCase *moving = tcase_create("moving");

	tcase_set_timeout(opening, 60);
	tcase_add_checked_fixture(opening, scratch_enter, NULL);
	tcase_add_test(opening, is_made);
	tcase_add_test(opening, is_looked_at);
	tcase_add_loop_test(opening, must_be_closed, 0, LENGTH(refused_modes));
	tcase_add_test(opening, must_be_ours);
	tcase_add_test(opening, parts_must_be_closed);
	tcase_add_test(opening, must_be_no_link);
	tcase_add_test(opening, must_not_lie_behind_a_link);
	tcase_add_test(opening, says_what_is_wrong);
	tcase_add_test(opening, spool_elsewhere);
	tcase_add_test(opening, has_locks);
	suite_add_tcase(suite, opening);
	tcase_set_timeout(moving, 60);
	tcase_add_checked_fixture(moving, scratch_enter, NULL);
	tcase_add_loop_test(moving, moves, 0, 2 * LENGTH(rows));
	tcase_add_loop_test(
	    moving, moves_an_unknown_inode, 0, 2 * LENGTH(rows));
	tcase_add_loop_test(moving, never_replaces, 0, 2 * LENGTH(rows));
	tcase_add_loop_test(moving, source_is_gone, 0, 2 * LENGTH(rows));
	tcase_add_loop_test(moving, file_in_the_way, 0, 2 * LENGTH(rows));
	tcase_add_loop_test(moving, finishes_halves, 0, 2 * LENGTH(rows));
	tcase_add_loop_test(moving, room_is_gone, 0, 2 * LENGTH(rows));
	tcase_add_loop_test(moving, drop_twin, 0, 3);
	tcase_add_test(moving, drop_twin_behind_a_link);
	suite_add_tcase(suite, moving);
	return scratch_run(suite);
}
