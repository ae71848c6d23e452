# shellcheck shell=sh disable=SC2034 # what scenarios use
# What the scenarios are written with: TAP, a fresh tree and bucket for each
# scenario, the programs, and looks at the tree, the spool and the bucket.
#
# A scenario file includes this, calls `scenario` for each of its stories, and
# ends with `done_testing`. Nothing here measures time: waiting is polling for
# a state, with a bound that only a broken program reaches.
set -u

lib_dir=$(cd "$(dirname "$0")" && pwd)
tests_dir=${lib_dir%/*}
: "${S3SPOOL_BUILD:=${tests_dir%/*}/build}"
: "${PYTHON:=/usr/bin/python3}"
: "${AWS_ENDPOINT_URL_S3:?run this by tests/run-e2e.sh}"
export LC_ALL=C.UTF-8

work=$(mktemp -d "${TMPDIR:-/tmp}/s3spool-e2e.XXXXXX")
test_count=0
failed_count=0
scenario_count=0
children=

# Ends what the scenario left running, by pid.
cleanup()
{
	for pid in $children; do
		kill -s CONT "$pid" 2>/dev/null
		kill -s KILL "$pid" 2>/dev/null
	done
	if [ -z "${S3SPOOL_TEST_KEEP-}" ]; then
		rm -rf "$work"
	else
		echo "# kept: $work"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# As installed: the scripts beside the programs, which are those under test.
deploy=$work/bin
mkdir "$deploy"
cp "${tests_dir%/*}/deploy/s3spool" "${tests_dir%/*}/deploy/s3-uploader-cli" \
	"$deploy"
ln -s "$S3SPOOL_BUILD"/s3spool-scan "$S3SPOOL_BUILD"/s3spool-upload \
	"$S3SPOOL_BUILD"/s3spool-reap "$deploy"

# --- TAP -------------------------------------------------------------------

pass()
{
	test_count=$((test_count + 1))
	echo "ok $test_count - $*"
}

fail()
{
	test_count=$((test_count + 1))
	failed_count=$((failed_count + 1))
	echo "not ok $test_count - $*"
}

# Shows the beginning of each file given, as diagnostics.
show()
{
	for shown in "$@"; do
		[ -f "$shown" ] || continue
		echo "# --- ${shown##*/}:"
		head -n 20 "$shown" | cut -c 1-300 | sed 's/^/#   /'
	done
}

# ok DESCRIPTION COMMAND...: the command succeeds.
ok()
{
	ok_description=$1
	shift
	if "$@"; then
		pass "$ok_description"
	else
		fail "$ok_description"
		echo "#   failed: $*"
		show out err
	fi
}

# fails DESCRIPTION COMMAND...: the command answers no.
fails()
{
	ok_description=$1
	shift
	if "$@"; then
		fail "$ok_description"
		echo "#   succeeded: $*"
		show out err
	else
		pass "$ok_description"
	fi
}

# is GOT WANTED DESCRIPTION
is()
{
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		printf '%s\n' "$1" | head -n 20 | sed 's/^/#   got:    /'
		printf '%s\n' "$2" | head -n 20 | sed 's/^/#   wanted: /'
		show out err
	fi
}

# like FILE REGEX DESCRIPTION: a line of FILE matches (extended syntax).
like()
{
	if grep -qE -e "$2" -- "$1"; then
		pass "$3"
	else
		fail "$3"
		echo "#   no line matches: $2"
		show "$1"
	fi
}

unlike()
{
	if grep -qE -e "$2" -- "$1"; then
		fail "$3"
		grep -E -e "$2" -- "$1" | head -n 5 |
			sed 's/^/#   unwanted: /'
	else
		pass "$3"
	fi
}

skip()
{
	test_count=$((test_count + 1))
	echo "ok $test_count # SKIP $*"
}

# only_on STORE REASON: ends the file here, as skipped, unless the tests run on
# that store (S3SPOOL_TEST_STORE). Comes before anything is tested.
only_on()
{
	[ "${S3SPOOL_TEST_STORE:-swift}" != "$1" ] || return 0
	echo "1..0 # SKIP $2"
	exit 0
}

