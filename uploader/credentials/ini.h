/* The AWS shared files' dialect of INI, as the AWS CLI reads it. */
#ifndef UPLOADER_CREDENTIALS_INI_H
#define UPLOADER_CREDENTIALS_INI_H

#include <stddef.h>

/* Called for each "key = value", in the order of the file. SECTION is what
 * stands between the brackets, trimmed; KEY and VALUE are NULL where a section
 * begins. PARENT is NULL, or the key with an empty value ("s3 =") below which
 * the line is indented. */
typedef void ini_visit(void *context, const char *section, const char *parent,
    const char *key, const char *value);

/* Reads the LENGTH bytes at TEXT, which may be anything. Returns 0, or
 * -EINVAL and what is wrong in *ret_error ("line 3: ..."; the caller's to
 * free), in which nothing of the line is repeated: it may be a secret.
 * Lines before the faulty one have been visited then. */
int ini_parse(const char *text, size_t length, ini_visit *visit, void *context,
    char **ret_error);

#endif
