/* Landlock ("Landlock: unprivileged access control", Linux's
 * userspace-api/landlock.rst) and seccomp ("Seccomp BPF", seccomp_filter.rst);
 * see sandbox.h.
 *
 * Landlock's rules are about inodes: what is below a directory that was
 * allowed is allowed, on whatever mount it lies, and a file that is replaced
 * by another isn't, unless its directory is. Both directories of a rename need
 * the same rights, and the source's must not be fewer, so base_dir and spool
 * get equal ones; whatever is renamed (a FIFO on its way to failed/, say) must
 * be something that may be made there. Where the filter refuses to execute
 * anything they get the right to that, too: a rename is asked about at each
 * directory from both ends upwards, until one has all that the ruleset is
 * about (1 us of 8, a file).
 *
 * The filter is our own, one comparison a call: it takes 0.2 ms to install,
 * where libseccomp took 1.1 ms for the same one, and these programs, which run
 * each minute, have few of them. It refuses with EPERM rather than kill, since
 * libraries have ways around what they may not do. Calls that the compiler's
 * headers don't know pass. */
#include "common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"

/* --- files ---------------------------------------------------------------- */

/* From include/uapi/linux/landlock.h of Linux 6.12; Debian 12's is of 6.1. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/* struct landlock_ruleset_attr of ABI 6. A kernel that knows fewer members
 * takes it as long as those are 0. */
struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

/* The first ABI with ... */
enum {
	ABI_REFER = 2, /* without it, every rename between directories fails */
	ABI_TRUNCATE = 3,
	ABI_TCP = 4,
	ABI_IOCTL_DEV = 5,
	ABI_SCOPE = 6
};

static const uint64_t rights_to_read = LANDLOCK_ACCESS_FS_READ_FILE |
				       LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t rights_to_move = LANDLOCK_ACCESS_FS_WRITE_FILE |
				       LANDLOCK_ACCESS_FS_READ_FILE |
				       LANDLOCK_ACCESS_FS_READ_DIR |
				       LANDLOCK_ACCESS_FS_REMOVE_DIR |
				       LANDLOCK_ACCESS_FS_REMOVE_FILE |
				       LANDLOCK_ACCESS_FS_MAKE_CHAR |
				       LANDLOCK_ACCESS_FS_MAKE_DIR |
				       LANDLOCK_ACCESS_FS_MAKE_REG |
				       LANDLOCK_ACCESS_FS_MAKE_SOCK |
				       LANDLOCK_ACCESS_FS_MAKE_FIFO |
				       LANDLOCK_ACCESS_FS_MAKE_BLOCK |
				       LANDLOCK_ACCESS_FS_MAKE_SYM |
				       LANDLOCK_ACCESS_FS_REFER |
				       LANDLOCK_ACCESS_FS_TRUNCATE;
static const uint64_t rights_to_replace = LANDLOCK_ACCESS_FS_WRITE_FILE |
					  LANDLOCK_ACCESS_FS_READ_FILE |
					  LANDLOCK_ACCESS_FS_REMOVE_FILE |
					  LANDLOCK_ACCESS_FS_MAKE_REG;

/* All that this kernel can refuse and we want refused. */
static struct ruleset
choose_ruleset(const struct sandbox *sandbox, int abi)
{
	struct ruleset ruleset = {
	    .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | rights_to_move};

	if (abi < ABI_TRUNCATE)
		ruleset.handled_access_fs &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= ABI_IOCTL_DEV)
		ruleset.handled_access_fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	if (abi >= ABI_TCP)
		ruleset.handled_access_net = LANDLOCK_ACCESS_NET_BIND_TCP;
	if (abi >= ABI_TCP && !sandbox->connects)
		ruleset.handled_access_net |= LANDLOCK_ACCESS_NET_CONNECT_TCP;
	if (abi >= ABI_SCOPE)
		ruleset.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET |
				 LANDLOCK_SCOPE_SIGNAL;
	return ruleset;
}

