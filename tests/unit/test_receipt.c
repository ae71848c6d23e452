/* Receipt lines: what is written is read back, and nothing is read from a line
 * that isn't whole. */
#include "common/receipt.h"

#include "tests/unit/scratch.h"

#define SHA "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
#define ETAG "25f9e794323b453885f5181f1b624d0b"
#define LONG_40 "0123456789abcdefghijklmnopqrstuvwxyz----"

static const struct row {
	int64_t uploaded_at_ns;
	const char *bucket, *key, *path;
	int64_t size;
	uint32_t crc32c;
	const char *sha256, *etag, *version_id;
	uint64_t inode;
	int64_t mtime_ns;
	const char *line; /* NULL: only that it is read back */
} rows[] = {
    /* All there is. */
    {INT64_C(1605472300717) * CLOCK_NS_PER_MS, "bucket",
	"p/b/2020/13/29/20/46-topic.dat", "b/2020/13/29/20/46-topic.dat", 9,
	0xe3069283, SHA, ETAG, "v.1", 4711, INT64_C(1605472290123456789),
	"2020-11-15T20:31:40.717Z\tbucket\tp/b/2020/13/29/20/46-topic.dat\t"
	"b/2020/13/29/20/46-topic.dat\t9\te3069283\t" SHA "\t" ETAG
	"\tv.1\t4711\t1605472290123456789\n"},
    /* As little as there can be. */
    {0, "b", "k", "p", 0, 0, "", "", "", 0, 0,
	"1970-01-01T00:00:00.000Z\tb\tk\tp\t0\t00000000\t-\t-\t-\t0\t0\n"},
    /* A lone "-" isn't none; one among others is as it is. */
    {0, "-", "-", "-", 1, 1, "-", "-", "-", 1, 1,
	"1970-01-01T00:00:00.000Z\t%2D\t%2D\t%2D\t1\t00000001\t%2D\t%2D\t%2D\t"
	"1\t1\n"},
    {0, "--", "-a", "a-/-", 1, 1, "", "-2", "a-", 1, 1,
	"1970-01-01T00:00:00.000Z\t--\t-a\ta-/"
	"-\t1\t00000001\t-\t-2\ta-\t1\t1\n"},
    /* What would be a line's own marks. */
    {0, "b", "a\nb", "a\tb", 1, 1, "", "\"x\"", "\r", 1, 1,
	"1970-01-01T00:00:00.000Z\tb\ta%0Ab\ta%09b\t1\t00000001\t-\t%22x%22\t"
	"%0D\t1\t1\n"},
    /* What looks encoded. */
    {0, "b", "%", "%41%", 1, 1, "", "%2D", "%00", 1, 1,
	"1970-01-01T00:00:00.000Z\tb\t%25\t%2541%25\t1\t00000001\t-\t%252D\t"
	"%2500\t1\t1\n"},
    /* UTF-8, and what is none. */
    {0, "b", "\xc3\xa9/\xf0\x9f\x8e\x89", "\xff\xfe\x80", 1, 1, "", "", "", 1,
	1,
	"1970-01-01T00:00:00.000Z\tb\t%C3%A9/%F0%9F%8E%89\t%FF%FE%80\t1\t"
	"00000001\t-\t-\t-\t1\t1\n"},
    /* What shells and URLs care about. */
    {0, "b", " a +b&c=d?e#f", "'\\*[\x01\x7f]~", 1, 1, "", "", "", 1, 1, NULL},
    /* A line that looks like a comment's text. */
    {0, "#run x", "#run x", "#", 1, 1, "#", "#", "#", 1, 1, NULL},
    /* The largest, and before 1970. */
    {-CLOCK_NS_PER_MS, "b", "k", "p", INT64_MAX, UINT32_MAX, SHA, ETAG, "v",
	UINT64_MAX, INT64_MIN,
	"1969-12-31T23:59:59.999Z\tb\tk\tp\t9223372036854775807\tffffffff\t" SHA
	"\t" ETAG "\tv\t18446744073709551615\t-9223372036854775808\n"},
    /* A name of 255 bytes and more. */
    {0, "b", "k", LONG_40 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40, 1, 1,
	"", "", "", 1, INT64_MAX, NULL},
};

static void
format_row(const struct row *row, struct strbuf *line)
{
	struct receipt receipt = {
	    .uploaded_at_ns = row->uploaded_at_ns,
	    .size = row->size,
	    .crc32c = row->crc32c,
	    .inode = row->inode,
	    .mtime_ns = row->mtime_ns,
	};

	strbuf_puts(&receipt.bucket, row->bucket);
	strbuf_puts(&receipt.key, row->key);
	strbuf_puts(&receipt.path, row->path);
	strbuf_puts(&receipt.sha256, row->sha256);
	strbuf_puts(&receipt.etag, row->etag);
	strbuf_puts(&receipt.version_id, row->version_id);
	receipt_format(&receipt, line);
	receipt_done(&receipt);
}

