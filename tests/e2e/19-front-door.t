#!/bin/sh
# deploy/s3spool: one name for the three programs, one status for all.
. "$(dirname "$0")/lib.sh"

scenario "commands"
write_file room/2021/02/03/04/05-t.dat
run_ok s3spool scan "$conf"
files_are "$spool/claimed" room/2021/02/03/04/05-t.dat "scan claims"
run_ok s3spool upload "$conf"
bucket_is_original
run_ok s3spool reap -q "$conf"
drained
run_ok s3spool list "$conf" --prefix room/
is "$(wc -l <out)" 1 "list lists"
run s3spool
status_is 64 "without a command: 64"
run s3spool launch "$conf"
status_is 64 "an unknown command: 64"
like err "launch.*--help" "with a hint"
run s3spool "$conf"
status_is 64 "a configuration alone: 64"
like err "s3spool run" "with a hint"
run s3spool run
status_is 64 "run without a configuration: 64"
run s3spool run "$conf" "$conf"
status_is 64 "run with two of them: 64"
run s3spool run --explain "$conf"
status_is 64 "run with an option that only one stage has: 64"
run_ok s3spool --help
like out "^usage: s3spool" "--help goes to stdout"
run_ok s3spool --version
like out "^s3spool [0-9]+\\.[0-9]+" "--version"
ln -s "$deploy/s3spool" elsewhere
run_ok ./elsewhere --version

scenario "the options of status and explain"
for command in status explain; do
	for option in --version -V -qV; do
		run_ok s3spool "$command" "$option"
		like out "^s3spool [0-9]" "$command $option"
	done
	for option in --help -h -vh; do
		run_ok s3spool "$command" "$option"
		like out "^usage: s3spool" "$command $option"
	done
	for option in --jso -n -vp --loop=1 --retry; do
		run s3spool "$command" "$option" "$conf" x
		status_is 64 "$command has no $option"
		is "$(cat out)" "" "and tells nothing"
	done
done
run s3spool explain --json "$conf" x
status_is 64 "explain has no --json"
run_ok s3spool status -qo settle_seconds=1 --warn-age 1 --crit-age=2 \
	--option "key_prefix=--jso" -- "$conf"
like out "^OK base 0" "status takes what is its own"

scenario "run gives the largest status"
write_file room/2021/02/03/04/05-t.dat
write_file room/2021/02/03/04/06-t.dat
s3 put "$bucket" room/2021/02/03/04/05-t.dat /dev/null
run s3spool run "$conf"
status_is 1 "one file was refused"
is "$(count_in confirmed)" 0 "the reaper ran all the same"
run s3spool run -o "s3_bucket=" "$conf"
status_is 78 "a mistake in the configuration"
is "$(wc -l <err)" 1 "is told once"
run s3spool drain --timeout 9 -o "s3_bucket=" "$conf"
status_is 78 "for drain, too"
is "$(wc -l <err)" 1 "once"
run s3spool run -o base_dir "$conf"
is "$status $(wc -l <err)" "64 1" "so is one in an option"
write_file room/2021/02/03/04/07-t.dat
run_ok scan "$conf"
run_ok upload "$conf"
write_file room/2021/02/03/04/08-t.dat
run s3spool run -o s3_bucket="$bucket-none" "$conf"
status_is 78 "no such bucket"
is "$(count_in claimed confirmed)" 1 "stops neither the scanner nor the reaper"

scenario "options on both sides, and their values"
write_file "room/2021/02/03/04/05-t.dat"
run_ok s3spool run -qv -o "key_prefix=a b/" "$conf" --option settle_seconds=0 -p
is "$(cat out)" "a b/room/2021/02/03/04/05-t.dat" "all of them arrive"
is "$(keys)" "a b/room/2021/02/03/04/05-t.dat" "blanks and all"

scenario "programs beside it, in the source tree, or in PATH"
mkdir bin build
cp "$deploy/s3spool" "$deploy/s3-uploader-cli" bin/
cp "$S3SPOOL_BUILD"/s3spool-scan "$S3SPOOL_BUILD"/s3spool-upload \
	"$S3SPOOL_BUILD"/s3spool-reap bin/
write_file room/2021/02/03/04/05-t.dat
run_ok bin/s3-uploader-cli "$conf"
bucket_is_original
mv bin/s3spool-* build/
run_ok bin/s3spool --version
mv build elsewhere
run_ok env PATH="$here/elsewhere:$PATH" bin/s3spool --version
run bin/s3spool run "$conf"
status_is 69 "no programs: 69"
like err "s3spool-scan" "naming what is missing"

done_testing
