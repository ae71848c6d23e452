#!/bin/sh
# Questions about the record and single files: list --summary, has, explain.
. "$(dirname "$0")/lib.sh"

hour=room/2021/02/03/04

scenario "a summary"
run_ok s3spool list --summary "$conf"
is "$(cat out)" "" "of nothing"
write_file "$hour/05-t.dat" 10
write_file "$hour/06-t.dat" 20
write_file "big hall/2021/02/03/04/07-t.dat" 30
day=$(date -u +%F)
run_ok s3spool run "$conf"
run_ok s3spool list --summary "$conf"
is "$(cut -f 2-4 out)" "big%20hall	1	30
room	2	30" "a line for each location"
is "$(cut -f 1 out | sort -u)" "$day" "and day"
run_ok s3spool list --summary --header "$conf"
is "$(head -n 1 out)" "day	location	files	bytes	first	last" "--header"
run_ok s3spool list --summary --json --location "big hall" "$conf"
is "$("$PYTHON" -c '
import json
for line in open("out"):
    row = json.loads(line)
    assert row["first"] <= row["last"] and row["first"][:10] == row["day"]
    print(row["location"], row["files"], row["bytes"])')" "big hall 1 30" \
	"--json, --location"
run_ok s3spool list --location room "$conf"
is "$(wc -l <out)" 2 "--location without a summary"
run_ok s3spool list --location roo "$conf"
is "$(cat out)" "" "a location is a whole name"
run_ok s3spool list --summary --since 1h --prefix "$hour/05" "$conf"
is "$(cut -f 2-4 out)" "room	1	10" "of what --since and --prefix leave"
run reap --summary "$conf"
status_is 64 "--summary without --list"

scenario "was it sent?"
write_file "$hour/05-t.dat" 10
run s3spool has "$conf" "$hour/05-t.dat"
status_is 1 "not yet"
like out "^no  .*05-t\\.dat: it isn't on record" "it says so"
ok "and asking makes no spool" test ! -e "$spool"
run_ok scan "$conf"
run_ok upload "$conf"
run_ok s3spool has "$conf" "$hour/05-t.dat"
like out "^yes .*s3://$bucket/$hour/05-t\\.dat.*confirmed has the same" \
	"yes, and the file waits to be deleted"
run_ok reap "$conf"
run_ok s3spool has "$conf" "$base/$hour/05-t.dat"
like out "no file is left here" "yes, and it is gone (an absolute path)"
mkdir -p "base/$hour"
cp "original/$hour/05-t.dat" "base/$hour"
run_ok s3spool has "$conf" "./$hour/05-t.dat"
like out "the file in base has the same" "the same file again"
printf '0123456789' >"base/$hour/05-t.dat"
run s3spool has "$conf" "$hour/05-t.dat"
status_is 1 "other bytes of the same size"
like out "^no .*the file in base has other bytes" "it says where"
printf '012345678' >"base/$hour/05-t.dat"
run s3spool has "$conf" "$hour/05-t.dat"
status_is 1 "another size"
rm "base/$hour/05-t.dat"
mkfifo "base/$hour/05-t.dat"
run timeout 60 "$S3SPOOL_BUILD/s3spool-reap" --has "$conf" "$hour/05-t.dat"
status_is 1 "a FIFO is not what was sent, and isn't waited for"
rm "base/$hour/05-t.dat"
ln -s /etc/passwd "base/$hour/05-t.dat"
run s3spool has "$conf" "$hour/05-t.dat"
status_is 1 "nor is a link"
rm "base/$hour/05-t.dat"
run s3spool has "$conf" "$hour/05-t.dat" ../../etc/passwd
status_is 1 "of several, one is not"
is "$(cut -c 1-3 out | tr -d ' ')" "yes
no" "a line for each"
run s3spool has "$conf"
status_is 64 "no PATH"
like err "which PATH" "it says what is missing"

scenario "a part of the record can't be read"
write_file "$hour/05-t.dat" 10
write_file "$hour/06-t.dat" 20
run_ok s3spool run "$conf"
mkdir -p "$spool/ledger/2021-02-03/h.1.x.tsv"
run s3spool list "$conf"
status_is 74 "the list"
is "$(wc -l <out)" 2 "has the rest"
like err "Cannot read '.*/ledger/2021-02-03/h\\.1\\.x\\.tsv': Is a directory" \
	"and says what is missing"
run s3spool report "$conf"
status_is 74 "the report"
like out "2 files" "has it, too"
run s3spool has "$conf" "$hour/05-t.dat"
status_is 74 "has"
like out "^yes .*05-t\\.dat: stored as" "is certain of what it has found"
run s3spool has "$conf" "$hour/05-t.dat" "$hour/07-t.dat"
like out "^unknown .*07-t\\.dat: a part of the record can't be read" \
	"but not that something wasn't uploaded"
