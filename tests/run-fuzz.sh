#!/bin/sh
# Runs libFuzzer's programs one after another and closes with
# `N passed, N failed`.
set -eu

usage()
{
	cat <<'EOF'
usage: run-fuzz.sh BUILD SECONDS PROGRAM...
       run-fuzz.sh --can

Runs each BUILD/tests/fuzz/PROGRAM for SECONDS, beginning with the inputs in
tests/fuzz/corpus/PROGRAM. What it finds worth trying again is kept in
BUILD/corpus/, and what it crashes on in BUILD/crashes/.

--can tells whether $CC (default: clang) can build such programs; if it can't,
it says so and ends with 1.
EOF
}

here=$(cd "$(dirname "$0")" && pwd)

can()
{
	echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
		"${CC:-clang}" -fsanitize=fuzzer,address,undefined -x c \
			-o /dev/null - 2>/dev/null
}

case ${1-} in
--can)
	can && exit 0
	echo "fuzz: skipped: no clang with libFuzzer and sanitizers here" \
		"(Debian: apt-get install clang libclang-rt-14-dev)"
	echo "0 passed, 0 failed"
	exit 1
	;;
-h | --help)
	usage
	exit 0
	;;
esac
if [ $# -lt 3 ]; then
	usage >&2
	exit 64
fi

build=$1
seconds=$2
shift 2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# Local time is among what is tried, and messages are looked at.
export TZ=Europe/Berlin LC_ALL=C
mkdir -p "$build/crashes"
passed=0
failed=0

for program in "$@"; do
	name=${program#fuzz_}
	corpus=$build/corpus/$name
	mkdir -p "$corpus"
	status=0
	# Our allocator ends the process when memory runs out, which counts as
	# a crash here: nothing of 4 KiB needs so much.
	timeout -k 10 $((seconds + 120)) "$build/tests/fuzz/$program" \
		-max_total_time="$seconds" -max_len=4096 -timeout=10 \
		-rss_limit_mb=1024 -verbosity=1 -print_final_stats=1 \
		-artifact_prefix="$build/crashes/$name-" \
		"$corpus" "$here/fuzz/corpus/$name" >"$log" 2>&1 || status=$?
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "ok - $name: $runs inputs in $seconds s"
	else
		failed=$((failed + 1))
		grep -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE|pulse|RELOAD)' "$log" |
			tail -n 60
		echo "not ok - $name: ended with status $status"
	fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
