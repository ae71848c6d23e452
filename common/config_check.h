/* What is wrong with the text of a configuration value. Each check returns
 * NULL, or "what; hint", which is constant. */
#ifndef COMMON_CONFIG_CHECK_H
#define COMMON_CONFIG_CHECK_H

/* A bucket or region: visible ASCII, not empty. */
const char *config_check_word(const char *text);
/* An http:// or https:// URL with a host. */
const char *config_check_endpoint(const char *text);
/* What may stand before every key: UTF-8, no leading slash, 1024 bytes. */
const char *config_check_prefix(const char *text);
/* A pattern of paths below base_dir. */
const char *config_check_pattern(const char *text);

#endif
