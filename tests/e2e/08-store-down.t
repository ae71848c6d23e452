#!/bin/sh
# The store can't be reached, or has no such bucket: everything stays queued.
. "$(dirname "$0")/lib.sh"

all_queued()
{
	files_are "$spool/claimed" "$(cd original && find . -type f |
		sed 's|^\./||' | sort)" "every file is queued"
	is "$(count_in uploading confirmed failed)" 0 "and nowhere else"
}

scenario "nobody listens"
write_files 50
configure "max_attempts: 2"
port=$("$PYTHON" "$tests_dir/servers/ports.py" 1)
run s3spool run -o "endpoint_url=http://127.0.0.1:$port" "$conf"
status_is 75 "the status says that files stay queued"
like err "127\\.0\\.0\\.1.*$port|[Cc]onnect" "the log says what is wrong"
ok "and does not say it for each file" test "$(wc -l <err)" -lt 20
all_queued
run_ok s3spool run "$conf"
bucket_is_original
drained

scenario "the name of the store's host is unknown"
write_files 3
configure "max_attempts: 2"
run s3spool run -o "endpoint_url=http://store.invalid" "$conf"
status_is 75 "the status says that files stay queued"
like err "store\\.invalid" "the log names the host"
all_queued

scenario "the connection breaks, and comes back"
write_files 30
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
	-o max_attempts=2 "$conf"
wait_until "requests are on their way" test -e gate/held
kill "$gate_pid"
finish "$started"
status_is 75 "the status says that files stay queued"
all_queued
run_ok s3spool run "$conf"
bucket_is_original
drained

scenario "a store that never answers"
write_files 5
run_ok scan "$conf"
open_gate
: >gate/hold-answers
run upload -o endpoint_url="$gate_url" -o max_attempts=1 \
	-o stall_timeout_seconds=2 "$conf"
status_is 75 "the status says that files stay queued"
all_queued
rm gate/hold-answers
run_ok s3spool run "$conf"
bucket_is_original

scenario "no such bucket"
write_files 20
run s3spool run -o "s3_bucket=$bucket-not" "$conf"
status_is 78 "the status says that the configuration is wrong"
is "$(grep -c 'NoSuchBucket' err)" 1 "the log says it once"
all_queued
run_ok s3spool run "$conf"
bucket_is_original

done_testing
