/* What is wrong with the text of a configuration value. Each check returns
 * NULL, or "what; hint", which is constant. */
#ifndef COMMON_CONFIG_CHECK_H
#define COMMON_CONFIG_CHECK_H

#include "common/config.h"

/* A bucket or region: visible ASCII, not empty. */
const char *config_check_word(const char *text);
/* An http:// or https:// URL with a host. */
const char *config_check_endpoint(const char *text);
/* What may stand before every key: UTF-8, no leading slash, 1024 bytes. */
const char *config_check_prefix(const char *text);
/* A pattern of paths below base_dir. */
const char *config_check_pattern(const char *text);
/* A proxy's URL or host; empty: none. */
const char *config_check_proxy(const char *text);
/* Printable ASCII on one line, perhaps empty. */
const char *config_check_line(const char *text);
/* The value of a header as it is signed: printable ASCII, not empty, no blank
 * at its ends and no two in a row. */
const char *config_check_header(const char *text);
/* RFC 3339, a date, or a duration. */
const char *config_check_moment(const char *text);

/* NAME: VALUE, to be added to MAP: an object's tag (AWS, "Categorizing your
 * storage using tags"), user metadata, an extension's content type. */
const char *config_check_tag(
    const struct config_map *map, const char *name, const char *value);
const char *config_check_metadata(
    const struct config_map *map, const char *name, const char *value);
const char *config_check_content_type(
    const struct config_map *map, const char *name, const char *value);

#endif
