/* libcurl and libcrypto, which are loaded only once there is something to send
 * (or a check or a dry run asks for them):
 * they bring thirty others along, and an uploader that starts each minute and
 * mostly finds nothing takes four times as long with them as without.
 *
 * Their functions are called by their own names, as if they were linked:
 * libraries.c defines those names and hands each call on. */
#ifndef UPLOADER_LIBRARIES_H
#define UPLOADER_LIBRARIES_H

/* Loads them unless they are. To be called before the process is confined, and
 * before there is another thread. Returns 0, or -ENOENT and one line in
 * *ret_error (the caller's to free). The first call of a function does the
 * same, but ends the process where it fails. */
int libraries_load(char **ret_error);

#endif
