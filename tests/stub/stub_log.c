/* The log of requests: what the tests believe.
 *
 * One line a request, its columns parted by tabs, anything unprintable in them
 * percent-encoded, "-" for nothing:
 *
 *   time            RFC 3339, UTC, by the server's clock
 *   operation       PutObject, UploadPart, ...
 *   bucket, key     the key percent-encoded, slashes kept
 *   status          of the answer; "-" when none was sent
 *   stored          yes when an object or a part was stored
 *   bytes           of the object or part; of a part alone, not of its object
 *   sha256          of these bytes (of the whole object for Complete)
 *   if_none_match   the header
 *   connection      its number, from 1
 *   fault           the line of the script: number, colon, the rule
 *   query           as it came
 *   headers         what it says of its body: name=value, separated by commas;
 *                   Content-MD5, x-amz-checksum-*, x-amz-content-sha256 and
 *                   x-amz-mp-object-size
 *
 * A line is written and flushed when the outcome is settled and before the
 * answer leaves (before its delay, too): whoever has the answer finds the line,
 * and what was stored is in the log even if the stub is killed next. */
#include "tests/stub/stub_log.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "tests/stub/stub_request.h"
#include "tests/stub/stub_text.h"

int
stub_log_open(struct stub *stub, const char *path)
{
	stub->log = fopen(path, "ae");
	if (stub->log == NULL) {
		fprintf(stderr, "cannot write the log \"%s\": %s\n", path,
		    strerror(errno));
		return -1;
	}
	if (fseek(stub->log, 0, SEEK_END) == 0 && ftell(stub->log) == 0)
		fputs("#time\toperation\tbucket\tkey\tstatus\tstored\tbytes\t"
		      "sha256\tif_none_"
		      "match\tconnection\tfault\tquery\theaders\n",
		    stub->log);
	fflush(stub->log);
	return 0;
}

static void
add_key(struct strbuf *line, const char *key)
{
	if (*key == '\0')
		strbuf_putc(line, '-');
	else
		stub_text_percent(line, key, true);
}

/* The headers that say something of the body, as they came. */
static void
add_headers(struct strbuf *line, const struct stub_request *req)
{
	static const char *const names[] = {"content-md5", "x-amz-checksum-",
	    "x-amz-content-sha256", "x-amz-mp-object-size"};
	struct strbuf text = {0};

	for (size_t i = 0; i < req->headers.count; i++) {
		const struct stub_pair *pair = &req->headers.items[i];

		for (size_t j = 0; j < sizeof names / sizeof *names; j++)
			if (strncasecmp(
				pair->name, names[j], strlen(names[j])) == 0)
				strbuf_printf(&text, "%s%s=%s",
				    text.length > 0 ? "," : "", pair->name,
				    pair->value);
	}
	stub_text_column(line, text.length > 0 ? strbuf_text(&text) : NULL);
	strbuf_done(&text);
}

void
stub_log_request(struct stub_request *req, unsigned status)
{
	struct strbuf line = {0};
	unsigned milliseconds;
	time_t now = stub_now(req->stub, &milliseconds);

	if (req->logged || req->stub->log == NULL)
		return;
	req->logged = true;
	strbuf_printf(&line, "%s\t%s\t", stub_text_iso_date(now, milliseconds),
	    req->operation != NULL ? req->operation->name : "-");
	stub_text_column(&line, req->bucket);
	strbuf_putc(&line, '\t');
	add_key(&line, req->key);
	if (status != 0)
		strbuf_printf(&line, "\t%u\t", status);
	else
		strbuf_puts(&line, "\t-\t");
	strbuf_printf(&line, "%s\t%llu\t%s\t", req->stored ? "yes" : "no",
	    (unsigned long long)(req->stored_bytes != 0 || req->stored
				     ? req->stored_bytes
				     : req->received),
	    *req->sha256 != '\0' ? req->sha256 : "-");
	stub_text_column(&line, stub_request_header(req, "if-none-match"));
	strbuf_printf(&line, "\t%lu\t", req->connection_number);
	stub_text_column(&line, req->fault_text);
	strbuf_putc(&line, '\t');
	stub_text_column(&line, req->raw_query);
	strbuf_putc(&line, '\t');
	add_headers(&line, req);
	strbuf_putc(&line, '\n');
	fputs(strbuf_text(&line), req->stub->log);
	fflush(req->stub->log);
	strbuf_done(&line);
}
