/* s3stub: an S3 server for tests, with faults by script.
 *
 * It judges what the uploader sends by code of its own (signature, checksums,
 * conditions), stores it, and writes down what it did. --help has the options
 * and the language of the script. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/stub/stub_http.h"
#include "tests/stub/stub_log.h"
#include "tests/stub/stub_options.h"
#include "tests/stub/stub_script.h"
#include "tests/stub/stub_store.h"
#include "tests/stub/stub_text.h"

enum { SCRIPT_LIMIT = 1 << 20, EXIT_USAGE = 64 };

time_t
stub_now(const struct stub *stub, unsigned *ret_milliseconds)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* it cannot fail */
	if (ret_milliseconds != NULL)
		*ret_milliseconds = (unsigned)(now.tv_nsec / 1000000);
	return now.tv_sec + (time_t)stub->options.clock_offset_s;
}

/* A test that dies must not leave its stub behind. */
static void
die_with_parent(void)
{
	pid_t parent = getppid();

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		exit(0);
}

static int
load_script(struct stub *stub)
{
	const char *path = stub->options.script_path;
	char *text;

	if (path == NULL)
		return 0;
	text = stub_text_file(path, SCRIPT_LIMIT);
	if (text == NULL) {
		fprintf(stderr, "cannot read the script \"%s\": %s\n", path,
		    strerror(errno));
		return -1;
	}
	stub->script = stub_script_parse(text, path);
	free(text);
	return stub->script != NULL ? 0 : -1;
}

int
main(int argc, char **argv)
{
	struct stub stub = {0};
	int status = EXIT_FAILURE;

	if (stub_options_parse(&stub.options, argc, argv) < 0 ||
	    load_script(&stub) < 0) {
		stub_options_done(&stub.options);
		return EXIT_USAGE;
	}
	die_with_parent();
	stub.store = stub_store_new(&stub.options);
	if (stub.store != NULL &&
	    (stub.options.log_path == NULL ||
		stub_log_open(&stub, stub.options.log_path) == 0) &&
	    stub_http_serve(&stub) == 0)
		status = EXIT_SUCCESS;
	if (stub.log != NULL)
		(void)fclose(stub.log); /* each line was flushed */
	stub_store_free(stub.store);
	stub_script_free(stub.script);
	stub_options_done(&stub.options);
	return status;
}
