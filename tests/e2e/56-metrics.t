#!/bin/sh
# metrics_dir: what each stage tells node_exporter's textfile collector, and that
# nothing goes wrong by it: several uploaders, several configurations, and a
# directory that isn't there, can't be written to, or is laid with traps.
. "$(dirname "$0")/lib.sh"

# number STAGE NAME [LABELS]: the value in prom/s3spool_STAGE.prom of the series
# whose labels besides spool_dir are these; nothing where there is none.
number()
{
	awk -v name="$2" -v labels="${3:+,$3}}" '
		index($0, name "{") == 1 {
			at = index($0, "\"" labels " ")
			if (at && substr($0, at + 1) == labels " " $NF)
				print $NF
		}' "prom/s3spool_$1.prom"
}

# checked FILE...: promtool has nothing to say about them.
checked()
{
	if ! command -v promtool >/dev/null; then
		skip "no promtool is installed"
		return
	fi
	for checked in "$@"; do
		is "$(promtool check metrics <"$checked" 2>&1)" "" \
			"promtool has nothing to say about ${checked##*/}"
	done
}

# configure_metrics LINE...: with metrics in prom/.
configure_metrics()
{
	mkdir -p prom
	configure "metrics_dir: prom" "$@"
}

hour=room/2021/02/03/04

scenario "not asked for"
write_files 3
run_ok s3spool run "$conf"
is "$(find "$spool/locks" -name 'metrics*')" "" "nothing is kept for them"

