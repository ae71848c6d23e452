/* How a file is cut into parts, and which parts are believed. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "uploader/checksum.h"
#include "uploader/parts.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define MIB (INT64_C(1024) * 1024)
#define GIB (1024 * MIB)

static const struct {
	int64_t file, wished, size;
} sizes[] = {
    {1, 16 * MIB, 16 * MIB},		      /* smaller than a part */
    {64 * MIB, 16 * MIB, 16 * MIB},	      /* as wished */
    {160000 * MIB, 16 * MIB, 16 * MIB},	      /* 10,000 parts exactly */
    {160000 * MIB + 1, 16 * MIB, 17 * MIB},   /* one byte too many for them */
    {5000 * GIB, 16 * MIB, 512 * MIB},	      /* S3's largest object of old */
    {INT64_C(50000) * MIB, 5 * MIB, 5 * MIB}, /* the smallest parts */
};

START_TEST(grows_so_that_10000_suffice)
{
	int64_t size = parts_size(sizes[_i].file, sizes[_i].wished);

	ck_assert_int_eq(size, sizes[_i].size);
	ck_assert_int_le((sizes[_i].file + size - 1) / size, PARTS_MAX);
}
END_TEST

/* A digest of some bytes, with CRC-32C and MD5. */
static void
digest_of(struct digest *digest, const char *bytes)
{
	digest_reset(digest);
	digest_begin(digest, DIGEST_CRC32C | DIGEST_MD5);
	digest_update(digest, bytes, strlen(bytes));
	digest_finish(digest);
}

START_TEST(hands_out_each_part_once)
{
	struct parts parts;
	struct digest digest;
	size_t index;

	digest_of(&digest, "x");
	parts_init(&parts, 25, 10);
	ck_assert_uint_eq(parts.count, 3);
	ck_assert_int_eq(parts_length(&parts, 0), 10);
	ck_assert_int_eq(parts_length(&parts, 2), 5);
	ck_assert_int_eq(parts_offset(&parts, 2), 20);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(parts_take(&parts, &index));
		ck_assert_uint_eq(index, i);
	}
	ck_assert(!parts_take(&parts, &index));
	parts_store(&parts, 0, "e", &digest);
	/* A part that failed is handed out again, and the last one too. */
	parts_release(&parts, 2);
	parts_release(&parts, 1);
	ck_assert(parts_take(&parts, &index));
	ck_assert_uint_eq(index, 1);
	ck_assert(parts_take(&parts, &index));
	ck_assert_uint_eq(index, 2);
	parts_store(&parts, 1, "e", &digest);
	parts_store(&parts, 2, "e", &digest);
	ck_assert_uint_eq(parts.done, 3);
	ck_assert_uint_eq(parts.busy, 0);
	parts_done(&parts);
}
END_TEST

START_TEST(combines_the_parts_crcs)
{
	struct parts parts;
	struct digest digest;
	size_t index;

	parts_init(&parts, 9, 4);
	static const char *const bytes[] = {"1234", "5678", "9"};

	for (size_t i = 0; i < 3; i++) {
		ck_assert(parts_take(&parts, &index));
		digest_of(&digest, bytes[index]);
		parts_store(&parts, index, "e", &digest);
	}
	ck_assert_uint_eq(parts_crc32c(&parts), 0xe3069283);
	parts_done(&parts);
}
END_TEST

/* What ListParts says of part 1 of "abcd", and whether it is believed. */
static const struct {
	int number;
	int64_t size;
	const char *etag, *crc32c;
	bool is_listed, is_same;
} listed[] = {
    /* The MD5 of "abcd". */
    {1, 4, "e2fc714c4727ee9395f324cd2e7f331f", NULL, true, true},
    {1, 4, "E2FC714C4727EE9395F324CD2E7F331F", NULL, true, true},
    /* Other bytes. */
    {1, 4, "00000000000000000000000000000000", NULL, true, false},
    /* An ETag that is no MD5 proves nothing. */
    {1, 4, "something", NULL, true, false},
    /* Its CRC-32C counts before the ETag. */
    {1, 4, "something", "ksgKMQ==", true, true},
    {1, 4, "e2fc714c4727ee9395f324cd2e7f331f", "AAAAAA==", true, false},
    /* Not a part of ours: another size, another number, no ETag. */
    {1, 5, "e2fc714c4727ee9395f324cd2e7f331f", NULL, false, false},
    {0, 4, "e2fc714c4727ee9395f324cd2e7f331f", NULL, false, false},
    {-1, 4, "e2fc714c4727ee9395f324cd2e7f331f", NULL, false, false},
    {3, 4, "e2fc714c4727ee9395f324cd2e7f331f", NULL, false, false},
    {10000, 4, "e2fc714c4727ee9395f324cd2e7f331f", NULL, false, false},
    {1, 4, "", NULL, false, false},
};