static int
allow(int ruleset_fd, int fd, uint64_t rights)
{
	const struct landlock_path_beneath_attr rule = {
	    .allowed_access = rights, .parent_fd = fd};

	return syscall(SYS_landlock_add_rule, ruleset_fd,
		   LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0
		   ? 0
		   : -errno;
}

/* OF_DIR is for a directory, and OF_FILE for any other. What can't be allowed
 * can't be used, and whoever needs it says so. */
static void
allow_path(int ruleset_fd, const char *path, uint64_t of_dir, uint64_t of_file)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0)
		(void)allow(
		    ruleset_fd, fd, S_ISDIR(st.st_mode) ? of_dir : of_file);
	(void)close(fd); /* only a place */
}

/* The log, which may be opened anew, in its directory. (If it can't be, the log
 * says so then.) */
static void
allow_log(int ruleset_fd, const char *file)
{
	const char *slash = strrchr(file, '/');
	char *directory = mem_copy_n(file, (size_t)(slash - file) + 1);

	allow_path(ruleset_fd, directory,
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG, 0);
	free(directory);
}

static int
allow_all(const struct sandbox *sandbox, int ruleset_fd, uint64_t rights)
{
	int rc = 0;

	for (size_t i = 0; i < sandbox->readable_count; i++)
		allow_path(ruleset_fd, sandbox->readable[i], rights_to_read,
		    LANDLOCK_ACCESS_FS_READ_FILE);
	if (log_file() != NULL)
		allow_log(ruleset_fd, log_file());
	if (sandbox->metrics_dir != NULL)
		allow_path(
		    ruleset_fd, sandbox->metrics_dir, rights_to_replace, 0);
	if (sandbox->spool == NULL)
		return 0;
	rc = allow(ruleset_fd, sandbox->spool->base_fd, rights);
	if (rc == 0 && sandbox->spool->root_fd >= 0)
		rc = allow(ruleset_fd, sandbox->spool->root_fd, rights);
	return rc;
}

static int
restrict_self(const struct sandbox *sandbox, int abi, bool executes)
{
	const struct ruleset ruleset = choose_ruleset(sandbox, abi);
	uint64_t rights = ruleset.handled_access_fs;
	int fd = (int)syscall(
	    SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
	int rc;

	if (fd < 0)
		return -errno;
	if (executes)
		rights &= rights_to_move;
	rc = allow_all(sandbox, fd, rights);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		rc = -errno;
	(void)close(fd);
	return rc;
}

/* EXECUTES: no filter refuses to. */
static void
confine_files(const struct sandbox *sandbox, bool executes)
{
	const char *own = sandbox->spool == NULL ? ""
			  : sandbox->metrics_dir == NULL
			      ? "base_dir and the spool"
			      : "base_dir, the spool and metrics_dir";
	const char *others = sandbox->readable_count == 0
				 ? ""
				 : "what names, TLS and credentials need";
	const char *network = sandbox->connects ? "no TCP but outwards"
						: "no TCP";
	int abi, rc;

	if (sandbox->runs_programs) {
		log_debug("No Landlock: a credential process needs its files");
		return;
	}
	abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < ABI_REFER) {
		log_debug("No Landlock: %s",
		    abi < 0 ? strerror(errno)
			    : "this kernel's, ABI 1, lacks renames");
		return;
	}
	rc = restrict_self(sandbox, abi, executes);
	if (rc < 0)
		log_debug("No Landlock: %s", strerror(-rc));
	else
		log_debug("Landlock ABI %d: files confined to %s%s%s; %s", abi,
		    own, *own != '\0' && *others != '\0' ? ", and " : "",
		    others, abi >= ABI_TCP ? network : "TCP isn't");
}

/* --- system calls --------------------------------------------------------- */

#if defined __x86_64__ && defined __LP64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __i386__
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined __aarch64__ && defined __LP64__ && defined __AARCH64EL__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined __arm__ && defined __ARMEL__
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined __riscv && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef ARCHITECTURE

static const int starting[] = {SYS_execve, SYS_execveat};

/* i386 has one call for all of them, besides those of their own. */
static const int network[] = {
    SYS_socket,
#ifdef SYS_socketcall
    SYS_socketcall,
#endif
};

