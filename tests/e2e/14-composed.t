#!/bin/sh
# The stages print what they did, so that scripts can go on from there.
. "$(dirname "$0")/lib.sh"

scenario "stages composed with --print0 and xargs -0"
configure "key_prefix: incoming/"
write_file "room/2021/02/03/04/05-two words.dat"
write_file "room/2021/02/03/04/06-new
line.dat"
write_file "room/2021/02/03/04/07-plain.dat"
(cd original && find . -type f -print0) |
	sed -z 's|^\./|incoming/|' | sort -z >wanted

scan --print0 "$conf" 2>err | sort -z >claimed
ok "scan prints the keys of what it claimed" cmp claimed wanted
upload --print0 "$conf" 2>err | tee uploaded |
	xargs -0 -n 1 "$PYTHON" "$tests_dir/servers/s3.py" head "$bucket" >heads
sort -z -o uploaded uploaded
ok "upload prints the keys of what it uploaded" cmp uploaded wanted
is "$(grep -c '^200$' heads)" 3 "each of which the store knows"
reap --print0 "$conf" 2>err | sort -z >reaped
ok "reap prints the keys of what it deleted" cmp reaped wanted
s3 list -0 "$bucket" | sort -z >listed
ok "and those are the bucket's" cmp listed wanted
drained

scenario "lines for people"
write_file room/2021/02/03/04/05-t.dat
write_file room/2021/02/03/04/06-t.dat
for stage in scan upload reap; do
	run_ok "$stage" -p "$conf"
	is "$(sort out)" "room/2021/02/03/04/05-t.dat
room/2021/02/03/04/06-t.dat" "$stage -p prints a key a line"
done
for stage in scan upload reap; do
	run_ok "$stage" -p "$conf"
	is "$(cat out)" "" "$stage -p prints nothing when nothing is to be done"
done

scenario "the front door prints what was uploaded, once"
write_file room/2021/02/03/04/05-t.dat
run_ok s3spool run -p "$conf"
is "$(cat out)" "room/2021/02/03/04/05-t.dat" "one line"

scenario "by hand, as the shell recipes have it"
write_files 10
scan "$conf" 2>err; upload "$conf" 2>>err; reap "$conf" 2>>err
bucket_is_original
files_are base "" "the tree is empty"

scenario "only some of what waits: the queue is a directory tree"
write_files 10
run_ok scan "$conf"
mkdir aside
mv "$spool/claimed/room0" aside/
run_ok upload "$conf"
is "$(keys | grep -c '^room0/')" 0 "what a person moved away is not uploaded"
mv aside/room0 "$spool/claimed/"
run_ok upload "$conf"
bucket_is_original

# shellcheck disable=SC2317 # called by wait_until
both_taken()
{
	test "$(count_in uploading)" -eq 2
}

scenario "what is claimed while something is sent isn't kept waiting"
write_file room/2021/02/03/04/05-t.dat
run_ok scan "$conf"
open_gate
: >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" "$conf"
wait_until "one is sent" test -e gate/held
write_file room/2021/02/03/04/06-t.dat
run_ok scan "$conf"
wait_until "the other is taken" both_taken
rm gate/hold-answers
finish "$started"
status_is 0 "both are stored"
run_ok reap "$conf"
bucket_is_original
drained

done_testing
