/* Memory that is there or ends the process.
 *
 * A queue that lives in the file system is its own recovery: running out of
 * memory ends the program with a message and status 71 (EX_OSERR), and the
 * next run takes up what this one held. */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stdarg.h>
#include <stddef.h>

/* As malloc, calloc, realloc, strdup, strndup; never NULL. */
void *mem_alloc(size_t size_bytes);
void *mem_zero(size_t count, size_t size_bytes);
void *mem_grow(void *block, size_t count, size_t size_bytes);
char *mem_copy(const char *text);
char *mem_copy_n(const char *text, size_t length);

/* As asprintf; the caller frees the result. */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *mem_vformat(const char *format, va_list args)
    __attribute__((format(printf, 1, 0)));

#endif
