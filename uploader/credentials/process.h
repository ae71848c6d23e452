/* Credentials from a program: credential_process. */
#ifndef UPLOADER_CREDENTIALS_PROCESS_H
#define UPLOADER_CREDENTIALS_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "uploader/credentials/credentials.h"

enum { PROCESS_SECONDS = 60, PROCESS_OUTPUT_MAX = 65536 };

/* Splits COMMAND into words as the AWS CLI does (Python's shlex): quotes of
 * both kinds, backslashes outside of them and, before " and \, inside double
 * ones; nothing else is special. Returns 0 and *ret_words, ended by NULL, to
 * be given to process_free_words; or -EINVAL (a quote or backslash without
 * its counterpart, or no word at all). */
int process_split(const char *command, char ***ret_words);
void process_free_words(char **words);

/* The variables among ENVIRONMENT (ended by NULL) that such a program gets to
 * see: a closed list, in which there is no secret of ours. The array is the
 * caller's to free, the texts are still ENVIRONMENT's. */
char **process_pick_environment(char *const *environment);

/* Runs COMMAND without a shell, with such an environment, nothing on its
 * standard input and our standard error, for at most TIMEOUT_MS, and reads the
 * JSON that it writes. It is a process group of its own, killed as such when it
 * takes too long or CONTEXT is cancelled. Returns as credentials_load, but
 * never -ENOENT. */
int process_load(const struct credentials_context *context, const char *command,
    int64_t timeout_ms, struct credentials **ret_credentials, char **ret_error);

#endif
