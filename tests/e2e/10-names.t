#!/bin/sh
# Names as file systems know them: whatever they are made of, the object's key
# is the path, byte for byte.
. "$(dirname "$0")/lib.sh"

hour=2021/02/03/04
newline='
'
long=$(printf '%0248d' 0)

scenario "names of all kinds"
write_file "living room/$hour/05-two  words.dat"
write_file "a+b/$hour/05-c+d.dat"
write_file "a%20b/$hour/05-100%.dat"
write_file "a%2Fb/$hour/05-%00.dat"
write_file "quotes/$hour/05-'single' \"double\" \`back\`.dat"
write_file "amp&lt;/$hour/05-<a&b>&amp;.dat"
write_file "query?/$hour/05-?a=b&c#d.dat"
write_file "shell\$HOME/$hour/05-*[a-z]{1,2}!~;|\\ \\n.dat"
write_file "new${newline}line/$hour/05-a${newline}b.dat"
write_file "tab	/$hour/05-a	b.dat"
write_file "Küche/$hour/05-Ünïcödé-日本語-🙂.dat"
write_file "é-composed-é/$hour/05-é-é.dat"
write_file "control/$hour/05-$(printf '\001\033[31m\177').dat"
write_file "trailing /$hour/05- .dat"
write_file "=,@:/$hour/05-(,=@:).dat"
write_file "-dash/$hour/05--n.dat"
write_file "CAPS/$hour/05-Aa.dat"
write_file "caps/$hour/05-aA.dat"
write_file "length/$hour/05-$long.dat"
is "$(printf '%s' "05-$long.dat" | wc -c)" 255 "(one name has 255 bytes)"
run_ok s3spool run "$conf"
bucket_is_original
files_are base "" "they are gone from the tree"
drained
is "$(grep -c ' has been uploaded to ' err)" 19 "the log has a line for each"
unlike err "$(printf '[\001\033]')" "and no control characters"

echo "# on record"
run_ok s3spool list --json "$conf"
"$PYTHON" -c '
import json, sys
for line in sys.stdin:
    sys.stdout.buffer.write(json.loads(line)["key"].encode() + b"\0")
' <out | sort -z >recorded
(cd original && find . -type f -print0) | sed -z 's|^\./||' | sort -z >wanted
ok "JSON gives the very names" cmp recorded wanted
run_ok s3spool list "$conf"
is "$(wc -l <out)" 19 "the table has one line for each"
is "$(awk -F '\t' '{ print NF }' out | sort -u | wc -l)" 1 \
	"with the same number of columns"

scenario "names that can be no keys"
bad=room/$hour/05-$(printf 'latin1-\344\377').dat
mkdir -p "base/room/$hour"
echo text >"base/$bad"
write_file "room/$hour/06-good.dat"
run s3spool run "$conf"
status_is 1 "the status tells that a file was refused"
is "$(keys)" "room/$hour/06-good.dat" "the others are uploaded"
ok "it lies in failed/ under its name" test -f "$(in_room failed "$bad")"
like "$(echo "$spool"/failed/*.tsv)" '%E4%FF' "the reason names it, escaped"
like err 'UTF-8' "the log says why"
ok "the log is UTF-8 itself" iconv -f UTF-8 -t UTF-8 -o iconv.out err

scenario "a key of more than 1024 bytes"
d=$(printf '%0240d' 0)
deep="$d/$d/$d/$d/1$d/05-t.dat"
mkdir -p "base/${deep%/*}"
echo text >"base/$deep"
run s3spool run "$conf"
status_is 1 "the status tells that a file was refused"
ok "it lies in failed/" test -f "$(in_room failed "$deep")"
like err '1024' "the log says why"
is "$(keys)" "" "nothing is in the bucket"

# The stub takes no other spelling of a key than the one that is signed.
stub_scenario "names with and without escapes in turn, over one connection"
for i in 1 2 3 4 5 6; do
	write_file "room/$hour/$i-a.dat"
	write_file "room/$hour/$i-é Ä.dat"
done
run_ok s3spool run -o connections=1 "$conf"
bucket_is_original
drained

done_testing
