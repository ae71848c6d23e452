#!/bin/sh
# What is logged: as text, as JSON, and for the journal; a sum at the end; and
# nothing a thousand times.
. "$(dirname "$0")/lib.sh"

hour=room/2021/02/03/04
stamp='^20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9],[0-9]{3}'

# --- a sum at the end ------------------------------------------------------

scenario "each stage sums up"
write_file "$hour/01-a.dat" 1000
write_file "$hour/02-b.dat" 2000
mkfifo "$base/$hour/03-c.dat"
run_ok s3spool run "$conf"
like err "$stamp -   INFO - 2 claimed \\(2\\.9 KiB\\), 0 not settled yet, \
1 left alone, in [0-9.]+ s\$" "scan: files, bytes, time"
like err "$stamp -   INFO - 2 uploaded \\(2\\.9 KiB\\), 0 failed, 0 given back, \
in [0-9.]+ s, [0-9.]+ [KM]?i?B/s\$" "upload: and the rate"
like err "$stamp -   INFO - 2 deleted \\(2\\.9 KiB\\), 0 kept for now, \
0 queued again, in [0-9.]+ s\$" "reap, too"
rm "$base/$hour/03-c.dat"
run_ok s3spool run "$conf"
is "$(cat out err)" "" "where there is nothing to do nothing is said"
write_file "$hour/04-d.dat"
run_ok s3spool run -q "$conf"
is "$(cat out err)" "" "nor with -q where all is well"
write_file "$hour/05-e.dat"
run_ok "$deploy/s3-uploader-cli" "$conf"
is "$(grep -cE "$stamp -   INFO - .* (claimed|uploaded|deleted) \\(" err)" 0 \
	"the tool's drop-in says what that had said"
drained

scenario "what went wrong is part of it"
write_file "$hour/01-a.dat" 1000
write_file "$hour/02-b.dat" 2000
printf other >other
s3 put "$bucket" "$hour/02-b.dat" other
run "$deploy/s3-uploader-cli" "$conf"
status_is 1 "one is refused"
like err " 1 uploaded \\(1000 B\\), 1 failed, 0 given back, in " \
	"for the drop-in's user, too"

# --- JSON ------------------------------------------------------------------

# objects EXPRESSION: of each line of err, an object o in Python, those for which
# it isn't None.
objects()
{
	"$PYTHON" -c '
import json, re, sys
for line in open("err", "rb"):
    o = json.loads(line.decode("utf-8", "strict"))
    value = eval("(" + sys.argv[1] + ")")
    if value is not None:
        print(value)' "$1"
}

scenario "JSON"
configure "log_format: json" "key_prefix: in/"
write_file 'room "a\b"/2021/02/03/04/05-t.dat' 1234
write_file "$(printf 'room/2021/02/03/04/06-\377\001.dat')" 567
run s3spool run "$conf"
status_is 1 "one is stored, and one is no key"
is "$(objects 'list(o)[:5]' | sort -u)" \
	"['time', 'level', 'message', 'program', 'pid']" "each line is an object"
is "$(objects 'None if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
	o["time"]) and o["level"] in ("info", "warning") and
	isinstance(o["pid"], int) else o')" "" "time, level and pid are what they are"
is "$(objects 'o["program"]' | sort -u | tr '\n' ' ')" \
	"s3spool-reap s3spool-scan s3spool-upload " "and the program"
# What is no UTF-8 is shown as the text log shows it.
cat >wanted <<'END'
'room "a\\b"/2021/02/03/04/05-t.dat' None 1234
'room/2021/02/03/04/06-\\xff\x01.dat' InvalidKey None
END
is "$(objects '"%a %s %s" % (o["path"], o.get("code"), o.get("bytes")) if
	"path" in o else None' | sort)" "$(cat wanted)" \
	"the file, of whatever bytes its name is made"
is "$(objects '(o["uploaded"], o["bytes"], o["failed"], o["given_back"],
	o["milliseconds"] >= 0) if "uploaded" in o else None')" \
	"(1, 1234, 1, 0, True)" "the sum in numbers"

# --- the journal -----------------------------------------------------------

# journaled COMMAND...: as a service whose stderr is the journal's.
journaled()
{
	: >err
	run env JOURNAL_STREAM="$(stat -c %d:%i err)" "$@"
}