done_testing()
{
	echo "1..$test_count"
	[ "$failed_count" -eq 0 ]
	exit
}

# --- a scenario's surroundings ---------------------------------------------

s3()
{
	"$PYTHON" "$tests_dir/servers/s3.py" "$@"
}

# A directory of its own (the current one from here on) with base/ in it, and
# the name of a bucket.
begin()
{
	echo "# $*"
	scenario_count=$((scenario_count + 1))
	here=$work/$scenario_count
	base=$here/base
	spool=$base/.spool
	conf=$here/s3spool.yaml
	bucket=e2e-$(basename "$0" .t)-$$-$scenario_count
	mkdir -p "$base" "$here/original"
	cd "$here" || exit 1
	: >out
	: >err
}

# Begins a story: a directory, a bucket, and a configuration that waits for
# nothing.
scenario()
{
	begin "$@"
	s3 make-bucket "$bucket" || exit 1
	configure ""
}

# stub_scenario TITLE [OPTION...]: the same on a scripted stub of its own, which
# obeys the rules that script wrote (see start_stub).
stub_scenario()
{
	begin "$1"
	shift
	[ -z "${stub_pid-}" ] || stop_stub
	start_stub "$@"
	s3 make-bucket "$bucket" || exit 1
	configure ""
}

# configure LINE...: writes the configuration with these lines; settle_seconds
# is 0 unless they say otherwise.
configure()
{
	printf '%s\n' "base_dir: $base" "s3_bucket: $bucket" "$@" >"$conf"
	grep -q '^settle_seconds:' "$conf" || echo 'settle_seconds: 0' >>"$conf"
}

