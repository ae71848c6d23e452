/* "The same bytes": every row of what a store may tell, by its order of
 * trust. The file at hand is "123456789". */
#include "uploader/compare.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define CRC "4waSgw==" /* E3069283 */
#define OTHER_CRC "4waShA=="
#define MD5 "25f9e794323b453885f5181f1b624d0b"
#define MD5_UPPER "25F9E794323B453885F5181F1B624D0B"
#define OTHER_MD5 "25f9e794323b453885f5181f1b624d0c"
#define META "e3069283"
#define OTHER_META "e3069284"

enum { NO_SIZE = -1, SIZE = 9 };
enum { NO_MD5 = 0, HAVE_MD5 = DIGEST_MD5 };

static const struct row {
	int64_t content_length;
	const char *crc, *crc_type, *etag, *encryption, *meta;
	unsigned have;
	enum compare result;
} rows[] = {
#define SAME COMPARE_SAME
#define OTHER COMPARE_OTHER
#define UNKNOWN COMPARE_UNKNOWN
#define NEEDS COMPARE_NEEDS_MD5
    /* The size proves a difference, whatever else agrees. */
    {8, CRC, "FULL_OBJECT", MD5, "", META, HAVE_MD5, OTHER},
    {10, CRC, "", MD5, "", META, HAVE_MD5, OTHER},
    {0, "", "", "", "", "", HAVE_MD5, OTHER},
    /* Never that two are the same. */
    {SIZE, "", "", "", "", "", HAVE_MD5, UNKNOWN},
    {NO_SIZE, "", "", "", "", "", HAVE_MD5, UNKNOWN},

    /* The store's checksum decides, with or without a size. */
    {SIZE, CRC, "FULL_OBJECT", "", "", "", NO_MD5, SAME},
    {SIZE, CRC, "", "", "", "", NO_MD5, SAME},
    {NO_SIZE, CRC, "", "", "", "", NO_MD5, SAME},
    {SIZE, OTHER_CRC, "FULL_OBJECT", "", "", "", NO_MD5, OTHER},
    {SIZE, "4WASGW==", "", "", "", "", NO_MD5, OTHER}, /* base64 has case */
    {SIZE, "4waSgw", "", "", "", "", NO_MD5, OTHER},   /* not whole */
    /* ... over the ETag and the metadata. */
    {SIZE, CRC, "", OTHER_MD5, "", OTHER_META, HAVE_MD5, SAME},
    {SIZE, OTHER_CRC, "", MD5, "", META, HAVE_MD5, OTHER},
    /* ... unless it is one of checksums. */
    {SIZE, CRC, "COMPOSITE", "", "", "", NO_MD5, UNKNOWN},
    {SIZE, OTHER_CRC, "composite", "", "", "", NO_MD5, UNKNOWN},
    {SIZE, OTHER_CRC "-2", "", MD5, "", "", HAVE_MD5, SAME},
    {SIZE, OTHER_CRC, "COMPOSITE", MD5, "", "", HAVE_MD5, SAME},
    {SIZE, OTHER_CRC, "COMPOSITE", "", "", META, HAVE_MD5, SAME},

    /* The ETag, where it is the MD5. */
    {SIZE, "", "", MD5, "", "", HAVE_MD5, SAME},
    {SIZE, "", "", MD5_UPPER, "", "", HAVE_MD5, SAME},
    {NO_SIZE, "", "", MD5, "", "", HAVE_MD5, SAME},
    {SIZE, "", "", OTHER_MD5, "", "", HAVE_MD5, OTHER},
    {SIZE, "", "", MD5, "AES256", "", HAVE_MD5, SAME},
    /* ... over the metadata. */
    {SIZE, "", "", OTHER_MD5, "", META, HAVE_MD5, OTHER},
    {SIZE, "", "", MD5, "", OTHER_META, HAVE_MD5, SAME},
    /* ... which needs ours. */
    {SIZE, "", "", MD5, "", "", NO_MD5, NEEDS},
    {SIZE, "", "", OTHER_MD5, "", META, NO_MD5, NEEDS},
    /* ... and is none under these, */
    {SIZE, "", "", OTHER_MD5, "aws:kms", "", HAVE_MD5, UNKNOWN},
    {SIZE, "", "", OTHER_MD5, "aws:kms:dsse", META, HAVE_MD5, SAME},
    {SIZE, "", "", MD5, "SSE-C", OTHER_META, HAVE_MD5, OTHER},
    /* in these forms. */
    {SIZE, "", "", MD5 "-2", "", "", HAVE_MD5, UNKNOWN},
    {SIZE, "", "", "W/\"" MD5 "\"", "", "", HAVE_MD5, UNKNOWN},
    {SIZE, "", "", "g5f9e794323b453885f5181f1b624d0b", "", "", HAVE_MD5,
	UNKNOWN},
    {SIZE, "", "", "25f9e794", "", "", HAVE_MD5, UNKNOWN},
    {SIZE, "", "", MD5 "0", "", META, HAVE_MD5, SAME},

    /* Our own metadata, with the size. */
    {SIZE, "", "", "", "", META, NO_MD5, SAME},
    {SIZE, "", "", "", "", "E3069283", NO_MD5, SAME},
    {SIZE, "", "", "", "", OTHER_META, NO_MD5, OTHER},
    {SIZE, "", "", "", "", "3069283", NO_MD5, OTHER},
    {NO_SIZE, "", "", "", "", META, NO_MD5, UNKNOWN},
    {NO_SIZE, "", "", "", "", OTHER_META, NO_MD5, UNKNOWN},
};

START_TEST(table)
{
	const struct row *row = &rows[_i];
	struct s3_reply reply = {.content_length = row->content_length};
	struct digest digest = {
	    .have = DIGEST_CRC32C | row->have, .crc32c = 0xe3069283};

	if (row->have == HAVE_MD5)
		memcpy(digest.md5_hex, MD5, sizeof MD5);
	strbuf_puts(&reply.checksum_crc32c, row->crc);
	strbuf_puts(&reply.checksum_type, row->crc_type);
	strbuf_puts(&reply.etag, row->etag);
	strbuf_puts(&reply.encryption, row->encryption);
	strbuf_puts(&reply.meta_crc32c, row->meta);
	ck_assert_int_eq(compare_object(&reply, SIZE, &digest), row->result);
	s3_reply_done(&reply);
}
END_TEST

/* A CRC with leading zeros, in base64 and in hex; and the empty file. */
START_TEST(leading_zeros)
{
	struct s3_reply reply = {.content_length = 0};
	struct digest digest = {.have = DIGEST_CRC32C, .crc32c = 0};

	strbuf_puts(&reply.checksum_crc32c, "AAAAAA==");
	ck_assert_int_eq(compare_object(&reply, 0, &digest), SAME);
	strbuf_reset(&reply.checksum_crc32c);
	strbuf_puts(&reply.meta_crc32c, "00000000");
	ck_assert_int_eq(compare_object(&reply, 0, &digest), SAME);
	strbuf_reset(&reply.meta_crc32c);
	strbuf_puts(&reply.meta_crc32c, "0");
	ck_assert_int_eq(compare_object(&reply, 0, &digest), OTHER);
	digest.crc32c = 0x0000beef;
	strbuf_reset(&reply.meta_crc32c);
	strbuf_puts(&reply.meta_crc32c, "0000beef");
	ck_assert_int_eq(compare_object(&reply, 0, &digest), SAME);
	s3_reply_done(&reply);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("compare");
	TCase *tcase = tcase_create("compare");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, table, 0, LENGTH(rows));
	tcase_add_test(tcase, leading_zeros);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
