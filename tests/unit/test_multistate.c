/* The state of unfinished multipart uploads on disk, and their XML. */
#include "tests/unit/scratch.h"

#include "uploader/multistate.h"
#include "uploader/s3_xml.h"

static void
fill(struct multistate *state, uint64_t inode)
{
	*state = (struct multistate){.inode = inode,
	    .size = 100,
	    .mtime_ns = -5,
	    .part_size = 7,
	    .active_ns = INT64_C(1700000000000000000)};
	strbuf_puts(&state->run, "host.1.abc");
	strbuf_puts(&state->bucket, "buck");
	strbuf_puts(&state->key, "a b/\n\t%\xc3\xbc.dat");
	strbuf_puts(&state->upload_id, "id/with+odd=bytes");
}

START_TEST(comes_back_as_it_was)
{
	struct spool *spool = scratch_spool();
	struct multistate in, out = {0};

	fill(&in, 42);
	ck_assert_int_eq(multistate_load(spool, 42, &out), -ENOENT);
	ck_assert_int_eq(multistate_save(spool, &in), 0);
	ck_assert_int_eq(multistate_load(spool, 42, &out), 0);
	ck_assert_uint_eq(out.inode, 42);
	ck_assert_int_eq(out.size, in.size);
	ck_assert_int_eq(out.mtime_ns, in.mtime_ns);
	ck_assert_int_eq(out.part_size, in.part_size);
	ck_assert_int_eq(out.active_ns, in.active_ns);
	ck_assert_str_eq(strbuf_text(&out.run), strbuf_text(&in.run));
	ck_assert_str_eq(strbuf_text(&out.bucket), strbuf_text(&in.bucket));
	ck_assert_str_eq(strbuf_text(&out.key), strbuf_text(&in.key));
	ck_assert_str_eq(
	    strbuf_text(&out.upload_id), strbuf_text(&in.upload_id));
	/* Another of the same inode takes its place. */
	in.size = 200;
	ck_assert_int_eq(multistate_save(spool, &in), 0);
	ck_assert_int_eq(multistate_load(spool, 42, &out), 0);
	ck_assert_int_eq(out.size, 200);
	ck_assert_int_eq(multistate_remove(spool, 42), 0);
	ck_assert_int_eq(multistate_remove(spool, 42), 0);
	ck_assert_int_eq(multistate_load(spool, 42, &out), -ENOENT);
	multistate_done(&in);
	multistate_done(&out);
	spool_close(spool);
}
END_TEST

static void
count(void *context, const struct multistate *state)
{
	int *n = context;

	(void)state;
	(*n)++;
}

/* Every truncation, and a state of another inode's name, is left out. */
START_TEST(nothing_is_guessed)
{
	struct spool *spool = scratch_spool();
	struct multistate state, out = {0};
	char text[512];
	ssize_t length;
	int n = 0;
	int fd;

	fill(&state, 42);
	ck_assert_int_eq(multistate_save(spool, &state), 0);
	fd = fsio_open_beneath(spool->multipart_fd, "42.tsv", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	length = fsio_pread_all(fd, text, sizeof text, 0);
	ck_assert_int_gt(length, 50);
	ck_assert_int_eq(close(fd), 0);
	for (ssize_t cut = 0; cut < length; cut++) {
		fd = fsio_open_beneath(
		    spool->multipart_fd, "42.tsv", O_WRONLY | O_TRUNC);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fsio_write_all(fd, text, (size_t)cut), 0);
		ck_assert_int_eq(close(fd), 0);
		ck_assert_int_eq(multistate_load(spool, 42, &out), -EINVAL);
	}
	ck_assert_int_eq(multistate_each(spool, count, &n), 0);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(multistate_save(spool, &state), 0);
	ck_assert_int_eq(multistate_each(spool, count, &n), 0);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(renameat(spool->multipart_fd, "42.tsv",
			     spool->multipart_fd, "43.tsv"),
	    0);
	ck_assert_int_eq(multistate_load(spool, 43, &out), -EINVAL);
	multistate_done(&state);
	multistate_done(&out);
	spool_close(spool);
}
END_TEST

