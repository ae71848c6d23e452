/* Names of buckets (AWS, "General purpose bucket naming rules") and of access
 * points ("Access point ARNs, access point aliases, or virtual-hosted-style
 * URIs").
 *
 * What passes here is of harmless characters, so it may stand in a host and in
 * a path as it is. What other kinds of buckets and ARNs need (sessions, another
 * signature, another service) isn't there, and is refused by name rather than
 * by a store's riddle. */
#include "uploader/bucket.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "uploader/partition.h"

enum { BUCKET_MIN = 3, BUCKET_DNS_MAX = 63, BUCKET_MAX = 255 };
enum { REGION_MAX = 63, POINT_MIN = 3, POINT_MAX = 50, ACCOUNT_DIGITS = 12 };
/* arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE */
enum { ARN, PARTITION, SERVICE, REGION, ACCOUNT, RESOURCE, FIELDS };

static const char digits[] = "0123456789";
static const char label[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

bool
bucket_has_only(const char *text, const char *others)
{
	for (; *text != '\0'; text++)
		if (!((*text >= 'a' && *text <= 'z') ||
			(*text >= 'A' && *text <= 'Z') ||
			(*text >= '0' && *text <= '9') ||
			strchr(others, *text) != NULL))
			return false;
	return true;
}

static bool
ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), ending_length = strlen(ending);

	return length >= ending_length &&
	       strcmp(text + length - ending_length, ending) == 0;
}

/* Endings that AWS keeps for kinds of buckets that work in other ways. */
static const struct {
	const char *ending, *fault;
} kinds[] = {
    {"--x-s3", "S3 Express directory buckets are not supported: they need "
	       "CreateSession; name a general purpose bucket"},
    {"--xa-s3", "access points of S3 Express directory buckets are not "
		"supported: they need CreateSession"},
    {"--ol-s3", "S3 Object Lambda access points are not supported, and take "
		"no uploads of use here; name the bucket behind it"},
    {"--op-s3", "S3 on Outposts is not supported"},
    {"--table-s3", "S3 table buckets take no objects of one's own; name a "
		   "general purpose bucket"},
    {".mrap", "Multi-Region Access Points are not supported: they need "
	      "Signature Version 4A; name a bucket or an access point of one "
	      "region"},
};

static const char *
name_fault(const char *name)
{
	size_t length = strlen(name);

	if (strncmp(name, "s3://", 5) == 0)
		return "give the name alone, without s3:// (and what follows "
		       "it as key_prefix)";
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (ends_with(name, kinds[i].ending))
			return kinds[i].fault;
	if (length < BUCKET_MIN || length > BUCKET_MAX)
		return "a bucket's name has 3 to 63 characters (old ones up "
		       "to 255)";
	if (!bucket_has_only(name, ".-_"))
		return "a bucket's name has only letters, digits, '.', '-' "
		       "and '_'";
	return NULL;
}

/* --- ARNs ----------------------------------------------------------------- */

/* Cuts COPY into FIELDS at its colons; the last may hold more of them. */
static bool
split(char *copy, const char *fields[FIELDS])
{
	for (int i = 0; i < FIELDS; i++) {
		char *colon;

		fields[i] = copy;
		if (i == RESOURCE)
			return true;
		colon = strchr(copy, ':');
		if (colon == NULL)
			return false;
		*colon = '\0';
		copy = colon + 1;
	}
	return true;
}

/* The access point's name in RESOURCE, or NULL. */
static const char *
point_name(const char *resource)
{
	static const char word[] = "accesspoint";
	size_t length = sizeof word - 1;

	if (strncmp(resource, word, length) != 0 ||
	    (resource[length] != '/' && resource[length] != ':'))
		return NULL;
	return resource + length + 1;
}

/* What keeps the ARN of FIELDS from being one of an access point that we can
 * write to, or NULL. */
static const char *
arn_fault(const char *const fields[FIELDS])
{
	const char *name = point_name(fields[RESOURCE]);
	const char *region = fields[REGION], *account = fields[ACCOUNT];
	size_t length;

	if (strcmp(fields[SERVICE], "s3-outposts") == 0)
		return "S3 on Outposts is not supported";
	if (strcmp(fields[SERVICE], "s3-object-lambda") == 0)
		return "S3 Object Lambda access points are not supported; name "
		       "the bucket behind it";
	if (strcmp(fields[SERVICE], "s3express") == 0)
		return "S3 Express directory buckets are not supported: they "
		       "need CreateSession";
	if (strcmp(fields[SERVICE], "s3") != 0)
		return "only ARNs of S3 access points are supported";
	if (name == NULL && *region == '\0')
		return "give the bucket's name instead of its ARN";
	if (name == NULL)
		return "only ARNs of S3 access points are supported";
	if (*region == '\0')
		return "Multi-Region Access Points are not supported: they "
		       "need Signature Version 4A; name a bucket or an access "
		       "point of one region";
	length = strlen(name);
	if (length < POINT_MIN || length > POINT_MAX ||
	    name[strspn(name, label)] != '\0' || *name == '-' ||
	    name[length - 1] == '-')
		return "an access point's name has 3 to 50 lower-case letters, "
		       "digits and hyphens";
	if (strlen(account) != ACCOUNT_DIGITS ||
	    account[strspn(account, digits)] != '\0')
		return "its account is no number of 12 digits";
	if (strlen(region) > REGION_MAX ||
	    region[strspn(region, label)] != '\0')
		return "its region is none";
	if (strcmp(partition_of(region)->name, fields[PARTITION]) != 0)
		return "its partition has no such region";
	return NULL;
}

static const char *
parse_arn(const char *text, struct bucket *bucket)
{
	char *copy = mem_copy(text);
	const char *fields[FIELDS];
	const char *fault;

	fault = split(copy, fields)
		    ? arn_fault(fields)
		    : "it is no whole ARN; write it such as "
		      "arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME";
	if (fault == NULL) {
		bucket->name = mem_format(
		    "%s-%s", point_name(fields[RESOURCE]), fields[ACCOUNT]);
		bucket->region = mem_copy(fields[REGION]);
	}
	free(copy);
	return fault;
}

int
bucket_parse(const char *text, struct bucket *ret_bucket, char **ret_error)
{
	struct bucket bucket = {0};
	const char *fault;

	if (strncmp(text, "arn:", 4) == 0)
		fault = parse_arn(text, &bucket);
	else
		fault = name_fault(text);
	if (fault != NULL) {
		*ret_error = mem_format("s3_bucket \"%s\": %s", text, fault);
		return -EINVAL;
	}
	if (bucket.name == NULL)
		bucket.name = mem_copy(text);
	*ret_bucket = bucket;
	return 0;
}

void
bucket_done(struct bucket *bucket)
{
	free(bucket->name);
	free(bucket->region);
	*bucket = (struct bucket){0};
}

bool
bucket_fits_host(const char *bucket)
{
	/* Host names know no case, so an upper-case letter would be lost. */
	size_t length = strlen(bucket);

	if (length > BUCKET_DNS_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool inner = i > 0 && i + 1 < length;

		if ((bucket[i] >= 'a' && bucket[i] <= 'z') ||
		    (bucket[i] >= '0' && bucket[i] <= '9'))
			continue;
		if (bucket[i] == '-' && inner)
			continue;
		/* No empty part, and none that borders on a hyphen. */
		if (bucket[i] == '.' && inner && bucket[i - 1] != '.' &&
		    bucket[i - 1] != '-' && bucket[i + 1] != '-')
			continue;
		return false;
	}
	return true;
}
