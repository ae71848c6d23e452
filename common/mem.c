/* Allocation wrappers; see mem.h for why there is no error to handle. */
#include "common/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static _Noreturn void
out_of_memory(void)
{
	static const char text[] =
	    "s3spool: out of memory; what was claimed is kept and taken "
	    "up by the next run\n";

	/* Nothing is left to do if even this can't be written. */
	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	_exit(EX_OSERR);
}

void *
mem_alloc(size_t size_bytes)
{
	void *block = malloc(size_bytes != 0 ? size_bytes : 1);

	if (block == NULL)
		out_of_memory();
	return block;
}

void *
mem_zero(size_t count, size_t size_bytes)
{
	void *block = calloc(count != 0 ? count : 1, size_bytes);

	if (block == NULL)
		out_of_memory();
	return block;
}

void *
mem_grow(void *block, size_t count, size_t size_bytes)
{
	if (size_bytes != 0 && count > SIZE_MAX / size_bytes)
		out_of_memory();
	block = realloc(
	    block, count * size_bytes != 0 ? count * size_bytes : 1);
	if (block == NULL)
		out_of_memory();
	return block;
}

char *
mem_copy(const char *text)
{
	return mem_copy_n(text, strlen(text));
}

char *
mem_copy_n(const char *text, size_t length)
{
	char *copy = mem_alloc(length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *
mem_vformat(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		out_of_memory();
	return text;
}

char *
mem_format(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vformat(format, args);
	va_end(args);
	return text;
}
