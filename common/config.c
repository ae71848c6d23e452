/* The configuration file; see config.h.
 *
 * Three layers: config_keys.c knows the keys, config_yaml.c the file, and this
 * one lets the command line's values win, and judges what only the whole can
 * tell: what is missing, and whether the directories make sense. A message
 * names the place that the faulty value came from. The file's own faults are
 * reported even where an override hides them. */
#include "common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config_keys.h"
#include "common/config_set.h"
#include "common/config_yaml.h"
#include "common/mem.h"
#include "common/strbuf.h"

enum { FILE_MAX_BYTES = 1 << 20, READ_BYTES = 16384 };

struct loader {
	const char *name; /* the file's */
	struct config *config;
	struct config_place *places;   /* one for each key; of an override: 0 */
	struct config_place beginning; /* of the file's mapping */
	char *error;
};

/* Takes PROBLEM, "what; hint", about the value of KEY, wherever that came
 * from. */
static int
refuse(
    struct loader *l, const char *key, struct config_place place, char *problem)
{
	if (place.line == 0)
		l->error = mem_format("-o %s: %s", key, problem);
	else
		l->error = config_yaml_error(l->name, place, key, problem);
	free(problem);
	return -EINVAL;
}

static int
apply_override(struct loader *l, const char *override)
{
	static const struct config_place nowhere = {0};
	size_t length = strcspn(override, "=");
	char *name = mem_copy_n(override, length);
	char *problem, *quoted;
	size_t key;
	int result = 0;

	if (override[length] != '=') {
		problem = mem_copy("it has no value; write KEY=VALUE");
	} else if (config_keys_find(name, &key)) {
		l->places[key] = nowhere;
		problem = config_keys_set(
		    l->config, key, override + length + 1, ".");
	} else {
		problem = config_keys_explain_unknown(name);
	}
	if (problem != NULL) {
		/* A name that is none may be anything, newlines included. */
		quoted = config_set_quote(name);
		quoted[strlen(quoted) - 1] = '\0';
		result = refuse(l, quoted + 1, nowhere, problem);
		free(quoted);
	}
	free(name);
	return result;
}

static struct config_place
place_of(const struct loader *l, const char *name)
{
	size_t key = 0;

	/* The names are this file's own: they are found. */
	(void)config_keys_find(name, &key);
	return l->places[key];
}

/* Whether PATH is DIRECTORY or below it, by name. */
static bool
is_within(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

static int
check_directories(struct loader *l)
{
	static const char base[] = "base_dir";
	static const char spool[] = "spool_dir";
	const struct config *config = l->config;
	char *quoted = config_set_quote(config->base_dir);
	struct stat st;
	int result = 0;

	if (stat(config->base_dir, &st) < 0)
		result = refuse(l, base, place_of(l, base),
		    mem_format("%s can't be looked at: %s; create it or "
			       "correct the path",
			quoted, strerror(errno)));
	else if (!S_ISDIR(st.st_mode))
		result = refuse(l, base, place_of(l, base),
		    mem_format("%s is no directory; name the one that the "
			       "producer writes to",
			quoted));
	else if (is_within(config->base_dir, config->spool_dir))
		result = refuse(l, spool, place_of(l, spool),
		    mem_format("it holds base_dir, %s; name a directory of its "
			       "own",
			quoted));
	free(quoted);
	return result;
}

/* Reads everything in the order in which it wins. */
static int
load(struct loader *l, const char *text, size_t length, char *const *overrides,
    size_t override_count)
{
	const char *slash = strrchr(l->name, '/');
	/* With its slash, for "/config.yaml". */
	char *directory = slash == NULL ? mem_copy(".")
					: mem_copy_n(l->name,
					      (size_t)(slash - l->name) + 1);
	size_t missing;
	int result;

	config_keys_set_defaults(l->config);
	result = config_yaml_read(l->name, directory, text, length, l->config,
	    l->places, &l->beginning, &l->error);
	free(directory);
	for (size_t i = 0; result == 0 && i < override_count; i++)
		result = apply_override(l, overrides[i]);
	if (result < 0)
		return result;
	if (config_keys_find_missing(l->config, &missing))
		return refuse(l, config_keys_name(missing), l->beginning,
		    mem_copy("it is required and missing; add it"));
	if (l->config->spool_dir == NULL)
		l->config->spool_dir = mem_format(
		    "%s/.spool", l->config->base_dir);
	return check_directories(l);
}

int
config_parse(const char *name, const char *text, size_t length,
    char *const *overrides, size_t override_count, struct config **ret_config,
    char **ret_error)
{
	struct loader l = {.name = name};
	int result;

	if (length > FILE_MAX_BYTES) {
		*ret_error = mem_format("%s: the file is larger than 1 MiB; is "
					"it the configuration?",
		    name);
		return -EINVAL;
	}
	l.config = mem_zero(1, sizeof *l.config);
	l.places = mem_zero(config_keys_count(), sizeof *l.places);
	result = load(&l, text, length, overrides, override_count);
	free(l.places);
	if (result < 0) {
		config_free(l.config);
		*ret_error = l.error;
		return result;
	}
	*ret_config = l.config;
	return 0;
}

/* Appends what the open file FD holds, up to one byte more than is taken. */
static int
read_file(int fd, struct strbuf *buf)
{
	while (buf->length <= FILE_MAX_BYTES) {
		char *end = strbuf_reserve(buf, READ_BYTES);
		ssize_t got = read(fd, end, READ_BYTES);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		buf->length += (size_t)got;
		end[got] = '\0';
	}
	return 0;
}

int
config_load(const char *file, char *const *overrides, size_t override_count,
    struct config **ret_config, char **ret_error)
{
	struct strbuf text = {0};
	int result;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		result = -errno;
	} else {
		result = read_file(fd, &text);
		/* Nothing was written: closing can lose nothing. */
		(void)close(fd);
	}
	if (result < 0)
		*ret_error = mem_format(
		    "%s: the configuration can't be read: %s", file,
		    strerror(-result));
	else
		result = config_parse(file, strbuf_text(&text), text.length,
		    overrides, override_count, ret_config, ret_error);
	strbuf_done(&text);
	return result;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	config_keys_done(config);
	free(config);
}
