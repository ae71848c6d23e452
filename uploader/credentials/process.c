/* credential_process ("AWS SDKs and Tools Reference Guide", "Process
 * credential provider").
 *
 * The program is started by posix_spawn, which is safe in a process of several
 * threads. It begins with no signal blocked or ignored, other than we. */
#include "uploader/credentials/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "uploader/credentials/json.h"
#include "uploader/mbedtls_compat.h"

extern char **environ;

/* --- words ---------------------------------------------------------------- */

/* Appends to WORD what stands between the quotes; *AT is on the first. */
static bool
read_quoted(const char **at, struct strbuf *word)
{
	char quote = *(*at)++;

	while (**at != quote) {
		if (quote == '"' && **at == '\\' &&
		    ((*at)[1] == '"' || (*at)[1] == '\\'))
			(*at)++;
		if (**at == '\0')
			return false;
		strbuf_putc(word, *(*at)++);
	}
	(*at)++;
	return true;
}

static bool
read_word(const char **at, struct strbuf *word)
{
	while (**at != '\0' && strchr(" \t\r\n", **at) == NULL) {
		if (**at == '"' || **at == '\'') {
			if (!read_quoted(at, word))
				return false;
			continue;
		}
		if (**at == '\\' && *++*at == '\0')
			return false;
		strbuf_putc(word, *(*at)++);
	}
	return true;
}

int
process_split(const char *command, char ***ret_words)
{
	char **words = mem_zero(1, sizeof *words);
	size_t count = 0;
	bool ok = true;

	command += strspn(command, " \t\r\n");
	while (ok && *command != '\0') {
		struct strbuf word = {0};

		ok = read_word(&command, &word);
		words = mem_grow(words, count + 2, sizeof *words);
		words[count++] = strbuf_take(&word);
		words[count] = NULL;
		command += strspn(command, " \t\r\n");
	}
	if (!ok || count == 0) {
		process_free_words(words);
		return -EINVAL;
	}
	*ret_words = words;
	return 0;
}

void
process_free_words(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

/* --- environment ---------------------------------------------------------- */

/* What programs need to find themselves, their user and his files, the network,
 * and what the AWS CLI goes by, keys excepted. Those that end in * begin so. */
static const char *const passed_on[] = {"PATH", "HOME", "USER", "LOGNAME",
    "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*",
    "SSH_AUTH_SOCK", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL*", "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT", "AWS_EC2_METADATA_DISABLED", "http_proxy",
    "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
    "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"};

static bool
is_passed_on(const char *variable)
{
	size_t length = strcspn(variable, "=");

	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++) {
		size_t known = strcspn(passed_on[i], "*");
		bool is_open = passed_on[i][known] == '*';

		if ((is_open ? length >= known : length == known) &&
		    strncmp(variable, passed_on[i], known) == 0)
			return true;
	}
	return false;
}

char **
process_pick_environment(char *const *environment)
{
	char **picked = mem_zero(1, sizeof *picked);
	size_t count = 0;

	for (; *environment != NULL; environment++) {
		if (!is_passed_on(*environment))
			continue;
		picked = mem_grow(picked, count + 2, sizeof *picked);
		picked[count++] = *environment;
		picked[count] = NULL;
	}
	return picked;
}

/* --- running -------------------------------------------------------------- */

struct process {
	pid_t pid;
	int pid_fd, out_fd;
	struct strbuf output;
};

