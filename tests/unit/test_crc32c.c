/* CRC-32C: published values, and any split of the bytes gives the whole. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/crc32c.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static const char zeros[32];

static const struct row {
	const char *bytes;
	size_t length;
	uint32_t crc;
} rows[] = {
    {"", 0, 0},			       /* nothing */
    {NULL, 0, 0},		       /* and nowhere */
    {"123456789", 9, 0xe3069283},      /* the check value */
    {"a", 1, 0xc1d04330},	       /* one byte */
    {zeros, sizeof zeros, 0x8a9136aa}, /* RFC 3720, B.4: zeros */
    {"\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"
     "\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37",
	32, 0x46dd794e}, /* RFC 3720, B.4: incrementing */
    {"\37\36\35\34\33\32\31\30\27\26\25\24\23\22\21\20"
     "\17\16\15\14\13\12\11\10\7\6\5\4\3\2\1\0",
	32, 0x113fdb5c}, /* RFC 3720, B.4: decrementing */
};

START_TEST(knows_published_values)
{
	ck_assert_uint_eq(
	    crc32c_update(0, rows[_i].bytes, rows[_i].length), rows[_i].crc);
}
END_TEST

/* The slow definition, bit by bit: the polynomial reversed is 82F63B78. */
static uint32_t
crc_by_bits(uint32_t crc, const unsigned char *bytes, size_t length)
{
	crc = ~crc;
	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
	}
	return ~crc;
}

/* Every length, so that every path through the hardware's loops is taken, at
 * every alignment to eight bytes. */
START_TEST(follows_the_definition)
{
	unsigned char bytes[700];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 167 + i / 251);
	for (size_t length = 0; length + 8 <= sizeof bytes; length++)
		ck_assert_uint_eq(crc32c_update(0, bytes + _i, length),
		    crc_by_bits(0, bytes + _i, length));
}
END_TEST

START_TEST(goes_on_after_any_split)
{
	unsigned char bytes[300];
	uint32_t whole, crc = 0;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 31);
	whole = crc32c_update(0, bytes, sizeof bytes);
	for (size_t i = 0; i <= sizeof bytes; i++)
		ck_assert_uint_eq(crc32c_update(crc32c_update(0, bytes, i),
				      bytes + i, sizeof bytes - i),
		    whole);
	for (size_t i = 0; i < sizeof bytes; i++)
		crc = crc32c_update(crc, bytes + i, 1);
	ck_assert_uint_eq(crc, whole);
	ck_assert_uint_eq(crc32c_update(whole, bytes, 0), whole);
}
END_TEST

/* More than fits one call of the library. The pages are the kernel's one zero
 * page, so this costs address space, not memory. */
START_TEST(takes_more_than_a_chunk)
{
	const size_t length = ((size_t)1 << 30) + 5;
	unsigned char *bytes = mmap(NULL, length, PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint32_t crc = 0;

	if (bytes == MAP_FAILED)
		return; /* no such room on a small machine */
	for (size_t i = 0; i < length; i += 1 << 26)
		crc = crc32c_update(
		    crc, bytes, length - i < 1 << 26 ? length - i : 1 << 26);
	ck_assert_uint_eq(crc32c_update(0, bytes, length), crc);
	ck_assert_int_eq(munmap(bytes, length), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crc32c");
	TCase *tcase = tcase_create("crc32c");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, knows_published_values, 0, LENGTH(rows));
	tcase_add_loop_test(tcase, follows_the_definition, 0, 8);
	tcase_add_test(tcase, goes_on_after_any_split);
	tcase_add_test(tcase, takes_more_than_a_chunk);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
