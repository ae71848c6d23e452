#!/bin/sh
# Two uploaders share one spool: every file is uploaded by one of them.
. "$(dirname "$0")/lib.sh"

# What both printed, together: each key once.
shared_out()
{
	cat first.out second.out | sort >printed
	(cd original && find . -type f | sed 's|^\./||' | sort) >wanted
	ok "each file was uploaded by exactly one of them" cmp printed wanted
	is "$(ledger key | sort)" "$(cat wanted)" "each is on record once"
}

scenario "one is stuck, the other does the rest"
write_files 60
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start "$S3SPOOL_BUILD/s3spool-upload" --print -o endpoint_url="$gate_url" \
	-o connections=2 "$conf"
wait_until "the first has begun" test -e gate/held
run_ok upload --print "$conf"
mv out second.out
ok "the second uploads while the first holds some" test -s second.out
ok "the first holds files" test "$(count_in uploading)" -gt 0
is "$(count_in claimed)" 0 "nothing that is free is left"
rm gate/hold-requests
finish "$started"
status_is 0 "the first ends well"
mv bg.out first.out
ok "it uploaded what it held" test -s first.out
shared_out
bucket_is_original
run_ok reap "$conf"
drained

scenario "a race"
write_files 300
run_ok scan "$conf"
start "$S3SPOOL_BUILD/s3spool-upload" --print -o connections=4 "$conf"
run upload --print -o connections=4 "$conf"
mv out second.out
status_is 0 "one ends well"
finish "$started"
status_is 0 "the other ends well"
mv bg.out first.out
shared_out
bucket_is_original
run_ok reap "$conf"
drained

scenario "four whole pipelines at once"
write_files 200
pids=
for i in 1 2 3 4; do
	"$deploy/s3spool" run "$conf" >"out.$i" 2>"err.$i" &
	pids="$pids $!"
	children="$children $!"
done
for pid in $pids; do
	finish "$pid"
	status_is 0 "a pipeline ends well"
done
run_ok s3spool run "$conf"
bucket_is_original
files_are base "" "nothing is left in the tree"
drained
is "$(ledger key | sort)" "$(keys)" "each file is on record once"

# shellcheck disable=SC2317 # called by wait_until
none_is_kept()
{
	test "$(count_in uploading)" -eq 4 && test "$(count_in confirmed)" -gt 50
}

stub_scenario "what one has taken ahead of time isn't kept from the other"
write_files 200
run_ok scan "$conf"
open_gate
echo 100 >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" --print -o connections=4 \
	-o endpoint_url="$gate_url" "$conf"
wait_until "answers stay away" test -e gate/held
wait_until "it keeps no more than it sends" none_is_kept
run upload --print "$conf"
mv out second.out
status_is 0 "the other ends well"
is "$(count_in claimed)" 0 "and has sent all the rest"
rm gate/hold-answers
finish "$started"
status_is 0 "and so does the one"
mv bg.out first.out
shared_out
bucket_is_original
run_ok reap "$conf"
drained

# The files that are taken, but weren't sent yet.
ahead()
{
	(cd "$run" && find . -type f) | cut -c 3- | sort >taken
	awk -F '\t' -v bucket="$bucket" '$3 == bucket { print $4 }' \
		"$stub_log" | sort >sent
	comm -23 taken sent
}

# shellcheck disable=SC2317 # called by wait_until
is_at_work()
{
	test "$(wc -l <"$stub_log")" -gt $((sent_before + attempt * 100))
}

# The loop has sent what there is to send, and waits. (Sanitizers have threads of
# their own, which don't.)
# shellcheck disable=SC2317 # called by wait_until
is_waiting()
{
	cat /proc/"$started"/task/"$started"/status >before
	sleep 0.1
	cat /proc/"$started"/task/"$started"/status >after
	grep -q '^State:.S' after &&
		test "$(grep ctxt before)" = "$(grep ctxt after)"
}

stub_scenario "what was read ahead of time, and written since, is read anew" \
	--latency-ms 5
write_files 1500 # more than a page of the list, too
run_ok scan "$conf"
sent_before=$(wc -l <"$stub_log")
start "$S3SPOOL_BUILD/s3spool-upload" -o connections=16 "$conf"
# What is taken ahead goes back after a second: where we come too late, again.
for attempt in 1 2 3 4 5; do
	wait_until "it is at work" is_at_work
	kill -s STOP "$stub_pid"
	wait_until "all connections wait for an answer" is_waiting
	kill -s STOP "$started"
	kill -s CONT "$stub_pid"
	sleep 0.3 # what was sent arrives, and what was read grows old
	run=$(find "$spool/uploading" -mindepth 1 -maxdepth 1)
	ahead >late
	[ ! -s late ] || break
	kill -s CONT "$started"
done
ok "some were taken ahead" test -s late
while read -r path; do
	echo late >>"$run/$path"
	echo late >>"original/$path"
done <late
kill -s CONT "$started"
finish "$started"
status_is 0 "no file has changed while it was sent"
run_ok reap "$conf"
bucket_is_original
drained

stub_scenario "newer files have come in the way of what was taken ahead of time"
write_files 200
run_ok scan "$conf"
open_gate
echo 100 >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -v -o connections=4 \
	-o endpoint_url="$gate_url" "$conf"
wait_until "answers stay away" test -e gate/held
wait_until "it waits for them" is_waiting
kill -s STOP "$started"
sleep 0.3 # what was sent arrives
run=$(find "$spool/uploading" -mindepth 1 -maxdepth 1)
ahead >held
while read -r path; do
	mkdir -p "$spool/claimed/${path%/*}"
	cp "original/$path" "$spool/claimed/$path"
done <held
kill -s CONT "$started"
# Nothing was in the way if we were so late that all had gone back before.
wanted=0
if [ -s held ]; then
	wait_until "it can't give them back" grep -q "stays in uploading/" bg.err
	wanted=75
fi
rm gate/hold-answers
finish "$started"
status_is "$wanted" "it says that some are left"
for i in 1 2; do # one after the other
	run_ok upload "$conf"
	run_ok reap "$conf"
done
bucket_is_original
drained

# An uploader with 32 connections, the default, takes 68 descriptors. Files that
# are too large to be read ahead must take none before it is their turn: as many
# as are taken ahead, twice 8 at least, would be too many. (Where fewer than 800
# a second are sent none is taken ahead, and this can't fail.)
stub_scenario "few descriptors are enough" --no-digests
write_files 600 17000
run_ok scan "$conf"
run prlimit --nofile=80: "$S3SPOOL_BUILD/s3spool-upload" "$conf"
status_is 0 "upload ends with 0"
like err "600 uploaded .* 0 failed, 0 given back" "none was left"
run_ok reap "$conf"
bucket_is_original
drained

done_testing
