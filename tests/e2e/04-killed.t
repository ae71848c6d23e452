#!/bin/sh
# kill -9 in the middle: nothing is lost, and the next run leaves nothing over.
. "$(dirname "$0")/lib.sh"

# Lists the files written and the places where they are now.
look()
{
	(cd original && find . -type f | sed 's|^\./||' | sort) >wanted
	{
		files_in base
		files_in "$spool/claimed"
		files_in "$spool/uploading" | cut -d / -f 2-
		files_in "$spool/confirmed" | cut -d / -f 2-
	} | sort >found
}

# Each file written exists in exactly one place of the tree and the spool.
nothing_lost()
{
	look
	ok "each file is in exactly one place" cmp wanted found
}

# The same when the reaper has been at work: what is gone is on record.
nothing_lost_but_reaped()
{
	look
	is "$(uniq -d found)" "" "no file is in two places"
	ledger key | sort - found | uniq >known
	ok "what is gone is on record" cmp wanted known
}

next_run_drains()
{
	run_ok s3spool run "$conf"
	bucket_is_original
	files_are base "" "the tree is empty"
	drained
	is "$(ledger key | sort -u)" "$(keys)" "each file is on record"
}

on_record_once()
{
	is "$(ledger key | sort | uniq -d)" "" "none is on record twice"
}

scenario "killed before the store has heard of the files"
write_files 40
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" "$conf"
wait_until "requests are on their way" test -e gate/held
kill -s KILL "$started"
finish "$started"
ok "it held files when it died" test "$(count_in uploading)" -gt 0
nothing_lost
next_run_drains
on_record_once

scenario "killed after the store has them, before the answer came"
write_files 40
run_ok scan "$conf"
open_gate
: >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" "$conf"
wait_until "answers are on their way" test -e gate/held
kill -s KILL "$started"
finish "$started"
ok "it held files when it died" test "$(count_in uploading)" -gt 0
nothing_lost
next_run_drains
on_record_once
is "$(count_in failed)" 0 "its own objects are no conflict to the next run"

scenario "killed between a receipt and the move that follows it"
write_files 5
run_ok scan "$conf"
run_ok upload "$conf"
# As that moment leaves it: the receipts are on disk, the files not moved on.
dead=$(basename "$spool"/confirmed/*)
mkdir -p "$spool/uploading"
mv "$spool/confirmed/$dead" "$spool/uploading/$dead"
rm -f recorded
ledger key uploaded_at | sort >recorded
run upload -o max_attempts=1 -o endpoint_url=http://127.0.0.1:1 "$conf"
status_is 0 "the receipts suffice: the store is not asked again"
is "$(count_in uploading claimed)" 0 "the files have moved on"
run_ok reap "$conf"
drained
ledger key uploaded_at | sort >recorded.after
ok "each is on record once, as it was" cmp recorded recorded.after
bucket_is_original

scenario "killed while it gave a file back by link and unlink"
configure "on_conflict: overwrite" # under a lock on its key
path=room/2021/02/03/04/05-t.dat
write_file "$path"
run_ok scan "$conf"
dead=$spool/uploading/north.1.0123456789abcdef
mkdir -p "$dead/${path%/*}"
ln "$spool/claimed/$path" "$dead/$path"
run_ok upload "$conf"
bucket_is_original
is "$(count_in claimed uploading)" 0 "the next run sends it, by its other name"

scenario "killed again and again"
write_files 400
run_ok scan "$conf"
# Whether there is one more receipt than before.
# shellcheck disable=SC2317 # wait_until calls it
has_stored_more()
{
	[ "$(cat "$spool"/runs/*.tsv 2>/dev/null | grep -vc '^#')" -gt \
		"$receipts" ] || ! kill -0 "$started" 2>/dev/null
}
kills=0
while [ "$kills" -lt 4 ]; do
	receipts=$(cat "$spool"/runs/*.tsv 2>/dev/null | grep -vc '^#')
	start "$S3SPOOL_BUILD/s3spool-upload" -o connections=4 "$conf"
	wait_until "run $kills has stored something" has_stored_more
	kill -s KILL "$started" 2>/dev/null
	finish "$started"
	is "$status" 137 "it is killed while it works"
	nothing_lost
	kills=$((kills + 1))
done
# A file whose heir was killed, too, left its receipt with the first of them:
# it is compared with its own object, and may be on record by both.
next_run_drains

scenario "the live one is left alone"
write_files 20
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" "$conf"
wait_until "it holds files" test -e gate/held
held=$(files_in "$spool/uploading")
run_ok s3spool run "$conf"
is "$(files_in "$spool/uploading")" "$held" "nobody took what it holds"
rm gate/hold-requests
finish "$started"
status_is 0 "it ends well"
run_ok reap "$conf"
bucket_is_original
drained

scenario "scan killed"
write_files 300
start "$S3SPOOL_BUILD/s3spool-scan" "$conf"
wait_until "it has begun to claim" test -d "$spool/claimed"
kill -s KILL "$started" 2>/dev/null
finish "$started"
nothing_lost
next_run_drains

scenario "reap killed"
write_files 300
run_ok scan "$conf"
run_ok upload "$conf"
start "$S3SPOOL_BUILD/s3spool-reap" "$conf"
# shellcheck disable=SC2317 # wait_until calls it
has_deleted()
{
	[ "$(count_in confirmed)" -lt 300 ]
}
wait_until "it has begun to delete" has_deleted
kill -s KILL "$started" 2>/dev/null
finish "$started"
nothing_lost_but_reaped
next_run_drains
on_record_once

done_testing
