/* What a confined process can do, and what it can't, tried in children. Where
 * the kernel lacks a part, that is said. */
#include "common/sandbox.h"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"

/* Whether what NEEDS it can be tried; else says why not. */
static bool
has_landlock(const char *needs, int abi)
{
	int has = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	if (!SANDBOX_IS_OFF && has >= abi)
		return true;
	printf("test_sandbox: SKIP %s: %s\n", needs,
	    SANDBOX_IS_OFF ? "built with sanitizers"
			   : "this kernel's Landlock is too old, or off");
	return false;
}

static bool
has_seccomp(const char *needs)
{
	if (!SANDBOX_IS_OFF && prctl(PR_GET_SECCOMP) >= 0)
		return true;
	printf("test_sandbox: SKIP %s: %s\n", needs,
	    SANDBOX_IS_OFF ? "built with sanitizers"
			   : "this kernel has no seccomp");
	return false;
}

/* Runs TRY in a child, confined as SANDBOX says. TRY returns NULL, or what
 * went wrong. */
static void
confined(const struct sandbox *sandbox, const char *(*attempt)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const char *fault;

		sandbox_enter(sandbox);
		fault = attempt();
		if (fault != NULL)
			fprintf(stderr, "%s: %s\n", fault, strerror(errno));
		_exit(fault != NULL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* What FAULT says unless the last call was refused. */
#define REFUSED(call, number) \
	do { \
		errno = 0; \
		if ((call) >= 0 || errno != (number)) \
			return "not refused: " #call; \
	} while (0)
#define DONE(call) \
	do { \
		if ((call) < 0) \
			return #call; \
	} while (0)

/* --- files ---------------------------------------------------------------- */

static struct spool *spool;

static void
enter(void)
{
	scratch_enter();
	spool = scratch_spool();
	scratch_write("base/room/2021/a.dat", "a");
	scratch_write("secrets/key", "k");
	scratch_write("certificates/deep/ca.pem", "c");
	scratch_write("alone.pem", "d");
}

static void
leave(void)
{
	spool_close(spool);
}

static int
open_and_close(int dirfd, const char *path, int flags)
{
	int fd = openat(dirfd, path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	return fd;
}

/* All that the three programs do in base_dir and spool. */
static const char *
work(void)
{
	const struct spool_name a = {spool->base_fd, "room/2021/a.dat", 0};
	int fd;

	DONE(spool_claim(spool, &a, "room/2021/a.dat"));
	DONE(mkdirat(spool->uploading_fd, "run", 0700));
	DONE(mkdirat(spool->uploading_fd, "run/room", 0700));
	DONE(renameat2(spool->claimed_fd, "room/2021/a.dat",
	    spool->uploading_fd, "run/room/a.dat", RENAME_NOREPLACE));
	fd = fsio_open_beneath(spool->uploading_fd, "run/room/a.dat", O_RDONLY);
	DONE(fd);
	DONE(fcntl(fd, F_SETLEASE, F_RDLCK));
	DONE(fcntl(fd, F_SETLEASE, F_UNLCK));
	/* back to the producer, by link */
	DONE(linkat(spool->uploading_fd, "run/room/a.dat", spool->base_fd,
	    "room/a.dat", 0));
	DONE(unlinkat(spool->uploading_fd, "run/room/a.dat", 0));
	DONE(unlinkat(spool->uploading_fd, "run/room", AT_REMOVEDIR));
	/* the run's file: made, grown, cut off, moved, replaced */
	fd = fsio_open_beneath(
	    spool->tmp_fd, "run", O_RDWR | O_CREAT | O_EXCL | O_APPEND);
	DONE(fd);
	DONE(fsio_lock(fd, 0, 0));
	DONE(fsio_write_all(fd, "receipt", 7));
	DONE(ftruncate(fd, 3));
	DONE(fdatasync(fd));
	DONE(renameat(spool->tmp_fd, "run", spool->runs_fd, "run.tsv"));
	DONE(open_and_close(spool->runs_fd, "run.tsv", O_WRONLY | O_TRUNC));
	DONE(renameat(spool->runs_fd, "run.tsv", spool->ledger_fd, "day.tsv"));
	/* what isn't a file for us goes to failed/ as it is */
	DONE(mkfifoat(spool->claimed_fd, "fifo", 0600));
	DONE(renameat(spool->claimed_fd, "fifo", spool->failed_fd, "fifo"));
	DONE(symlinkat("fifo", spool->claimed_fd, "link"));
	DONE(renameat(spool->claimed_fd, "link", spool->failed_fd, "link"));
	/* by path, too */
	DONE(open_and_close(AT_FDCWD, "base/room/a.dat", O_RDONLY));
	DONE(open_and_close(AT_FDCWD, "base", O_RDONLY | O_DIRECTORY));
	return NULL;
}

START_TEST(works)
{
	const struct sandbox sandbox = {.spool = spool};

	if (has_landlock("work in base_dir and spool", 2))
		confined(&sandbox, work);
}
END_TEST

static const char *
stray(void)
{
	REFUSED(open_and_close(AT_FDCWD, "secrets/key", O_RDONLY), EACCES);
	REFUSED(open_and_close(AT_FDCWD, "secrets/key", O_WRONLY), EACCES);
	REFUSED(open_and_close(AT_FDCWD, "secrets", O_RDONLY | O_DIRECTORY),
	    EACCES);
	REFUSED(open_and_close(AT_FDCWD, "new", O_WRONLY | O_CREAT), EACCES);
	REFUSED(open_and_close(spool->base_fd, "../new", O_WRONLY | O_CREAT),
	    EACCES);
	REFUSED(open_and_close(AT_FDCWD, "/etc/passwd", O_RDONLY), EACCES);
	REFUSED(mkdir("new", 0700), EACCES);
	REFUSED(unlink("secrets/key"), EACCES);
	REFUSED(rename("base/room/2021/a.dat", "a.dat"), EACCES);
	REFUSED(rename("secrets/key", "base/key"), EACCES);
	REFUSED(link("secrets/key", "base/key"), EXDEV);
	/* a link may be made; it leads nowhere */
	DONE(symlink("../secrets/key", "base/key"));
	REFUSED(open_and_close(AT_FDCWD, "base/key", O_RDONLY), EACCES);
	return NULL;
}

START_TEST(strays)
{
	const struct sandbox sandbox = {.spool = spool};

	if (has_landlock("other files", 2))
		confined(&sandbox, stray);
}
END_TEST

static const char *
look(void)
{
	DONE(open_and_close(AT_FDCWD, "certificates/deep/ca.pem", O_RDONLY));
	DONE(open_and_close(AT_FDCWD, "alone.pem", O_RDONLY));
	REFUSED(open_and_close(AT_FDCWD, "certificates/deep/ca.pem", O_RDWR),
	    EACCES);
	REFUSED(
	    open_and_close(AT_FDCWD, "certificates/new", O_WRONLY | O_CREAT),
	    EACCES);
	REFUSED(open_and_close(AT_FDCWD, "alone.pem", O_RDWR), EACCES);
	REFUSED(open_and_close(AT_FDCWD, "secrets/key", O_RDONLY), EACCES);
	/* without a spool, base_dir is like any other */
	REFUSED(
	    open_and_close(AT_FDCWD, "base", O_RDONLY | O_DIRECTORY), EACCES);
	return NULL;
}

/* What isn't there is passed over, and doesn't end the rest. */
START_TEST(reads)
{
	char nothing[] = "nothing/at/all", directory[] = "certificates";
	char file[] = "alone.pem";
	char *const readable[] = {nothing, directory, file};
	const struct sandbox sandbox = {
	    .readable = readable, .readable_count = LENGTH(readable)};

	if (has_landlock("files to read", 2))
		confined(&sandbox, look);
}
END_TEST

/* --- network, programs, system calls -------------------------------------- */

static const char *
connect_out(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	DONE(fd);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REFUSED(bind(fd, (struct sockaddr *)&address, sizeof address), EACCES);
	address.sin_port = htons(1); /* tcpmux: nobody listens */
	REFUSED(connect(fd, (struct sockaddr *)&address, sizeof address),
	    ECONNREFUSED);
	return NULL;
}

START_TEST(connects)
{
	const struct sandbox sandbox = {.spool = spool, .connects = true};

	if (has_landlock("TCP outwards", 4))
		confined(&sandbox, connect_out);
}
END_TEST

static const char *
need_nothing(void)
{
	char *const words[] = {NULL};

	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(execve("/bin/true", words, words), EPERM);
	REFUSED(syscall(SYS_execveat, AT_FDCWD, "/bin/true", words, words, 0),
	    EPERM);
	/* With arguments that the kernel itself would answer otherwise. */
	REFUSED(syscall(SYS_ptrace, -1, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_bpf, -1, 0, 0), EPERM);
	REFUSED(syscall(SYS_keyctl, -1, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_unshare, 0), EPERM);
	REFUSED(syscall(SYS_personality, 0xffffffff), EPERM);
	REFUSED(syscall(SYS_clock_settime, -1, NULL), EPERM);
#ifdef __x86_64__
	REFUSED(syscall(0x40000000 | SYS_getpid), EPERM); /* x32's */
#endif
	DONE(getpid());
	if (prctl(PR_GET_SECCOMP) != SECCOMP_MODE_FILTER ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return "not confined";
	return NULL;
}

START_TEST(needs_nothing)
{
	const struct sandbox sandbox = {.spool = spool};

	if (has_seccomp("system calls"))
		confined(&sandbox, need_nothing);
}
END_TEST

/* Exits with 0, through the program. */
static const char *
run_program(void)
{
	char program[] = "/bin/grep", quietly[] = "-q", text[] = "k";
	char file[] = "secrets/key";
	char *const words[] = {program, quietly, text, file, NULL};
	char *const none[] = {NULL};

	REFUSED(syscall(SYS_ptrace, -1, 0, 0, 0), EPERM);
	(void)execve(program, words, none);
	return "execve";
}

START_TEST(runs_programs)
{
	const struct sandbox sandbox = {
	    .spool = spool, .connects = true, .runs_programs = true};

	if (has_seccomp("a credential process"))
		confined(&sandbox, run_program);
}
END_TEST

static const char *
hide(void)
{
	if (prctl(PR_GET_DUMPABLE) != 1)
		return "it wasn't dumpable before";
	sandbox_hide();
	return prctl(PR_GET_DUMPABLE) != SANDBOX_IS_OFF ? "dumpable" : NULL;
}

START_TEST(hides)
{
	const struct sandbox sandbox = {.spool = spool};

	confined(&sandbox, hide);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tests = tcase_create("sandbox");

	tcase_add_checked_fixture(tests, enter, leave);
	tcase_add_test(tests, works);
	tcase_add_test(tests, strays);
	tcase_add_test(tests, reads);
	tcase_add_test(tests, connects);
	tcase_add_test(tests, needs_nothing);
	tcase_add_test(tests, runs_programs);
	tcase_add_test(tests, hides);
	suite_add_tcase(suite, tests);
	return scratch_run(suite);
}
