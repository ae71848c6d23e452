/* The report of a check; see check_report.h. Errors of stdout stay in the
 * stream, and stage_end asks for them. */
#include "uploader/check_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"

static void print(const char *grade, const char *item, const char *format,
    va_list args) __attribute__((format(printf, 3, 0)));

static void
print(const char *grade, const char *item, const char *format, va_list args)
{
	struct strbuf line = {0};
	char *text = mem_vformat(format, args);

	log_escape(&line, text);
	(void)printf("%-4s  %-16s  %s\n", grade, item, strbuf_text(&line));
	(void)fflush(stdout);
	strbuf_done(&line);
	free(text);
}

void
check_ok(const char *item, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("ok", item, format, args);
	va_end(args);
}

void
check_warn(const char *item, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("warn", item, format, args);
	va_end(args);
}

void
check_fail(
    struct stage *stage, int status, const char *item, const char *format, ...)
{
	va_list args;

	stage_fail(stage, status);
	va_start(args, format);
	print("FAIL", item, format, args);
	va_end(args);
}
