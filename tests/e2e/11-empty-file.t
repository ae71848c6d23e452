#!/bin/sh
# Empty files are files like any other, and so are large ones.
. "$(dirname "$0")/lib.sh"

scenario "sizes"
write_file room/2021/02/03/04/00-empty.dat 0
write_file room/2021/02/03/04/01-byte.dat 1
write_file room/2021/02/03/04/02-block.dat 65536
write_file room/2021/02/03/04/03-block-and-one.dat 65537
write_file room/2021/02/03/04/04-mebibyte.dat 1048577
write_file room/2021/02/03/04/05-large.dat 40000000
run_ok s3spool run "$conf"
bucket_is_original
is "$(s3 list -l "$bucket" | sort -n | cut -f 1 | tr '\n' ' ')" \
	"0 1 65536 65537 1048577 40000000 " "the store has their sizes"
is "$(ledger size | sort -n | tr '\n' ' ')" \
	"0 1 65536 65537 1048577 40000000 " "and so has the record"
is "$(ledger crc32c -- --prefix room/2021/02/03/04/00)" 00000000 \
	"the checksum of nothing"
drained

done_testing