printf 'other' >"base/$hour/05-t.dat"
run s3spool has "$conf" "$hour/05-t.dat"
status_is 74 "nor that other bytes weren't"
like out "^unknown .*05-t" "which it says"
run reap --explain "$conf" "$hour/06-t.dat"
status_is 74 "explain"
like out "^stored .*06-t" "tells what it has found"
run reap --status "$conf"
status_is 0 "status reads what is recent"
run reap "$conf"
status_is 74 "the reaper fails to merge that day"
like err "Cannot merge the ledger of '.*/2021-02-03': Is a directory" "says which"
mkdir "$spool/ledger/2021-02-04"
touch "$spool/ledger/2021-02-04/h.2.x.tsv" "$spool/ledger/2021-02-02.tsv"
run reap -o ledger_retention=1d "$conf"
status_is 74 "again"
ok "and merges the next" test ! -e "$spool/ledger/2021-02-04"
ok "and removes what is old" test ! -e "$spool/ledger/2021-02-02.tsv"
rm -r "base/$hour"

scenario "odd times and sizes on record"
run_ok reap "$conf"
for path in hall/x late/2199/12/31/23/00-t; do
	printf '1700-01-01T10:00:00.000Z\tb\t%s\t%s\t9223372036854775807\t00000000\t-\te\t-\t1\t0\n' \
		"$path" "$path"
done >"$spool/runs/h.1.x.tsv"
run_ok reap --status "$conf"
like out "^last  *1[0-9]{5} d ago, 1700-01-01" "centuries ago is the last upload"
run_ok s3spool report "$conf"
ok "nothing is silent that comes before its time, or has no hour" \
	test "$(grep -c "silent for" out)" -eq 0
mkdir -p "$spool/confirmed/h.1.x"
run_ok reap "$conf"
run_ok s3spool list --summary --location hall "$conf"
is "$(cut -f 4 out)" 9223372036854775807 "reaped, it is on record"

# Root may write anywhere, unless it does without that.
[ "$(id -u)" -ne 0 ] && mortal= ||
	mortal="setpriv --bounding-set=-dac_override,-dac_read_search"
scenario "a directory that we may not write to"
# shellcheck disable=SC2086 # a command and its option
if $mortal true 2>/dev/null; then
	write_file "$hour/05-t.dat" 10
	run_ok scan -n "$conf"
	chmod 555 "base/$hour"
	run $mortal "$S3SPOOL_BUILD/s3spool-scan" --explain "$conf" \
		"$hour/05-t.dat"
	like out "^error .*s3spool must be allowed to write in its directory" \
		"explain doesn't call it settled"
	run $mortal "$S3SPOOL_BUILD/s3spool-scan" --status "$conf"
	like out "^WARNING .*must be allowed to write" "nor does status"
	for dry in "" -n; do
		run $mortal "$S3SPOOL_BUILD/s3spool-scan" $dry "$conf"
		status_is 74 "scan $dry fails"
		like err "Cannot claim .*must be allowed to write" \
			"and says what to do"
	done
	chmod 755 "base/$hour"
else
	skip "no setpriv"
fi

scenario "by its key"
configure "key_prefix: p/"
write_file "$hour/05-t.dat" 10
write_file "p/2021/02/03/04/06-t.dat" 20
run_ok s3spool explain "$conf" "p/$hour/05-t.dat"
like out "^settled  *$hour/05-t\.dat: " "in base_dir"
run_ok scan "$conf"
run_ok s3spool explain "$conf" "p/$hour/05-t.dat"
like out "^claimed  *$hour/05-t\.dat: " "in the queue"
run_ok s3spool hold "$conf" "p/$hour/05-t.dat"
is "$(cat out)" "held       $hour/05-t.dat" "it can be held"
run_ok s3spool release "$conf" "p/$hour/05-t.dat"
is "$(cat out)" "released   $hour/05-t.dat" "and released"
run_ok s3spool run -p "$conf"
# shellcheck disable=SC2046 # keys without blanks
run_ok s3spool has "$conf" $(cat out)
is "$(cut -d : -f 1 out | tr -s ' ' | sort)" "yes p/2021/02/03/04/06-t.dat
yes $hour/05-t.dat" "the keys that upload prints"
run_ok s3spool explain "$conf" "p/$hour/05-t.dat"
like out "^stored  *$hour/05-t\.dat: " "on record"
run_ok s3spool has "$conf" p/2021/02/03/04/06-t.dat
like out "^yes  *p/2021/02/03/04/06-t\.dat: " "a path goes before a key"
for command in has explain; do
	run s3spool $command "$conf" "$here/$hour/05-t.dat"
	status_is 64 "$command: another directory's file"
	like err "/05-t\.dat' isn't below base_dir, '$base'" "it says so"
