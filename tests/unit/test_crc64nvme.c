/* CRC-64/NVME, and combining CRC-32Cs. */
#include <check.h>
#include <stdlib.h>

#include "common/crc32c.h"
#include "common/crc64nvme.h"

enum { SIZE = 5000 };

static void
fill(unsigned char *bytes)
{
	uint32_t state = 1;

	for (int i = 0; i < SIZE; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(state >> 24);
	}
}

/* The slow definition, bit by bit, polynomial reflected. */
static uint64_t
by_bits(const unsigned char *bytes, size_t length)
{
	uint64_t crc = ~UINT64_C(0);

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^
			      ((crc & 1) != 0 ? UINT64_C(0x9a6c9329ac4bc9b5)
					      : 0);
	}
	return ~crc;
}

START_TEST(knows_the_check_value)
{
	ck_assert_uint_eq(
	    crc64nvme_update(0, "123456789", 9), UINT64_C(0xae8b14860a799888));
	ck_assert_uint_eq(crc64nvme_update(0, "", 0), 0);
}
END_TEST

START_TEST(follows_the_definition)
{
	unsigned char bytes[SIZE];

	fill(bytes);
	for (size_t length = 0; length < 40; length++)
		ck_assert_uint_eq(
		    crc64nvme_update(0, bytes, length), by_bits(bytes, length));
	ck_assert_uint_eq(
	    crc64nvme_update(0, bytes, SIZE), by_bits(bytes, SIZE));
}
END_TEST

/* Any split of the bytes gives the whole, in sequence and combined. */
START_TEST(goes_on_after_any_split)
{
	unsigned char bytes[SIZE];

	fill(bytes);
	for (size_t at = 0; at <= SIZE; at += 37) {
		uint64_t first = crc64nvme_update(0, bytes, at);
		uint32_t head = crc32c_update(0, bytes, at);
		uint32_t tail = crc32c_update(0, bytes + at, SIZE - at);

		ck_assert_uint_eq(
		    crc64nvme_update(first, bytes + at, SIZE - at),
		    crc64nvme_update(0, bytes, SIZE));
		ck_assert_uint_eq(crc32c_combine(head, tail, SIZE - at),
		    crc32c_update(0, bytes, SIZE));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crc64nvme");
	TCase *tests = tcase_create("crc64nvme");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, knows_the_check_value);
	tcase_add_test(tests, follows_the_definition);
	tcase_add_test(tests, goes_on_after_any_split);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