START_TEST(believes_bytes_alone)
{
	struct parts parts;
	struct digest digest;
	struct s3_listed_part part = {
	    .number = listed[_i].number, .size = listed[_i].size};
	size_t index;

	strbuf_puts(&part.etag, listed[_i].etag);
	if (listed[_i].crc32c != NULL)
		strbuf_puts(&part.crc32c, listed[_i].crc32c);
	parts_init(&parts, 8, 4);
	parts_list(&parts, &part);
	ck_assert(parts_take(&parts, &index));
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(parts.part[0].was_listed, listed[_i].is_listed);
	digest_of(&digest, "abcd");
	ck_assert_int_eq(parts_same(&parts, 0, &digest), listed[_i].is_same);
	parts_done(&parts);
	strbuf_done(&part.etag);
	strbuf_done(&part.crc32c);
}
END_TEST

/* Each kind's text for "123456789", as AWS writes them. */
static const struct {
	enum checksum kind;
	const char *header, *text;
} kinds[] = {
    {CHECKSUM_CRC32C, "x-amz-checksum-crc32c", "4waSgw=="},
    {CHECKSUM_CRC64NVME, "x-amz-checksum-crc64nvme", "rosUhgp5mIg="},
    {CHECKSUM_SHA256, "x-amz-checksum-sha256",
	"FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
    {CHECKSUM_MD5, "content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="},
    {CHECKSUM_NONE, NULL, ""},
};

START_TEST(writes_checksums)
{
	struct digest digest = {0};
	char text[CHECKSUM_TEXT_MAX];

	digest_begin(&digest,
	    DIGEST_CRC32C | DIGEST_SHA256 | DIGEST_MD5 | DIGEST_CRC64NVME);
	digest_update(&digest, "123456789", 9);
	digest_finish(&digest);
	ck_assert_pstr_eq(checksum_header(kinds[_i].kind), kinds[_i].header);
	ck_assert_str_eq(
	    checksum_base64(kinds[_i].kind, &digest, text), kinds[_i].text);
	digest_done(&digest);
}
END_TEST

START_TEST(resolves_auto)
{
	static const char variable[] = "AWS_REQUEST_CHECKSUM_CALCULATION";

	unsetenv(variable);
	ck_assert_int_eq(
	    checksum_resolve(CHECKSUM_AUTO, false), CHECKSUM_CRC32C);
	/* A signed body needs no other checksum. */
	ck_assert_int_eq(checksum_resolve(CHECKSUM_AUTO, true), CHECKSUM_NONE);
	/* What the user says counts. */
	ck_assert_int_eq(checksum_resolve(CHECKSUM_MD5, true), CHECKSUM_MD5);
	ck_assert_int_eq(setenv(variable, "WHEN_REQUIRED", 1), 0);
	ck_assert_int_eq(checksum_resolve(CHECKSUM_AUTO, false), CHECKSUM_NONE);
	ck_assert_int_eq(setenv(variable, "when_supported", 1), 0);
	ck_assert_int_eq(
	    checksum_resolve(CHECKSUM_AUTO, false), CHECKSUM_CRC32C);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("parts");
	TCase *tests = tcase_create("parts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
	    tests, grows_so_that_10000_suffice, 0, LENGTH(sizes));
	tcase_add_test(tests, hands_out_each_part_once);
	tcase_add_test(tests, combines_the_parts_crcs);
	tcase_add_loop_test(tests, believes_bytes_alone, 0, LENGTH(listed));
	tcase_add_loop_test(tests, writes_checksums, 0, LENGTH(kinds));
	tcase_add_test(tests, resolves_auto);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