done

# unread COMMAND...: the same with a standard output that nobody reads any more;
# what became of it goes to out, what it said to err.
unread()
{
	run "$PYTHON" -c '
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
print(subprocess.run(sys.argv[1:], stdout=writer).returncode)' "$@"
}

scenario "who reads no further"
write_file "$hour/05-t.dat" 10
write_file "$hour/06-t.dat" 10
run_ok s3spool run "$conf"
for question in --list --report --status --has --explain; do
	case $question in
	--has | --explain) argument=$hour/05-t.dat ;;
	*) argument= ;;
	esac
	unread "$S3SPOOL_BUILD/s3spool-reap" $question "$conf" \
		${argument:+"$argument"}
	is "$(cat out) $(cat err)" "-13 " "reap $question ends by SIGPIPE"
done
for program in scan upload; do
	unread "$S3SPOOL_BUILD/s3spool-$program" --status "$conf"
	is "$(cat out) $(cat err)" "-13 " "$program --status, too"
done
write_file "$hour/05-t.dat" 10
unread "$S3SPOOL_BUILD/s3spool-scan" -p "$conf"
is "$(cat out)" 74 "what does something goes on, and fails"
like err "Cannot write to standard output: Broken pipe" "and says why"
is "$(count_in claimed)" 1 "it has done it"

scenario "where is it, and why?"
configure "settle_seconds: 1h"
write_file "$hour/01-young.dat" 10
run_ok s3spool explain "$conf" "$hour/01-young.dat"
like out "^deferred  $hour/01-young\\.dat: .*settle_seconds" "in base_dir"
is "$(wc -l <out)" 1 "and nothing else"
ok "and asking makes no spool" test ! -e "$spool"
run s3spool explain "$conf" "$hour/00-none.dat" "$hour/01-young.dat" \
	-v -- "$hour/99-none.dat"
status_is 1 "several paths, of which some are unknown"
is "$(sed 's/^\([a-z]*\)  *\([^:]*\):.*/\1 \2/' out)" \
	"gone $hour/00-none.dat
deferred $hour/01-young.dat
gone $hour/99-none.dat" "each is told of, in their order"
run s3spool explain "$conf"
status_is 64 "explain without a path"
run s3spool explain "$conf" "$hour/00-none.dat"
status_is 1 "nowhere"
like out "^gone .*00-none" "it says so"
run s3spool explain "$conf" "$hour"
status_is 1 "a directory is no file"
like out "^gone .*04: it is a directory; name the files in it" "it says so"
configure
printf other >other
s3 put "$bucket" "$hour/02-refused.dat" other
write_file "$hour/02-refused.dat" 20
write_file "$hour/03-stored.dat" 30
rm "base/$hour/01-young.dat"
run_ok scan "$conf"
run_ok s3spool explain "$conf" "$base/$hour/03-stored.dat"
like out "^claimed  *$hour/03-stored\\.dat: it waits for an uploader" "claimed"
for directory in "$hour" "$hour/"; do
	run upload --explain "$conf" "$directory"
	status_is 1 "of a directory in claimed/ no state is told ($directory)"
	is "$(cat out)" "" "on stdout"
	like err "it is a directory; name the files in it" "but what it is"
done
run upload "$conf"
run reap --explain "$conf" "$hour"
status_is 1 "nor of one in confirmed/"
is "$(cat out)" "" "there neither"
run_ok s3spool explain "$conf" "$hour/03-stored.dat"
like out "^confirmed  .*waits for the reaper" "confirmed"
like out "^stored  .* 30 bytes, CRC-32C [0-9a-f]{8}, s3://$bucket/" "stored"
run_ok s3spool explain "$conf" "$hour/02-refused.dat"
like out "^failed  *$hour/02-refused\\.dat: [A-Za-z]*: .*run " "failed"
is "$(wc -l <out)" 1 "and nowhere else"
run_ok reap "$conf"
mkdir -p "$spool/uploading/n.7.x/$hour"
write_file "$hour/03-stored.dat" 30
mv "base/$hour/03-stored.dat" "$spool/uploading/n.7.x/$hour"
write_file "$hour/03-stored.dat" 31
run_ok s3spool explain "$conf" "$hour/03-stored.dat"
is "$(cut -d ' ' -f 1 out)" "settled
uploading
stored" "every file of a path, and the record"
like out "^uploading .*pid 7 on n, has ended; the next one takes it up" \
	"whose it was"

done_testing
