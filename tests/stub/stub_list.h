/* The operations that list: objects, uploads, parts, tags. */
#ifndef STUB_LIST_H
#define STUB_LIST_H

#include "tests/stub/stub.h"

extern const struct stub_operation stub_list_objects, stub_list_uploads,
    stub_list_parts, stub_list_tags, stub_list_location;

#endif