static int
spawn(char **words, int out_fd, pid_t *ret_pid)
{
	const short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			    POSIX_SPAWN_SETPGROUP;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	char **environment;
	int rc;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return -rc;
	rc = posix_spawnattr_init(&attributes);
	if (rc != 0)
		goto out;
	/* These fail for lack of memory alone, which shows in what follows. */
	(void)posix_spawnattr_setflags(&attributes, flags);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setpgroup(&attributes, 0);
	rc = posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(
		    &actions, out_fd, STDOUT_FILENO);
	environment = process_pick_environment(environ);
	if (rc == 0)
		rc = posix_spawnp(ret_pid, words[0], &actions, &attributes,
		    words, environment);
	free(environment);
	(void)posix_spawnattr_destroy(&attributes);
out:
	(void)posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int
start(struct process *process, char **words)
{
	int ends[2];
	int rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	process->out_fd = ends[0];
	rc = spawn(words, ends[1], &process->pid);
	(void)close(ends[1]); /* or its end would never be seen */
	if (rc < 0)
		return rc;
	process->pid_fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	return process->pid_fd < 0 ? -errno : 0;
}

/* Returns 1 when it was the last, 0, or a negative errno. */
static int
read_some(struct process *process)
{
	struct strbuf *output = &process->output;
	ssize_t n;

	if (output->length >= PROCESS_OUTPUT_MAX)
		return -EFBIG;
	n = read(process->out_fd, output->data + output->length,
	    PROCESS_OUTPUT_MAX - output->length);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	output->length += (size_t)n;
	output->data[output->length] = '\0';
	return n == 0;
}

/* Reads until both the output and the program have ended. */
static int
attend(struct process *process, int cancel_fd, int64_t timeout_ms)
{
	int64_t end_ns = clock_monotonic_ns() + timeout_ms * CLOCK_NS_PER_MS;
	struct pollfd fds[] = {{cancel_fd, POLLIN, 0},
	    {process->out_fd, POLLIN, 0}, {process->pid_fd, POLLIN, 0}};
	int rc = 0;

	(void)strbuf_reserve(&process->output, PROCESS_OUTPUT_MAX);
	while (rc >= 0 && (fds[1].fd >= 0 || fds[2].fd >= 0)) {
		int64_t left_ns = end_ns - clock_monotonic_ns();

		if (left_ns <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 3, (int)(left_ns / CLOCK_NS_PER_MS) + 1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[0].revents != 0)
			return -ECANCELED;
		if (fds[2].revents != 0)
			fds[2].fd = -1;
		if (fds[1].revents != 0)
			rc = read_some(process);
		if (rc == 1)
			fds[1].fd = -1;
	}
	return rc < 0 ? rc : 0;
}

/* Ends it, if need be, with all that it has started. Returns its status. */
static int
finish(struct process *process, bool failed)
{
	int status = 0;

	if (process->pid > 0 && failed)
		(void)kill(-process->pid, SIGKILL); /* it may be gone */
	if (process->pid > 0)
		while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
			continue;
	if (process->pid_fd >= 0)
		(void)close(process->pid_fd);
	if (process->out_fd >= 0)
		(void)close(process->out_fd); /* only read from */
	return status;
}

/* Why it gave nothing (the caller frees it), or NULL. */
static char *
explain(int rc, int status, int64_t timeout_ms)
{
	switch (rc) {
	case 0:
		break;
	case -ETIMEDOUT:
		return mem_format("it took longer than %lld seconds; does it "
				  "wait for somebody to type?",
		    (long long)(timeout_ms / 1000));
	case -EFBIG:
		return mem_copy("it wrote more than 64 KiB");
	default:
		return mem_copy(strerror(-rc));
	}
	if (WIFSIGNALED(status))
		return mem_format("it was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != 0)
		return mem_format("it ended with status %d; run it by hand to "
				  "see why",
		    WEXITSTATUS(status));
	return NULL;
}

/* Only the program is named: its arguments may be secret. */
int
process_load(const struct credentials_context *context, const char *command,
    int64_t timeout_ms, struct credentials **ret_credentials, char **ret_error)
{
	struct process process = {.pid = -1, .pid_fd = -1, .out_fd = -1};
	char **words = NULL;
	char *fault;
	int rc, status;

	if (process_split(command, &words) < 0) {
		*ret_error = mem_copy(
		    "credential_process: it is empty, or a quote or backslash "
		    "in it has no counterpart");
		return -EINVAL;
	}
	rc = start(&process, words);
	if (rc == 0)
		rc = attend(&process, context->cancel_fd, timeout_ms);
	status = finish(&process, rc < 0);
	fault = explain(rc, status, timeout_ms);
	if (fault == NULL) {
		rc = json_credentials(strbuf_text(&process.output),
		    process.output.length, JSON_PROCESS, ret_credentials,
		    &fault);
	} else if (rc != -ECANCELED) {
		rc = -EIO;
	}
	if (fault != NULL)
		*ret_error = mem_format(
		    "credential_process '%s': %s", words[0], fault);
	free(fault);
	process_free_words(words);
	if (process.output.data != NULL)
		mbedtls_platform_zeroize(
		    process.output.data, process.output.capacity);
	strbuf_done(&process.output);
	return rc;
}
