/* Digests: published values however the bytes are cut, and only what is asked
 * for and not had. */
#include "uploader/digest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define ALL (DIGEST_CRC32C | DIGEST_SHA256 | DIGEST_MD5)

static const struct row {
	const char *text;
	uint32_t crc32c;
	const char *sha256, *md5;
} rows[] = {
    /* Nothing: an empty file. */
    {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"d41d8cd98f00b204e9800998ecf8427e"},
    /* FIPS 180-2, B.1; RFC 1321, A.5. */
    {"abc", 0x364b3fb7,
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	"900150983cd24fb0d6963f7d28e17f72"},
    /* The check value of CRC-32C. */
    {"123456789", 0xe3069283,
	"15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
	"25f9e794323b453885f5181f1b624d0b"},
    /* RFC 1321, A.5: 80 bytes, more than a block of either hash. */
    {"12345678901234567890123456789012345678901234567890123456789012345678901"
     "234567890",
	0x477a6781,
	"f371bc4a311f2b009eef952dd83ca80e2b60026c8e935592d0f9c308453c813e",
	"57edf4a22be3c955ac49da2e2107b67a"},
};

static void
check_all(const struct digest *digest, const struct row *row)
{
	ck_assert_uint_eq(digest->have, ALL);
	ck_assert_uint_eq(digest->want, 0);
	ck_assert_uint_eq(digest->crc32c, row->crc32c);
	ck_assert_str_eq(digest->sha256_hex, row->sha256);
	ck_assert_str_eq(digest->md5_hex, row->md5);
}

START_TEST(knows_published_values)
{
	const struct row *row = &rows[_i];
	size_t length = strlen(row->text);
	struct digest digest = {0};

	/* Cut at every place, and bytewise. */
	for (size_t i = 0; i <= length; i++) {
		digest_reset(&digest);
		digest_begin(&digest, ALL);
		digest_update(&digest, row->text, i);
		digest_update(&digest, row->text + i, length - i);
		digest_finish(&digest);
		check_all(&digest, row);
	}
	digest_reset(&digest);
	digest_begin(&digest, ALL);
	for (size_t i = 0; i < length; i++)
		digest_update(&digest, row->text + i, 1);
	digest_finish(&digest);
	check_all(&digest, row);
	digest_done(&digest);
}
END_TEST

/* One at a time, and none disturbs the others. */
START_TEST(adds_what_is_missing)
{
	static const unsigned orders[][3] = {
	    {DIGEST_CRC32C, DIGEST_SHA256, DIGEST_MD5},
	    {DIGEST_MD5, DIGEST_CRC32C, DIGEST_SHA256},
	    {DIGEST_SHA256, ALL, ALL}, /* what is had isn't wanted again */
	};
	const struct row *row = &rows[1];

	for (int i = 0; i < LENGTH(orders); i++) {
		struct digest digest = {0};
		unsigned have = 0;

		digest_reset(&digest);
		for (int j = 0; j < 3; j++) {
			digest_begin(&digest, orders[i][j]);
			ck_assert_uint_eq(digest.want, orders[i][j] & ~have);
			ck_assert_uint_eq(digest.have, have);
			digest_update(&digest, row->text, strlen(row->text));
			digest_finish(&digest);
			have |= orders[i][j];
		}
		check_all(&digest, row);
		/* Not even other bytes change what is had. */
		digest_begin(&digest, ALL);
		digest_update(&digest, "other", 5);
		digest_finish(&digest);
		check_all(&digest, row);
		digest_done(&digest);
	}
}
END_TEST

START_TEST(forgets)
{
	struct digest digest = {0};

	digest_reset(&digest);
	digest_begin(&digest, ALL);
	digest_update(&digest, "other", 5);
	if (_i == 0) /* else it was given up */
		digest_finish(&digest);
	digest_reset(&digest);
	ck_assert_uint_eq(digest.have, 0);
	digest_begin(&digest, ALL);
	digest_update(&digest, rows[2].text, strlen(rows[2].text));
	digest_finish(&digest);
	check_all(&digest, &rows[2]);
	digest_done(&digest);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("digest");
	TCase *tcase = tcase_create("digest");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, knows_published_values, 0, LENGTH(rows));
	tcase_add_test(tcase, adds_what_is_missing);
	tcase_add_loop_test(tcase, forgets, 0, 2);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
