/* Which operation a request asks for: by method, by what the path names, and by
 * the query parameters that make another operation of it. The first row that
 * fits counts, so the rows with a parameter come first. */
#include "tests/stub/stub_route.h"

#include <string.h>

#include "tests/stub/stub_list.h"
#include "tests/stub/stub_multipart.h"
#include "tests/stub/stub_request.h"
#include "tests/stub/stub_s3.h"

enum target { SERVICE, BUCKET, OBJECT };

static const struct {
	const char *method;
	enum target target;
	const char *parameter; /* NULL: whatever else */
	const struct stub_operation *operation;
} routes[] = {
    {"PUT", OBJECT, "uploadId", &stub_multipart_part},
    {"PUT", OBJECT, NULL, &stub_s3_put},
    {"POST", OBJECT, "uploads", &stub_multipart_create},
    {"POST", OBJECT, "uploadId", &stub_multipart_complete},
    {"GET", OBJECT, "uploadId", &stub_list_parts},
    {"GET", OBJECT, "tagging", &stub_list_tags},
    {"GET", OBJECT, NULL, &stub_s3_get},
    {"HEAD", OBJECT, NULL, &stub_s3_head},
    {"DELETE", OBJECT, "uploadId", &stub_multipart_abort},
    {"DELETE", OBJECT, NULL, &stub_s3_delete},
    {"GET", BUCKET, "list-type", &stub_list_objects},
    {"GET", BUCKET, "uploads", &stub_list_uploads},
    {"GET", BUCKET, "location", &stub_list_location},
    {"GET", BUCKET, NULL, &stub_list_objects},
    {"PUT", BUCKET, NULL, &stub_s3_create_bucket},
    {"HEAD", BUCKET, NULL, &stub_s3_head_bucket},
    {"DELETE", BUCKET, NULL, &stub_s3_delete_bucket},
};

const struct stub_operation *
stub_route_s3(const struct stub_request *req)
{
	enum target target = OBJECT;

	if (*req->bucket == '\0')
		target = SERVICE;
	else if (*req->key == '\0')
		target = BUCKET;
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		if (routes[i].target == target &&
		    strcmp(routes[i].method, req->method) == 0 &&
		    (routes[i].parameter == NULL ||
			stub_request_query(req, routes[i].parameter) != NULL))
			return routes[i].operation;
	}
	return &stub_s3_unknown;
}
