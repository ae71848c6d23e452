#!/bin/sh
# Runs test programs that speak TAP, and sums up what they say.
set -eu

usage()
{
	cat <<'EOF'
usage: run-tap.sh FILE...

Runs each FILE (.t by sh, .py by $PYTHON), by prove where it is installed, shows
the whole story of those that failed, and closes with `N passed, N failed`.
Those that skip themselves count as neither.

environment:
    S3SPOOL_TEST_JOBS      files at once (default: 2)
    S3SPOOL_TEST_SECONDS   a file's time limit (default: 600)
EOF
}

# Runs one file and files its TAP. One that ends early, or with another number
# of tests than it planned, gets a failed test that says so.
run_one()
{
	tap=$S3SPOOL_TEST_RESULTS/$(basename "$1").tap
	case $1 in
	*.py) interpreter=${PYTHON:-/usr/bin/python3} ;;
	*) interpreter="sh" ;;
	esac
	status=0
	timeout -k 10 "${S3SPOOL_TEST_SECONDS:-600}" "$interpreter" "$1" \
		>"$tap" 2>&1 || status=$?
	ran=$(grep -cE '^(not )?ok ' "$tap") || :
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$tap")
	complaint=
	if [ "$ran" != "$planned" ]; then
		complaint="ended early with status $status"
	elif [ "$status" -ne 0 ] && ! grep -q '^not ok ' "$tap"; then
		complaint="ended with status $status"
	fi
	if [ -n "$complaint" ]; then
		sed -i '/^1\.\./d' "$tap"
		{
			echo "not ok $((ran + 1)) - $complaint"
			echo "1..$((ran + 1))"
		} >>"$tap"
	fi
	cat "$tap"
}

case ${1-} in
--one)
	run_one "$2"
	exit 0
	;;
-h | --help)
	usage
	exit 0
	;;
'')
	usage >&2
	exit 64
	;;
esac

here=$(cd "$(dirname "$0")" && pwd)
left=$#
while [ "$left" -gt 0 ]; do
	file=$(readlink -f -- "$1")
	# prove takes its --exec apart at blanks: no full path may be in it.
	set -- "$@" "${file#"${here%/*}"/}"
	shift
	left=$((left - 1))
done
cd "$here/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/s3spool-tap.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
S3SPOOL_TEST_RESULTS=$work/results
mkdir "$S3SPOOL_TEST_RESULTS"
export S3SPOOL_TEST_RESULTS
# What the sanitizers say, where the programs are built with them, or valgrind:
# a scenario may expect a failure, and not look at why; it may also run them as
# another user. (gcc's knows no log_path for undefined behaviour; that ends with
# a status that nobody expects.)
reports=$work/reports
chmod 711 "$work"
mkdir -m 1777 "$reports"
cp "$here/tsan.supp" "$work"
chmod 644 "$work/tsan.supp"
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$reports/sanitizer
TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}log_path=$reports/sanitizer
TSAN_OPTIONS=$TSAN_OPTIONS:suppressions=$work/tsan.supp
VALGRIND_OPTS="${VALGRIND_OPTS-} --log-file=$reports/valgrind.%p"
UBSAN_OPTIONS=${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}exitcode=99:print_stacktrace=1
export ASAN_OPTIONS TSAN_OPTIONS VALGRIND_OPTS UBSAN_OPTIONS

if command -v prove >/dev/null; then
	prove --timer -j "${S3SPOOL_TEST_JOBS:-2}" \
		--exec "sh tests/run-tap.sh --one" "$@" || :
else
	for file in "$@"; do
		echo "$file"
		run_one "$file" >/dev/null
	done
fi

# Those that failed tell their whole story, one after another.
for tap in "$S3SPOOL_TEST_RESULTS"/*.tap; do
	if grep -q '^not ok ' "$tap"; then
		echo
		echo "== $(basename "$tap" .tap)"
		cat "$tap"
	fi
done
cat "$S3SPOOL_TEST_RESULTS"/*.tap >"$work/all"
passed=$(grep -c '^ok ' "$work/all") || :
failed=$(grep -c '^not ok ' "$work/all") || :
for report in "$reports"/*; do
	[ -s "$report" ] || continue
	failed=$((failed + 1))
	echo
	echo "== ${report##*/}"
	head -n 60 "$report"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
