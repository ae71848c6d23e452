/* A pattern with a slash is about the whole path below base_dir, as those of
 * `pattern` are; one without is about the file's name alone, since it could
 * match no path with a location in it. See choice.h. */
#include "scanner/choice.h"

#include <stdbool.h>
#include <string.h>

#include "common/keypath.h"

static bool
is_listed(const struct config_list *list, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	for (size_t i = 0; i < list->count; i++)
		if (keypath_matches(&list->items[i], 1,
			strchr(list->items[i], '/') != NULL ? path : name))
			return true;
	return false;
}

const char *
choice_fault(const struct config *config, const char *path)
{
	if (config->exclude.count > 0 && is_listed(&config->exclude, path))
		return "its path matches exclude";
	if (config->include.count > 0 && !is_listed(&config->include, path))
		return "its path doesn't match include";
	return NULL;
}
