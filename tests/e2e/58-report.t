#!/bin/sh
# `s3spool report`: the record as a page, on which what is missing is seen; see
# 59 for what a browser makes of it.
. "$(dirname "$0")/lib.sh"

# The page in out is whole, loads nothing, and holds nothing but what may be
# there, whatever files are called.
is_sound()
{
	is "$("$PYTHON" - 2>&1 <<'END'
import html.parser
KNOWN = set("""html head meta title style body svg defs pattern rect text g
    header main section h1 h2 p bdi b span code small dl div dt dd ul li figure
    figcaption table caption thead tbody tr th td details summary""".split())
class Reader(html.parser.HTMLParser):
    open = []
    def handle_starttag(self, tag, attrs):
        if tag not in KNOWN:
            print("tag", tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "href", "srcset"):
                print("attribute", name, value)
        if tag != "meta":
            self.open.append(tag)
    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()
    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            print("not closed before", tag)
text = open("out", encoding="utf-8").read()
reader = Reader()
reader.feed(text)
reader.close()
if reader.open or not text.startswith("<!DOCTYPE html>\n<html lang="):
    print("incomplete", reader.open)
for word in ("http:", "https:", "//", "@import", "javascript:"):
    if word in text:
        print("refers to", word)
if text.count("url(") != text.count("url(#hatch)"):
    print("loads something")
if "default-src 'none'" not in text:
    print("no policy")
if len(text.encode()) >= 1000000:
    print("too large", len(text))
END
)" "" "$1: the page is sound"
}

# titles REGEX: what the parts of the pictures tell of themselves.
titles()
{
	sed '1,/<body>/d' out | grep -oE '<title>[^<]*' | cut -c 8- |
		grep -E -e "$1"
}

scenario "nothing at all"
run_ok s3spool report "$conf"
like out "No upload is on record\\." "it says so"
is_sound "nothing"
ok "and asking makes no spool" test ! -e "$spool"

scenario "what was stored, and what failed"
for name in 01/00-a 02/00-b 02/01-c 05/00-d 06/00-e; do
	write_file "hall/2021/02/03/$name.dat" 100
done
write_file "room & <b>board/2021/02/03/04/00-t.dat" 50
write_file "hall/2021/02/03/03/02-refused.dat" 20
printf other >other
s3 put "$bucket" "hall/2021/02/03/03/02-refused.dat" other
run s3spool run "$conf"
status_is 1 "one fails"
snapshot()
{
	find "$base" -printf '%p %i %n %m %s %T@ %C@\n' | sort
}
snapshot >before
run_ok s3spool report "$conf"
snapshot >after
ok "nothing has changed" cmp before after
is_sound "a day"
is "$(titles '^hall')" "hall, 2021-02-03 01 h: 1 file, 100 B
hall, 2021-02-03 02 h: 2 files, 200 B
hall, 2021-02-03 03 h to 2021-02-03 04 h: no file in 2 hours
hall, 2021-02-03 05 h: 1 file, 100 B
hall, 2021-02-03 06 h: 1 file, 100 B" "its hours"
like out "<bdi>hall</bdi>.*5 files, 500 B; .*1 gap, 2 hours missing" \
	"the gap, in the caption"
like out "<td class=\"r\">2</td><td>2021-02-03 03 h</td><td>2021-02-03 04 h" \
	"and as a table"
like out "<bdi>room &amp; &lt;b&gt;board</bdi>.*no gap" \
	"another location has none"
like out "<dt>In failed/</dt><dd class=\"bad\">1 file" "what failed"
like out "<bdi>[A-Z][A-Za-z]*</bdi></td><td class=\"long\"><bdi>hall/2021/02/03/03/02-refused" \
	"which file, and why"
is "$(titles "^$(date -u +%Y)" | grep -c '6 files, 550 B')" 2 \
	"uploads, by their own time: a bar for files, and one for bytes"
run_ok s3spool report --location "hall" --prefix "hall/2021/02/03/02/" "$conf"
is "$(titles '.')" "$(titles '^hall.* 02 h: 2 files|^20..-')" \
	"--location and --prefix"
like out "In failed/</dt><dd>0 files" "what failed is selected, too"
run_ok s3spool report --until 1h "$conf"
like out "No upload is on record of what was asked for" "--until"
like out "In failed/</dt><dd>0 files" "what failed is later, too"
run_ok s3spool report --since 36h "$conf"
is "$(titles '^hall.* 02 h: 2 files' | wc -l)" 1 "--since"
for arguments in "--report --list" "--report --header" "--report --json" \
	"--report --since soon"; do
	# shellcheck disable=SC2086 # several words
	run reap $arguments "$conf"
	status_is 64 "$arguments"
done
run reap --report "$conf" hall
status_is 64 "--report with a PATH"
run sh -c '"$1" --report "$2" >/dev/full' sh "$S3SPOOL_BUILD/s3spool-reap" \
	"$conf"
status_is 74 "a page that can't be written is an error"

scenario "times of all kinds"
remember '
now = datetime.datetime.utcnow().replace(microsecond=0)
for n in (1, 30, 40, 24 * 6, 24 * 8):
    stored("room/2021/03/01/%02d/00-t.dat" % (n % 24),
           now - datetime.timedelta(hours=n))'
