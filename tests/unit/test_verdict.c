/* Every row of the table of errors, and the answers that nobody foresaw. */
#include "uploader/verdict.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { PUT_IF, PUT }; /* with and without If-None-Match */

static const struct row {
	int status;
	const char *code;
	int request;
	enum verdict verdict;
	enum repair repair;
	enum run_fault fault;
} rows[] = {
#define RETRY VERDICT_RETRY, REPAIR_NONE, FAULT_NONE
#define THROTTLED VERDICT_THROTTLED, REPAIR_NONE, FAULT_NONE
#define RUN(fault) VERDICT_RUN, REPAIR_NONE, fault
#define REPAIR(repair, fault) VERDICT_REPAIR, repair, fault
#define FILE_FAILS VERDICT_FILE, REPAIR_NONE, FAULT_NONE
#define OTHER(verdict) verdict, REPAIR_NONE, FAULT_NONE
    /* Success. */
    {200, "", PUT, OTHER(VERDICT_OK)},
    {200, "", PUT_IF, OTHER(VERDICT_OK)},
    {201, "", PUT, OTHER(VERDICT_OK)},
    {204, "", PUT, OTHER(VERDICT_OK)},
    /* ... that isn't. */
    {200, "InternalError", PUT, RETRY},
    {200, "SlowDown", PUT, THROTTLED},
    {200, "AccessDenied", PUT, RUN(FAULT_PERMISSION)},
    {200, "NeverHeardOf", PUT_IF, RETRY},
    {200, "Unknown", PUT, RETRY},
    {200, "PreconditionFailed", PUT_IF, OTHER(VERDICT_EXISTS)},

    /* The condition. */
    {412, "PreconditionFailed", PUT_IF, OTHER(VERDICT_EXISTS)},
    {412, "InvalidRequest", PUT_IF, OTHER(VERDICT_EXISTS)},
    {412, "", PUT_IF, OTHER(VERDICT_EXISTS)},
    {304, "", PUT_IF, OTHER(VERDICT_EXISTS)},
    {501, "NotImplemented", PUT_IF, OTHER(VERDICT_NO_CONDITIONS)},
    {501, "", PUT_IF, OTHER(VERDICT_NO_CONDITIONS)},
    {400, "NotImplemented", PUT_IF, OTHER(VERDICT_NO_CONDITIONS)},
    {409, "ConditionalRequestConflict", PUT_IF, RETRY},
    /* ... that nobody made. */
    {412, "PreconditionFailed", PUT, RUN(FAULT_STORE)},
    {304, "", PUT, RUN(FAULT_CONFIG)},
    {501, "NotImplemented", PUT, RUN(FAULT_STORE)},
    {501, "", PUT, RUN(FAULT_STORE)},

    /* Transient. */
    {0, "", PUT, RETRY}, /* the connection broke */
    {100, "", PUT, RETRY},
    {408, "", PUT, RETRY},
    {409, "", PUT_IF, RETRY},
    {429, "", PUT, THROTTLED},
    {499, "", PUT, RETRY},
    {500, "", PUT, RETRY},
    {502, "", PUT, RETRY},
    {503, "", PUT, RETRY},
    {504, "", PUT, RETRY},
    {509, "", PUT, THROTTLED},
    {520, "", PUT, RETRY},
    {599, "NeverHeardOf", PUT, RETRY},
    {400, "RequestTimeout", PUT, RETRY},
    {500, "InternalError", PUT, RETRY},
    {503, "ServiceUnavailable", PUT, RETRY},
    {409, "OperationAborted", PUT, RETRY},
    {503, "SlowDown", PUT, THROTTLED},
    {503, "SlowDownRead", PUT, THROTTLED},
    {503, "SlowDownWrite", PUT, THROTTLED},
    {503, "ServerBusy", PUT, THROTTLED},
    {400, "Throttling", PUT, THROTTLED},
    {400, "ThrottlingException", PUT, THROTTLED},
    {400, "ThrottledException", PUT, THROTTLED},
    {429, "TooManyRequests", PUT, THROTTLED},
    {400, "TooManyRequestsException", PUT, THROTTLED},
    {400, "RequestThrottled", PUT, THROTTLED},
    {503, "RequestLimitExceeded", PUT, THROTTLED},
    {509, "BandwidthLimitExceeded", PUT, THROTTLED},
    {400, "KMS.ThrottlingException", PUT, THROTTLED},

    /* Repaired once. */
    {403, "RequestTimeTooSkewed", PUT, REPAIR(REPAIR_CLOCK, FAULT_STORE)},
    {400, "ExpiredToken", PUT, REPAIR(REPAIR_CREDENTIALS, FAULT_PERMISSION)},
    {400, "InvalidToken", PUT, REPAIR(REPAIR_CREDENTIALS, FAULT_PERMISSION)},
    {400, "AuthorizationHeaderMalformed", PUT,
	REPAIR(REPAIR_REGION, FAULT_CONFIG)},
    {301, "PermanentRedirect", PUT, REPAIR(REPAIR_REGION, FAULT_CONFIG)},
    {301, "", PUT, REPAIR(REPAIR_REGION, FAULT_CONFIG)},
    {302, "", PUT_IF, REPAIR(REPAIR_REGION, FAULT_CONFIG)},
    {307, "TemporaryRedirect", PUT, REPAIR(REPAIR_REGION, FAULT_CONFIG)},
    {307, "", PUT, REPAIR(REPAIR_REGION, FAULT_CONFIG)},
    {400, "BadDigest", PUT, REPAIR(REPAIR_FILE, FAULT_NONE)},
    {400, "IncompleteBody", PUT, REPAIR(REPAIR_FILE, FAULT_NONE)},
    {400, "XAmzContentSHA256Mismatch", PUT, REPAIR(REPAIR_FILE, FAULT_NONE)},
    {422, "", PUT, REPAIR(REPAIR_FILE, FAULT_NONE)},
    {404, "NoSuchUpload", PUT, REPAIR(REPAIR_FILE, FAULT_NONE)},
    {400, "InvalidPart", PUT, REPAIR(REPAIR_FILE, FAULT_NONE)},

    /* The whole run. */
    {403, "AccessDenied", PUT, RUN(FAULT_PERMISSION)},
    {403, "", PUT, RUN(FAULT_PERMISSION)}, /* as for HEAD */
    {401, "", PUT, RUN(FAULT_PERMISSION)},
    {407, "", PUT, RUN(FAULT_PERMISSION)},
    {403, "InvalidAccessKeyId", PUT, RUN(FAULT_PERMISSION)},
    {403, "SignatureDoesNotMatch", PUT, RUN(FAULT_PERMISSION)},
    {403, "AllAccessDisabled", PUT, RUN(FAULT_PERMISSION)},
    {403, "NeverHeardOf", PUT, RUN(FAULT_PERMISSION)},
    {404, "NoSuchBucket", PUT, RUN(FAULT_CONFIG)},
    {404, "", PUT, RUN(FAULT_CONFIG)},
    {405, "MethodNotAllowed", PUT, RUN(FAULT_CONFIG)},
    {405, "", PUT, RUN(FAULT_CONFIG)},
    {303, "", PUT, RUN(FAULT_CONFIG)},
    {400, "KMS.DisabledException", PUT, RUN(FAULT_STORE)},
    {400, "KMS.NotFoundException", PUT, RUN(FAULT_STORE)},
    {403, "QuotaExceeded", PUT, RUN(FAULT_STORE)},
    {507, "XMinioStorageFull", PUT, RUN(FAULT_STORE)},
    {507, "", PUT, RUN(FAULT_STORE)},
    {400, "", PUT, RUN(FAULT_STORE)},
    {400, "InvalidRequest", PUT_IF, RUN(FAULT_STORE)},
    {418, "NeverHeardOf", PUT, RUN(FAULT_STORE)},

    /* This file. */
    {400, "KeyTooLongError", PUT, FILE_FAILS},
    {400, "KeyTooLong", PUT, FILE_FAILS},
    {414, "", PUT, FILE_FAILS},
    {400, "InvalidURI", PUT, FILE_FAILS},
    {400, "InvalidObjectName", PUT, FILE_FAILS},
    {400, "EntityTooLarge", PUT, FILE_FAILS},
    {413, "", PUT, FILE_FAILS},
    {400, "MetadataTooLarge", PUT, FILE_FAILS},
    {400, "InvalidTag", PUT, FILE_FAILS},

    /* Codes are compared whole, and as they are written. */
    {500, "accessdenied", PUT, RETRY},
    {500, "NoSuchBucketPolicy", PUT, RETRY},
    {500, "Throttl", PUT, THROTTLED},
    {500, "KMS", PUT, RETRY},
    /* Statuses that don't exist. */
    {-1, "", PUT, RETRY},
    {999, "", PUT, RETRY},
};

