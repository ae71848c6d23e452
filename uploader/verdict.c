/* What to do about an answer: the one table of errors.
 *
 * Codes are those of AWS, "Error responses" (Amazon S3 API Reference), and of
 * botocore's retry rules; some are MinIO's, radosgw's and OpenStack Swift's.
 * The code is asked first and the HTTP status second, as gateways and stores
 * disagree about statuses far more than about codes.
 *
 * Nothing here can lose data, since a file that isn't stored stays queued or
 * goes to failed/. So the default for an answer that nobody foresaw is to keep
 * the whole queue: a 5xx is taken for a passing trouble, a 4xx ends the run,
 * rather than condemn thousands of files one by one for what is most likely a
 * mistake in the configuration. VERDICT_FILE is for what the code says of this
 * object alone. */
#include "uploader/verdict.h"

#include <stddef.h>
#include <string.h>
#include <sysexits.h>

/* The rows' ends, so that the table keeps to a line or two a row. */
#define RETRY VERDICT_RETRY, REPAIR_NONE, FAULT_NONE
#define THROTTLED VERDICT_THROTTLED, REPAIR_NONE, FAULT_NONE
#define RUN(fault) VERDICT_RUN, REPAIR_NONE, fault
#define REPAIR(repair, fault) VERDICT_REPAIR, repair, fault
#define FILE_FAILS VERDICT_FILE, REPAIR_NONE, FAULT_NONE

static const char clock_hint[] = "this host's clock is off; is NTP running?";
static const char put_hint[] =
    "the credentials need s3:PutObject on this bucket and prefix";
static const char region_hint[] =
    "set region to the bucket's own, and endpoint_url to match";
static const char endpoint_hint[] =
    "is endpoint_url that of an S3 API, and addressing_style what it wants?";
static const char bucket_hint[] =
    "create the bucket, or correct s3_bucket or endpoint_url";
static const char account_hint[] =
    "the store's account is closed or suspended; ask its owner";
static const char full_hint[] = "the store or its quota is full";
static const char kms_hint[] =
    "the bucket's KMS key can't be used; is it enabled, and may we use it?";
static const char key_hint[] = "the name is too long or no legal key there";
static const char size_hint[] =
    "the store, or a proxy before it, takes no object of this size";
static const char changed_hint[] =
    "the file changed while it was read, or the network garbled it";
static const char token_hint[] = "get new temporary credentials";

