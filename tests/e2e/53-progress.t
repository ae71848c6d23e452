#!/bin/sh
# On a terminal the last line says how far a run is; nowhere else does it leave a
# trace. The terminal is tmux's: what it shows is what its user would see.
. "$(dirname "$0")/lib.sh"
only_on swift "the same on every store"
if ! command -v tmux >/dev/null; then
	echo "1..0 # SKIP no tmux is installed"
	exit 0
fi
PATH=$S3SPOOL_BUILD:$deploy:$PATH
export PATH
hour=room/2021/02/03/04

# terminal COLUMNS TEXT: runs the shell's TEXT on a terminal of so many columns.
# All that is written to it goes to raw, too.
terminal()
{
	rm -f go raw ended
	: >raw
	cat >session <<END
while [ ! -e go ]; do sleep 0.05; done
$2
echo \$? >ended
exec sleep 3600
END
	env -u TMUX -u TMUX_PANE SHELL=/bin/sh tmux -S "$here/tmux" \
		-f /dev/null new-session -d -x "$1" -y 24 "exec sh session"
	on_terminal set-option -g status off
	children="$children $(on_terminal display-message -p '#{pid}')"
	on_terminal pipe-pane "cat >>'$here/raw'"
	: >go
}

on_terminal()
{
	tmux -S "$here/tmux" "$@"
}

# screen_has REGEX: a line of it matches.
# shellcheck disable=SC2317 # wait_until calls it
screen_has()
{
	on_terminal capture-pane -p | grep -qE -e "$1"
}

# leave STATUS: waits until what runs there has ended, with STATUS. What is
# shown then is in screen.
leave()
{
	wait_until "it ends" test -s ended
	on_terminal capture-pane -p -J | sed '/^$/d' >screen
	on_terminal kill-server
	is "$(cat ended)" "$1" "with $1"
}

# It takes two seconds and a half, of which a line below would tell.
slow_files()
{
	configure "bandwidth_limit: 4K"
	for minute in 01 02 03 04 05; do
		write_file "$hour/$minute-t.dat" 2200
	done
	run_ok scan "$conf"
}
progress='^[0-9,]+( of 5)? files'

scenario "an upload"
slow_files
terminal 100 "s3spool-upload '$conf'"
wait_until "how far it is, in files and bytes, at what rate, and the time left" \
	screen_has '^[0-4] of 5 files, [0-9.]+ K?i?B of 10\.7 KiB, [0-9.]+ (Ki)?B/s, [0-9]+ s left$'
leave 0
is "$(grep -c 'has been uploaded to' screen)" 5 "each file has its line"
unlike screen "$progress" "and that about how far it is has gone"
like screen '^....-..-.. ..:..:..,... -   INFO - 5 uploaded \(10\.7 KiB\), 0 failed' \
	"at the end all is summed up"
unlike screen '^[^2]' "nothing but the log is left"
bucket_is_original

scenario "a terminal that is narrow"
slow_files
terminal 24 "s3spool-upload -o log_level=warning '$conf'"
wait_until "it shows the beginning" screen_has '^[0-4] of 5 files, '
is "$(on_terminal capture-pane -p | grep -c .)" 1 "on one line"
leave 0
is "$(cat screen)" "" "which has gone"

# without TEXT DESCRIPTION: TEXT, which uploads as s3spool.yaml says, leaves no
# trace of it.
without()
{
	scenario "$2"
	slow_files
	terminal 100 "$1"
	leave 0
	unlike raw 'files, |files claimed' "$2: nothing tells how far it is"
	unlike raw "$(printf '\033\\[K')" "nor is anything erased"
	bucket_is_original
}
without "s3spool-upload --no-progress s3spool.yaml" "--no-progress"
without "s3spool-upload -q s3spool.yaml" "-q"
is "$(cat screen)" "" "where all is well -q says nothing"
without "TERM=dumb s3spool-upload s3spool.yaml" "a terminal that can't erase"
without "s3spool-upload -p s3spool.yaml" "keys on the same terminal"
is "$(grep -c "^$hour/0[1-5]-t\\.dat\$" screen)" 5 "they are there, whole"
without "s3spool-upload s3spool.yaml 2>log" "the log in a file"
is "$(cat screen)" "" "the terminal shows nothing"
is "$(grep -c 'has been uploaded to' log)" 5 "the file has the log"
unlike log '^[^2]' "and nothing else"
without "set -m; s3spool-upload s3spool.yaml & wait \$!" "a job in the background"

scenario "all stages"
slow_files
terminal 100 "s3spool run -o log_level=warning '$conf'"
wait_until "the front door leaves it to them" screen_has "$progress"
leave 0
is "$(cat screen)" "" "and nothing is left"
drained

scenario "until nothing is left"
slow_files
terminal 100 "s3spool drain -o log_level=warning '$conf'"
wait_until "it is shown" screen_has "$progress"
leave 0
is "$(cat screen)" "s3spool: drained; failed 0, held 0, left alone 0" \
	"and nothing is left"
drained

scenario "log_file"
slow_files
configure "log_file: log" "bandwidth_limit: 4K"
terminal 100 "s3spool-upload '$conf'"
wait_until "the terminal shows how far it is" screen_has "$progress"
leave 0
is "$(cat screen)" "" "and nothing else"
is "$(grep -c 'has been uploaded to' log)" 5 "the file has the lines"
unlike log "^[^2]" "and nothing else"

# slowly CALL MS COMMAND: each CALL of it takes so much longer.
slowly()
{
	echo "ASAN_OPTIONS='${ASAN_OPTIONS-}:detect_leaks=0' strace -f -o trace \
		-e 'trace=$1' -e 'inject=$1:delay_exit=${2}000' $3"
}

scenario "scan and reap"
write_files 300
terminal 100 "$(slowly renameat2 15 "s3spool-scan '$conf'")"
wait_until "how much is claimed" screen_has \
	'^[0-9]+ files claimed, [0-9.]+ (Ki)?B, [0-9]+ files/s$'
leave 0
unlike screen 'files claimed' "it has gone at the end"
run_ok upload "$conf"
terminal 100 "$(slowly unlinkat 25 "s3spool-reap '$conf'")"
wait_until "how much is deleted" screen_has \
	'^[0-9]+ files deleted, [0-9.]+ (Ki)?B, [0-9]+ files/s$'
leave 0
unlike screen 'files deleted' "it has gone at the end"
bucket_is_original
drained

done_testing
