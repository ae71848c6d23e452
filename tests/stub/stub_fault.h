/* What a rule of the script does to the answer. */
#ifndef STUB_FAULT_H
#define STUB_FAULT_H

#include "tests/stub/stub.h"

/* Whether the operation is carried out under the request's fault. */
bool stub_fault_acts(const struct stub_request *req);
/* Whether the request may be answered without its body. */
bool stub_fault_early(const struct stub_request *req);
/* Makes of the answer, which may not be decided yet, what the fault wants. */
void stub_fault_apply(struct stub_request *req);

#endif
