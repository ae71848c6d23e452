#!/bin/sh
# SIGTERM and SIGINT end an upload in good order: nothing is lost, and what
# was not stored stays queued.
. "$(dirname "$0")/lib.sh"

# No file is held, and the next run finds them all.
gave_back()
{
	is "$(count_in uploading)" 0 "no file is held any more"
	is "$(count_in failed)" 0 "none is refused"
	rm -f gate/hold-requests gate/hold-answers
	run_ok s3spool run "$conf"
	bucket_is_original
	files_are base "" "the tree is empty"
	drained
}

for signal in TERM INT; do
	scenario "SIG$signal while the store is silent"
	write_files 60
	run_ok scan "$conf"
	open_gate
	: >gate/hold-requests
	# env: a shell's background job would ignore SIGINT from birth.
	start env --default-signal=INT "$S3SPOOL_BUILD/s3spool-upload" \
		-o endpoint_url="$gate_url" -o stall_timeout_seconds=5 "$conf"
	wait_until "requests are on their way" test -e gate/held
	kill -s "$signal" "$started"
	finish "$started"
	status_is 75 "the status says that files stay queued"
	like bg.err "has 5 s to finish, the rest stays queued" \
		"the log says what becomes of the files"
	gave_back
done

scenario "under nohup"
write_files 20
run_ok scan "$conf"
open_gate
: >gate/hold-answers
start nohup "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" "$conf"
wait_until "requests are on their way" test -e gate/held
kill -s HUP "$started"
rm gate/hold-answers
finish "$started"
status_is 0 "SIGHUP ends nothing"
bucket_is_original
run_ok reap "$conf"
drained

scenario "SIGTERM while it works"
write_files 200
run_ok scan "$conf"
open_gate
echo 100 >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
	-o connections=2 "$conf"
# shellcheck disable=SC2317 # wait_until calls it
has_receipts()
{
	grep -qsv '^#' "$spool"/runs/*.tsv
}
wait_until "something is stored" has_receipts
wait_until "others are under way" test -e gate/held
kill -s TERM "$started"
rm gate/hold-answers
finish "$started"
status_is 75 "the status says that files stay queued"
ok "files are queued" test "$(count_in claimed)" -gt 0
gave_back
is "$(ledger key | sort)" "$(keys)" "each file is on record once"

scenario "a signal that comes twice is one"
write_files 60
run_ok scan "$conf"
open_gate
: >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
	-o connections=1 "$conf"
wait_until "one file is under way" test -e gate/held
run_ok terminate_twice "$started"
wait_until "it has heard" grep -qs "Ended by signal 15" bg.err
rm gate/hold-answers
finish "$started"
status_is 75 "the status says that files stay queued"
like bg.err "- 1 uploaded .*, 0 failed, " "what was in flight is finished"
gave_back

# Runs the rest of the line in a network where the only nameserver is silent.
cat >"$work/silent.py" <<'END'
import fcntl, os, socket, struct, sys
nameserver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(nameserver, 0x8914, struct.pack("16sh", b"lo", 1)) # SIOCSIFFLAGS
nameserver.bind(("127.0.0.1", 53))
nameserver.set_inheritable(True)
os.execv(sys.argv[1], sys.argv[1:])
END
scenario "SIGTERM while the resolver hangs"
write_files 3
run_ok scan "$conf"
printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:5\n' >resolv.conf
# shellcheck disable=SC2016 # expanded in there
mount='mount --bind resolv.conf /etc/resolv.conf && exec "$@"'
# shellcheck disable=SC2317 # wait_until calls it
has_ended()
{
	! grep -qs '^State:.[^Z]' "/proc/$started/status"
}
if unshare -rmn sh -c "$mount" sh "$PYTHON" "$work/silent.py" \
	/bin/true 2>/dev/null; then
	start unshare -rmn sh -c "$mount" sh "$PYTHON" "$work/silent.py" \
		"$S3SPOOL_BUILD/s3spool-upload" \
		-o endpoint_url=http://nowhere.example "$conf"
	# shellcheck disable=SC2317 # wait_until calls it
	holds_all()
	{
		[ "$(count_in uploading)" -eq 3 ]
	}
	wait_until "it holds the files" holds_all
	kill -s TERM "$started"
	wait_until "it ends all the same" has_ended
	finish "$started"
	status_is 75 "the status says that files stay queued"
	gave_back
else
	skip "no network of one's own"
fi

scenario "the front door hands a signal on"
write_files 60
open_gate
: >gate/hold-requests
start "$deploy/s3spool" run -o endpoint_url="$gate_url" \
	-o stall_timeout_seconds=5 "$conf"
wait_until "the upload is under way" test -e gate/held
uploader="s3spool-upload -o endpoint_url=$gate_url"
is "$(running "$uploader")" 1 "one uploader runs"
kill -s TERM "$started"
finish "$started"
status_is 75 "the status says that files stay queued"
is "$(running "$uploader")" 0 "no child is left behind"
gave_back

done_testing