static const struct code_row {
	const char *code; /* a trailing * stands for any ending */
	struct verdict_row row;
} code_rows[] = {
    /* Transient. */
    {"RequestTimeout", {RETRY, NULL}},
    {"RequestTimeoutException", {RETRY, NULL}},
    {"InternalError", {RETRY, NULL}},
    {"InternalFailure", {RETRY, NULL}},
    {"InternalServerError", {RETRY, NULL}},
    {"ServiceUnavailable", {RETRY, NULL}},
    {"ServiceUnavailableException", {RETRY, NULL}},
    {"OperationAborted", {RETRY, NULL}},
    {"ConditionalRequestConflict", {RETRY, NULL}},
    {"SlowDown*", {THROTTLED, NULL}}, /* MinIO: SlowDownRead, ...Write */
    {"ServerBusy", {THROTTLED, NULL}},
    {"Throttl*", {THROTTLED, NULL}}, /* Throttling*, ThrottledException */
    {"TooManyRequests*", {THROTTLED, NULL}},
    {"RequestThrottled*", {THROTTLED, NULL}},
    {"RequestLimitExceeded", {THROTTLED, NULL}},
    {"BandwidthLimitExceeded", {THROTTLED, NULL}},
    {"PriorRequestNotComplete", {THROTTLED, NULL}},
    {"KMS.Throttl*", {THROTTLED, NULL}},

    /* Repaired once. */
    {"RequestTimeTooSkewed", {REPAIR(REPAIR_CLOCK, FAULT_STORE), clock_hint}},
    {"RequestExpired", {REPAIR(REPAIR_CLOCK, FAULT_STORE), clock_hint}},
    {"ExpiredToken*",
	{REPAIR(REPAIR_CREDENTIALS, FAULT_PERMISSION), token_hint}},
    {"InvalidToken", {REPAIR(REPAIR_CREDENTIALS, FAULT_PERMISSION),
			 "is AWS_SESSION_TOKEN that of these keys?"}},
    {"TokenRefreshRequired",
	{REPAIR(REPAIR_CREDENTIALS, FAULT_PERMISSION), token_hint}},
    {"AuthorizationHeaderMalformed",
	{REPAIR(REPAIR_REGION, FAULT_CONFIG), region_hint}},
    {"PermanentRedirect", {REPAIR(REPAIR_REGION, FAULT_CONFIG), region_hint}},
    {"TemporaryRedirect", {REPAIR(REPAIR_REGION, FAULT_CONFIG), region_hint}},
    {"Redirect", {REPAIR(REPAIR_REGION, FAULT_CONFIG), region_hint}},
    {"BadDigest", {REPAIR(REPAIR_FILE, FAULT_NONE), changed_hint}},
    {"IncompleteBody", {REPAIR(REPAIR_FILE, FAULT_NONE), changed_hint}},
    {"XAmzContentSHA256Mismatch",
	{REPAIR(REPAIR_FILE, FAULT_NONE), changed_hint}},
    {"XAmzContentChecksumMismatch",
	{REPAIR(REPAIR_FILE, FAULT_NONE), changed_hint}},
    /* A multipart upload that isn't what we take it for: whoever completes
     * it looks whether it was stored, and starts anew otherwise. */
    {"NoSuchUpload", {REPAIR(REPAIR_FILE, FAULT_NONE), NULL}},
    {"InvalidPart*", {REPAIR(REPAIR_FILE, FAULT_NONE), NULL}},

    /* The whole run: who we are and what we may. */
    {"AccessDenied*", {RUN(FAULT_PERMISSION), put_hint}},
    {"InvalidAccessKeyId",
	{RUN(FAULT_PERMISSION),
	    "is AWS_ACCESS_KEY_ID one of this store's? (Temporary keys need "
	    "AWS_SESSION_TOKEN, too.)"}},
    {"SignatureDoesNotMatch",
	{RUN(FAULT_PERMISSION),
	    "is the secret key right, without blanks at its ends, and this "
	    "host's clock, too? A proxy must leave Host and path alone"}},
    {"AllAccessDisabled", {RUN(FAULT_PERMISSION), account_hint}},
    {"AccountProblem", {RUN(FAULT_PERMISSION), account_hint}},
    {"UserSuspended", {RUN(FAULT_PERMISSION), account_hint}},
    {"NotSignedUp", {RUN(FAULT_PERMISSION), account_hint}},
    {"InvalidPayer", {RUN(FAULT_PERMISSION), account_hint}},
    {"InvalidSecurity", {RUN(FAULT_PERMISSION), put_hint}},
    {"UnauthorizedAccess*", {RUN(FAULT_PERMISSION), put_hint}},

    /* The whole run: where we send it. */
    {"NoSuchBucket", {RUN(FAULT_CONFIG), bucket_hint}},
    {"InvalidBucketName", {RUN(FAULT_CONFIG), bucket_hint}},
    {"IllegalLocationConstraintException", {RUN(FAULT_CONFIG), region_hint}},
    {"MethodNotAllowed", {RUN(FAULT_CONFIG), endpoint_hint}},
    {"InvalidStorageClass",
	{RUN(FAULT_CONFIG), "this store has no such storage class"}},

    /* The whole run: the state of the store. */
    {"KMS.*", {RUN(FAULT_STORE), kms_hint}},
    {"QuotaExceeded*", {RUN(FAULT_STORE), full_hint}},
    {"XMinioAdminBucketQuotaExceeded", {RUN(FAULT_STORE), full_hint}},
    {"XMinioStorageFull", {RUN(FAULT_STORE), full_hint}},
    {"InsufficientStorage*", {RUN(FAULT_STORE), full_hint}},
    {"NotImplemented",
	{RUN(FAULT_STORE), "the store lacks something this request needs"}},

    /* This file. */
    {"KeyTooLong*", {FILE_FAILS, key_hint}},
    {"InvalidURI", {FILE_FAILS, key_hint}},
    {"InvalidObjectName", {FILE_FAILS, key_hint}}, /* radosgw */
    {"XMinioInvalidObjectName", {FILE_FAILS, key_hint}},
    {"XMinioObjectExistsAsDirectory",
	{FILE_FAILS, "the store holds objects below this name"}},
    {"XMinioParentIsObject",
	{FILE_FAILS, "the store holds an object named as its directory"}},
    {"EntityTooLarge", {FILE_FAILS, size_hint}},
    {"MetadataTooLarge", {FILE_FAILS, NULL}},
    {"InvalidTag", {FILE_FAILS, NULL}},
};

