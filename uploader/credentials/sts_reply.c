/* What STS answers ("AWS Security Token Service API Reference"):
 *
 *   <AssumeRoleResponse><AssumeRoleResult><Credentials>
 *     <AccessKeyId/><SecretAccessKey/><SessionToken/><Expiration/>
 *   <ErrorResponse><Error><Code/><Message/>
 *
 * Read with expat as s3_reply.c does: the first <!DOCTYPE ends it, depth and
 * texts are bounded, and it counts only when it is well-formed to its end. */
#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/timefmt.h"
#include "uploader/credentials/sts.h"
#include "uploader/mbedtls_compat.h"

enum { DEPTH_MAX = 8, TEXT_MAX = 16384, MESSAGE_MAX = 512 };

enum field {
	FIELD_ACCESS_KEY,
	FIELD_SECRET,
	FIELD_TOKEN,
	FIELD_EXPIRATION,
	FIELD_CODE,
	FIELD_MESSAGE,
	FIELD_COUNT
};

static const struct {
	const char *parent, *name;
} elements[FIELD_COUNT] = {
    {"Credentials", "AccessKeyId"},
    {"Credentials", "SecretAccessKey"},
    {"Credentials", "SessionToken"},
    {"Credentials", "Expiration"},
    {"Error", "Code"},
    {"Error", "Message"},
};

struct reading {
	XML_Parser parser;
	int depth;
	char *parents[DEPTH_MAX + 1]; /* names of the open elements, from 1 */
	struct strbuf fields[FIELD_COUNT];
	struct strbuf *text; /* of the element being read, or NULL */
};

static void
stop(struct reading *reading)
{
	/* Fails only when it is stopped already. */
	(void)XML_StopParser(reading->parser, XML_FALSE);
}

static void XMLCALL
on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = data;
	const char *colon = strchr(name, ':');
	const char *parent = reading->depth > 0
				 ? reading->parents[reading->depth]
				 : "";

	(void)attributes;
	name = colon != NULL ? colon + 1 : name;
	reading->text = NULL;
	if (reading->depth == DEPTH_MAX) {
		stop(reading);
		return;
	}
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (strcmp(name, elements[i].name) == 0 &&
		    strcmp(parent, elements[i].parent) == 0 &&
		    reading->fields[i].length == 0)
			reading->text = &reading->fields[i];
	if (reading->text != NULL) /* no growing: that leaves copies */
		(void)strbuf_reserve(reading->text, TEXT_MAX);
	reading->parents[++reading->depth] = mem_copy(name);
}

static void XMLCALL
on_end(void *data, const XML_Char *name)
{
	struct reading *reading = data;

	(void)name;
	free(reading->parents[reading->depth--]);
	reading->text = NULL;
}

static void XMLCALL
on_text(void *data, const XML_Char *text, int length)
{
	struct reading *reading = data;

	if (reading->text == NULL)
		return;
	if (reading->text->length + (size_t)length > TEXT_MAX)
		stop(reading);
	else
		strbuf_add(reading->text, text, (size_t)length);
}

static void XMLCALL
on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	stop(data);
}

static bool
parse(struct reading *reading, const char *xml, size_t length)
{
	enum XML_Status status = XML_STATUS_ERROR;

	reading->parser = XML_ParserCreate(NULL);
	if (reading->parser != NULL && length <= INT32_MAX) {
		XML_SetUserData(reading->parser, reading);
		XML_SetElementHandler(reading->parser, on_start, on_end);
		XML_SetCharacterDataHandler(reading->parser, on_text);
		XML_SetStartDoctypeDeclHandler(reading->parser, on_doctype);
		status = XML_Parse(reading->parser, xml, (int)length, XML_TRUE);
	}
	XML_ParserFree(reading->parser);
	while (reading->depth > 0)
		free(reading->parents[reading->depth--]);
	return status == XML_STATUS_OK;
}

/* The first line of a message, and no more than a line's worth: what follows
 * after SignatureDoesNotMatch is the request as STS understood it, with the
 * session token in it. */
static char *
describe(const char *code, const char *message)
{
	size_t length = strcspn(message, "\r\n");
	char *text = mem_format("%.64s: %.*s", code,
	    length < MESSAGE_MAX ? (int)length : MESSAGE_MAX, message);

	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == '\x7f')
			*c = ' ';
	return text;
}

/* What it says instead of credentials (the caller frees it), or NULL. */
static char *
find_fault(const struct strbuf fields[FIELD_COUNT], int64_t *ret_expires_ns)
{
	if (fields[FIELD_CODE].length > 0)
		return describe(strbuf_text(&fields[FIELD_CODE]),
		    strbuf_text(&fields[FIELD_MESSAGE]));
	if (fields[FIELD_ACCESS_KEY].length == 0 ||
	    fields[FIELD_SECRET].length == 0 || fields[FIELD_TOKEN].length == 0)
		return mem_copy("the answer holds no credentials; is that an "
				"STS endpoint?");
	if (timefmt_parse(
		strbuf_text(&fields[FIELD_EXPIRATION]), ret_expires_ns) < 0)
		return mem_copy("the answer's Expiration is no time");
	return NULL;
}

int
sts_parse(const char *xml, size_t length, struct credentials **ret_credentials,
    char **ret_error)
{
	struct reading reading = {0};
	const struct strbuf *fields = reading.fields;
	int64_t expires_ns = INT64_MAX;
	char *fault;

	if (parse(&reading, xml, length))
		fault = find_fault(fields, &expires_ns);
	else
		fault = mem_copy("the answer is no XML; is that an STS "
				 "endpoint?");
	if (fault == NULL)
		*ret_credentials = credentials_new(
		    strbuf_text(&fields[FIELD_ACCESS_KEY]),
		    strbuf_text(&fields[FIELD_SECRET]),
		    strbuf_text(&fields[FIELD_TOKEN]), expires_ns);
	else
		*ret_error = fault;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		struct strbuf *field = &reading.fields[i];

		if (field->data != NULL)
			mbedtls_platform_zeroize(field->data, field->capacity);
		strbuf_done(field);
	}
	return fault == NULL ? 0 : -EINVAL;
}
