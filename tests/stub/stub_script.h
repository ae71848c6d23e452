/* The script of faults. Its language:
 *
 *   METHOD [matchers] [actions]     one rule a line; # begins a comment line
 *
 * METHOD is GET, PUT, ... or * for any. Words are parted by blanks; "..." keeps
 * blanks inside one: message="Please wait". Matchers, all of which must hold:
 *
 *   op=GLOB      the operation, as in the log: PutObject, UploadPart, ...
 *   bucket=GLOB  key=GLOB       fnmatch(3), where * also matches /
 *   part=RANGE   the part number
 *   at=RANGE     whole seconds since the stub began
 *   n=RANGE      which of the requests that the matchers above choose;
 *                counted from 1, for each rule by itself
 *   chance=N     and then only N of 100, by --seed
 *
 * A RANGE is 3, 2-5, 4- or -6. The first rule that matches acts; the others
 * still count the request. Actions, in any number:
 *
 *   status=N code=C message=M   answer this error; nothing is stored
 *   store                       ... though the request was carried out
 *   body=TEXT                   replace the answer's body
 *   header="Name: value"        set or replace a header; no value removes it
 *   retry-after=S               the header of that name
 *   region=R                    x-amz-bucket-region and <Region>
 *   endpoint=URL                Location and <Endpoint>
 *   date=SECONDS                shift the Date header
 *   delay=MS                    wait before answering, after acting
 *   delay-before=MS             wait before reading the body
 *   early                       answer without reading the body
 *   lose                        act, then close without an answer
 *   drop                        read the request, then close without acting
 *   stall                       never answer and do not act (with store: act)
 *   cut-request=N               close after N bytes of the request's body
 *   cut-response=N              close after N bytes of the answer's body
 *   truncate-xml[=N]            answer with N bytes (half) of the XML
 *   error-in-200                status 200 with <Error> in it; not stored
 *   wrong-etag wrong-checksum   in the answer; what is stored is right
 *   no-conditions               501 to If-None-Match
 *   ignore-conditions           as if If-None-Match were not there
 *   answer-304                  304 in place of 412
 *   no-checksums[=STATUS]       refuse x-amz-checksum-* and x-amz-sdk-* */
#ifndef STUB_SCRIPT_H
#define STUB_SCRIPT_H

#include "tests/stub/stub.h"

/* The help text of the language above. */
extern const char stub_script_help[];

/* Parses TEXT. Returns NULL and says on stderr, with the line's number, what is
 * wrong. */
struct stub_script *stub_script_parse(const char *text, const char *name);
void stub_script_free(struct stub_script *script);
/* Gives the request the fault of the first rule that matches. SECONDS since
 * the stub began. */
void stub_script_apply(
    struct stub_script *script, struct stub_request *req, uint64_t seconds);
const struct stub_fault *stub_script_none(void);

#endif
