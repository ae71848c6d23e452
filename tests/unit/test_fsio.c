/* File-system calls: nothing leads out of the directory that is held, nothing
 * but empty directories is removed, and a lock is one description's. */
#include "common/fsio.h"

#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"

/* in/ is the directory held; out/ lies beside it. */
static int
make_tree(void)
{
	int fd;

	scratch_write("in/a/b/file", "text");
	scratch_write("in/top", "text");
	scratch_write("out/file", "text");
	ck_assert_int_eq(symlink("../out", "in/dirlink"), 0);
	ck_assert_int_eq(symlink("top", "in/filelink"), 0);
	ck_assert_int_eq(symlink("b", "in/a/inner"), 0);
	ck_assert_int_eq(symlink("nowhere", "in/dangling"), 0);
	ck_assert_int_eq(symlink("loop", "in/loop"), 0);
	ck_assert_int_eq(mkfifo("in/fifo", 0600), 0);
	fd = open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static const struct open_row {
	const char *path;
	int flags;
	int result; /* 0: a descriptor */
} open_rows[] = {
    {"top", O_RDONLY, 0},
    {"a/b/file", O_RDWR, 0},
    {".", O_RDONLY, 0},
    {"a/b/..", O_RDONLY, 0},	  /* up, but not out */
    {"a/../top", O_RDONLY, 0},	  /* the same */
    {"new", O_RDWR | O_CREAT, 0}, /* made */
    {"", O_RDONLY, -ENOENT},
    {"none", O_RDONLY, -ENOENT},
    {"none/new", O_RDWR | O_CREAT, -ENOENT}, /* no directories are made */
    {"top/x", O_RDONLY, -ENOTDIR},
    {"top", O_RDWR | O_CREAT | O_EXCL, -EEXIST},
    {"a", O_RDWR, -EISDIR},
    /* Out by dots. */
    {"..", O_RDONLY, -EXDEV},
    {"../out/file", O_RDONLY, -EXDEV},
    {"a/../../out/file", O_RDONLY, -EXDEV},
    {"../in/top", O_RDONLY, -EXDEV}, /* out and back */
    {"/etc/passwd", O_RDONLY, -EXDEV},
    {"../out/new", O_RDWR | O_CREAT, -EXDEV},
    /* Links, wherever they lead. */
    {"dirlink", O_RDONLY, -ELOOP},
    {"dirlink/file", O_RDONLY, -ELOOP},
    {"dirlink/new", O_RDWR | O_CREAT, -ELOOP},
    {"filelink", O_RDONLY, -ELOOP},
    {"filelink", O_RDWR | O_CREAT, -ELOOP},
    {"a/inner/file", O_RDONLY, -ELOOP},
    {"dangling", O_RDWR | O_CREAT, -ELOOP},
    {"loop", O_RDONLY, -ELOOP},
    /* Not waited for. */
    {"fifo", O_RDONLY | O_NONBLOCK, 0},
    {"fifo", O_WRONLY | O_NONBLOCK, -ENXIO},
};

START_TEST(opens_beneath)
{
	const struct open_row *row = &open_rows[_i];
	int dir = make_tree();
	int fd = fsio_open_beneath(dir, row->path, row->flags);

	if (row->result == 0) {
		ck_assert_int_ge(fd, 0);
		ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
		ck_assert_int_eq(close(fd), 0);
	} else {
		ck_assert_int_eq(fd, row->result);
	}
	ck_assert(!scratch_exists("out/new"));
	ck_assert(!scratch_exists("in/nowhere"));
	ck_assert_int_eq(close(dir), 0);
}
END_TEST

START_TEST(new_files_are_ours)
{
	int dir = make_tree();
	int fd = fsio_open_beneath(dir, "new", O_RDWR | O_CREAT);
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(close(dir), 0);
}
END_TEST

START_TEST(reads_directories)
{
	int dir = make_tree();
	struct dirent *entry;
	int found = 0, rc;
	struct fsio_dir *stream = NULL;

	ck_assert_int_eq(fsio_open_dir(dir, "filelink", &stream), -ELOOP);
	ck_assert_int_eq(fsio_open_dir(dir, "dirlink", &stream), -ELOOP);
	ck_assert_int_eq(fsio_open_dir(dir, "top", &stream), -ENOTDIR);
	ck_assert_int_eq(fsio_open_dir(dir, "none", &stream), -ENOENT);
	ck_assert_int_eq(fsio_open_dir(dir, "..", &stream), -EXDEV);
	ck_assert_ptr_null(stream);
	ck_assert_int_eq(fsio_open_dir(dir, "", &stream), 0);
	while ((rc = fsio_read_dir(stream, &entry)) > 0) {
		ck_assert_int_ne(strcmp(entry->d_name, "."), 0);
		ck_assert_int_ne(strcmp(entry->d_name, ".."), 0);
		found++;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(found, 7);
	fsio_close_dir(stream);
	/* One that goes while it is read has come to its end. */
	scratch_make_dirs("in/gone");
	ck_assert_int_eq(fsio_open_dir(dir, "gone", &stream), 0);
	ck_assert_int_eq(rmdir("in/gone"), 0);
	ck_assert_int_eq(fsio_read_dir(stream, &entry), 0);
	fsio_close_dir(stream);
	ck_assert_int_eq(fsio_open_dir(dir, "a/b", &stream), 0);
	ck_assert_int_eq(fsio_read_dir(stream, &entry), 1);
	ck_assert_str_eq(entry->d_name, "file");
	ck_assert_int_eq(fsio_read_dir(stream, &entry), 0);
	fsio_close_dir(stream);
	ck_assert_int_eq(close(dir), 0);
}
END_TEST

struct visits {
	struct strbuf paths; /* each with a comma behind it */
	int dirfd;
	int stop_after; /* so many; 0: never */
	int count;
	bool move;
};

static int
visit(void *context, const char *path, const struct dirent *entry)
{
	struct visits *visits = context;
	const char *slash = strrchr(path, '/');

	ck_assert_str_eq(entry->d_name, slash != NULL ? slash + 1 : path);
	strbuf_printf(&visits->paths, "%s,", path);
	if (visits->move)
		ck_assert_int_eq(unlinkat(visits->dirfd, path, 0), 0);
	return ++visits->count == visits->stop_after ? -ECANCELED : 0;
}

static void
check_visited(const struct visits *visits, const char *path)
{
	const char *found = strstr(strbuf_text(&visits->paths), path);

	ck_assert_msg(found != NULL && found[strlen(path)] == ',', "%s in %s",
	    path, strbuf_text(&visits->paths));
}

START_TEST(walks)
{
	static const char *const paths[] = {"top", "a/b/file", "a/inner",
	    "dirlink", "filelink", "dangling", "loop", "fifo"};
	struct visits visits = {.dirfd = make_tree()};

	scratch_make_dirs("in/empty/dir");
	ck_assert_int_eq(fsio_walk(visits.dirfd, visit, &visits), 0);
	for (int i = 0; i < LENGTH(paths); i++)
		check_visited(&visits, paths[i]);
	ck_assert_int_eq(visits.count, LENGTH(paths));
	/* What ends it is what it returns. */
	visits.count = 0;
	visits.stop_after = 3;
	ck_assert_int_eq(fsio_walk(visits.dirfd, visit, &visits), -ECANCELED);
	ck_assert_int_eq(visits.count, 3);
	/* Each may be taken away. */
	visits.count = visits.stop_after = 0;
	visits.move = true;
	ck_assert_int_eq(fsio_walk(visits.dirfd, visit, &visits), 0);
	ck_assert_int_eq(visits.count, LENGTH(paths));
	visits.count = 0;
	ck_assert_int_eq(fsio_walk(visits.dirfd, visit, &visits), 0);
	ck_assert_int_eq(visits.count, 0);
	scratch_check("out/file", "text");
	strbuf_done(&visits.paths);
	ck_assert_int_eq(close(visits.dirfd), 0);
}
END_TEST

static const struct make_row {
	const char *path;
	int result;
	const char *made;
} make_rows[] = {
    {"x", 0, "in/x"},			     /* one */
    {"x/y/z", 0, "in/x/y/z"},		     /* several */
    {"a/b", 0, "in/a/b"},		     /* there already */
    {"a/b/c/d", 0, "in/a/b/c/d"},	     /* half of them */
    {"a/b/file/x", -ENOTDIR, "in/a/b/file"}, /* a file is in the way */
};

START_TEST(makes_directories)
{
	const struct make_row *row = &make_rows[_i];
	int dir = make_tree();
	struct stat st;

	ck_assert_int_eq(fsio_make_dirs(dir, row->path), row->result);
	ck_assert_int_eq(fsio_make_dirs(dir, row->path), row->result);
	ck_assert_int_eq(stat(row->made, &st), 0);
	ck_assert_int_eq(S_ISDIR(st.st_mode), row->result == 0);
	scratch_check("in/a/b/file", "text");
	ck_assert_int_eq(close(dir), 0);
}
END_TEST

START_TEST(makes_parents)
{
	int dir = make_tree();

	ck_assert_int_eq(fsio_make_parents(dir, "x"), 0);
	ck_assert(!scratch_exists("in/x"));
	ck_assert_int_eq(fsio_make_parents(dir, "x/y/z"), 0);
	ck_assert(scratch_exists("in/x/y"));
	ck_assert(!scratch_exists("in/x/y/z"));
	ck_assert_int_eq(fsio_make_parents(dir, "a/b/file/x/y"), -ENOTDIR);
	ck_assert_int_eq(close(dir), 0);
}
END_TEST

START_TEST(removes_empty_directories)
{
	int dir = make_tree();

	scratch_make_dirs("in/d/1/2/3");
	scratch_make_dirs("in/d/4");
	ck_assert_int_eq(fsio_remove_empty(dir, "d"), 0);
	ck_assert(!scratch_exists("in/d"));
	ck_assert_int_eq(fsio_remove_empty(dir, "d"), 0); /* gone is gone */
	/* What holds files stays, and its parents; what is beside it goes. */
	scratch_make_dirs("in/d/1/2/3");
	scratch_make_dirs("in/d/4");
	scratch_write("in/d/1/file", "text");
	ck_assert_int_eq(fsio_remove_empty(dir, "d"), -ENOTEMPTY);
	scratch_check("in/d/1/file", "text");
	ck_assert(!scratch_exists("in/d/1/2"));
	ck_assert(!scratch_exists("in/d/4"));
	ck_assert_int_eq(unlink("in/d/1/file"), 0);
	/* A link is no directory, and what it leads to isn't looked into. */
	scratch_make_dirs("out/empty");
	ck_assert_int_eq(symlink("../../../out", "in/d/1/link"), 0);
	ck_assert_int_eq(fsio_remove_empty(dir, "d"), -ENOTEMPTY);
	ck_assert(scratch_exists("in/d/1/link"));
	ck_assert(scratch_exists("out/empty"));
	ck_assert_int_eq(fsio_remove_empty(dir, "dirlink"), -ELOOP);
	ck_assert(scratch_exists("out/empty"));
	ck_assert_int_eq(fsio_remove_empty(dir, "top"), -ENOTDIR);
	scratch_check("in/top", "text");
	ck_assert_int_eq(close(dir), 0);
}
END_TEST

START_TEST(writes_and_reads_all)
{
	char bytes[100000], got[sizeof bytes + 10];
	int fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7);
	ck_assert_int_eq(fsio_write_all(fd, bytes, sizeof bytes), 0);
	ck_assert_int_eq(fsio_write_all(fd, bytes, 0), 0);
	ck_assert_int_eq(
	    fsio_pread_all(fd, got, sizeof got, 0), (ssize_t)sizeof bytes);
	ck_assert_mem_eq(got, bytes, sizeof bytes);
	ck_assert_int_eq(fsio_pread_all(fd, got, 5, 70), 5);
	ck_assert_mem_eq(got, bytes + 70, 5);
	ck_assert_int_eq(
	    fsio_pread_all(fd, got, 50, (off_t)sizeof bytes - 20), 20);
	ck_assert_mem_eq(got, bytes + sizeof bytes - 20, 20);
	ck_assert_int_eq(fsio_pread_all(fd, got, 5, (off_t)sizeof bytes), 0);
	ck_assert_int_eq(fsio_pread_all(fd, got, 0, 0), 0);
	ck_assert_int_eq(fsio_pread_all(fd, got, 5, -1), -EINVAL);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(fsio_write_all(fd, bytes, 1), -EBADF);
	ck_assert_int_eq(fsio_pread_all(fd, got, 1, 0), -EBADF);
}
END_TEST

/* More than the pipe holds, so that one write(2) doesn't do. */
START_TEST(writes_in_parts)
{
	static char bytes[1 << 20];
	size_t got = 0;
	int fds[2], status;
	pid_t child;
	ssize_t n;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	memset(bytes, 'x', sizeof bytes);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)close(fds[0]); /* the reader's */
		_exit(fsio_write_all(fds[1], bytes, sizeof bytes) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(close(fds[1]), 0);
	while ((n = read(fds[0], bytes, sizeof bytes)) > 0)
		got += (size_t)n;
	ck_assert_uint_eq(got, sizeof bytes);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(close(fds[0]), 0);
}
END_TEST

static int
open_lock(void)
{
	int fd = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(locks)
{
	int a = open_lock(), b = open_lock();

	ck_assert_int_eq(fsio_is_locked(b), 0);
	ck_assert_int_eq(fsio_lock(a, 0, 0), 0);
	ck_assert_int_eq(fsio_lock(a, 0, 0), 0); /* it is its own */
	ck_assert_int_eq(fsio_lock(b, 0, 0), -EAGAIN);
	ck_assert_int_eq(fsio_lock(b, 77, 1), -EAGAIN);
	ck_assert_int_eq(fsio_is_locked(b), 1);
	ck_assert_int_eq(fsio_is_locked(a), 0); /* by another, that is */
	/* Closing any other descriptor of the file keeps it. */
	ck_assert_int_eq(close(open_lock()), 0);
	ck_assert_int_eq(fsio_lock(b, 0, 0), -EAGAIN);
	ck_assert_int_eq(fsio_unlock(a, 0, 0), 0);
	ck_assert_int_eq(fsio_is_locked(b), 0);
	ck_assert_int_eq(fsio_lock(b, 0, 0), 0);
	ck_assert_int_eq(fsio_lock(a, 0, 0), -EAGAIN);
	ck_assert_int_eq(close(b), 0);
	ck_assert_int_eq(fsio_lock(a, 0, 0), 0);
	ck_assert_int_eq(close(a), 0);
}
END_TEST

START_TEST(locks_bytes)
{
	int a = open_lock(), b = open_lock();

	ck_assert_int_eq(fsio_lock(a, 5, 1), 0);
	ck_assert_int_eq(fsio_lock(b, 5, 1), -EAGAIN);
	ck_assert_int_eq(fsio_lock(b, 4, 1), 0);
	ck_assert_int_eq(fsio_lock(b, 6, 1), 0);
	ck_assert_int_eq(fsio_lock(a, 4, 1), -EAGAIN);
	ck_assert_int_eq(fsio_lock(b, 0, 0), -EAGAIN);
	ck_assert_int_eq(fsio_unlock(b, 4, 1), 0);
	ck_assert_int_eq(fsio_lock(a, 4, 1), 0);
	ck_assert_int_eq(fsio_lock(a, 6, 1), -EAGAIN);
	/* As far as a hash can reach. */
	ck_assert_int_eq(fsio_lock(a, INT64_MAX - 1, 1), 0);
	ck_assert_int_eq(fsio_lock(b, INT64_MAX - 1, 1), -EAGAIN);
	ck_assert_int_eq(close(a), 0);
	ck_assert_int_eq(close(b), 0);
}
END_TEST

/* A lock goes with its process, however that ends. */
START_TEST(locks_die)
{
	int fd = open_lock(), ready[2];
	pid_t child;
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		int own = open("lock", O_RDWR | O_CLOEXEC);

		if (fsio_lock(own, 0, 0) == 0 && write(ready[1], "x", 1) == 1)
			(void)pause(); /* until it is killed */
		_exit(1);
	}
	ck_assert_int_eq(close(ready[1]), 0);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(fsio_lock(fd, 0, 0), -EAGAIN);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(fsio_lock(fd, 0, 0), 0);
	ck_assert_int_eq(close(ready[0]), 0);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(lock_errors)
{
	int fd = open_lock();

	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(fsio_lock(fd, 0, 0), -EBADF);
	ck_assert_int_eq(fsio_is_locked(fd), -EBADF);
	fd = open("lock", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fsio_lock(fd, 0, 0), -EBADF); /* it must write */
	ck_assert_int_eq(fsio_is_locked(fd), 0);       /* asking needn't */
	ck_assert_int_eq(fsio_sync_dir(fd), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(fsio_sync_dir(fd), -EBADF);
}
END_TEST

static const struct kind {
	mode_t mode;
	const char *text;
} kinds[] = {
    {S_IFREG | 0644, "a regular file"},
    {S_IFLNK | 0777, "a symbolic link"},
    {S_IFDIR | 0755, "a directory"},
    {S_IFIFO, "a FIFO"},
    {S_IFSOCK, "a socket"},
    {S_IFCHR, "a device"},
    {S_IFBLK, "a device"},
};

START_TEST(names_kinds)
{
	ck_assert_str_eq(fsio_kind(kinds[_i].mode), kinds[_i].text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("fsio");
	TCase *tcase = tcase_create("fsio");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, scratch_enter, NULL);
	tcase_add_loop_test(tcase, opens_beneath, 0, LENGTH(open_rows));
	tcase_add_test(tcase, new_files_are_ours);
	tcase_add_test(tcase, reads_directories);
	tcase_add_test(tcase, walks);
	tcase_add_loop_test(tcase, makes_directories, 0, LENGTH(make_rows));
	tcase_add_test(tcase, makes_parents);
	tcase_add_test(tcase, removes_empty_directories);
	tcase_add_test(tcase, writes_and_reads_all);
	tcase_add_test(tcase, writes_in_parts);
	tcase_add_test(tcase, locks);
	tcase_add_test(tcase, locks_bytes);
	tcase_add_test(tcase, locks_die);
	tcase_add_test(tcase, lock_errors);
	tcase_add_loop_test(tcase, names_kinds, 0, LENGTH(kinds));
	suite_add_tcase(suite, tcase);
	return scratch_run(suite);
}