scenario "the journal"
write_file "$hour/01-a.dat"
mkfifo "$base/$hour/03-c.dat"
journaled "$deploy/s3spool" run "$conf"
status_is 0 "all is uploaded"
is "$(grep -vc '^<[46]>[^0-9<]' err)" "$(grep -c '^<6>[0-9]* [a-z]* (' err)" \
	"each line has a priority, and no time"
like err "^<6>$base/$hour/01-a\\.dat has been uploaded to $bucket\\.\$" \
	"information"
like err "^<4>Leaving $base/$hour/03-c\\.dat alone: " "a warning"
journaled "$S3SPOOL_BUILD/s3spool-scan" "$here/no.yaml"
like err "^<3>.*no\\.yaml" "an error, even before the configuration is known"
write_file "$hour/02-b.dat"
journaled "$deploy/s3spool" run -o log_format=text "$conf"
like err "^<6>${stamp#^} -   INFO - $base/$hour/02-b\\.dat has been uploaded to \
$bucket\\.\$" "text is text, behind a priority that the journal takes away"
write_file "$hour/04-d.dat"
journaled "$deploy/s3spool" run -o log_format=json "$conf"
like err '^<6>\{"time":' "JSON likewise"
# What the parent's stderr is, is no matter.
write_file "$hour/05-e.dat"
run env JOURNAL_STREAM="$(stat -c %d:%i "$conf")" "$deploy/s3spool" run "$conf"
unlike err '^<' "another's stderr is none of ours"
like err "$stamp -   INFO - $base/$hour/05-e\\.dat has been uploaded" \
	"then it is text"

# --- repetitions -----------------------------------------------------------

scenario "a thousand of a kind"
mkdir -p "$base/$hour"
count=0
while [ "$count" -lt 350 ]; do
	ln -s target "$base/$hour/10-$count.dat"
	count=$((count + 1))
done
mkfifo "$base/$hour/00-fifo.dat" "$base/$hour/99-fifo.dat"
run_ok scan "$conf"
is "$(grep -c "WARNING - Leaving $base/.*: a symbolic link\$" err)" 100 \
	"a hundred are written"
is "$(grep -cE "$stamp - WARNING - and 250 more like this: Leaving $base/$hour/\
10-[0-9]+\\.dat alone: a symbolic link\$" err)" 1 "the others are counted"
is "$(grep -c "fifo\\.dat alone: " err)" 2 "what says something else is shown"
is "$(sed '$!d' err | grep -c ' 352 left alone, ')" 1 "the sum has them all"
run_ok scan -v "$conf"
is "$(grep -c "WARNING - Leaving $base/.*: a symbolic link\$" err)" 350 \
	"with -v there is one for each"
unlike err "more like this" "and none is counted"
run_ok scan -o log_format=json "$conf"
is "$(objects 'o.get("repeated")')" 250 "JSON has the number"

script "PUT key=*/01-* status=400 code=InvalidTag message=No" \
	"PUT key=*/03-* status=400 code=MetadataTooLarge message=No"
stub_scenario "a store that refuses each" --script "$script"
configure "log_format: json"
count=0
while [ "$count" -lt 120 ]; do
	write_file "$hour/01-$count.dat" 10
	count=$((count + 1))
done
write_file "$hour/02-good.dat" 10
write_file "$hour/03-large.dat" 10
run_ok scan "$conf"
run upload "$conf"
status_is 1 "they are refused"
is "$(objects '(o["code"], o["bucket"]) if "code" in o and
	o["message"].startswith("Failed to upload ") else None' |
	sort | uniq -c | tr -s ' ')" \
	" 100 ('InvalidTag', '$bucket')
 1 ('MetadataTooLarge', '$bucket')" "what is different is never hidden"
is "$(objects 'o["repeated"] if "InvalidTag" in o["message"] and
	"repeated" in o else None')" 20 "what isn't is counted"
is "$(objects '(o["uploaded"], o["failed"]) if "failed" in o else None')" \
	"(1, 121)" "all are in the sum"
is "$(cat "$spool"/failed/*.tsv | grep -c InvalidTag)" 120 \
	"and each is in the record of failed/"
stop_stub

done_testing