# write_file PATH [BYTES]: random bytes in base/, and a copy in original/ to
# compare with when the file is gone.
write_file()
{
	case $1 in
	*/*) mkdir -p "original/${1%/*}" "base/${1%/*}" ;;
	*) mkdir -p original base ;;
	esac
	head -c "${2:-1000}" /dev/urandom >"original/$1"
	cp -- "original/$1" "base/$1"
}

# write_files COUNT [BYTES]: a batch of them, in a few locations and hours.
write_files()
{
	"$PYTHON" -c '
import os, sys
count, size = map(int, sys.argv[1:])
for n in range(count):
    data = os.urandom(size)
    for top in ("original", "base"):
        hour = f"{top}/room{n % 3}/2021/02/03/0{n % 4}"
        os.makedirs(hour, exist_ok=True)
        with open(f"{hour}/{n % 60}-t{n}.dat", "wb") as file:
            file.write(data)
' "$1" "${2:-100}"
}

# --- the programs ----------------------------------------------------------

scan()
{
	"$S3SPOOL_BUILD/s3spool-scan" "$@"
}

upload()
{
	"$S3SPOOL_BUILD/s3spool-upload" "$@"
}

reap()
{
	"$S3SPOOL_BUILD/s3spool-reap" "$@"
}

s3spool()
{
	"$deploy/s3spool" "$@"
}

# run COMMAND...: its output goes to out and err, its status to $status.
run()
{
	status=0
	"$@" >out 2>err </dev/null || status=$?
}

# run_ok COMMAND...: the same, and a test that it ends with 0.
run_ok()
{
	run "$@"
	status_is 0 "$1 ends with 0"
}

status_is()
{
	is "$status" "$1" "$2"
}

# start COMMAND...: runs it in the background, output in bg.out and bg.err.
# Sets $started to its pid. Programs only, not functions: a function would run
# in a shell of its own, and that one's pid is no use for sending signals.
start()
{
	"$@" >bg.out 2>bg.err </dev/null &
	started=$!
	children="$children $started"
}

# finish PID: waits for it and sets $status.
finish()
{
	status=0
	wait "$1" || status=$?
}

# terminate_twice PID: SIGTERM to a program of one thread, as it comes to a whole
# process group: from there, and again from a script that hands it on. One waits
# for the process and one for its thread, so that both are there when it goes on.
terminate_twice()
{
	"$PYTHON" -c '
import ctypes, os, signal, sys
pid = int(sys.argv[1])
os.kill(pid, signal.SIGSTOP)
os.kill(pid, signal.SIGTERM)
ctypes.CDLL(None).tgkill(pid, pid, signal.SIGTERM)
os.kill(pid, signal.SIGCONT)' "$1"
}

# wait_until DESCRIPTION COMMAND...: polls until the command succeeds, 600 times at
# most.
poll_seconds=0.05
wait_until()
{
	wait_description=$1
	shift
	polls=0
	until "$@"; do
		polls=$((polls + 1))
		if [ "$polls" -gt 600 ]; then
			fail "$wait_description"
			echo "#   never came true: $*"
			show bg.out bg.err
			return 1
		fi
		sleep "$poll_seconds"
	done
	pass "$wait_description"
}

# hold_open PATH [TEXT]: a producer appends TEXT (default: more) to a file and
# keeps it open for writing until let_go.
hold_open()
{
	rm -f holding
	sh -c 'exec 3>>"$1"; printf "%s" "$2" >&3; : >holding; exec sleep 3600' \
		sh "$1" "${2-more
}" >/dev/null 2>&1 </dev/null &
	holder=$!
	children="$children $holder"
	wait_until "a producer has $1 open" test -e holding
}

let_go()
{
	kill "$holder"
	wait "$holder" 2>/dev/null
}

# open_gate: from here on the programs reach the store through a gate that
# can hold requests or answers back (tests/servers/gate.py). Sets $gate_url and
# $gate_pid.
open_gate()
{
	mkdir gate
	"$PYTHON" "$tests_dir/servers/gate.py" "$here/gate" \
		"$AWS_ENDPOINT_URL_S3" >gate/log 2>&1 </dev/null &
	gate_pid=$!
	children="$children $gate_pid"
	wait_until "the gate is open" test -s gate/url
	gate_url=$(cat gate/url)
}

# --- a scripted stub in place of the store ---------------------------------

# start_stub OPTION...: starts build/tests/s3stub with these. What it is asked,
# it writes to $stub_log; the programs and s3 ask it from here on. Sets
# $stub_url and $stub_pid.
start_stub()
{
	stub_log=$here/stub.log
	rm -f stub.url
	"$S3SPOOL_BUILD/tests/s3stub" --log "$stub_log" "$@" >stub.url \
		2>stub.err </dev/null &
	stub_pid=$!
	children="$children $stub_pid"
	polls=0
	until [ -s stub.url ]; do
		polls=$((polls + 1))
		if [ "$polls" -gt 600 ]; then
			fail "the stub listens"
			show stub.err
			exit 1
		fi
		sleep 0.02
	done
	stub_url=$(cat stub.url)
	export AWS_ENDPOINT_URL_S3="$stub_url" AWS_REGION=us-east-1
	export AWS_ACCESS_KEY_ID=stub-key AWS_SECRET_ACCESS_KEY=stub-secret
	unset AWS_SESSION_TOKEN
}

stop_stub()
{
	kill "$stub_pid"
	wait "$stub_pid" 2>/dev/null
	stub_pid=
}

# script RULE...: writes what --script "$script" makes a stub obey.
script()
{
	printf '%s\n' "$@" >"$script"
}
script=$work/script

# asked OPERATION [REGEX]: the log's lines about OPERATION (extended syntax,
# anchored) that match REGEX.
asked()
{
	awk -F '\t' -v name="^($1)\$" '$2 ~ name' "$stub_log" |
		grep -E -e "${2-}"
}

# times_asked OPERATION [REGEX]: how many these are.
times_asked()
{
	asked "$@" | wc -l
}

# stored_parts: the numbers of the parts that were stored, in order of time.
stored_parts()
{
	awk -F '\t' '$2 == "UploadPart" && $6 == "yes"' "$stub_log" |
		sed -n 's/.*partNumber=\([0-9]*\).*/\1/p'
}

# forget_log: what was asked until now doesn't count.
forget_log()
{
	: >"$stub_log"
}

# running TEXT: how many processes have an argument with TEXT in it. (pgrep is
# not on every system, and grep would find itself.)
running()
{
	for cmdline in /proc/[0-9]*/cmdline; do
		case $(tr '\0' ' ' 2>/dev/null <"$cmdline") in
		*"$1"*) echo "$cmdline" ;;
		esac
	done 2>/dev/null | wc -l
}

