/* Percent-encoding there and back, and what is UTF-8. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "common/percent.h"

static void
check_encoded(const char *text, size_t length,
    void (*encode)(struct strbuf *buf, const char *text))
{
	struct strbuf encoded = {0}, decoded = {0};

	encode(&encoded, text);
	for (size_t i = 0; i < encoded.length; i++)
		FUZZ_CHECK(encoded.data[i] > ' ' && encoded.data[i] < 0x7f);
	FUZZ_CHECK(percent_decode(
		       &decoded, strbuf_text(&encoded), encoded.length) == 0);
	FUZZ_CHECK(decoded.length == length &&
		   strcmp(strbuf_text(&decoded), text) == 0);
	strbuf_done(&encoded);
	strbuf_done(&decoded);
}

static void
check_utf8(const char *text, size_t length)
{
	size_t done = 0, step;

	while ((step = percent_utf8_length(text + done)) > 0)
		done += step;
	FUZZ_CHECK(done <= length);
	FUZZ_CHECK(percent_is_utf8(text) == (done == length));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	size_t length = strlen(text);
	struct strbuf buf = {0};
	int result;

	check_utf8(text, length);
	check_encoded(text, length, percent_encode_path);
	check_encoded(text, length, percent_encode_component);

	strbuf_puts(&buf, "before");
	result = percent_decode(&buf, text, size);
	FUZZ_CHECK(result == 0 || (result == -EINVAL && buf.length == 6));
	FUZZ_CHECK(memcmp(buf.data, "before", 6) == 0);
	FUZZ_CHECK(strlen(buf.data) == buf.length);
	strbuf_done(&buf);
	free(text);
	return 0;
}
