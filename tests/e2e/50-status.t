#!/bin/sh
# `s3spool status`: what lies where, for how long, and why; for people, for
# scripts and for monitors, with nothing touched.
. "$(dirname "$0")/lib.sh"

snapshot()
{
	find "$base" -printf '%p %y %i %n %m %s %T@ %C@\n' | sort
}

# value EXPRESSION: of the JSON object in out, as $1 in Python.
value()
{
	"$PYTHON" -c '
import json, sys
s = json.load(open("out"))
print(eval("(" + sys.argv[1] + ")"))' "$1"
}

hour=room/2021/02/03/04

scenario "nothing at all"
run s3spool status "$conf"
status_is 0 "no spool, no file: OK"
like out "^OK base 0; " "the first line says so"
like out "^last  *never" "nothing was ever uploaded"
ok "and asking makes no spool" test ! -e "$spool"
run s3spool status --json "$conf"
status_is 0 "the same as JSON"
is "$(value 's["status"], s["scan"]["base"]["files"],
	s["upload"]["runs"], s["reap"]["last_success"]')" \
	"('OK', 0, [], None)" "the object says so"

scenario "a file in each state"
configure "on_conflict: quarantine"
write_file "$hour/01-gone.dat" 10
write_file "$hour/02-refused.dat" 20
printf other >other
s3 put "$bucket" "$hour/02-refused.dat" other
run_ok scan "$conf"
run upload "$conf"
status_is 1 "one fails"
run_ok reap "$conf"
write_file "$hour/03-confirmed.dat" 30
run_ok scan "$conf"
run_ok upload "$conf"
write_file "$hour/04-claimed.dat" 40
run_ok scan "$conf"
mkdir -p "$spool/uploading/north5.4242.0123456789abcdef/$hour"
write_file "$hour/05-uploading.dat" 50
mv "base/$hour/05-uploading.dat" \
	"$spool/uploading/north5.4242.0123456789abcdef/$hour"
write_file "$hour/06-settled.dat" 60
write_file "$hour/07-open.dat" 70
ln "base/$hour/06-settled.dat" "base/$hour/08-linked.dat"
cp "base/$hour/06-settled.dat" "base/$hour/09-settled.dat"
hold_open "base/$hour/07-open.dat" ""
snapshot >before
run s3spool status "$conf"
snapshot >after
ok "nothing has changed" cmp before after
status_is 1 "a file in failed/ is a WARNING"
like out "^WARNING base 4; 1 file is in failed" "the first line says why"
like out "^base  *4 files, " "base"
like out "^ *1  deferred: somebody has it open" "what is open"
like out "^ *2  refused: .*more than one name" "what has two names"
like out "^ *1  settled: the next scan claims it" "what is settled"
like out "^claimed  *1 file, 40 B, oldest [0-9]* s" "claimed"
like out "^uploading  *1 file, 50 B" "uploading"
like out "dead: pid 4242 on north5, begun at an unknown time, 1 file" \
	"the dead run"
like out "^failed  *1 file, 20 B" "failed"
like out "^ *1  [A-Za-z]*: .*" "and why"
like out "^confirmed  *1 file, 30 B" "confirmed"
like out "^last  *[0-9]* s ago" "the last success"
like out "^today  *2 uploaded, 40 B" "today's uploads"
like out "^space .* free of " "the free space"

run s3spool status --json "$conf"
status_is 1 "the same as JSON"
is "$(value 'sorted(r["outcome"] for r in s["scan"]["base"]["reasons"])')" \
	"['deferred', 'refused', 'settled']" "reasons of base"
is "$(value '[s["upload"][r]["files"] for r in
	("claimed", "uploading", "failed")] +
	[s["reap"]["confirmed"]["due"], s["reap"]["today"]["files"]]')" \
	"[1, 1, 1, 1, 2]" "the rooms"
is "$(value '[(r["host"], r["pid"], r["alive"]) for r in s["upload"]["runs"]
	if r["files"]]')" "[('north5', 4242, False)]" "the dead run"
is "$(value 'len(s["upload"]["failed"]["reasons"])')" 1 "the reason"
ok "the last success is a time" \
	value 's["reap"]["last_success"].index("T")'

