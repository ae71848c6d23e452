#!/bin/sh
# What a person does to the queue: retry, hold, release, drain.
. "$(dirname "$0")/lib.sh"

hour=room/2021/02/03/04

snapshot()
{
	find "$base" -printf '%p %y %i %n %m %s %T@ %C@\n' | sort
}

scenario "retry"
configure "key_prefix: in/"
printf other >other
for name in 01-a 02-b 03-c; do
	write_file "$hour/$name.dat" 20
	s3 put "$bucket" "in/$hour/$name.dat" other
done
write_file "$hour/04-d.dat" 20
run_ok scan "$conf"
ln "$spool/claimed/$hour/04-d.dat" "$base/second-name"
run upload "$conf"
status_is 1 "all fail"
is "$(count_in failed)" 4 "they are in failed/"
snapshot >before
run_ok s3spool retry --dry-run --all "$conf"
is "$(grep -c '^RETRY 20 room' out)" 4 "a dry run tells what it would retry"
snapshot >after
ok "and changes nothing" cmp before after

run_ok s3spool retry "$conf" "in/$hour/01-a.dat"
like out "^retried  *$hour/01-a\\.dat: [A-Za-z]*: " "a key, and what it had failed for"
files_are "$spool/claimed" "$hour/01-a.dat" "it is in claimed/, and nothing else"
run s3spool retry "$conf" "in/$hour/01-a.dat"
status_is 1 "it is there no more"
like err "isn't in failed/" "it says so"
run_ok s3spool retry --reason HardLink "$conf"
is "$(wc -l <out)" 1 "what has this reason"
ok "is in claimed/" test -e "$spool/claimed/$hour/04-d.dat"
rm base/second-name
run s3spool retry --reason Nonsense "$conf"
status_is 1 "a reason that nothing has"
run_ok s3spool retry "$conf" "$base/$hour/02-b.dat" "$hour/03-c.dat"
is "$(count_in claimed failed)" 4 "the paths of two"
is "$(count_in failed)" 0 "nothing is in failed/"
run_ok s3spool retry --all "$conf"
is "$(cat out)" "" "nothing is left to retry"
run_ok upload -o on_conflict=overwrite "$conf"
for name in 01-a 02-b 03-c 04-d; do
	object_is "in/$hour/$name.dat" "original/$hour/$name.dat" \
		"$name is stored"
done
run_ok reap "$conf"
drained
is "$(files_in "$spool/failed")" "" "the reasons have gone with their room"

echo "# nothing is replaced"
write_file "$hour/01-a.dat" 30
run_ok scan "$conf"
run upload "$conf"
status_is 1 "it fails"
write_file "$hour/01-a.dat" 40
run_ok scan "$conf"
run s3spool retry --all "$conf"
status_is 75 "a later file of its path is in the queue"
is "$(count_in failed)" 1 "it stays in failed/"
is "$(stat -c %s "$spool/claimed/$hour/01-a.dat")" 40 "so does the later one"
run s3spool retry "$conf"
status_is 64 "neither KEY nor --all"
run s3spool retry --all "$conf" "$hour/01-a.dat"
status_is 64 "both"

