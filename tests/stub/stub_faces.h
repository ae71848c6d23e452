/* The stub's other faces: where credentials come from. */
#ifndef STUB_FACES_H
#define STUB_FACES_H

#include "tests/stub/stub.h"

/* A request to STS before its body is read. */
extern const struct stub_operation stub_faces_sts;

/* Never NULL. */
const struct stub_operation *stub_faces_route(const struct stub_request *req);
/* Turns stub_faces_sts into the action that the form in the body names. */
void stub_faces_read_form(struct stub_request *req);

#endif
