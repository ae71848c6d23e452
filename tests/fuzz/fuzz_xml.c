/* Every XML that a store or STS answers with, by each of its readers. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "uploader/credentials/sts.h"
#include "uploader/s3_reply.h"
#include "uploader/s3_xml.h"

static void
read_error(const char *text, size_t size)
{
	struct s3_reply reply = {0};
	struct s3_error error = {0};

	s3_reply_reset(&reply);
	/* In two pieces, as they come. */
	s3_reply_body(&reply, text, size / 2);
	s3_reply_body(&reply, text + size / 2, size - size / 2);
	FUZZ_CHECK(reply.body.length == size || reply.body_cut);
	if (s3_reply_error(&reply, &error))
		FUZZ_CHECK(error.code.length > 0 &&
			   error.message.length <= S3_XML_TEXT_MAX);
	else
		FUZZ_CHECK(error.code.length == 0);
	s3_error_done(&error);
	s3_reply_done(&reply);
}

static void
on_part(void *context, const struct s3_listed_part *part)
{
	size_t *count = context;

	(*count)++;
	FUZZ_CHECK(part->etag.length <= S3_XML_TEXT_MAX);
	FUZZ_CHECK(part->crc32c.length <= S3_XML_TEXT_MAX);
}

static void
read_parts(const char *text, size_t size)
{
	size_t count = 0;
	int next = -1;
	bool is_one = s3_xml_list_parts(text, size, on_part, &count, &next);

	FUZZ_CHECK(is_one ? next >= 0 : next == -1 && count == 0);
}

static void
read_sts(const char *text, size_t size)
{
	struct credentials *credentials = NULL;
	char *error = NULL;

	if (sts_parse(text, size, &credentials, &error) == 0) {
		FUZZ_CHECK(error == NULL);
		FUZZ_CHECK(*credentials->access_key != '\0');
		FUZZ_CHECK(*credentials->secret != '\0');
		credentials_free(credentials);
	} else {
		FUZZ_CHECK(credentials == NULL);
		fuzz_check_message(error);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct strbuf value = {0}, crc32c = {0};

	read_error(text, size);
	read_parts(text, size);
	read_sts(text, size);
	(void)s3_xml_created(text, size, &value);
	FUZZ_CHECK(value.length <= S3_XML_TEXT_MAX);
	strbuf_reset(&value);
	(void)s3_xml_completed(text, size, &value, &crc32c);
	FUZZ_CHECK(value.length <= S3_XML_TEXT_MAX);
	FUZZ_CHECK(crc32c.length <= S3_XML_TEXT_MAX);
	strbuf_done(&crc32c);
	strbuf_reset(&value);
	s3_xml_escape(&value, text);
	FUZZ_CHECK(strpbrk(strbuf_text(&value), "<>\"") == NULL);
	strbuf_done(&value);
	free(text);
	return 0;
}
