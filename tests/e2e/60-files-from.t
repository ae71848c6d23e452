#!/bin/sh
# Uploading the claims that a list names, and no others: a filter between scan
# and upload.
. "$(dirname "$0")/lib.sh"

hour=room/2021/02/03/04

scenario "scan | filter | upload"
configure "key_prefix: in/"
for name in 01-keep 02-drop 03-keep "04-keep it" 05-drop; do
	write_file "$hour/$name.dat"
done
touch "base/$hour/06-keep
too.dat"
cp "base/$hour/06-keep
too.dat" original/"$hour"
run sh -c '"$0/s3spool" scan -0 "$1" | grep -z keep |
	"$0/s3spool" upload -0 --files-from - "$1"' "$deploy" "$conf"
status_is 0 "the pipeline ends with 0"
is "$(tr '\0\n' '\n?' <out | sort)" "in/$hour/01-keep.dat
in/$hour/03-keep.dat
in/$hour/04-keep it.dat
in/$hour/06-keep?too.dat" "it prints the keys that it has uploaded"
files_are "$spool/claimed" "$hour/02-drop.dat
$hour/05-drop.dat" "what was dropped waits in claimed/"
is "$(count_in uploading failed)" 0 "and nothing waits elsewhere"
run_ok s3spool run "$conf"
mkdir in
mv original/room in/room
mv in original/in
bucket_is_original
drained

scenario "names of all kinds, most of which are no claims"
configure "key_prefix: in/"
for name in 01-a 02-b 03-c 04-other 05-held; do
	write_file "$hour/$name.dat"
done
run_ok scan "$conf"
run_ok s3spool hold "$conf" "$hour/05-held.dat"
echo secret >outside
write_file "$hour/09-unclaimed.dat"
ln -s "$here" "$spool/claimed/link"
ln -s "$here/outside" "$spool/claimed/$hour/08-link.dat"
mkdir -p "$spool/uploading/dead/$hour"
echo half >"$spool/uploading/dead/$hour/07-dead.dat"
mkfifo "$spool/claimed/$hour/06-fifo.dat"
cat >list <<END
$hour/01-a.dat
in/$hour/02-b.dat

