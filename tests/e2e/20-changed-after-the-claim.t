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
cat bg.err err >both.err
if [ "$first $status" = "75 0" ]; then
	# What was answered first was a question, and nothing was sent after.
	cp "original/$path" late
	echo "late bytes" >>late
	object_is "$path" late "the object has the late bytes"
	drained
else
	case "$first $status" in
	"1 0" | "0 1" | "75 1") pass "one run tells that a file was refused" ;;
	*) fail "one run tells that a file was refused: $first, $status" ;;
	esac
	like both.err "Failed to upload .*$path.*changed after" "the log says why"
	ok "it lies in failed/" test -f "$(in_room failed "$path")"
	kept
fi

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

scenario "between upload and reap, as many bytes as before"
write_file "$path" 1000
run_ok scan "$conf"
run_ok upload "$conf"
confirmed=$(in_room confirmed "$path")
printf 'late bytes' | dd of="$confirmed" conv=notrunc status=none
is "$(wc -c <"$confirmed")" 1000 "its size is what it was"
run reap "$conf"
kept

scenario "a writer who comes between the lease and the claim"
write_file "$path" 1000
# The rename is held back, so that the writer finds the file under the lease;
# LeakSanitizer can't work beside strace.
ASAN_OPTIONS=detect_leaks=0 strace -o trace -e trace=fcntl,renameat2 \
	-e inject=renameat2:delay_enter=3000000 \
	"$S3SPOOL_BUILD/s3spool-scan" "$conf" >out 2>err &
scan=$!
children="$children $scan"
wait_until "the scan holds its lease" grep -qs F_SETLEASE.*F_RDLCK trace
sh -c 'echo "late bytes" >>"$1"' sh "base/$path" &
writer=$!
children="$children $writer"
wait "$scan"
wait "$writer"
is "$(count_in claimed)" 0 "it is not left in the queue"
ok "it is the producer's again, with what was written" \
	grep -qs 'late bytes' "base/$path"

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
