/* One request: what its bytes say, and the answers anything may give it. */
#ifndef STUB_REQUEST_H
#define STUB_REQUEST_H

#include "tests/stub/stub.h"

struct stub_request *stub_request_new(struct stub *stub, const char *raw_uri);
/* Splits the URI into bucket, key and query, once the headers are there. */
void stub_request_parse(struct stub_request *req);
void stub_request_free(struct stub_request *req);

const char *stub_request_header(
    const struct stub_request *req, const char *name);
const char *stub_request_query(
    const struct stub_request *req, const char *name);

/* Answers with an error, unless the request has an answer already. */
void stub_request_refuse(struct stub_request *req, unsigned status,
    const char *code, const char *message);
/* The same with more XML inside the error. */
void stub_request_refuse_with(struct stub_request *req, unsigned status,
    const char *code, const char *message, const char *more);
/* Answers STATUS with an empty body. */
void stub_request_answer(struct stub_request *req, unsigned status);
/* Answers 200 with the XML that BODY holds, and takes that. */
void stub_request_answer_xml(struct stub_request *req, struct strbuf *body);
/* Writes an error's XML. */
void stub_request_error_xml(const struct stub_request *req, struct strbuf *buf,
    const char *code, const char *message, const char *more);

#endif
