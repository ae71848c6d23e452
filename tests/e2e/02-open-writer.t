#!/bin/sh
# A file that somebody has open for writing is deferred, then taken whole.
. "$(dirname "$0")/lib.sh"

path=room/2021/02/03/04/05-t.dat

scenario "a writer"
write_file "$path" 10000
write_file room/2021/02/03/04/06-t.dat
hold_open "base/$path"
run_ok scan --explain "$conf"
like out "^deferred .*05-t\\.dat: .*open for writing" \
	"--explain says that somebody has it open"
like out "^settled .*06-t\\.dat: " "and that the other one is settled"
run_ok s3spool run "$conf"
is "$(keys)" "room/2021/02/03/04/06-t.dat" "only the other file is uploaded"
files_are base "$path" "the open file stays where it was"
let_go
echo more >>"original/$path"
run_ok s3spool run "$conf"
bucket_is_original
files_are base "" "it is gone once it is uploaded"
drained

scenario "a reader is no writer"
write_file "$path"
sh -c 'exec 3<"$1"; : >reading; exec sleep 1000' sh "base/$path" &
children="$children $!"
wait_until "somebody reads it" test -e reading
run_ok s3spool run "$conf"
bucket_is_original

scenario "too young"
configure "settle_seconds: 1h"
write_file "$path"
run_ok scan --explain "$conf"
like out "^deferred .*05-t\\.dat: .*settle_seconds" "--explain says why it waits"
run_ok s3spool run "$conf"
files_are base "$path" "it stays"
is "$(count_in claimed)" 0 "nothing is claimed"
is "$(cat err)" "" "and nothing is said"
run_ok scan -n "$conf"
like err " 0 would be claimed .*, 1 not settled yet" "but in a dry run"
run_ok scan -v "$conf"
like err " 0 claimed .*, 1 not settled yet" "and with -v"
touch -d '2 days ago' "base/$path"
run_ok scan "$conf"
files_are base "$path" \
	"an old modification time does not make it old: its change is new"
run_ok s3spool run -o settle_seconds=0 "$conf"
bucket_is_original

done_testing