static void
check_row(const struct row *row, const struct receipt *receipt)
{
	ck_assert_int_eq(receipt->uploaded_at_ns, row->uploaded_at_ns);
	ck_assert_str_eq(strbuf_text(&receipt->bucket), row->bucket);
	ck_assert_str_eq(strbuf_text(&receipt->key), row->key);
	ck_assert_str_eq(strbuf_text(&receipt->path), row->path);
	ck_assert_int_eq(receipt->size, row->size);
	ck_assert_uint_eq(receipt->crc32c, row->crc32c);
	ck_assert_str_eq(strbuf_text(&receipt->sha256), row->sha256);
	ck_assert_str_eq(strbuf_text(&receipt->etag), row->etag);
	ck_assert_str_eq(strbuf_text(&receipt->version_id), row->version_id);
	ck_assert_uint_eq(receipt->inode, row->inode);
	ck_assert_int_eq(receipt->mtime_ns, row->mtime_ns);
}

START_TEST(round_trip)
{
	const struct row *row = &rows[_i];
	/* Full of another receipt, as when its memory is reused. */
	struct receipt receipt = {.size = 77, .crc32c = 77, .inode = 77};
	struct strbuf line = {0};

	strbuf_puts(&receipt.sha256, "old");
	strbuf_puts(&receipt.etag, "old");
	strbuf_puts(&receipt.version_id, "old");
	strbuf_puts(&line, "before");
	format_row(row, &line);
	ck_assert_int_eq(strncmp(line.data, "before", 6), 0);
	if (row->line != NULL)
		ck_assert_str_eq(line.data + 6, row->line);
	ck_assert_ptr_eq(strchr(line.data, '\n'), line.data + line.length - 1);
	ck_assert_int_eq(
	    receipt_parse(line.data + 6, line.length - 7, &receipt), 0);
	check_row(row, &receipt);
	strbuf_done(&line);
	receipt_done(&receipt);
}
END_TEST

/* Each field of the first row, replaced. */
static const struct field_row {
	int field;
	const char *text;
	int result;
} field_rows[] = {
    {0, "2020-11-15T20:31:40Z", 0},	     /* no fraction */
    {0, "2020-11-15T21:31:40.717+01:00", 0}, /* an offset */
    {0, "2020-13-29T20:31:40.717Z", -EINVAL},
    {0, "2020-11-15T20:31:40.717", -EINVAL}, /* no zone */
    {0, "-", -EINVAL}, {0, "", -EINVAL},
    {0, "2020-11-15T20:31:40.717000000000000000000000000000Z", -EINVAL},
    {1, "", -EINVAL},  /* a text is never nothing */
    {1, "-", -EINVAL}, /* and these are needed */
    {2, "-", -EINVAL}, {3, "-", -EINVAL},
    {3, "a%", -EINVAL},	   /* an unfinished escape */
    {3, "a%4", -EINVAL},   /* another */
    {3, "a%4g", -EINVAL},  /* no hex */
    {3, "a%00b", -EINVAL}, /* no name has a NUL */
    {3, "a\rb", -EINVAL},  /* a control that isn't encoded */
    {3, "a%2fb", 0},	   /* small hex digits */
    {3, "a b\xc3\xa9", 0}, /* more than need be unencoded */
    {4, "", -EINVAL}, {4, "-", -EINVAL},
    {4, "-1", -EINVAL}, /* no size is negative */
    {4, "+1", -EINVAL}, {4, " 1", -EINVAL}, {4, "1 ", -EINVAL},
    {4, "0x1", -EINVAL}, {4, "1.0", -EINVAL}, {4, "007", 0},
    {4, "9223372036854775808", -EINVAL}, {4, "99999999999999999999", -EINVAL},
    {4, "000000000000000000000000000001", -EINVAL}, /* too long */
    {5, "e306928", -EINVAL},			    /* too short */
    {5, "0e3069283", -EINVAL},			    /* too long */
    {5, "E3069283", -EINVAL},			    /* large hex digits */
    {5, "-3069283", -EINVAL}, {5, "0xe30692", -EINVAL},
    {5, "e306928 ", -EINVAL}, {6, "-", 0}, /* these may be none */
    {7, "-", 0}, {8, "-", 0}, {6, "", -EINVAL}, {7, "", -EINVAL},
    {8, "", -EINVAL}, {8, "%zz", -EINVAL}, {9, "18446744073709551616", -EINVAL},
    {9, "-1", -EINVAL}, {9, "-", -EINVAL}, {9, "", -EINVAL},
    {10, "-1", 0}, /* before 1970 */
    {10, "-9223372036854775808", 0}, {10, "-9223372036854775809", -EINVAL},
    {10, "9223372036854775808", -EINVAL}, {10, "--1", -EINVAL},
    {10, "-", -EINVAL}, {10, "", -EINVAL},
    {10, "1\r", -EINVAL},  /* a line ended as elsewhere */
    {10, "1\t", -EINVAL},  /* a field too many, empty */
    {10, "1\t2", -EINVAL}, /* a field too many */
    {11, "", -EINVAL},	   /* a field too few: see below */
};

