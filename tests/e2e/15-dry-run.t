#!/bin/sh
# A dry run says what would be done and changes nothing at all.
. "$(dirname "$0")/lib.sh"

# Everything that a change would show in, except access times.
snapshot()
{
	find "$base" -printf '%p %y %i %n %m %s %T@ %C@\n' | sort
}

scenario "without a spool"
write_file room/2021/02/03/04/05-t.dat 1234
snapshot >before
for stage in scan upload reap; do
	run_ok "$stage" --dry-run "$conf"
	ok "$stage makes no spool" test ! -e "$spool"
done
run_ok s3spool run -n "$conf"
run_ok scan --explain "$conf"
run_ok s3spool list "$conf"
snapshot >after
ok "nothing has changed" cmp before after
is "$(keys)" "" "nothing is in the bucket"

scenario "with files in the queue"
configure "key_prefix: in/"
write_file "room/2021/02/03/04/05-a b+c.dat" 1234
write_file room/2021/02/03/04/06-t.dat 0
run_ok scan "$conf"
write_file room/2021/02/03/04/07-t.dat
snapshot >before
run_ok scan -n "$conf"
like out "07-t\\.dat" "scan tells what it would claim"
run_ok upload -n "$conf"
is "$(sort out)" "$(
	url=$AWS_ENDPOINT_URL_S3/$bucket/in/room/2021/02/03/04
	echo "PUT $url/05-a%20b%2Bc.dat 1234 room/2021/02/03/04/05-a b+c.dat"
	echo "PUT $url/06-t.dat 0 room/2021/02/03/04/06-t.dat"
)" "upload tells the requests it would send"
run_ok env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \
	"$S3SPOOL_BUILD/s3spool-upload" -n "$conf"
run_ok reap -n "$conf"
snapshot >after
ok "nothing has changed" cmp before after
is "$(keys)" "" "nothing is in the bucket"

scenario "with files to reap"
write_file room/2021/02/03/04/05-t.dat
run_ok scan "$conf"
run_ok upload "$conf"
snapshot >before
run_ok reap -n "$conf"
like out "05-t\\.dat" "reap tells what it would delete"
snapshot >after
ok "nothing has changed" cmp before after
run_ok reap "$conf"
drained

done_testing