static const struct {
	const char *xml, *upload_id; /* NULL: not such a document */
} created[] = {
    {"<InitiateMultipartUploadResult><UploadId>x</UploadId>"
     "</InitiateMultipartUploadResult>",
	"x"},
    /* A namespace, a prefix, a declaration, blanks before it. */
    {" \n<?xml version=\"1.0\"?><a:InitiateMultipartUploadResult "
     "xmlns:a=\"u\"><a:UploadId>x&amp;y</a:UploadId>"
     "</a:InitiateMultipartUploadResult>",
	"x&y"},
    /* Deeper down it isn't it. */
    {"<InitiateMultipartUploadResult><A><UploadId>x</UploadId></A>"
     "</InitiateMultipartUploadResult>",
	NULL},
    /* Another root, no id, cut off, an entity, nothing. */
    {"<Other><UploadId>x</UploadId></Other>", NULL},
    {"<InitiateMultipartUploadResult/>", NULL},
    {"<InitiateMultipartUploadResult><UploadId>x</UploadId>", NULL},
    {"<!DOCTYPE r [<!ENTITY e \"x\">]><InitiateMultipartUploadResult>"
     "<UploadId>&e;</UploadId></InitiateMultipartUploadResult>",
	NULL},
    {"", NULL},
};

START_TEST(reads_the_upload_id)
{
	const char *xml = created[_i].xml;
	struct strbuf id = {0};

	ck_assert_int_eq(s3_xml_created(xml, strlen(xml), &id),
	    created[_i].upload_id != NULL);
	if (created[_i].upload_id != NULL)
		ck_assert_str_eq(strbuf_text(&id), created[_i].upload_id);
	strbuf_done(&id);
}
END_TEST

/* A 200 with an error, or with half an answer, is no success. */
START_TEST(completion_is_its_root_element)
{
	static const char ok[] = "<CompleteMultipartUploadResult><ETag>"
				 "&quot;abc-2&quot;</ETag>"
				 "<ChecksumCRC32C>AAAAAA==</ChecksumCRC32C>"
				 "</CompleteMultipartUploadResult>";
	static const char error[] = "<Error><Code>InternalError</Code></Error>";
	struct strbuf etag = {0}, crc = {0};

	ck_assert(s3_xml_completed(ok, strlen(ok), &etag, &crc));
	ck_assert_str_eq(strbuf_text(&etag), "abc-2");
	ck_assert_str_eq(strbuf_text(&crc), "AAAAAA==");
	ck_assert(!s3_xml_completed(error, strlen(error), &etag, &crc));
	for (size_t cut = 0; cut < sizeof ok - 1; cut++)
		ck_assert(!s3_xml_completed(ok, cut, &etag, &crc));
	strbuf_done(&etag);
	strbuf_done(&crc);
}
END_TEST

struct seen {
	int count, last;
	int64_t sizes;
};

static void
see(void *context, const struct s3_listed_part *part)
{
	struct seen *seen = context;

	seen->count++;
	seen->last = part->number;
	seen->sizes += part->size;
	ck_assert_str_eq(strbuf_text(&part->etag), "e");
}

START_TEST(lists_parts_when_all_is_whole)
{
	static const char xml[] =
	    "<ListPartsResult><IsTruncated>true</IsTruncated>"
	    "<NextPartNumberMarker>2</NextPartNumberMarker>"
	    "<Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag>"
	    "<Size>10</Size></Part><Part><PartNumber>2</PartNumber>"
	    "<ETag>e</ETag><Size>5</Size></Part></ListPartsResult>";
	struct seen seen = {0};
	int next = -1;

	ck_assert(s3_xml_list_parts(xml, strlen(xml), see, &seen, &next));
	ck_assert_int_eq(seen.count, 2);
	ck_assert_int_eq(seen.last, 2);
	ck_assert_int_eq(seen.sizes, 15);
	ck_assert_int_eq(next, 2);
	ck_assert(!s3_xml_list_parts(xml, strlen(xml) - 1, see, &seen, &next));
	ck_assert_int_eq(seen.count, 2);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("multistate");
	TCase *disk = tcase_create("disk");
	TCase *xml = tcase_create("xml");

	tcase_add_checked_fixture(disk, scratch_enter, NULL);
	tcase_add_test(disk, comes_back_as_it_was);
	tcase_add_test(disk, nothing_is_guessed);
	suite_add_tcase(suite, disk);
	tcase_add_loop_test(xml, reads_the_upload_id, 0, LENGTH(created));
	tcase_add_test(xml, completion_is_its_root_element);
	tcase_add_test(xml, lists_parts_when_all_is_whole);
	suite_add_tcase(suite, xml);
	return suite;
}

int
main(void)
{
	return scratch_run(make_suite());
}
