/* Receipt lines. What can be read is written and read once more, and is then
 * the same but for fractions of a millisecond, which are not written. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "common/receipt.h"

static void
check_again(const struct receipt *receipt)
{
	struct receipt again = {0};
	struct strbuf line = {0}, second = {0};

	receipt_format(receipt, &line);
	FUZZ_CHECK(line.length > 0 && line.data[line.length - 1] == '\n');
	FUZZ_CHECK(memchr(line.data, '\n', line.length - 1) == NULL);
	FUZZ_CHECK(receipt_parse(line.data, line.length - 1, &again) == 0);
	FUZZ_CHECK(again.uploaded_at_ns <= receipt->uploaded_at_ns);
	FUZZ_CHECK(again.size == receipt->size);
	FUZZ_CHECK(again.crc32c == receipt->crc32c);
	FUZZ_CHECK(again.inode == receipt->inode);
	FUZZ_CHECK(again.mtime_ns == receipt->mtime_ns);
	FUZZ_CHECK(
	    strcmp(strbuf_text(&again.path), strbuf_text(&receipt->path)) == 0);
	receipt_format(&again, &second);
	FUZZ_CHECK(second.length == line.length &&
		   memcmp(second.data, line.data, line.length) == 0);
	strbuf_done(&line);
	strbuf_done(&second);
	receipt_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct receipt receipt = {0};
	char *line = malloc(size); /* not ended by a zero */

	FUZZ_CHECK(line != NULL);
	if (size > 0)
		memcpy(line, data, size);
	if (receipt_parse(line, size, &receipt) == 0) {
		FUZZ_CHECK(receipt.bucket.length > 0);
		FUZZ_CHECK(receipt.key.length > 0);
		FUZZ_CHECK(receipt.path.length > 0);
		FUZZ_CHECK(receipt.size >= 0);
		check_again(&receipt);
	}
	receipt_done(&receipt);
	free(line);
	return 0;
}
