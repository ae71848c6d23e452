#!/bin/sh
# The record answers by itself, without the store, before and after the reaper
# has been there.
. "$(dirname "$0")/lib.sh"

hour=room/2021/02/03/04

scenario "before and after the reaper"
write_file "$hour/05-one.dat" 10
write_file "$hour/06-two.dat" 20
write_file "hall/2021/02/03/04/07-three_words.dat" 30
run_ok s3spool list "$conf"
is "$(cat out)" "" "an empty record is no error"
ok "and asking makes no spool" test ! -e "$spool"
run_ok scan "$conf"
before=$(date -u '+%Y-%m-%dT%H:%M:%SZ')
sleep 1.1
run_ok upload "$conf"
sleep 1.1
after=$(date -u '+%Y-%m-%dT%H:%M:%SZ')
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:1
for moment in "before the reaper" "after it" "after it came again"; do
	echo "# $moment"
	run_ok s3spool list "$conf"
	is "$(wc -l <out)" 3 "a line for each file, no header"
	run_ok s3spool list --header "$conf"
	is "$(wc -l <out)" 4 "one more line with --header"
	head -n 1 out | tr '\t' '\n' >columns
	for column in uploaded_at key size etag; do
		ok "the header names $column" grep -qx "$column" columns
	done
	is "$(ledger key size | sort)" \
		"hall/2021/02/03/04/07-three_words.dat	30
$hour/05-one.dat	10
$hour/06-two.dat	20" "the keys and sizes"
	is "$(ledger etag -- --prefix "$hour/05" | tr -d '"')" \
		"$(md5sum <"original/$hour/05-one.dat" | cut -d ' ' -f 1)" \
		"the store's ETag"
	is "$(ledger bucket | sort -u)" "$bucket" "the bucket"

	is "$(ledger key -- --prefix hall/)" \
		"hall/2021/02/03/04/07-three_words.dat" "--prefix"
	is "$(ledger key -- --prefix "$hour/0" | wc -l)" 2 \
		"--prefix within a name"
	is "$(ledger key -- --prefix all/)" "" "--prefix is not looked for inside"
	is "$(ledger key -- --since "$before" --until "$after" | wc -l)" 3 \
		"--since and --until around it"
	is "$(ledger key -- --since "$after")" "" "nothing since"
	is "$(ledger key -- --until "$before")" "" "nothing until"
	is "$(ledger key -- --since 1h | wc -l)" 3 "--since with a duration"
	run s3spool list --since yesterdayish "$conf"
	status_is 64 "a time that is none is a usage error"

	run_ok s3spool list --json "$conf"
	"$PYTHON" -c '
import datetime, json, sys
for line in sys.stdin:
    entry = json.loads(line)
    time = datetime.datetime.strptime(entry["uploaded_at"],
                                      "%Y-%m-%dT%H:%M:%S.%fZ")
    print(entry["key"], entry["size"], entry["etag"].strip("\""), sep="\t")
' <out >json.out 2>err || echo bad >>json.out
	is "$(sort json.out)" "$(ledger key size etag | tr -d '"' | sort)" \
		"--json says the same, an object a line"
	run_ok reap "$conf"
done
drained

done_testing