# --- what is where ---------------------------------------------------------

# Everything below DIR that is no directory, sorted, a path a line.
files_in()
{
	[ -d "$1" ] || return 0
	(cd "$1" && find . ! -type d ! -path './.spool/*' | sed 's|^\./||' |
		sort)
}

dirs_in()
{
	(cd "$1" && find . -mindepth 1 -type d ! -path './.spool' \
		! -path './.spool/*' | sed 's|^\./||' | sort)
}

# files_are DIR "PATH
# PATH..." DESCRIPTION
files_are()
{
	is "$(files_in "$1")" "$2" "$3"
}

# How many files lie in the spool's rooms named, such as claimed uploading.
count_in()
{
	for room in "$@"; do
		[ ! -d "$spool/$room" ] || find "$spool/$room" ! -type d \
			! -path "$spool/failed/*.tsv"
	done | wc -l
}

# in_room ROOM PATH: the full name of PATH in uploading, confirmed or failed,
# where the run's name lies between; fails when there is none.
in_room()
{
	set -- "$spool/$1"/*/"$2"
	[ -e "$1" ] && echo "$1"
}

# No file waits anywhere, and no run is left open.
drained()
{
	is "$(count_in claimed uploading confirmed)" 0 \
		"no file is left in the spool"
	is "$(files_in "$spool/runs")" "" "no run is left open"
	is "$(files_in "$spool/tmp")" "" "no temporary file is left"
}

# object_is KEY FILE DESCRIPTION
object_is()
{
	if s3 get "$bucket" "$1" >object 2>object.err &&
		cmp -s object "$2"; then
		pass "$3"
	else
		fail "$3"
		show object.err
		cmp object "$2" 2>&1 | sed 's/^/#   /'
	fi
}

# The keys in the bucket, sorted.
keys()
{
	s3 list "$bucket" | sort
}

# Every file that write_file wrote is an object under its path, and nothing
# else is in the bucket.
bucket_is_original()
{
	is "$(s3 compare "$bucket" original 2>&1)" "" \
		"the bucket holds exactly the files written, byte for byte"
}

# Puts on record what the Python lines in $1 say by
#   stored(path, when, size=1000)    the path as bytes or text, a datetime
#   hour(n)                          n hours after 2021-03-01, a datetime
#   hours(location, *numbers)        a file of each of these hours, on time
remember()
{
	mkdir -p "$spool/ledger" "$spool/runs"
	chmod 700 "$spool" "$spool/ledger" "$spool/runs"
	"$PYTHON" -c '
import collections, datetime, os, sys, urllib.parse
days = collections.defaultdict(list)
def hour(n):
    return datetime.datetime(2021, 3, 1) + datetime.timedelta(hours=n)
def stored(path, when, size=1000):
    path = urllib.parse.quote(path, safe="/-._~")
    days[when.strftime("%Y-%m-%d")].append("\t".join((
        when.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "bucket", path, path,
        str(size), "00000000", "-", "-", "-", "1", "0")))
def hours(location, *numbers):
    for n in numbers:
        stored(location + hour(n).strftime("/%Y/%m/%d/%H/00-t.dat"),
               hour(n) + datetime.timedelta(minutes=2))
exec(sys.argv[2])
for day, lines in days.items():
    with open(os.path.join(sys.argv[1], "ledger", day + ".tsv"), "w") as file:
        file.write("#s3spool-receipts-1\n" + "\n".join(lines) + "\n")
' "$spool" "$1"
}

# The record as a table: selects COLUMNS (names from its header) of the lines.
# ledger COLUMN... [-- OPTION...]
ledger()
{
	columns=
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		columns="$columns $1"
		shift
	done
	[ $# -eq 0 ] || shift
	reap --list --header "$@" "$conf" | awk -F '\t' -v wanted="$columns" '
		NR == 1 {
			for (i = 1; i <= NF; i++)
				at[$i] = i
			n = split(wanted, name, " ")
			next
		}
		{
			for (i = 1; i <= n; i++)
				printf "%s%s", $(at[name[i]]), i < n ? "\t" : "\n"
		}'
}