scenario "what the runs tell"
configure_metrics
write_file "$hour/01-t.dat" 100
write_file "$hour/02-t.dat" 200
write_file "$hour/03-open.dat" 30
hold_open "base/$hour/03-open.dat" ""
run_ok s3spool run "$conf"
files_are prom "s3spool_reap.prom
s3spool_scan.prom
s3spool_upload.prom" "a file of each stage, and nothing else"
is "$(stat -c %a prom/* | sort -u)" 644 "that all may read"
checked prom/*
is "$(number scan s3spool_claimed_files_total) $(
	)$(number scan s3spool_claimed_bytes_total)" "2 300" "what was claimed"
is "$(number scan s3spool_unsettled_files) $(
	)$(number scan s3spool_refused_files)" "1 0" "what wasn't"
is "$(number scan s3spool_backlog_files 'state="base"') $(
	)$(number scan s3spool_backlog_bytes 'state="base"')" "1 30" "base"
is "$(number upload s3spool_uploaded_files_total) $(
	)$(number upload s3spool_uploaded_bytes_total)" "2 300" "what was stored"
is "$(number reap s3spool_deleted_files_total) $(
	)$(number reap s3spool_deleted_bytes_total)" "2 300" "what was deleted"
is "$(number reap s3spool_ledger_files) $(
	)$(number reap s3spool_ledger_bytes)" \
	"1 $(find "$spool/ledger" -type f -exec stat -c %s {} +)" "the ledger"
for stage in scan upload reap; do
	is "$(number $stage s3spool_runs_total "stage=\"$stage\"") $(
		)$(number $stage s3spool_last_run_exit_status \
		"stage=\"$stage\"")" "1 0" "the run of $stage"
	is "$(number $stage s3spool_last_success_timestamp_seconds \
		"stage=\"$stage\"")" \
		"$(number $stage s3spool_last_run_timestamp_seconds \
			"stage=\"$stage\"")" "was a success"
	like prom/s3spool_$stage.prom \
		"^s3spool_info\{.*base_dir=\"$base\",bucket=\"$bucket\"" \
		"and it says whose"
done
for room in claimed uploading failed held; do
	is "$(number upload s3spool_backlog_files "state=\"$room\"")" 0 \
		"nothing is in $room"
	is "$(number upload s3spool_backlog_oldest_timestamp_seconds \
		"state=\"$room\"")" "" "nor is anything old there"
done
let_go

cp prom/s3spool_upload.prom before
run_ok scan "$conf"
for question in --dry-run --status; do
	run upload $question "$conf"
	run scan $question "$conf"
	run reap $question "$conf"
done
run reap --list "$conf"
ok "questions leave it alone" cmp before prom/s3spool_upload.prom
run_ok upload "$conf"
is "$(number upload s3spool_uploaded_files_total) $(
	)$(number upload s3spool_runs_total 'stage="upload"')" "3 2" \
	"counters go on where the last run left them"
stored=$(number upload s3spool_last_upload_timestamp_seconds)
run_ok upload "$conf"
is "$(number upload s3spool_last_upload_timestamp_seconds)" "$stored" \
	"a run that finds nothing leaves the last upload as it was"
is "$(number reap s3spool_backlog_files 'state="confirmed"')" 0 \
	"confirmed, as the reaper left it"
run_ok reap -o retain=1h "$conf"
is "$(number reap s3spool_backlog_files 'state="confirmed"') $(
	)$(number reap s3spool_backlog_oldest_timestamp_seconds \
	'state="confirmed"')" "1 " "what is retained isn't late"
run_ok reap "$conf"
is "$(number reap s3spool_deleted_files_total)" 3 "the reaper's go on, too"

scenario "what goes wrong"
configure_metrics
write_file "$hour/01-t.dat"
printf other >other
s3 put "$bucket" "$hour/01-t.dat" other
run_ok scan "$conf"
run upload "$conf"
status_is 1 "a conflict"
is "$(number upload s3spool_upload_failures_total 'class="refused"') $(
	)$(number upload s3spool_last_run_exit_status 'stage="upload"') $(
	)$(number upload s3spool_backlog_files 'state="failed"')" "1 1 1" \
	"it is told"
success=$(number upload s3spool_last_success_timestamp_seconds \
	'stage="upload"')
ok "but all was done: $success" test -n "$success"

write_file "$hour/02-t.dat" 40
run_ok scan "$conf"
run upload -o endpoint_url=http://127.0.0.1:9 -o max_attempts=2 "$conf"
status_is 75 "no store"
is "$(number upload s3spool_upload_failures_total 'class="network"') $(
	)$(number upload s3spool_retries_total) $(
	)$(number upload s3spool_last_run_exit_status 'stage="upload"')" \
	"1 1 75" "it is told, with the retry"
is "$(number upload s3spool_backlog_files 'state="claimed"') $(
	)$(number upload s3spool_backlog_bytes 'state="claimed"')" "1 40" \
	"and what waits"
is "$(number upload s3spool_backlog_oldest_timestamp_seconds \
	'state="claimed"' | cut -d . -f 1)" \
	"$(stat -c %Y "$spool/claimed/$hour/02-t.dat")" "and since when"
is "$(number upload s3spool_last_success_timestamp_seconds \
	'stage="upload"')" "$success" "the last success is the one before"

run env AWS_SECRET_ACCESS_KEY=wrong "$S3SPOOL_BUILD/s3spool-upload" "$conf"
status_is 77 "a wrong secret"
is "$(number upload s3spool_upload_failures_total 'class="permission"')" 1 \
	"it is told"
run upload -o s3_bucket=b "$conf"
status_is 78 "no bucket's name"
is "$(number upload s3spool_upload_failures_total 'class="configuration"') $(
	)$(number upload s3spool_last_run_exit_status 'stage="upload"')" \
	"1 78" "it is told"
is "$(number upload s3spool_upload_failures_total 'class="network"')" 1 \
	"and the others are as they were"
checked prom/*

# --- many at once -----------------------------------------------------------

scenario "several uploaders at once"
configure_metrics "connections: 1"
write_files 60
run_ok scan "$conf"
uploaders=
for uploader in 1 2 3 4; do
	start "$S3SPOOL_BUILD/s3spool-upload" "$conf"
	uploaders="$uploaders $started"
done
for uploader in $uploaders; do
	finish "$uploader"
	status_is 0 "an uploader ends with 0"
done
is "$(number upload s3spool_uploaded_files_total) $(
	)$(number upload s3spool_uploaded_bytes_total) $(
	)$(number upload s3spool_runs_total 'stage="upload"')" "60 6000 4" \
	"none has overwritten what another counted"
files_are prom "s3spool_scan.prom
s3spool_upload.prom" "and nothing is left beside the files"
checked prom/s3spool_upload.prom

scenario "while it works"
configure_metrics
write_file "$hour/01-t.dat" 50
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start env AWS_ENDPOINT_URL_S3="$gate_url" "$S3SPOOL_BUILD/s3spool-upload" \
	"$conf"
wait_until "a long upload tells how it goes" test -e prom/s3spool_upload.prom
is "$(number upload s3spool_backlog_files 'state="uploading"') $(
	)$(number upload s3spool_runs_total 'stage="upload"') $(
	)$(number upload s3spool_last_run_exit_status 'stage="upload"')" \
	"1 0 " "what is on its way, and that no run has ended"
checked prom/s3spool_upload.prom
rm gate/hold-requests
finish "$started"
is "$(number upload s3spool_uploaded_files_total) $(
	)$(number upload s3spool_runs_total 'stage="upload"')" "1 1" \
	"and each file is counted once"

scenario "several configurations"
configure_metrics
sed -e "s|^base_dir:.*|base_dir: $here/other|" "$conf" >other.yaml
mkdir other
run_ok scan "$conf"
write_file "$hour/01-t.dat"
mv base/room other/room
run_ok scan other.yaml
is "$(files_in prom | wc -l)" 2 "each has a file"
other=$(cd prom && ls s3spool_scan_*.prom)
is "$(number scan s3spool_claimed_files_total)" 0 "the first one's is its own"
like "prom/$other" "^s3spool_claimed_files_total\{.*other/\.spool\"\} 1" \
	"and so is the other one's"
checked prom/*
rm prom/s3spool_scan.prom
run_ok scan other.yaml
files_are prom "$other" "it keeps its name when the other one is free"
run_ok scan "$conf"
like prom/s3spool_scan.prom "^s3spool_runs_total\{.*base/\.spool\",.*\} 2" \
	"the first one has its own again, and has not lost count"
run_ok scan other.yaml
like "prom/$other" "^s3spool_runs_total\{.*other/\.spool\",.*\} 3" \
	"nor has the other one"

# --- a directory that isn't as it should be ---------------------------------

scenario "a directory that is no good"
for no_good in "$here/missing" /proc/sys; do
	configure "metrics_dir: $no_good"
	write_file "$hour/01-t.dat"
	run s3spool run "$conf"
	status_is 0 "metrics_dir: ${no_good##*/}: all else works"
	like err "WARNING - Cannot write metrics into '$no_good': ." "it is said"
	is "$(count_in claimed uploading confirmed)" 0 "the file is stored"
	s3 delete "$bucket" "$hour/01-t.dat"