scenario "hold and release"
write_file "$hour/01-a.dat"
write_file "$hour/02-b.dat"
run s3spool hold "$conf" "$hour/01-a.dat"
status_is 1 "what isn't claimed can't be held"
like err "isn't claimed yet" "it says so"
run_ok scan "$conf"
snapshot >before
run_ok s3spool hold -n "$conf" "$hour/01-a.dat"
is "$(cat out)" "HOLD 1000 $hour/01-a.dat" "a dry run"
snapshot >after
ok "changes nothing" cmp before after
run_ok s3spool hold "$conf" "$hour/01-a.dat"
is "$(cat out)" "held       $hour/01-a.dat" "it says what it did"
files_are "$spool/held" "$hour/01-a.dat" "it is in held/"
run_ok s3spool hold "$conf" "$hour/01-a.dat"
is "$(cat out)" "" "twice is harmless"
run_ok s3spool explain "$conf" "$hour/01-a.dat"
like out "^held .*until 's3spool release'" "explain"
run_ok s3spool run "$conf"
is "$(keys)" "$hour/02-b.dat" "it isn't sent"
run_ok s3spool status "$conf"
like out "^held  *1 file, 1000 B" "status"
write_file "$hour/03-c.dat"
mv "base/$hour/03-c.dat" "base/$hour/01-a.dat"
run_ok scan "$conf"
run s3spool hold "$conf" "$hour/01-a.dat"
status_is 75 "another of its path can't be held"
run s3spool release "$conf" "$hour/01-a.dat"
status_is 75 "nor can it be released meanwhile"
is "$(count_in held claimed)" 2 "both are where they were"
rm "$spool/claimed/$hour/01-a.dat"
run_ok s3spool release -n "$conf" "$hour/01-a.dat"
is "$(cat out)" "RELEASE 1000 $hour/01-a.dat" "a dry run"
run_ok s3spool release "$conf" "$base/$hour/01-a.dat"
is "$(cat out)" "released   $hour/01-a.dat" "released"
run s3spool release "$conf" "$hour/01-a.dat"
status_is 1 "it is held no more"
run_ok s3spool run "$conf"
rm -f "original/$hour/03-c.dat"
bucket_is_original
drained
run s3spool hold "$conf" ../../../etc/passwd /etc/passwd "$hour"
status_is 1 "what is no file in the queue"
run s3spool release "$conf"
status_is 64 "no PATH"

scenario "drain"
configure "settle_seconds: 2"
write_files 6
run s3spool run "$conf"
is "$(keys)" "" "they aren't settled yet"
run_ok s3spool drain --timeout 2m "$conf"
like err "^s3spool: drained; failed 0, held 0, left alone 0$" \
	"it waits until they are"
bucket_is_original
drained
write_file "$hour/07-open.dat"
hold_open "base/$hour/07-open.dat"
run s3spool drain --timeout=1 "$conf"
status_is 75 "somebody has one open"
like err "^s3spool: left: base 1, claimed 0, uploading 0, confirmed 0" \
	"it says what is left"
let_go
run s3spool drain -n --timeout 1s "$conf"
status_is 0 "a dry run goes through it once"
ok "and moves nothing" test -e "base/$hour/07-open.dat"
rm "base/$hour/07-open.dat"
configure
write_file "$hour/08-a.dat"
printf other >other
s3 put "$bucket" "$hour/08-a.dat" other
run s3spool drain "$conf"
status_is 1 "what fails isn't waited for"
like err "^s3spool: drained; failed 1" "and is told"
rm "$(in_room failed "$hour/08-a.dat")"
mkfifo "base/$hour/10-fifo.dat"
echo linked >"base/$hour/11-linked.dat"
ln "base/$hour/11-linked.dat" "base/$hour/12-linked.dat"
run s3spool drain "$conf"
status_is 1 "what is left alone isn't waited for"
like err "^s3spool: drained; failed 0, held 0, left alone 3 \(s3spool scan --expl" \
	"and is told"
rm "base/$hour"/1*
write_file "$hour/13-held.dat"
run_ok scan "$conf"
run_ok s3spool hold "$conf" "$hour/13-held.dat"
run_ok s3spool drain "$conf"
like err "^s3spool: drained; failed 0, held 1, left alone 0$" \
	"nor is what is held, as somebody wanted it"
run_ok s3spool release "$conf" "$hour/13-held.dat"
run_ok s3spool drain "$conf"
write_file "$hour/09-a.dat"
run env AWS_SECRET_ACCESS_KEY=wrong "$deploy/s3spool" drain "$conf"
status_is 77 "what doesn't get better by waiting ends it"
like err "^s3spool: left: base 0, claimed 1" "and it says what is left"
write_file "$hour/14-b.dat"
run s3spool drain --timeout 9 -o spool_dir=/proc/none "$conf"
status_is 74 "nor does a spool that can't be made"
is "$(grep -c "Cannot open the spool directory" err)" 3 "each stage says so once"
like err "^s3spool: left: base 1" "and it says what is left"
for limit in soon 010 1w -1 ''; do
	run s3spool drain --timeout "$limit" "$conf"
	status_is 64 "--timeout '$limit'"
done
run s3spool drain --timeout
status_is 64 "--timeout without a value"
run s3spool run --timeout 1 "$conf"
status_is 64 "run has no --timeout"

done_testing
