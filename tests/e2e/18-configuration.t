#!/bin/sh
# Mistakes in the configuration and on the command line are told with their
# place, and nothing is touched.
. "$(dirname "$0")/lib.sh"

# refused DESCRIPTION PLACE REGEX: the configuration in bad.yaml is refused by
# all three programs with 78 and "bad.yaml:PLACE: ...REGEX...".
refused()
{
	for stage in scan upload reap; do
		run "$stage" bad.yaml
		status_is 78 "$1: $stage exits with 78"
		like err "bad\\.yaml:$2: .*$3" "$1: $stage tells where and what"
		is "$(wc -l <err)" 1 "$1: in one line"
	done
	ok "$1: no spool is made" test ! -e "$spool"
}

scenario "mistakes in the file"
printf 'base_dir: %s\ns3_bucket: b\nsettle_second: 5\n' "$base" >bad.yaml
refused "an unknown key" 3:1 "settle_second.*settle_seconds"
printf 'base_dir: %s\ns3_bucket: b\ns3_bucket: c\n' "$base" >bad.yaml
refused "a key given twice" 3:1 "s3_bucket"
printf 'base_dir: %s\ns3_bucket: b\nsettle_seconds: soon\n' "$base" >bad.yaml
refused "a wrong type" 3:17 "settle_seconds"
printf 'base_dir: %s\ns3_bucket:\n  - b\n' "$base" >bad.yaml
refused "a list for a string" '[23]:[0-9]+' "s3_bucket"
printf 'base_dir: %s\n' "$base" >bad.yaml
refused "a missing key" '[0-9]+:[0-9]+' "s3_bucket"
printf 's3_bucket: b\nbase_dir: %s/not-there\n' "$base" >bad.yaml
refused "a missing directory" 2:11 "base_dir.*not-there"
: >bad.yaml
refused "an empty file" '[0-9]+:[0-9]+' ""
printf 'base_dir: [\n' >bad.yaml
refused "broken YAML" '[12]:[0-9]+' ""
printf -- '- a\n- b\n' >bad.yaml
refused "a list" '1:1' ""
printf 'base_dir: %s\ns3_bucket: b\non_conflict: shrug\n' "$base" >bad.yaml
refused "a word that is none of the choices" 3:14 "on_conflict.*quarantine"
printf '{"base_dir": "%s", "s3_bucket": "b", "key_prefix": "\\ud83d\\ude42/"}\n' \
	"$base" >bad.yaml
refused "JSON's surrogate pairs" '1:[0-9]+' ""

run scan not-there.yaml
status_is 78 "no such file: 78"
like err "not-there\\.yaml" "no such file: it is named"
run scan -o settle_second=5 "$conf"
status_is 78 "an unknown key in -o: 78"
like err "settle_seconds" "the nearest key is suggested"
run scan -o settle_seconds=soon "$conf"
status_is 78 "a bad value in -o: 78"

scenario "what is no mistake"
write_file room/2021/02/03/04/05-t.dat
cat >good.json <<EOF
{"base_dir": "base", "s3_bucket": "$bucket", "settle_seconds": 0,
 "pattern": ["*/[0-9]*/[0-9]*/[0-9]*/[0-9]*/[0-9]*-*.dat"], "key_prefix": "p/"}
EOF
(cd / && "$deploy/s3spool" run "$here/good.json") 2>err
is "$(keys)" "p/room/2021/02/03/04/05-t.dat" \
	"JSON, and a directory relative to the file"
write_file top.txt
write_file room/2021/02/03/04/06-t.log
configure "pattern:" "  - '*.txt'" "  - '*/*/*/*/*/*.log'" "key_prefix: q-"
run_ok s3spool run "$conf"
is "$(keys)" "p/room/2021/02/03/04/05-t.dat
q-room/2021/02/03/04/06-t.log
q-top.txt" "several patterns, and a prefix that is no directory"
write_file other/2021/02/03/04/07-t.dat
mkdir elsewhere
configure "spool_dir: elsewhere/spool" "endpoint_url: $AWS_ENDPOINT_URL_S3"
run_ok env AWS_ENDPOINT_URL_S3=http://127.0.0.1:1 "$deploy/s3spool" run "$conf"
ok "a spool of another place" test -d elsewhere/spool/claimed
object_is other/2021/02/03/04/07-t.dat original/other/2021/02/03/04/07-t.dat \
	"the file's endpoint_url wins over the environment's"
run_ok reap --list "$conf"
like out "other/2021/02/03/04/07-t\\.dat" "and is on record there"

# unread KEY=VALUE MESSAGE: nothing is tried with such a file.
unread()
{
	for command in upload "upload --check"; do
		# shellcheck disable=SC2086 # a program and an option
		run $command -o endpoint_url=http://127.0.0.1:1 -o "$1" "$conf"
		status_is 78 "$command, $1: 78"
		cat out err >both
		like both "$2" "$command: it says which file, and why"
	done
}

scenario "certificates and keys that can't be read"
write_file room/2021/02/03/04/05-t.dat
run_ok scan "$conf"
for key in ca_bundle client_cert; do
	unread $key="$here/none.pem" \
		"$key \"$here/none.pem\" can't be read: No such file"
	unread $key="$here" "$key \"$here\" can't be read: Is a directory"
done
: >cert.pem
unread client_key=cert.pem "client_key needs client_cert"
configure "client_cert: cert.pem"
unread client_key="$here/none.pem" \
	"client_key \"$here/none.pem\" can't be read: No such file"
run env AWS_CA_BUNDLE=none.pem "$S3SPOOL_BUILD/s3spool-upload" "$conf"
status_is 78 "the environment's: 78"
like err "AWS_CA_BUNDLE \"none.pem\" can't be read" "and it says whose it is"
is "$(count_in claimed)" 1 "the file stays queued"

scenario "a spool on another file system"
if [ "$(stat -f -c %i /dev/shm)" != "$(stat -f -c %i "$base")" ] &&
	far=$(mktemp -d /dev/shm/s3spool-e2e.XXXXXX); then
	write_file room/2021/02/03/04/05-t.dat
	configure "spool_dir: $far/spool"
	run scan "$conf"
	rm -rf "$far"
	status_is 78 "can't be renamed into"
	like err "$base.*$far/spool" "the log names both directories"
	files_are base room/2021/02/03/04/05-t.dat "the file stays"
else
	skip "no other file system here"
fi

scenario "mistakes on the command line"
for stage in scan upload reap; do
	run "$stage"
	status_is 64 "$stage without a configuration: 64"
	like err "s3spool-$stage" "$stage says who complains"
	run "$stage" --no-such-option "$conf"
	status_is 64 "$stage with an unknown option: 64"
	like err "no-such-option" "$stage names it"
	run_ok "$stage" --help
	like out "^[Uu]sage: s3spool-$stage" "$stage --help goes to stdout"
	run_ok "$stage" --version
	like out "^s3spool-$stage [0-9]+\\.[0-9]+" "$stage --version"
done
run upload "$conf" more
status_is 64 "an argument too many: 64"
run_ok scan -q "$conf" -o settle_seconds=1
ok "options may stand behind the configuration" test "$status" -eq 0

# The table of keys in the source against the table that users read.
scenario "the README tells every key"
root=$tests_dir/..
keys=$(sed -n 's/^    {"\([a-z0-9_]*\)",.*/\1/p' "$root/common/config_keys.c")
ok "there are keys to look for" test "$(echo "$keys" | wc -l)" -gt 40
for key in $keys; do
	ok "$key has a row" grep -q "^| .*\`$key\`.* |" "$root/README.md"
done

done_testing
