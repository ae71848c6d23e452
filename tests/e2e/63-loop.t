#!/bin/sh
# --loop: one pass after another until a signal, woken by what comes.
. "$(dirname "$0")/lib.sh"

hour=room/2021/02/03/04

# shellcheck disable=SC2317 # wait_until calls it
has_stored()
{
	[ "$(reap --list "$conf" | wc -l)" -eq "$1" ]
}
# shellcheck disable=SC2317
claims()
{
	[ "$(count_in claimed)" -eq "$1" ]
}
# shellcheck disable=SC2317
is_empty()
{
	[ -z "$(files_in "$1")" ]
}
# shellcheck disable=SC2317
has_line()
{
	grep -qE -e "$2" -- "$1"
}
# shellcheck disable=SC2317
has_ended()
{
	[ "$(running "$1")" -eq 0 ]
}

scenario "the front door, of what it can't begin"
for time in soon 0 '' 5x; do
	for option in "--loop $time" "--loop=$time"; do
		# shellcheck disable=SC2086 # the former is two words
		case $option in
		"--loop ") run s3spool run --loop "" "$conf" ;;
		*) run s3spool run $option "$conf" ;;
		esac
		status_is 64 "$option"
		like err "^s3spool: run: --loop wants a time" "it says so"
		is "$(wc -l <err)" 1 "once, and no more"
	done