START_TEST(table)
{
	const struct row *row = &rows[_i];
	const struct verdict_row *got = verdict_of(
	    row->status, row->code, row->request == PUT_IF);

	ck_assert_ptr_nonnull(got);
	ck_assert_msg(got->verdict == row->verdict &&
			  got->repair == row->repair &&
			  got->fault == row->fault,
	    "%d \"%s\": verdict %d, repair %d, fault %d", row->status,
	    row->code, (int)got->verdict, (int)got->repair, (int)got->fault);
}
END_TEST

/* A run that stops says what a person can do. */
START_TEST(hints)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct verdict_row *got = verdict_of(
		    rows[i].status, rows[i].code, rows[i].request == PUT_IF);

		if (got->verdict == VERDICT_RUN)
			ck_assert_ptr_nonnull(got->hint);
	}
	ck_assert_ptr_nonnull(strstr(
	    verdict_of(403, "AccessDenied", true)->hint, "s3:PutObject"));
	ck_assert_ptr_nonnull(strstr(
	    verdict_of(403, "RequestTimeTooSkewed", true)->hint, "clock"));
	ck_assert_ptr_nonnull(
	    strstr(verdict_of(404, "NoSuchBucket", true)->hint, "s3_bucket"));
}
END_TEST

/* No status, with or without a condition, ends in success or in failed/ unless
 * it is listed above. */
START_TEST(every_status)
{
	for (int status = -1000; status <= 1000; status++)
		for (int conditional = 0; conditional <= 1; conditional++) {
			enum verdict verdict =
			    verdict_of(status, "", conditional)->verdict;

			ck_assert_int_eq(verdict == VERDICT_OK,
			    status >= 200 && status <= 299);
			if (verdict == VERDICT_FILE)
				ck_assert(status == 413 || status == 414);
		}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("verdict");
	TCase *tests = tcase_create("verdict");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tests, table, 0, sizeof rows / sizeof *rows);
	tcase_add_test(tests, hints);
	tcase_add_test(tests, every_status);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