run s3spool status --crit-age 0 "$conf"
status_is 2 "what has waited for --crit-age is CRITICAL"
like out "^CRITICAL a file waits in base for [0-9]* s" "the first line says so"
like out "a file waits in claimed" "claimed waits, too"
rm "$(in_room failed "$hour/02-refused.dat")"
run s3spool status "$conf"
status_is 0 "and nothing else is wrong"
run s3spool status --warn-age 0 "$conf"
status_is 1 "--warn-age"
like out "2 files left alone in base: it has more than one name" \
	"so does what is left alone"
run s3spool status "$conf"
unlike out "left alone in base" "but not what has just come"
run s3spool status -o retain=1h "$conf"
like out "^ *1 kept, as retain says" "what is retained doesn't wait"
let_go

scenario "a live run"
write_file "$hour/01-t.dat"
run_ok scan "$conf"
open_gate
: >gate/hold-requests
start env AWS_ENDPOINT_URL_S3="$gate_url" "$S3SPOOL_BUILD/s3spool-upload" \
	"$conf"
wait_until "the upload is on its way" test -e gate/held
run_ok s3spool status "$conf"
like out "^uploading  *1 file" "the file is its"
like out "^ *alive: pid $started on .*, begun [0-9]* s ago, 1 file" "the run"
rm gate/hold-requests
finish "$started"
run_ok s3spool status "$conf"
like out "dead: pid $started on .*, begun [0-9]* s ago, 0 files" \
	"a run that has ended, until it is reaped"
run_ok reap "$conf"
run_ok s3spool status "$conf"
like out "^runs  *0 alive, 0 dead" "then it is gone"

scenario "hostile names"
mkdir -p "$spool"
chmod 700 "$spool"
run_ok scan "$conf"
run_ok upload "$conf"
name=$(printf 'ev\033il\n"\\{[.7.ab')
mkdir -p "$spool/uploading/$name/$hour" "$spool/failed/$name/$hour"
printf 'x' >"$spool/uploading/$name/$hour/01-t.dat"
printf 'x' >"$spool/failed/$name/$hour/02-t.dat"
printf 'torn\n\n\t\t\t\nnow\t%s\tCo"de\033\tme\\ss\nx\ty' "$hour/02-t.dat" \
	>"$spool/failed/$name.tsv"
run s3spool status "$conf"
status_is 1 "they are no reason to end"
unlike out "$(printf '\033')" "no control character gets to the terminal"
like out 'ev\\x1bil\\x0a"' "they are shown escaped"
run s3spool status --json "$conf"
is "$(value '[(r["host"] == "ev\x1bil\n\"\\{[", r["pid"])
	for r in s["upload"]["runs"]]')" "[(True, 7)]" "as JSON they are whole"
is "$(value '[r["code"] for r in s["upload"]["failed"]["reasons"]] ==
	["Co\"de\x1b"]')" True "a reason, too"

scenario "what can't be told"
run s3spool status --warn-age soon "$conf"
status_is 3 "no duration: UNKNOWN"
like err "not a duration" "it says why"
is "$(grep -c ERROR err)" 1 "once"
run s3spool status "$here/nothing.yaml"
status_is 3 "no configuration: UNKNOWN"
like out "^UNKNOWN s3spool-scan ended with 78" "the first line says so"
like out "s3spool-scan ended with 78: .*nothing.yaml: .*can't be read" "and why"
run s3spool status --json "$here/nothing.yaml"
is "$(value 's["status"], s["scan"], s["upload"], s["reap"]')" \
	"('UNKNOWN', None, None, None)" "as JSON"
is "$(value '[p.split(": ")[0] for p in s["problems"]]')" \
	"['s3spool-scan ended with 78']" "and its problems"
printf '"a\\"b\\\\": 1\n' >bad.yaml
run s3spool status --json -o log_format=json bad.yaml
is "$(value 'len(s["problems"]), "a\"b" in s["problems"][0]')" "(1, True)" \
	"whatever the reason has in it"
for stage in scan upload reap; do
	run "$stage" --warn-age 1m "$conf"
	status_is 64 "$stage: --warn-age without --status"
done

done_testing