done
like err "ReadWritePaths=|create that directory" "with what to do about it"

scenario "a directory laid with traps"
configure_metrics
echo victim >victim
run_ok scan "$conf"
rm prom/*
ln -s ../victim prom/s3spool_scan.prom
mkfifo prom/s3spool_upload.prom
mkdir prom/s3spool_reap.prom
write_file "$hour/01-t.dat"
run_ok s3spool run "$conf"
unlike err WARNING "no trap matters"
is "$(cat victim)" victim "a link isn't followed"
is "$(files_in prom | grep -c '_[0-9a-f]\{16\}\.prom$')" 3 \
	"nothing that is another's is replaced"
ok "neither the link nor the FIFO" \
	test -L prom/s3spool_scan.prom -a -p prom/s3spool_upload.prom
# The name under which a file is made first: a directory there is in the way.
temporary=prom/.$(cd prom && ls s3spool_scan_*.prom)
temporary=${temporary%.prom}
mkdir "$temporary"
run_ok scan "$conf"
like err "Cannot write metrics" "a directory in the way is a warning"
rmdir "$temporary"
ln -s ../victim "$temporary"
run_ok scan "$conf"
unlike err WARNING "a link in the way is none"
is "$(cat victim)" victim "and it isn't followed"
fails "but gone" test -L "$temporary"
checked prom/*_*_*.prom

scenario "what is carried on is damaged"
configure_metrics
write_file "$hour/01-t.dat"
run_ok s3spool run "$conf"
for damage in '' '\n\n{}\377 \0x\n'; do
	# shellcheck disable=SC2059 # a format
	printf "$damage" >"$spool/locks/metrics-upload"
	run_ok upload "$conf"
	is "$(number upload s3spool_uploaded_files_total)" 0 \
		"it begins anew"
done
printf 's3spool_uploaded_files_total 7\ns3spool_retries_total 1' \
	>"$spool/locks/metrics-upload"
run_ok upload "$conf"
is "$(number upload s3spool_uploaded_files_total) $(
	)$(number upload s3spool_retries_total)" "7 0" \
	"what is whole of it is taken"

scenario "names that need escapes"
base=$(printf '%s/a "b" \\c\303\251\377\nd' "$here")
spool=$base/.spool
mkdir "$base" prom
for stage in scan upload reap; do
	run_ok $stage -o "base_dir=$base" -o metrics_dir=prom "$conf"
done
like prom/s3spool_scan.prom 'spool_dir=".*/a \\"b\\" .*/\.spool"' \
	"the label is escaped"
is "$(grep -cvE '^(#|s3spool_)' prom/s3spool_scan.prom)" 0 "on one line"
checked prom/*

scenario "confined"
configure_metrics
write_file "$hour/01-t.dat"
for stage in scan upload reap; do
	run_ok $stage -v -v "$conf"
	grep -q "Landlock ABI" err || continue
	like err "files confined to base_dir, the spool and metrics_dir" \
		"$stage reaches metrics_dir, too"
done
is "$(files_in prom | wc -l)" 3 "and writes there"

# --- last, since the stub stays in the place of the store -------------------

script "PUT key=*/01-* n=1 status=503 code=SlowDown" \
	"PUT key=*/02-* status=503 code=SlowDown"
stub_scenario "a store that answers 503" --script "$script"
configure_metrics
write_file "$hour/01-t.dat"
run_ok scan "$conf"
run_ok upload "$conf"
is "$(number upload s3spool_retries_total) $(
	)$(number upload s3spool_upload_failures_total 'class="store"')" \
	"1 0" "what worked the second time is a retry, and no failure"
write_file "$hour/02-t.dat"
run_ok scan "$conf"
run upload -o max_attempts=1 "$conf"
status_is 75 "what didn't work"
is "$(number upload s3spool_upload_failures_total 'class="store"')" 1 \
	"is a failure"
stop_stub

done_testing
