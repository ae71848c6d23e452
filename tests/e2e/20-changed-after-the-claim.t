#!/bin/sh
# Bytes that come late, after the file was claimed, sent or confirmed, are
# either in the object or keep the file.
. "$(dirname "$0")/lib.sh"

path=room/2021/02/03/04/05-t.dat

# The late bytes exist somewhere in the spool.
kept()
{
	ok "the file with the late bytes is kept" \
		grep -rqs 'late bytes' "$spool/claimed" "$spool/uploading" \
		"$spool/confirmed" "$spool/failed"
}

scenario "while it is being sent"
write_file "$path" 100000
run_ok scan "$conf"
open_gate
: >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" "$conf"
wait_until "the answer is held back" test -e gate/held
echo "late bytes" >>"$(in_room uploading "$path")"
rm gate/hold-answers
finish "$started"
first=$status
is "$(count_in confirmed)" 0 "it is not confirmed"
kept
run reap "$conf"
kept
# It meets its own earlier object, in the same run or in the next one.
run s3spool run "$conf"
case "$first $status" in
"1 0" | "0 1" | "75 1") pass "one run tells that a file was refused" ;;
*) fail "one run tells that a file was refused: $first, $status" ;;
esac
cat bg.err err >both.err
like both.err "Failed to upload .*$path.*changed after" "the log says why"
ok "it lies in failed/" test -f "$(in_room failed "$path")"
kept

scenario "between upload and reap"
write_file "$path" 1000
run_ok scan "$conf"
run_ok upload "$conf"
object_is "$path" "original/$path" "it is stored"
echo "late bytes" >>"$(in_room confirmed "$path")"
run reap "$conf"
kept
run s3spool run "$conf"
run s3spool run "$conf"
kept
object_is "$path" "original/$path" "the object is as it was"
ok "it lies in failed/" test -f "$(in_room failed "$path")"

scenario "a writer who still has the confirmed file open"
write_file "$path" 1000
run_ok scan "$conf"
run_ok upload "$conf"
confirmed=$(in_room confirmed "$path")
# Opened for writing, nothing written yet: unchanged, but it may not remain so.
hold_open "$confirmed" ""
run_ok reap "$conf"
ok "it stays as long as the writer may write" test -f "$confirmed"
let_go
run_ok reap "$conf"
ok "it goes when the writer has gone" test ! -e "$confirmed"
drained

scenario "retain: kept for a while"
configure "retain: 1h"
write_file "$path"
run_ok s3spool run "$conf"
ok "it is stored and still here" cmp -s "original/$path" \
	"$(in_room confirmed "$path")"
run_ok reap -o retain=0 "$conf"
drained

done_testing
