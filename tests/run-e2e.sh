#!/bin/sh
# Starts a store, runs the end-to-end scenarios on it and stops it again.
set -eu

usage()
{
	cat <<'EOF'
usage: run-e2e.sh [FILE.t...]

Runs the scenarios (default: all in tests/e2e) on a store of their own, by prove
where it is installed, and closes with `N passed, N failed`. Those that make no
sense on the store at hand skip themselves and count as neither.

environment:
    S3SPOOL_BUILD          where the programs are (default: the tree's build/)
    S3SPOOL_TEST_STORE     swift (default): OpenStack Swift; rgw: Ceph's
                           radosgw; env: the store that AWS_ENDPOINT_URL_S3 and
                           the other AWS_ variables describe, none is started
    S3SPOOL_TEST_JOBS      scenarios at once (default: 2)
    S3SPOOL_TEST_SECONDS   a scenario's time limit (default: 300)
    S3SPOOL_TEST_KEEP      not empty: keep the scenarios' directories
EOF
}

here=$(cd "$(dirname "$0")" && pwd)

# Runs one scenario and files its TAP. A scenario that ends early, or with
# another number of tests than it planned, gets a failed test that says so.
run_one()
{
	tap=$S3SPOOL_TEST_RESULTS/$(basename "$1").tap
	status=0
	timeout -k 10 "${S3SPOOL_TEST_SECONDS:-300}" sh "$1" >"$tap" 2>&1 ||
		status=$?
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
esac
left=$#
while [ "$left" -gt 0 ]; do
	set -- "$@" "$(readlink -f -- "$1")"
	shift
	left=$((left - 1))
done
# prove takes its --exec apart at blanks: no full path may be in it.
cd "$here/.."
[ $# -gt 0 ] || set -- tests/e2e/[0-9]*.t

S3SPOOL_BUILD=$(cd "${S3SPOOL_BUILD:-build}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/s3spool-test.XXXXXX")
S3SPOOL_TEST_RESULTS=$work/results
mkdir "$S3SPOOL_TEST_RESULTS" "$work/home"
: "${S3SPOOL_TEST_STORE:=swift}"
export S3SPOOL_BUILD S3SPOOL_TEST_RESULTS S3SPOOL_TEST_STORE

cleanup()
{
	case $S3SPOOL_TEST_STORE in
	swift | rgw)
		"$here/servers/$S3SPOOL_TEST_STORE.sh" down "$work/store"
		;;
	esac
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What the user's own environment says about stores must not reach the tests.
case $S3SPOOL_TEST_STORE in
env) ;;
swift | rgw)
	for name in $(env | sed -n 's/^\(AWS_[A-Za-z0-9_]*\)=.*/\1/p'); do
		unset "$name"
	done
	environment=$("$here/servers/$S3SPOOL_TEST_STORE.sh" up "$work/store")
	eval "$environment"
	;;
*)
	echo "run-e2e.sh: unknown store '$S3SPOOL_TEST_STORE'" >&2
	usage >&2
	exit 64
	;;
esac
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
export AWS_EC2_METADATA_DISABLED=true HOME="$work/home" TZ=UTC
# What the sanitizers say, where the programs are built with them: a scenario
# may expect a failure, and not look at why. (gcc's knows no log_path for
# undefined behaviour; that ends with a status that nobody expects.)
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$work/sanitizer
UBSAN_OPTIONS=${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}exitcode=99:print_stacktrace=1
export ASAN_OPTIONS UBSAN_OPTIONS

if command -v prove >/dev/null; then
	prove --timer -j "${S3SPOOL_TEST_JOBS:-2}" --exec "sh tests/run-e2e.sh --one" "$@" || :
else
	for scenario in "$@"; do
		echo "$scenario"
		run_one "$scenario" >/dev/null
	done
fi

# The scenarios that failed tell their whole story, one after another.
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
for report in "$work"/sanitizer.*; do
	[ -s "$report" ] || continue
	failed=$((failed + 1))
	echo
	echo "== a sanitizer's report"
	head -n 60 "$report"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