START_TEST(fields)
{
	const struct field_row *row = &field_rows[_i];
	struct receipt receipt = {0};
	struct strbuf whole = {0}, line = {0};
	char *next, *field;
	int n = 0;

	format_row(&rows[0], &whole);
	strbuf_truncate(&whole, whole.length - 1);
	next = whole.data;
	while ((field = strsep(&next, "\t")) != NULL && n < 11) {
		if (row->field == 11 && n == 10)
			break;
		if (n > 0)
			strbuf_putc(&line, '\t');
		strbuf_puts(&line, row->field == n ? row->text : field);
		n++;
	}
	ck_assert_msg(receipt_parse(strbuf_text(&line), line.length,
			  &receipt) == row->result,
	    "%s", strbuf_text(&line));
	strbuf_done(&line);
	strbuf_done(&whole);
	receipt_done(&receipt);
}
END_TEST

/* Half a line is no receipt: receipt_parse may be deceived only inside the
 * last number, which the missing newline tells. */
START_TEST(truncated_lines)
{
	struct receipt receipt = {0};
	struct strbuf line = {0};
	size_t last_field;

	format_row(&rows[_i], &line);
	last_field = (size_t)(strrchr(line.data, '\t') - line.data) + 1;
	for (size_t n = 0; n < line.length - 1; n++) {
		char *part = malloc(n + 1);

		/* In memory of just its size, for the sanitizers. */
		ck_assert_ptr_nonnull(part);
		memcpy(part, line.data, n);
		if (receipt_parse(part, n, &receipt) == 0)
			ck_assert_uint_gt(n, last_field);
		free(part);
	}
	strbuf_done(&line);
	receipt_done(&receipt);
}
END_TEST

