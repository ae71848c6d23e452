#!/bin/sh
# Runs the Check programs it is given, shows what they say, and closes with
# `N passed, N failed`, summed over their own closing lines.
set -eu

usage()
{
	cat <<'EOF'
usage: run-unit.sh PROGRAM...

environment:
    S3SPOOL_TEST_JOBS      programs at once (default: 2)
    S3SPOOL_TEST_SECONDS   the time limit of each (default: 600)
EOF
}

# Runs one, shows what it says in one piece, and files "PASSED FAILED".
run_one()
{
	output=$(mktemp "$S3SPOOL_TEST_RESULTS/XXXXXX")
	status=0
	timeout -k 10 "${S3SPOOL_TEST_SECONDS:-600}" "$1" \
		>"$output" 2>&1 || status=$?
	# "98%: Checks: 50, Failures: 1, Errors: 0"
	checks=0
	bad=0
	eval "$(awk -F '[:,]' '
		/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
			checks += $3
			bad += $5 + $7
		}
		END { printf "checks=%d bad=%d", checks, bad }' "$output")"
	good=$((checks - bad))
	# A program that a sanitizer or a signal ends closes with no such line.
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		echo "$1: ended with status $status" >>"$output"
		bad=1
	elif [ "$checks" -eq 0 ]; then
		echo "$1: checked nothing" >>"$output"
		bad=1
	fi
	flock "$S3SPOOL_TEST_RESULTS" cat "$output"
	echo "$good $bad" >"$output.sum"
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

S3SPOOL_TEST_RESULTS=$(mktemp -d "${TMPDIR:-/tmp}/s3spool-unit.XXXXXX")
trap 'rm -rf "$S3SPOOL_TEST_RESULTS"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export S3SPOOL_TEST_RESULTS

printf '%s\0' "$@" |
	xargs -0 -n 1 -P "${S3SPOOL_TEST_JOBS:-2}" sh "$0" --one
sums=$(cat "$S3SPOOL_TEST_RESULTS"/*.sum | awk -v programs=$# '
	{ passed += $1; failed += $2 }
	END {
		if (NR != programs)
			failed++
		print passed + 0 " passed, " failed + 0 " failed"
	}')
echo "$sums"
[ "${sums##*, }" = "0 failed" ]
