/* Header lines of an answer, one after another: each ends with a newline, and
 * the last one with the input. */
#include "tests/fuzz/fuzz.h"

#include "uploader/s3_reply.h"

static void
check_text(const struct strbuf *text)
{
	FUZZ_CHECK(text->length <= S3_REPLY_VALUE_MAX);
	for (size_t i = 0; i < text->length; i++)
		FUZZ_CHECK((unsigned char)text->data[i] >= ' ' &&
			   text->data[i] != 0x7f);
}

static void
check(const struct s3_reply *reply)
{
	FUZZ_CHECK(reply->status >= 0 && reply->status <= 999);
	FUZZ_CHECK(reply->content_length >= -1);
	FUZZ_CHECK(reply->retry_after_ms >= -1);
	check_text(&reply->etag);
	check_text(&reply->version_id);
	check_text(&reply->request_id);
	check_text(&reply->id_2);
	check_text(&reply->bucket_region);
	check_text(&reply->date);
	check_text(&reply->checksum_crc32c);
	check_text(&reply->checksum_sha256);
	check_text(&reply->checksum_type);
	check_text(&reply->meta_crc32c);
	check_text(&reply->encryption);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct s3_reply reply = {0};

	s3_reply_reset(&reply);
	while (size > 0) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t length = newline != NULL ? (size_t)(newline - data) + 1
						: size;
		/* libcurl's lines are not ended by a zero. */
		char *line = malloc(length);

		FUZZ_CHECK(line != NULL);
		memcpy(line, data, length);
		s3_reply_header(&reply, line, length);
		check(&reply);
		free(line);
		data += length;
		size -= length;
	}
	s3_reply_done(&reply);
	return 0;
}