date=$(date -u -d '-3 days' +%F)
for since in 7d:4 36h:2 "$date:3" "${date}T00:00:00+00:00:3"; do
	run_ok s3spool list --since "${since%:*}" "$conf"
	is "$(wc -l <out)" "${since##*:}" "list --since ${since%:*}"
	run_ok s3spool report --since "${since%:*}" "$conf"
	like out "Files stored</dt><dd>${since##*:}</dd>" \
		"report --since ${since%:*}"
done
run_ok s3spool list --since 7d --until 36h "$conf"
is "$(wc -l <out)" 2 "between two of them"

scenario "hostile names"
# shellcheck disable=SC2016 # Python
remember '
for n, name in enumerate((b"<script>alert(1)<", b"\"><img src=x onerror=alert(1)>",
    b"\x27 onload=\x27alert(1)", b"</title><script>", b"&lt;b&gt;", b"bad\xff\xc3utf",
    b"-->", b"]]>", b"line\nfeed\x1b[2J", b"\xe2\x80\xae\xd7\x90", b"x" * 255, b"<" * 255)):
    for h in (1, 3):
        stored(name + b"/2021/03/01/%02d/00-t.dat" % h, hour(h), 2 ** 62)
        stored(name + b"/2021/13/01/%02d/00-t.dat" % h, hour(h))
stored(b"", hour(9))
stored(b"room/0000/00/00/00/t", hour(9))
stored(b"room/0001/01/01/00/t", hour(9))
stored(b"room/2200/01/01/00/t", hour(9))'
run_ok s3spool report "$conf"
is_sound "hostile"
like out "<bdi>&quot;&gt;&lt;img src=x onerror=alert\\(1\\)&gt;</bdi>" \
	"they are text"
like out "bad\\\\xff\\\\xc3utf" "what isn't UTF-8 is shown"
like out "<bdi>line\\\\x0afeed\\\\x1b\\[2J</bdi>" "control characters, too"
like out "2 files of no hour" "so is what has no date"
like out "<bdi>room</bdi></b>3 files.*3 files of no hour" \
	"or one that nobody means"
mkdir -p "$spool/failed/<i>x/a/2021"
printf x >"$spool/failed/<i>x/a/2021/<img src=x>"
printf 'when<b>\t%s\t<i>\t</td><script>"\n' \
	'a/2021/%3Cimg%20src=x%3E' \
	>"$spool/failed/<i>x.tsv"
chmod -R go= "$spool/failed"
run_ok s3spool report "$conf"
is_sound "hostile failures"
like out "when&lt;b&gt;" "a reason that is none is shown, too"

scenario "a clock that was reset"
remember '
hours("room", *range(72))
stored("room/2000/01/01/00/00-t.dat", hour(80))'
run_ok s3spool report "$conf"
is_sound "decades"
like out ">7729 days</text>" "many empty days are one row"
is "$(titles '^room.* 10 h: 1 file' | wc -l)" 3 "the other cells are hours"

scenario "an hour with few files, and a place that is silent"
remember '
for h in range(48):
    for m in range(10 if h != 20 else 4):
        stored(hour(h).strftime("busy/%Y/%m/%d/%H/") + "%02d-t.dat" % m, hour(h))
hours("silent", *range(40))'
run_ok s3spool report "$conf"
is "$(titles usually)" \
	"busy, 2021-03-01 20 h: 4 files, 3.9 KiB (usually 10 files)" \
	"less than half as many as usual"
like out "silent</bdi></b>40 files.*silent for the last 8 hours" "silence"
unlike out "busy</bdi></b>.*silent for" "that only ends with the last upload"

scenario "once a day"
remember '
hours("mast", *(24 * d + 6 for d in range(20) if d != 9))'
run_ok s3spool report "$conf"
is "$(titles 'no file')" \
	"mast, 2021-03-10 00 h to 2021-03-10 23 h: no file in 24 hours" \
	"only the day without any is missing"

scenario "years"
remember '
for h in range(4 * 8766):
    if h not in (100, 20000, 20001):
        hours("room", h)'
run_ok s3spool report "$conf"
is_sound "years"
like out "A cell is one day, a row one month" "it names the unit"
titles '^room.*missing$' >partly
is "$(sed 's/.*, \(2.*\): .*;/\1/' partly)" \
	"2023-06-12 2 of 24 hours missing
2021-03-05 1 of 24 hours missing" "days that are there in part"
like out "3 hours</small>" "hours are counted all the same"
remember '
for d in range(0, 12 * 365, 5):
    hours("room", 24 * d)'
run_ok s3spool report "$conf"
is_sound "a decade"
like out "A cell is one month, a row one year" "it names the unit"

scenario "more hours than fit"
remember '
for n in range(40):
    hours("room %02d" % n, *range(0, 1440, 2))'
run_ok s3spool report "$conf"
is_sound "more hours than fit"
like out "A cell is one day" "they become days"
is "$(grep -c '^<svg role="img" width' out)" 40 "all locations are shown"
unlike out "Not shown" "nothing is left out"

scenario "many locations"
remember '
for n in range(1200):
    hours("<&%s %d" % ("\"" * 70, n), *range(0, 200, 2))'
run_ok s3spool report "$conf"
is_sound "many"
like out "Not shown: [0-9,]* further locations" "it says what it leaves out"
like out "after the first 1000: 20,000 files of theirs" "and what it doesn't tell apart"

done_testing
