#!/bin/sh
# Empty directories go when no producer can want them any more; locations
# stay.
. "$(dirname "$0")/lib.sh"

today=$(date -u '+%Y/%m/%d/%H')

scenario "at once, when prune_after is 0"
configure "prune_after: 0"
write_file room/2021/02/03/04/05-t.dat
write_file "room/$today/05-t.dat"
mkdir -p base/hall/2020/13/29/6 base/.hidden/2020/01/01/01 base/empty
mkdir -p base/den/2021/02/03/04
echo text >base/den/2021/02/03/04/notes.txt
run_ok s3spool run "$conf"
bucket_is_original
is "$(dirs_in base | grep -v '^\.hidden')" "den
den/2021
den/2021/02
den/2021/02/03
den/2021/02/03/04
empty
hall
room" "what is empty goes, locations and what holds a file stay"
is "$(find "$spool/claimed" "$spool/uploading" "$spool/confirmed" \
	-mindepth 1 | wc -l)" 0 "the spool's own directories go, too"

scenario "by default, a day and more later"
write_file "room/$today/05-t.dat"
mkdir -p base/room/2021/02/03/04 base/room/2021/02/03/05 \
	base/room/2020/13/29/06 base/room/2020/13/29/07
run_ok s3spool run "$conf"
files_are base "" "the file is uploaded"
ok "a live hour's empty directory stays" test -d "base/room/$today"
ok "an old hour's directory that was just made stays" \
	test -d base/room/2021/02/03/04

touch -d '2 hours ago' base/room/2021/02/03/04 base/room/2020/13/29/06
touch -d '2 days ago' base/room/2020/13/29/07
touch -d '2 hours ago' "base/room/$today"
run_ok reap "$conf"
ok "the old hour's goes after an hour of quiet" \
	test ! -e base/room/2021/02/03/04
ok "its quiet sister is judged by itself" test -d base/room/2021/02/03/05
ok "the live hour's stays, quiet or not" test -d "base/room/$today"
ok "where the date is none, two hours are too young" \
	test -d base/room/2020/13/29/06
ok "and two days are old enough" test ! -e base/room/2020/13/29/07

find base/room -depth -type d -exec touch -d '3 days ago' {} +
mkdir -p "base/room/$today"
# Each pass empties the next level up, and quiet is told by the time of change.
passes=0
while [ "$passes" -lt 5 ]; do
	run_ok reap "$conf"
	find base/room -depth -type d ! -path "base/room/${today%%/*}*" \
		-exec touch -d '3 days ago' {} +
	passes=$((passes + 1))
done
is "$(dirs_in base | grep -c '^room/202[01]')" 0 \
	"after some quiet passes the old years are gone"
ok "the location stays" test -d base/room
ok "the live hour's stays" test -d "base/room/$today"

scenario "a dry run prunes nothing"
configure "prune_after: 0"
mkdir -p base/room/2021/02/03/04
run_ok reap --dry-run "$conf"
ok "the directory stays" test -d base/room/2021/02/03/04

scenario "a producer that comes back"
configure "prune_after: 0"
write_file room/2021/02/03/04/05-t.dat
run_ok s3spool run "$conf"
write_file room/2021/02/03/04/06-t.dat
run_ok s3spool run "$conf"
bucket_is_original

done_testing
