/* Receipts: one line for each object stored, the proof by which its file may
 * be deleted and the record by which it is remembered.
 *
 * Tab-separated: uploaded_at bucket key path size crc32c sha256 etag
 * version_id inode mtime_ns. Texts are percent-encoded, "-" stands for none.
 * The first line of a file names the format and the columns. */
#ifndef COMMON_RECEIPT_H
#define COMMON_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/strbuf.h"

/* The first line, with its newline, and the columns alone. */
#define RECEIPT_COLUMNS \
	"uploaded_at\tbucket\tkey\tpath\tsize\tcrc32c\tsha256\tetag\t" \
	"version_id\tinode\tmtime_ns"
#define RECEIPT_HEADER "#s3spool-receipts-1\t" RECEIPT_COLUMNS "\n"

struct receipt {
	int64_t uploaded_at_ns;
	struct strbuf bucket, key, path; /* decoded */
	int64_t size;
	uint32_t crc32c;
	struct strbuf sha256;	  /* hex; "" for none */
	struct strbuf etag;	  /* "" for none */
	struct strbuf version_id; /* "" for none */
	uint64_t inode;
	int64_t mtime_ns;
};

void receipt_done(struct receipt *receipt);
/* Appends the line with its newline. */
void receipt_format(const struct receipt *receipt, struct strbuf *line);
/* Reads LINE of LENGTH bytes, without its newline. Returns 0, or -EINVAL when
 * it isn't whole and well-formed in every field. */
int receipt_parse(const char *line, size_t length, struct receipt *receipt);

/* Reads a file of receipts line by line. */
struct receipt_reader {
	FILE *file;
	char *line;
	size_t capacity;
	size_t length; /* of the line last read, its newline not counted */
	size_t bad_lines;
	struct strbuf section; /* of a ledger's day: the run that the lines
				  are from, "" before the first */
};

/* The line that begins a run's section. */
void receipt_format_section(const char *run, struct strbuf *line);
/* Takes FD over (closes it on error, too). Returns 0 or a negative errno. */
int receipt_reader_open(struct receipt_reader *reader, int fd);
/* The next line that is a whole receipt; comments are passed over, lines that
 * don't parse and a last line without its newline are counted in bad_lines.
 * Returns 1, 0 at the end, or a negative errno. */
int receipt_reader_next(struct receipt_reader *reader, struct receipt *receipt);
/* Also closes the descriptor. Zeroed is fine. */
void receipt_reader_done(struct receipt_reader *reader);

#endif
