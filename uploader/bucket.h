/* What stands in s3_bucket: a bucket's name, or an access point's ARN. */
#ifndef UPLOADER_BUCKET_H
#define UPLOADER_BUCKET_H

#include <stdbool.h>

/* All owned; bucket_done frees them. */
struct bucket {
	char *name;   /* of an access point: NAME-ACCOUNT, as in its host */
	char *region; /* the ARN's; NULL: it isn't one */
};

/* Takes TEXT apart. Returns 0 and *ret_bucket, or -EINVAL and one line in
 * *ret_error (the caller's to free). */
int bucket_parse(const char *text, struct bucket *ret_bucket, char **ret_error);
void bucket_done(struct bucket *bucket);

/* Whether NAME can be the first part of a host's name. */
bool bucket_fits_host(const char *name);
/* Whether TEXT has only ASCII letters, digits, and OTHERS. */
bool bucket_has_only(const char *text, const char *others);

#endif
