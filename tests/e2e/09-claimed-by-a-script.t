#!/bin/sh
# claimed/ is anyone's: whatever a script moves there is uploaded under its
# path, after the same judgement as the scanner's.
. "$(dirname "$0")/lib.sh"

path=room/2021/02/03/04/05-t.dat

# What the scanner makes of a file, so that there is a spool.
scenario_with_spool()
{
	scenario "$@"
	run_ok scan "$conf"
	mkdir -p "$spool/claimed/${path%/*}" "original/${path%/*}"
}

scenario_with_spool "a file of any name"
mkdir -p "$spool/claimed/any/where" original/any/where
echo bytes | tee original/any/where/notes.txt \
	>"$spool/claimed/any/where/notes.txt"
run_ok upload "$conf"
run_ok reap "$conf"
bucket_is_original
drained

scenario_with_spool "a FIFO"
mkfifo "$spool/claimed/$path"
run upload "$conf"
status_is 1 "it is refused, and nobody waits for its other end"
ok "it lies in failed/" test -p "$(in_room failed "$path")"
like "$(echo "$spool"/failed/*.tsv)" "	$path	.*(FIFO|no regular file)" "the reason is told"
is "$(keys)" "" "nothing is in the bucket"

scenario_with_spool "a symbolic link"
echo secret >outside
ln -s "$here/outside" "$spool/claimed/$path"
run upload "$conf"
status_is 1 "it is refused"
is "$(keys)" "" "what it points to is not uploaded"
is "$(cat outside)" secret "nor touched"
ok "it lies in failed/" test -L "$(in_room failed "$path")"

scenario_with_spool "a second name of a file"
echo linked >outside
ln outside "$spool/claimed/$path"
run upload "$conf"
status_is 1 "it is refused"
is "$(keys)" "" "it is not uploaded"
is "$(cat outside)" linked "the other name is not touched"
ok "it lies in failed/" test -f "$(in_room failed "$path")"

scenario_with_spool "a half-written file"
echo half >"$spool/claimed/$path"
echo whole >"$spool/claimed/any.dat"
hold_open "$spool/claimed/$path"
run_ok upload "$conf"
is "$(keys)" any.dat "only the other file is uploaded"
ok "it waits in claimed/" test -f "$spool/claimed/$path"
echo rest >>"$spool/claimed/$path"
let_go
run_ok upload "$conf"
printf 'half\nmore\nrest\n' >wanted
object_is "$path" wanted "the whole file is uploaded when it is closed"
run_ok reap "$conf"
drained

scenario_with_spool "a link that a directory's name leads through"
mkdir outside
echo secret >outside/file.dat
ln -s "$here/outside" "$spool/claimed/door"
run upload "$conf"
is "$(keys)" "" "what lies behind it is not uploaded"
is "$(cat outside/file.dat)" secret "nor touched"

done_testing
