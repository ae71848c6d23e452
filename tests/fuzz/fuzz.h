/* What the fuzz targets share. Each is a program of libFuzzer's: it is called
 * with bytes that may be anything, and must neither crash, nor leak, nor break
 * a promise of the header under test. The promises are checked with abort()
 * rather than assert(), which -DNDEBUG would take away. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_CHECK(condition) \
	do { \
		if (!(condition)) { \
			(void)fprintf(stderr, "%s:%d: broken promise: %s\n", \
			    __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a text of its own, exactly as long as it is: what reads past
 * its end is found. The caller frees it. */
static inline char *
fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	FUZZ_CHECK(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Messages for the user are one line, without control characters: frees it. */
static inline void
fuzz_check_message(char *message)
{
	FUZZ_CHECK(message != NULL && *message != '\0');
	for (const char *c = message; *c != '\0'; c++)
		FUZZ_CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
	free(message);
}

/* A file that the bytes are put into, at a path that stays the same.
 * *FD is -1 at first. */
static inline void
fuzz_file(int *fd, const char *variable, const uint8_t *data, size_t size)
{
	char path[64];

	if (*fd < 0) {
		*fd = memfd_create("fuzz", MFD_CLOEXEC);
		FUZZ_CHECK(*fd >= 0);
		(void)snprintf(
		    path, sizeof path, "/proc/self/fd/%d", *fd); /* fits */
		FUZZ_CHECK(setenv(variable, path, 1) == 0);
	}
	FUZZ_CHECK(ftruncate(*fd, 0) == 0);
	FUZZ_CHECK(pwrite(*fd, data, size, 0) == (ssize_t)size);
}

#endif
