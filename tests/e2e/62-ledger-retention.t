#!/bin/sh
# ledger_retention: old days of the record go, never by default, never without a
# word, and no day that isn't old.
. "$(dirname "$0")/lib.sh"
only_on swift "the same on every store"

# day_file DAY PATH: a past day of the record, with one upload.
day_file()
{
	printf '%s\n' '#s3spool-receipts-1	uploaded_at	bucket	key	path	size	crc32c	sha256	etag	version_id	inode	mtime_ns' \
		"#run	host.1.$1" >"$spool/ledger/$1.tsv"
	printf '%sT10:00:00.000Z\tb\t%s\t%s\t5\t00000000\t-\te\t-\t1\t0\n' \
		"$1" "$2" "$2" >>"$spool/ledger/$1.tsv"
}

days()
{
	(cd "$spool/ledger" && find . -name '????-??-??*' | sed 's|^\./||' | sort)
}

scenario "days come and go"
hour=room/2021/02/03/04
write_file "$hour/01-a.dat"
run_ok s3spool run "$conf"
run_ok reap --list "$conf"
is "$(wc -l <out)" 1 "one upload, today"
rm -r "$spool"/ledger/*
day_file 2020-01-01 old/a
day_file 2020-01-02 old/b
day_file 2020-02-01 old/c
day_file 2020-02-02 old/d
run_ok reap "$conf"
is "$(days | wc -l)" 4 "by default nothing is removed"
run_ok reap --has "$conf" old/a old/d
run_ok reap -n -o ledger_retention=32d "$conf"
like err "record of 1 day, until 2020-01-01, would be removed" "a dry run"
is "$(days | wc -l)" 4 "removes nothing"
run_ok reap -o ledger_retention=32d "$conf"
like err "INFO.*record of 1 day, until 2020-01-01, has been removed" \
	"counted from the newest day, whatever the clock says"
is "$(days)" "2020-01-02.tsv
2020-02-01.tsv
2020-02-02.tsv" "whole days"
run_ok reap -o ledger_retention=32d "$conf"
is "$(cat err)" "" "once"
run reap --has "$conf" old/a old/b
status_is 1 "it isn't on record any more"
like out "^no .*old/a: it isn't on record, which was removed until 2020-01-01" \
	"and has says why"
like out "^yes .*old/b: " "the next day is"
run_ok reap --list "$conf"
is "$(wc -l <out)" 3 "the list has the rest"
like err "record until 2020-01-01 has been removed" "and tells that it isn't all"
run_ok reap --list --since 2020-01-02 "$conf"
is "$(cat err)" "" "but not who asks for what is there"
run reap --explain "$conf" old/a
status_is 1 "explain knows nothing of it"
like err "record until 2020-01-01 has been removed" "and says why"
mkdir "$spool/ledger/2020-01-02"
run_ok reap -n -o ledger_retention=1d "$conf"
like err "record of 1 day, until 2020-02-01," \
	"a day of which pieces wait to be merged is kept"
rmdir "$spool/ledger/2020-01-02"
run_ok reap -o ledger_retention=1 "$conf"
is "$(days)" 2020-02-02.tsv "the newest day stays"
run_ok reap --list "$conf"
like err "record until 2020-02-01 has" "the note goes on"
day_file 2019-05-05 old/e
run_ok reap -o ledger_retention=1d "$conf"
is "$(days)" 2020-02-02.tsv "what turned up again goes, too"
run_ok reap --list "$conf"
like err "record until 2020-02-01 has" "the note doesn't go back"
day_file 2020-01-15 old/f
echo garbage >"$spool/ledger/removed"
run reap --has "$conf" old/a
status_is 1 "no"
like out "removed until an unknown day" "a note that nobody can read"
run_ok reap -o ledger_retention=1d "$conf"
is "$(cat "$spool/ledger/removed")" 2020-01-15 "is written anew"

echo "# what is here is judged by its receipt, not by the ledger"
write_file "$hour/02-b.dat"
run_ok scan "$conf"
run_ok upload "$conf"
run_ok reap -o ledger_retention=1 "$conf"
ok "the file is deleted" test "$(count_in claimed confirmed)" -eq 0
run_ok reap --has "$conf" "$hour/02-b.dat"
run reap -o ledger_retention=x "$conf"
status_is 78 "no duration"

done_testing
