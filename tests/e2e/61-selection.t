#!/bin/sh
# What is claimed and uploaded, in which order, and how much of it: include and
# exclude, order, --limit, --max-duration.
. "$(dirname "$0")/lib.sh"

hour=2021/02/03/04

scenario "include and exclude"
write_file "room/$hour/01-air.dat"
write_file "room/$hour/02-debug.dat"
write_file "lab/$hour/03-air.dat"
write_file "lab/$hour/04-debug.dat"
write_file "cellar/$hour/05-air.dat"
write_file "cellar/$hour/06-note.txt"
configure 'include:' '  - "room/*/*/*/*/*"' '  - "cellar/*/*/*/*/*"' \
	'exclude: "*-debug.dat"'
run_ok scan -n "$conf"
is "$(sed 's/.* //' out | sort)" "cellar/$hour/05-air.dat
room/$hour/01-air.dat" "a dry run"
run_ok scan --explain "$conf"
like out "^excluded  room/$hour/02-debug.dat: its path matches exclude" \
	"--explain: exclude"
like out "^excluded  lab/$hour/03-air.dat: its path doesn't match include" \
	"--explain: include"
run scan --explain "$conf" "lab/$hour/04-debug.dat" "cellar/$hour/06-note.txt"
status_is 0 "both are there"
like out "^excluded .*04-debug.dat: its path matches exclude" "exclude wins"
like out "^refused .*06-note.txt: .* matches no pattern" \
	"what is no file for us isn't made one by include"
run_ok s3spool status "$conf"
like out " 2  excluded: its path matches exclude" "status tells how many"
like out " 1  excluded: its path doesn't match include" "of each kind"
run_ok s3spool status --json "$conf"
like out '"waiting":2,' "and that nobody waits for these"
run_ok scan "$conf"
like err "2 claimed .*, 0 left alone, 3 excluded" "the summary"
unlike err WARNING "which is no reason to warn"
run_ok s3spool run "$conf"
is "$(keys)" "cellar/$hour/05-air.dat
room/$hour/01-air.dat" "these are uploaded"
files_are base "cellar/$hour/06-note.txt
lab/$hour/03-air.dat
lab/$hour/04-debug.dat
room/$hour/02-debug.dat" "the others stay"
run_ok scan "$conf"
is "$(cat err)" "" "a scan that finds nothing else has nothing to say"
run_ok s3spool drain --timeout 1m "$conf"
run_ok scan -o exclude='room/*/*/*/*/*' -o include='*' "$conf"
is "$(count_in claimed)" 2 "another choice, another set"
mkdir -p "$spool/claimed/odd/$hour"
echo x >"$spool/claimed/odd/$hour/07-debug.dat"
run_ok upload "$conf"
ok "what is claimed already is uploaded" test "$(count_in claimed)" -eq 0
run scan -o exclude= "$conf"
status_is 78 "an empty pattern"
like err "exclude: the pattern is empty" "is told"
configure 'include: []'
run scan "$conf"
status_is 78 "so is an empty list"

scenario "order"
for each in 2019 2020 2021; do
	for day in 01 02; do
		write_file "b/$each/01/$day/00/00-t.dat" 10
		write_file "a/$each/01/$day/09/00-t.dat" 10
	done
done
run_ok scan "$conf"
run_ok upload -p -o order=newest -o connections=1 "$conf"
sed 's/^.\/\(.*\)/\1/' out >newest
is "$(cat newest)" "$(sort -r newest)" "newest: the newest hour first"
is "$(wc -l <newest)" 12 "all of them"
write_file b/2021/01/02/00/01-t.dat
write_file b/2019/01/02/00/01-t.dat
run_ok scan "$conf"
run_ok upload -p -o connections=1 "$conf"
is "$(cat out)" "b/2019/01/02/00/01-t.dat
b/2021/01/02/00/01-t.dat" "oldest, unless told otherwise"
run scan -o order=random "$conf"
status_is 78 "no such order"

scenario "--limit"
write_files 10
run_ok scan --limit 4 "$conf"
is "$(count_in claimed)" 4 "a scan claims as many"
like err "4 claimed" "it says so"
like err "--limit 4 is reached: the next scan goes on" "and why it ends"
run_ok scan -n --limit 4 "$conf"
is "$(grep -c '^CLAIM' out)" 4 "in a dry run, too"
run_ok scan --limit 6 "$conf"
is "$(count_in claimed)" 10 "and claims the rest"
unlike err "is reached" "nothing is left to say"
run_ok upload -n --limit 3 "$conf"
is "$(grep -c '^PUT' out)" 3 "a dry run of an upload"
run_ok upload --limit 3 "$conf"
is "$(keys | wc -l)" 3 "an upload"
like err "--limit 3 is reached: 3 uploaded, 7 left in the queue" \
	"says what is left"
run_ok upload --limit=100 "$conf"
unlike err "is reached" "it isn't reached"
run_ok reap "$conf"
bucket_is_original
drained
for bad in 0 -1 x 1K '' 99999999999999999999; do
	run upload "--limit=$bad" "$conf"
	status_is 64 "--limit $bad"
	run scan "--max-duration=$bad" "$conf"
	[ "$bad" = 1K ] || status_is 64 "--max-duration $bad"
done
run upload --status --limit 1 "$conf"
status_is 64 "--limit with --status"
run scan --explain --max-duration 1 "$conf"
status_is 64 "--max-duration with --explain"

scenario "--limit, and a file that somebody writes to"
write_file room/2021/02/03/04/05-t.dat
write_file room/2021/02/03/05/05-t.dat
run_ok scan "$conf"
hold_open "$spool/claimed/room/2021/02/03/04/05-t.dat" ""
run_ok upload --limit 1 "$conf"
is "$(keys)" room/2021/02/03/05/05-t.dat "another one is uploaded"
like err "--limit 1 is reached: 1 uploaded, 1 left in the queue" \
	"and the one that waits is counted as left"
run_ok upload --limit 2 "$conf"
unlike err "is reached" "alone, it is looked at once"
let_go
run_ok upload --limit 1 "$conf"
bucket_is_original

scenario "--max-duration"
write_files 20
run_ok scan --max-duration 1h "$conf"
is "$(count_in claimed)" 20 "a scan that has time"
open_gate
: >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
	-o connections=2 --max-duration 15s "$conf"
wait_until "the first are under way" test -e gate/held
sleep 15
rm gate/hold-answers
finish "$started"
status_is 0 "it ends with 0"
like bg.err "--max-duration 15s is reached: 2 uploaded, 18 left in the queue" \
	"those in flight are finished, and no others begun"
is "$(count_in uploading)" 0 "nothing is held"
run_ok s3spool run "$conf"
bucket_is_original
drained

done_testing