$base/$hour/03-c.dat
$hour/01-a.dat
in/$hour/01-a.dat
../held/$hour/05-held.dat
$hour/../04/04-other.dat
$hour//04-other.dat
./$hour/./04-other.dat
$spool/held/$hour/05-held.dat
/etc/passwd
link/outside
$hour/08-link.dat
$hour/06-fifo.dat
$hour/05-held.dat
$hour/09-unclaimed.dat
$hour/10-missing.dat
$hour
$hour/01-a.dat/x
.
..
evil$(printf '\033')[31m
END
run upload -p --files-from list "$conf"
status_is 1 "some of it is no claim"
is "$(sort out)" "in/$hour/01-a.dat
in/$hour/02-b.dat
in/$hour/03-c.dat" "the claims are uploaded: by path, by key, and absolute"
is "$(keys)" "$(sort out)" "and nothing else"
is "$(grep -c ' is no claim: ' err)" 17 "each other name is told"
like err "'$hour/09-unclaimed.dat' is no claim: it is in base_dir still" \
	"with the reason: not claimed"
like err "'$hour/05-held.dat' is no claim: it is held" "held"
like err "'$hour/10-missing.dat' is no claim: there is no such file" "nowhere"
like err "'$hour' is no claim: it is a directory" "a directory"
like err "'$hour/06-fifo.dat' is no claim: it is a FIFO" "a FIFO"
like err "'$hour/08-link.dat' is no claim: it is a symbolic link" "a link"
like err "'link/outside' is no claim: a symbolic link leads to it" \
	"behind a link"
like err "'../held/$hour/05-held.dat' is no claim: it is no path below" "dots"
like err "'/etc/passwd' is no claim: it is no path below" "elsewhere"
like err "evil.x1b" "escaped"
is "$(cat outside)" secret "what is outside stays"
ok "what isn't named stays" test -e "$spool/claimed/$hour/04-other.dat"
ok "and what is held" test -e "$spool/held/$hour/05-held.dat"
is "$(count_in failed)" 0 "nothing has failed"

echo "$hour/07-dead.dat" >list
run upload --files-from list "$conf"
status_is 75 "what a dead run had waits for an ordinary one"
like err "07-dead.dat' is no claim: a run that has died had it" "it says so"
ok "and stays there" test -e "$spool/uploading/dead/$hour/07-dead.dat"

run upload --files-from nowhere "$conf"
status_is 74 "no list"
like err "Cannot open the list 'nowhere': No such file" "it says so"
run upload --files-from . "$conf"
status_is 74 "a directory"
like err "Cannot read the list '.'" "it says so"
: >empty
run_ok env -u AWS_ACCESS_KEY_ID "$S3SPOOL_BUILD/s3spool-upload" \
	--files-from empty "$conf"
printf '%s\0' "$hour/04-other.dat" >list
run upload --files-from list "$conf"
status_is 1 "a list for -0"
like err "is the list one for -0" "a hint"
run_ok upload -n -0 --files-from list "$conf"
is "$(tr '\0' '\n' <out)" "in/$hour/04-other.dat" "a dry run goes by the list"
ok "and moves nothing" test -e "$spool/claimed/$hour/04-other.dat"
head -c 300000 /dev/zero | tr '\0' x >list
printf '\n%s\n' "$hour/04-other.dat" >>list
run upload --files-from list "$conf"
status_is 1 "a name without end"
like err "more than 64 KiB" "is told"
is "$(keys | grep -c other)" 1 "and the next one is uploaded"
for option in --check --status "--retry --all"; do
	# shellcheck disable=SC2086 # words
	run upload $option --files-from list "$conf"
	status_is 64 "--files-from with $option"
done

scenario "a list that comes bit by bit"
write_files 3
run_ok scan "$conf"
(cd "$spool/claimed" && find . -type f) | sort >names
mkfifo slow
start "$S3SPOOL_BUILD/s3spool-upload" --files-from slow "$conf"
exec 3>slow
# shellcheck disable=SC2317 # wait_until calls it
has_stored()
{
	[ "$(reap --list "$conf" | wc -l)" -eq "$1" ]
}
head -n 1 names >&3
wait_until "the first is uploaded" has_stored 1
sed -n 2p names | tr -d '\n' >&3
is "$(count_in claimed)" 2 "half a name is none"
printf '\n' >&3
wait_until "the second is uploaded" has_stored 2
sed -n 3p names | tr -d '\n' >&3
exec 3>&-
finish "$started"
status_is 0 "it ends with the list"
bucket_is_original
run_ok reap "$conf"
drained

scenario "a signal while it waits for the list"
write_files 2
run_ok scan "$conf"
mkfifo slow
start "$S3SPOOL_BUILD/s3spool-upload" --files-from slow "$conf"
exec 3>slow
(cd "$spool/claimed" && find . -type f) | head -n 1 >&3
wait_until "the first is uploaded" has_stored 1
kill -s TERM "$started"
finish "$started"
exec 3>&-
status_is 75 "ends it"
is "$(count_in uploading)" 0 "nothing is held"
is "$(count_in claimed)" 1 "the other one is queued"

scenario "killed while it goes by a list"
write_files 40
run_ok scan "$conf"
(cd "$spool/claimed" && find . -type f) >names
open_gate
: >gate/hold-requests
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
	--files-from names "$conf"
wait_until "requests are on their way" test -e gate/held
kill -s KILL "$started"
finish "$started"
rm gate/hold-requests
run upload --files-from names "$conf"
status_is 75 "what the dead one had is named, and left"
run_ok s3spool run "$conf"
bucket_is_original
drained

done_testing