/* For answers without a code, or with one that has no row. */
static const struct status_row {
	int first, last;
	struct verdict_row row;
} status_rows[] = {
    {0, 199, {RETRY, NULL}}, /* the connection ended before the answer */
    {200, 299, {VERDICT_OK, REPAIR_NONE, FAULT_NONE, NULL}},
    {301, 302, {REPAIR(REPAIR_REGION, FAULT_CONFIG), region_hint}},
    {307, 308, {REPAIR(REPAIR_REGION, FAULT_CONFIG), region_hint}},
    {300, 399, {RUN(FAULT_CONFIG), endpoint_hint}},
    {401, 401, {RUN(FAULT_PERMISSION), put_hint}},
    {403, 403, {RUN(FAULT_PERMISSION), put_hint}},
    {404, 404, {RUN(FAULT_CONFIG), bucket_hint}},
    {405, 405, {RUN(FAULT_CONFIG), endpoint_hint}},
    {407, 407,
	{RUN(FAULT_PERMISSION), "the proxy wants a user and a password"}},
    {408, 409, {RETRY, NULL}}, {413, 413, {FILE_FAILS, size_hint}},
    {414, 414, {FILE_FAILS, key_hint}},
    {422, 422, {REPAIR(REPAIR_FILE, FAULT_NONE), changed_hint}},
    {425, 425, {RETRY, NULL}}, {429, 429, {THROTTLED, NULL}},
    {499, 499, {RETRY, NULL}}, /* a gateway's: the client went away */
    {400, 499,
	{RUN(FAULT_STORE),
	    "this answer is unexpected; everything stays queued"}},
    {501, 501,
	{RUN(FAULT_STORE), "the store lacks something this request needs"}},
    {507, 507, {RUN(FAULT_STORE), full_hint}},
    {509, 509, {THROTTLED, NULL}}, /* a gateway's: bandwidth exceeded */
};

static const struct verdict_row retry_row = {RETRY, NULL};
static const struct verdict_row exists_row = {
    VERDICT_EXISTS, REPAIR_NONE, FAULT_NONE, NULL};
static const struct verdict_row no_conditions_row = {
    VERDICT_NO_CONDITIONS, REPAIR_NONE, FAULT_NONE, NULL};

static bool
matches(const char *pattern, const char *code)
{
	size_t length = strlen(pattern);

	if (pattern[length - 1] == '*')
		return strncmp(pattern, code, length - 1) == 0;
	return strcmp(pattern, code) == 0;
}

const struct verdict_row *
verdict_of(int status, const char *code, bool conditional)
{
	bool success = status >= 200 && status <= 299;

	if (conditional) {
		/* Swift's 412 says InvalidRequest or PreconditionFailed. */
		if (status == 412 || status == 304 ||
		    strcmp(code, "PreconditionFailed") == 0)
			return &exists_row;
		if (status == 501 || strcmp(code, "NotImplemented") == 0)
			return &no_conditions_row;
	}
	if (*code != '\0') {
		for (size_t i = 0; i < sizeof code_rows / sizeof *code_rows;
		     i++)
			if (matches(code_rows[i].code, code))
				return &code_rows[i].row;
		/* Whatever it is, the object isn't stored. */
		if (success)
			return &retry_row;
	}
	for (size_t i = 0; i < sizeof status_rows / sizeof *status_rows; i++)
		if (status >= status_rows[i].first &&
		    status <= status_rows[i].last)
			return &status_rows[i].row;
	return &retry_row; /* the other 5xx */
}

bool
verdict_refuses_checksum(int status, const char *code)
{
	static const char *const codes[] = {"NotImplemented", "InvalidRequest",
	    "InvalidArgument", "UnsupportedArgument", "InvalidHeader", ""};

	if (status != 400 && status != 501)
		return false;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(code, codes[i]) == 0)
			return true;
	return false;
}

int
verdict_status(enum run_fault fault)
{
	switch (fault) {
	case FAULT_PERMISSION:
		return EX_NOPERM;
	case FAULT_CONFIG:
		return EX_CONFIG;
	case FAULT_STORE:
	case FAULT_NONE:
		break;
	}
	return EX_TEMPFAIL;
}