done
run s3spool run --loop 60 -o base_dir=relative/none "$conf"
status_is 78 "a configuration that can't be used"
is "$(grep -c "base_dir" err) $(wc -l <err)" "1 1" "is told once, and no more"
mkdir bin
cp "$deploy/s3spool" bin
# shellcheck disable=SC2016 # that script's own
printf '#!/bin/sh\n[ "$1" != --loop=60 ] || exit 70\n' >bin/s3spool-scan
printf '#!/bin/sh\nexec sleep 60\n' | tee bin/s3spool-upload >bin/s3spool-reap
chmod +x bin/*
run bin/s3spool run --loop 60 "$conf"
status_is 70 "one of them ends"
is "$(cat err)" "" "of the others, which end by a signal, nothing is said"

scenario "the front door, woken by what comes"
write_file "$hour/01-a.dat"
start "$deploy/s3spool" run -p --loop 1h "$conf"
wait_until "what is there is uploaded" has_stored 1
wait_until "and reaped" is_empty "$spool/confirmed"
write_file "$hour/02-b.dat"
wait_until "what comes goes, too, within the hour" has_stored 2
write_file "cellar/2021/02/03/05/03-new.dat"
wait_until "so does what comes in a new directory" has_stored 3
mv "original/$hour/02-b.dat" "$base/$hour/04-renamed.dat"
cp "$base/$hour/04-renamed.dat" "original/$hour/04-renamed.dat" 2>/dev/null ||
	echo "# it was quick"
wait_until "and what is renamed" has_stored 4
wait_until "all are claimed" is_empty "$base"
kill -s TERM "$started"
finish "$started"
status_is 0 "a signal ends it with 0"
is "$(sort bg.out)" "$(keys)" "it prints the keys uploaded"
wait_until "and nothing of it goes on" has_ended "--loop=1h"
run_ok reap "$conf"
drained

scenario "each program, by the clock"
for name in scan upload reap; do
	start "$S3SPOOL_BUILD/s3spool-$name" --loop 1 "$conf"
	echo "$started" >$name.pid
done
# The clock alone: nobody is told of what is written through another mount; here
# what is settled without anything coming.
write_file "$hour/01-a.dat"
hold_open "base/$hour/01-a.dat" ""
wait_until "the scanner runs" test -d "$spool/claimed"
let_go
wait_until "one is uploaded" has_stored 1
wait_until "and deleted" is_empty "$spool/confirmed"
kill -s INT "$(cat scan.pid)"
kill -s HUP "$(cat upload.pid)"
kill -s TERM "$(cat reap.pid)"
for name in scan upload reap; do
	finish "$(cat $name.pid)"
	status_is 0 "any of the signals ends it"
done
bucket_is_original
run_ok reap "$conf"
drained

# goes_on: the scanner's loop that was started claims what comes next.
goes_on()
{
	coming=$(($(count_in claimed) + 1))
	write_file "$hour/$coming-t.dat"
	wait_until "$1" claims "$coming"
}

scenario "signals that are ignored from birth"
start "$PYTHON" -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$S3SPOOL_BUILD/s3spool-scan" --loop 1h "$conf"
goes_on "a pass is seen to end all the same"
goes_on "and the next one"
kill -s HUP "$started"
finish "$started"
status_is 0 "SIGHUP ends it"
start nohup "$S3SPOOL_BUILD/s3spool-scan" --loop 1h "$conf"
goes_on "nohup's begins"
kill -s HUP "$started"
goes_on "and SIGHUP doesn't end it"
kill -s TERM "$started"
finish "$started"
status_is 0 "SIGTERM does"
run_ok s3spool run "$conf"
bucket_is_original
drained

scenario "SIGHUP is the log's"
start "$S3SPOOL_BUILD/s3spool-scan" -o log_file="$here/log" --loop 1h "$conf"
goes_on "a loop that logs to a file begins"
kill -s HUP "$started"
goes_on "and goes on"
kill -s TERM "$started"
finish "$started"
status_is 0 "until it is told to end"
is "$(grep -c claimed log)" 2 "each pass has logged"

scenario "an upload that is under way when the signal comes"
write_files 40
run_ok scan "$conf"
open_gate
: >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
	-o connections=4 --loop 1h "$conf"
wait_until "requests are on their way" test -e gate/held
kill -s TERM "$started"
wait_until "the pass is told" has_line bg.err "Ended by signal 15"
rm gate/hold-answers
finish "$started"
status_is 0 "the loop ends with 0"
is "$(count_in uploading)" 0 "nothing is held"
ok "the rest is queued" test "$(count_in claimed)" -gt 0
run_ok s3spool run "$conf"
bucket_is_original
drained

scenario "killed, loop and pass"
write_files 40
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
	-o stall_timeout_seconds=5 --loop 1h "$conf"
wait_until "requests are on their way" test -e gate/held
kill -s KILL "$started"
finish "$started"
wait_until "the pass follows its loop" has_ended "endpoint_url=$gate_url"
run_ok s3spool run "$conf"
bucket_is_original
drained

scenario "a pass that is killed doesn't end the loop"
write_files 10
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" --loop 1 \
	"$conf"
wait_until "requests are on their way" test -e gate/held
pass_pid=$(cat "/proc/$started/task/$started/children")
# shellcheck disable=SC2086 # one word, and a blank
kill -s KILL $pass_pid
rm gate/hold-requests
wait_until "the next one takes them up" has_stored 10
kill -s TERM "$started"
finish "$started"
status_is 0 "and the loop goes on until it is told"
run_ok reap "$conf"
bucket_is_original
drained

scenario "errors, and a configuration that changes"
write_files 3
run_ok scan "$conf"
cp "$conf" good.yaml
configure "endpoint_url: http://127.0.0.1:9" "max_attempts: 1"
start "$S3SPOOL_BUILD/s3spool-upload" -v --loop 1 "$conf"
wait_until "a pass fails" has_line bg.err "The pass ended with 75; .* in 1 s"
wait_until "and another one, later" has_line bg.err "ended with 75; .* in 2 s"
echo "nonsense: 1" >>"$conf"
wait_until "what is wrong in the configuration is told" has_line bg.err \
	"there is no such key"
cp good.yaml "$conf"
wait_until "once it is right again all goes well" has_stored 3
kill -s TERM "$started"
finish "$started"
status_is 0 "it ends with 0"
run_ok reap "$conf"
drained

scenario "without inotify"
# shellcheck disable=SC2016 # expanded in there
none='echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"'
if unshare -Ur sh -c "$none" sh true 2>/dev/null; then
	start unshare -Ur sh -c "$none" sh "$S3SPOOL_BUILD/s3spool-scan" -v \
		--loop 1 "$conf"
	wait_until "there is none" has_line bg.err "No hints by inotify"
	write_file "$hour/01-a.dat"
	wait_until "it scans nevertheless" claims 1
	kill -s TERM "$started"
	finish "$started"
	status_is 0 "a signal ends it"
else
	skip "no namespace without inotify can be had"
fi

scenario "a loop of its own that ends"
start "$deploy/s3spool" run --loop 1h "$conf"
wait_until "all three run" test -d "$spool/locks"
for each in /proc/[0-9]*/cmdline; do
	case $(tr '\0' ' ' 2>/dev/null <"$each") in
	*"s3spool-reap --loop=1h $conf"*)
		pid=${each%/cmdline}
		grep -q "^PPid:[[:space:]]*$started\$" "$pid/status" &&
			kill -s KILL "${pid#/proc/}"
		;;
	esac
done
finish "$started"
status_is 137 "the others end with it"
is "$(running "--loop=1h $conf")" 0 "and none is left"

scenario "what goes with it, and what doesn't"
for options in "--loop 0" "--loop x" "--loop 1 -n"; do
	for name in scan upload reap run; do
		# shellcheck disable=SC2086 # words
		run s3spool $name $options "$conf"
		status_is 64 "$name $options"
	done
done
run upload --loop 1 --files-from list "$conf"
status_is 64 "upload --loop --files-from"
run upload --loop 1 --status "$conf"
status_is 64 "upload --loop --status"
run s3spool run --loop
status_is 64 "run --loop without a value"
run s3spool run --loop '' "$conf"
status_is 64 "run --loop ''"
run s3spool drain --loop 1 "$conf"
status_is 64 "drain --loop"
run scan --loop 1 nowhere.yaml
status_is 78 "no configuration"

done_testing
