#!/bin/sh
# What is no plain file of the producer's is refused and left alone.
. "$(dirname "$0")/lib.sh"

hour=room/2021/02/03/04

scenario "links, FIFOs, devices, directories"
write_file "$hour/00-good.dat"
mkdir -p elsewhere/2021/02/03/04
echo secret >elsewhere/secret
echo secret >elsewhere/2021/02/03/04/05-t.dat
ln -s "$here/elsewhere/secret" "base/$hour/01-symlink.dat"
ln -s nowhere "base/$hour/02-dangling.dat"
echo linked >elsewhere/linked
ln elsewhere/linked "base/$hour/03-hardlink.dat"
mkfifo "base/$hour/04-fifo.dat"
mkdir "base/$hour/05-directory.dat"
ln -s "$here/elsewhere" base/linked-location
ln -s "$here/elsewhere/2021" base/room/2022
devices=
if mknod "base/$hour/06-device.dat" c 1 3 2>/dev/null; then
	devices="$hour/06-device.dat
"
fi
"$PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
	"base/$hour/07-socket.dat"
left="linked-location
room/2021/02/03/04/01-symlink.dat
room/2021/02/03/04/02-dangling.dat
room/2021/02/03/04/03-hardlink.dat
room/2021/02/03/04/04-fifo.dat
${devices}room/2021/02/03/04/07-socket.dat
room/2022"

run_ok scan --explain "$conf"
like out "^settled .*00-good\\.dat" "--explain: a plain file"
like out "^refused .*01-symlink\\.dat: .*link" "--explain: a symbolic link"
like out "^refused .*03-hardlink\\.dat: .*link" "--explain: a second name"
like out "^refused .*04-fifo\\.dat: .*FIFO" "--explain: a FIFO"
run_ok s3spool run "$conf"
is "$(keys)" "$hour/00-good.dat" "the plain file alone is uploaded"
files_are base "$left" "the others are left alone"
ok "the directory, too" test -d "base/$hour/05-directory.dat"
is "$(cat elsewhere/secret elsewhere/linked elsewhere/2021/02/03/04/05-t.dat)" \
	"secret
linked
secret" "nothing outside is touched"
drained

scenario "a link in the place of the spool's rooms"
mkdir -p base elsewhere
echo precious >elsewhere/precious.dat
run_ok scan "$conf"
rmdir "$spool/claimed"
ln -s "$here/elsewhere" "$spool/claimed"
run upload "$conf"
ok "the run fails" test "$status" -ne 0
is "$(keys)" "" "nothing is uploaded"
is "$(cat elsewhere/precious.dat)" precious "nothing outside is touched"

scenario "a spool that others may write"
mkdir -m 0777 "$spool"
run scan "$conf"
ok "is not used" test "$status" -ne 0
like err "$spool" "the log names it"

scenario "the spool is ours alone"
write_file "$hour/00-good.dat"
run_ok s3spool run "$conf"
is "$(stat -c %a "$spool")" 700 "nobody else may look into it"

done_testing
