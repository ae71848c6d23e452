#!/bin/sh
# log_file: a log of its own, which may be rotated while a run writes to it.
. "$(dirname "$0")/lib.sh"
tree=${tests_dir%/*}/deploy

hour=room/2021/02/03/04
stamp='^20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9],[0-9]{3}'

# uploaded FILE...: of how many files these logs say that they are uploaded.
uploaded()
{
	cat "$@" | grep -cE "$stamp -   INFO - $base/.* has been uploaded to $bucket\\.\$"
}

scenario "a log of its own"
mkdir log
configure "log_file: log/s3spool.log"
write_files 5
cd / || exit 1
"$deploy/s3spool" run "$conf" >"$here/out" 2>"$here/err"
status=$?
cd "$here" || exit 1
status_is 0 "from wherever it is run"
is "$(cat out err)" "" "nothing is left to mail"
is "$(uploaded log/s3spool.log)" 5 "each upload has its line there"
is "$(grep -cE ' [0-9]+ (claimed|uploaded|deleted) \(' log/s3spool.log)" 3 \
	"and each stage its sum"
is "$(stat -c '%a %U' log/s3spool.log)" "600 $(id -un)" "it is its user's"
cp log/s3spool.log before
write_file "$hour/05-later.dat"
run_ok s3spool run "$conf"
ok "the next run goes on in it" cmp -n "$(stat -c %s before)" before \
	log/s3spool.log
bucket_is_original
drained

scenario "who asks is answered here"
mkdir log
configure "log_file: log/s3spool.log"
write_files 1
run scan --no-such-option "$conf"
ok "a command line is told to be wrong" test -s err
run scan -o settle_seconds=x "$conf"
ok "so is a configuration" test -s err
run_ok scan -n -v "$conf"
ok "a dry run says what it finds" test -s err
run s3spool status "$conf"
run s3spool retry "$conf" "$hour/none.dat"
like err "isn't in failed/" "a command says what it can't do"
is "$(ls log)" "" "and none of them makes a log"
run_ok s3spool run -o log_file= "$conf"
is "$(uploaded err)" 1 "an empty one on the command line is stderr"
is "$(ls log)" "" "and no log is made"

# --- what is in the way ----------------------------------------------------

# unusable DESCRIPTION REGEX: the log isn't, and all the rest is done.
unusable()
{
	write_file "$hour/06-$(echo "$1" | tr ' ' -).dat"
	run s3spool run "$conf"
	status_is 74 "$1: the status says that something is wrong"
	like err " -  ERROR - Cannot log to '$here/log/s3spool\\.log': $2; logging \
here" "it says what"
	is "$(uploaded err)" 1 "and logs here"
	drained
}

scenario "a log that can't be"
configure "log_file: log/s3spool.log"
unusable "no directory" "No such file or directory"
mkdir -p log/s3spool.log
unusable "a directory" "Is a directory"
rmdir log/s3spool.log
mkfifo log/s3spool.log
unusable "a FIFO" "No such device or address"
rm log/s3spool.log
# Where the producer may write, it may leave a link to what the user has.
echo precious >precious
ln -s ../precious log/s3spool.log
unusable "a link" "it is a symbolic link"
is "$(cat precious)" "precious" "what it leads to is untouched"

# --- rotation --------------------------------------------------------------

# held_uploader: an uploader of 12 files at work, which logs to log/s3spool.log,
# with some uploaded, and others under way that don't end before release.
held_uploader()
{
	mkdir log
	configure "log_file: log/s3spool.log" "connections: 1"
	write_files 12
	run_ok scan "$conf"
	open_gate
	# Few enough that not all 12 are answered, in however few pieces.
	echo 4 >gate/hold-answers
	start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" "$conf"
	wait_until "the store falls silent" test -e gate/held
	wait_until "some are uploaded" has_uploaded
}

# shellcheck disable=SC2317 # wait_until calls it
has_uploaded()
{
	[ -e log/s3spool.log ] && [ "$(uploaded log/s3spool.log)" -gt 0 ]
}

release()
{
	rm gate/hold-answers
	finish "$started"
	status_is 0 "it ends as if nothing had been"
	is "$(cat bg.out bg.err)" "" "and says nothing of it"
	is "$(uploaded log/*)" 12 "together the logs have each upload"
	ok "the new one some of them" test "$(uploaded log/s3spool.log)" -gt 0
	unlike log/s3spool.log "^[^2]" "each line in one piece"
	bucket_is_original
}

scenario "SIGHUP"
held_uploader
mv log/s3spool.log log/s3spool.log.1
cp log/s3spool.log.1 before
kill -s HUP "$started"
wait_until "a new one is there at once" test -e log/s3spool.log
ok "the old one is left alone" cmp before log/s3spool.log.1
release
ok "for good" cmp before log/s3spool.log.1

scenario "logrotate"
logrotate=$(PATH=$PATH:/usr/sbin command -v logrotate)
if [ -n "$logrotate" ]; then
	held_uploader
	# Whoever runs the tests needs no `su`, and may have no such user.
	sed -e "s|/var/log/s3spool|$here/log|" -e '/^[[:space:]]*su /d' \
		"$tree/logrotate.d/s3spool" >logrotate.conf
	chmod 644 logrotate.conf
	run_ok "$logrotate" --force --state state logrotate.conf
	ok "it is rotated" test -e log/s3spool.log.1
	cp log/s3spool.log.1 before
	release
	ok "no signal is needed: the next line goes to the new one" \
		cmp before log/s3spool.log.1
else
	skip "no logrotate is installed"
fi

scenario "a directory that is gone"
held_uploader
mv log gone
rm gate/hold-answers
finish "$started"
status_is 0 "it goes on"
is "$(uploaded gone/s3spool.log)" 12 "in the old one"
is "$(grep -c "WARNING - Cannot open the log '$here/log/s3spool.log' anew: No such \
file or directory; going on with the old file" gone/s3spool.log)" 1 \
	"which says so once"

# LeakSanitizer can't work beside strace.
scenario "SIGHUP ends no stage"
mkdir log
configure "log_file: log/s3spool.log"
write_files 12
for stage in scan upload reap; do
	case $stage in
	reap) call=unlinkat ;;
	*) call=renameat2 ;;
	esac
	rm -f trace
	start env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" strace -f -o trace \
		-e "trace=$call" -e "inject=$call:delay_enter=20000" \
		"$S3SPOOL_BUILD/s3spool-$stage" -o connections=1 "$conf"
	wait_until "$stage is at work" grep -qs "$call" trace
	# shellcheck disable=SC2046 # one number, and a blank
	kill -s HUP $(cat "/proc/$started/task/$started/children")
	finish "$started"
	status_is 0 "$stage does it all"
	like trace "SIGHUP" "it was told"
done
is "$(uploaded log/s3spool.log)" 12 "all are uploaded"
drained

scenario "without log_file it ends the upload"
write_files 12
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
	-o stall_timeout_seconds=5 "$conf"
wait_until "requests are on their way" test -e gate/held
kill -s HUP "$started"
finish "$started"
status_is 75 "as always"

scenario "several write to it"
mkdir log
configure "log_file: log/s3spool.log"
write_files 100
run_ok scan "$conf"
start "$S3SPOOL_BUILD/s3spool-upload" "$conf"
first=$started
start "$S3SPOOL_BUILD/s3spool-upload" "$conf"
finish "$started"
finish "$first"
is "$(uploaded log/s3spool.log)" 100 "each upload has its line"
unlike log/s3spool.log "^[^2]" "none is mixed with another"
bucket_is_original

done_testing