/* Reads what FILE holds: rows[0] alone may be read, so many times. */
static void
check_file(const struct strbuf *file, int receipts, size_t bad_lines)
{
	struct receipt_reader reader;
	struct receipt receipt = {0};
	int count = 0, rc;

	scratch_write_bytes("file", file->data, file->length);
	rc = receipt_reader_open(&reader, open("file", O_RDONLY | O_CLOEXEC));
	ck_assert_int_eq(rc, 0);
	while ((rc = receipt_reader_next(&reader, &receipt)) > 0) {
		check_row(&rows[0], &receipt);
		ck_assert_str_eq(strbuf_text(&receipt.path), rows[0].path);
		ck_assert_uint_eq(reader.length + 1, strlen(rows[0].line));
		ck_assert_mem_eq(reader.line, rows[0].line, reader.length);
		count++;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(receipt_reader_next(&reader, &receipt), 0);
	ck_assert_int_eq(count, receipts);
	ck_assert_uint_eq(reader.bad_lines, bad_lines);
	receipt_reader_done(&reader);
	receipt_done(&receipt);
}

START_TEST(reads_a_file)
{
	struct strbuf file = {0};

	strbuf_puts(&file, RECEIPT_HEADER);
	check_file(&file, 0, 0);
	strbuf_puts(&file, rows[0].line);
	strbuf_puts(&file, rows[0].line);
	check_file(&file, 2, 0);
	strbuf_puts(&file, "\nno receipt\n");
	strbuf_puts(&file, rows[0].line);
	check_file(&file, 3, 2);
	strbuf_reset(&file);
	check_file(&file, 0, 0); /* not even a header */
	strbuf_puts(&file, rows[0].line);
	check_file(&file, 1, 0);
	strbuf_done(&file);
}
END_TEST

/* A tail torn at every byte: it counts as absent, whether it is the end or
 * another line was glued to it. */
START_TEST(torn_tails)
{
	size_t length = strlen(rows[0].line);
	struct strbuf file = {0};

	for (size_t n = 1; n < length; n++) {
		strbuf_reset(&file);
		strbuf_puts(&file, RECEIPT_HEADER);
		strbuf_puts(&file, rows[0].line);
		strbuf_add(&file, rows[0].line, n);
		check_file(&file, 1, 1);
		strbuf_puts(&file, rows[0].line);
		strbuf_puts(&file, rows[0].line);
		check_file(&file, 2, 1);
	}
	strbuf_done(&file);
}
END_TEST

/* A header that is torn is no comment to go by, but does no harm either. */
START_TEST(torn_header)
{
	struct strbuf file = {0};

	strbuf_add(&file, RECEIPT_HEADER, 10);
	check_file(&file, 0, 1);
	strbuf_done(&file);
}
END_TEST

/* A zero byte anywhere in a line spoils it, and it alone. */
START_TEST(zero_bytes)
{
	size_t length = strlen(rows[0].line);
	struct strbuf file = {0};

	for (size_t n = 0; n < length; n++) {
		strbuf_reset(&file);
		strbuf_puts(&file, rows[0].line);
		strbuf_puts(&file, rows[0].line);
		strbuf_puts(&file, rows[0].line);
		file.data[length + n] = '\0';
		/* Without its newline it takes the next one along. */
		check_file(&file, n + 1 < length ? 2 : 1, 1);
	}
	strbuf_done(&file);
}
END_TEST

/* What a power cut leaves of blocks that weren't written. */
START_TEST(zero_blocks)
{
	static const char zeros[4096];
	size_t length = strlen(rows[0].line);
	struct strbuf file = {0};

	for (size_t n = 0; n < length; n++) {
		strbuf_reset(&file);
		strbuf_puts(&file, RECEIPT_HEADER);
		strbuf_puts(&file, rows[0].line);
		strbuf_add(&file, rows[0].line, n);
		strbuf_add(&file, zeros, sizeof zeros);
		check_file(&file, 1, 1); /* at the end */
		strbuf_add(&file, rows[0].line + n, length - n);
		strbuf_puts(&file, rows[0].line);
		check_file(&file, 2, 1); /* in between */
	}
	strbuf_done(&file);
}
END_TEST

START_TEST(sections)
{
	static const char *const expected[] = {"", "a", "a", "b.1", "", "c"};
	struct receipt_reader reader;
	struct receipt receipt = {0};
	struct strbuf file = {0};
	size_t n = 0;

	strbuf_puts(&file, RECEIPT_HEADER);
	strbuf_puts(&file, rows[0].line);
	receipt_format_section("a", &file);
	strbuf_puts(&file, rows[0].line);
	strbuf_puts(&file, "# a remark\n#run\n#runs b\n"); /* no sections */
	strbuf_puts(&file, rows[0].line);
	receipt_format_section("empty", &file);
	receipt_format_section("b.1", &file);
	strbuf_puts(&file, rows[0].line);
	receipt_format_section("", &file);
	strbuf_puts(&file, rows[0].line);
	receipt_format_section("c", &file);
	strbuf_puts(&file, rows[0].line);
	strbuf_puts(&file, "#run torn");
	scratch_write("file", strbuf_text(&file));
	ck_assert_int_eq(
	    receipt_reader_open(&reader, open("file", O_RDONLY | O_CLOEXEC)),
	    0);
	for (; receipt_reader_next(&reader, &receipt) > 0; n++)
		ck_assert_str_eq(strbuf_text(&reader.section), expected[n]);
	ck_assert_uint_eq(n, sizeof expected / sizeof *expected);
	ck_assert_str_eq(strbuf_text(&reader.section), "c");
	ck_assert_uint_eq(reader.bad_lines, 1);
	receipt_reader_done(&reader);
	strbuf_done(&file);
	receipt_done(&receipt);
}
END_TEST

START_TEST(reader_errors)
{
	struct receipt_reader reader = {0};
	struct receipt receipt = {0};

	receipt_reader_done(&reader); /* zeroed is fine */
	ck_assert_int_eq(receipt_reader_open(&reader, -1), -EBADF);
	receipt_reader_done(&reader);
	ck_assert_int_eq(
	    receipt_reader_open(&reader, open(".", O_RDONLY | O_CLOEXEC)), 0);
	ck_assert_int_eq(receipt_reader_next(&reader, &receipt), -EISDIR);
	receipt_reader_done(&reader);
	receipt_done(&receipt);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("receipt");
	TCase *lines = tcase_create("lines");
	TCase *files = tcase_create("files");

	tcase_add_loop_test(lines, round_trip, 0, LENGTH(rows));
	tcase_add_loop_test(lines, fields, 0, LENGTH(field_rows));
	tcase_add_loop_test(lines, truncated_lines, 0, LENGTH(rows));
	suite_add_tcase(suite, lines);
	tcase_set_timeout(files, 60);
	tcase_add_checked_fixture(files, scratch_enter, NULL);
	tcase_add_test(files, reads_a_file);
	tcase_add_test(files, torn_tails);
	tcase_add_test(files, torn_header);
	tcase_add_test(files, zero_bytes);
	tcase_add_test(files, zero_blocks);
	tcase_add_test(files, sections);
	tcase_add_test(files, reader_errors);
	suite_add_tcase(suite, files);
	return scratch_run(suite);
}