static const int needless[] = {
    /* other processes' memory and descriptors */
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
#ifdef SYS_process_madvise
    SYS_process_madvise,
#endif
    /* mounts and namespaces: another view of the files */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
#ifdef SYS_open_tree
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
#endif
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    /* much of the kernel behind few calls */
    SYS_bpf,
    SYS_perf_event_open,
#ifdef SYS_userfaultfd
    SYS_userfaultfd,
#endif
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
#endif
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_personality,
#ifdef SYS_uselib
    SYS_uselib,
#endif
#ifdef SYS_modify_ldt
    SYS_modify_ldt,
#endif
    /* the machine itself, whose administrator may run us */
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_syslog,
    SYS_vhangup,
    SYS_quotactl,
#ifdef SYS_quotactl_fd
    SYS_quotactl_fd,
#endif
    SYS_nfsservctl,
    SYS_sethostname,
    SYS_setdomainname,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
    /* the clock */
    SYS_adjtimex,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
#ifdef SYS_stime
    SYS_stime,
#endif
#ifdef SYS_clock_settime64
    SYS_clock_settime64,
    SYS_clock_adjtime64,
#endif
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* TO_REFUSAL stands in for the way to the last instruction until that is
 * known; jumps are a byte. */
enum { FILTER_MAX = 128, TO_REFUSAL = 255 };

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short length;
};

static void
put(struct filter *filter, unsigned code, uint32_t value, unsigned char jump,
    unsigned char otherwise)
{
	filter->code[filter->length++] = (struct sock_filter){
	    .code = (unsigned short)code,
	    .k = value,
	    .jt = jump,
	    .jf = otherwise,
	};
}

static void
refuse(struct filter *filter, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i],
		    TO_REFUSAL, 0);
}

static void
build(struct filter *filter, const struct sandbox *sandbox)
{
	/* The numbers below are this architecture's. */
	put(filter, BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, arch), 0, 0);
	put(filter, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, TO_REFUSAL);
	put(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr),
	    0, 0);
#ifdef __x86_64__
	/* x32's carry a bit; -1 is how a tracer has a call left out. */
	put(filter, BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 1, 0);
	put(filter, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, TO_REFUSAL, 0);
#endif
	if (!sandbox->runs_programs)
		refuse(filter, starting, COUNT(starting));
	if (!sandbox->connects)
		refuse(filter, network, COUNT(network));
	refuse(filter, needless, COUNT(needless));
	put(filter, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	put(filter, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	for (unsigned short i = 0; i < filter->length; i++) {
		unsigned char way = (unsigned char)(filter->length - 2 - i);

		if (filter->code[i].jt == TO_REFUSAL)
			filter->code[i].jt = way;
		if (filter->code[i].jf == TO_REFUSAL)
			filter->code[i].jf = way;
	}
}

/* False: nothing is refused. */
static bool
confine_calls(const struct sandbox *sandbox)
{
	struct filter filter = {.length = 0};
	struct sock_fprog program = {.filter = filter.code};

	build(&filter, sandbox);
	program.len = filter.length;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		log_debug("No seccomp: %s", strerror(errno));
		return false;
	}
	log_debug("seccomp: %s%s, and what else is never needed, is refused",
	    sandbox->runs_programs ? "tracing" : "exec, tracing",
	    sandbox->connects ? "" : ", the network");
	return true;
}

#else

static bool
confine_calls(const struct sandbox *sandbox)
{
	(void)sandbox;
	log_debug("No seccomp: there is no filter for this architecture");
	return false;
}

#endif

/* --- all of it ------------------------------------------------------------ */

void
sandbox_enter(const struct sandbox *sandbox)
{
	bool refuses;

	if (SANDBOX_IS_OFF) {
		log_debug("No Landlock, no seccomp: built with sanitizers");
		return;
	}
	tzset(); /* /etc/localtime: the log's time zone */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		log_debug("No Landlock, no seccomp: %s", strerror(errno));
		return;
	}
	refuses = confine_calls(sandbox);
	confine_files(sandbox, !refuses);
}

void
sandbox_hide(void)
{
	if (SANDBOX_IS_OFF)
		log_debug("Dumpable: built with sanitizers");
	else if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_debug("Dumpable: %s", strerror(errno));
	else
		log_debug("Not dumpable: memory and environment are closed to "
			  "core dumps and other processes");
}
