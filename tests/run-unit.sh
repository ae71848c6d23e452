#!/bin/sh
# Runs the Check programs it is given, shows what they say, and closes with
# `N passed, N failed`, summed over their own closing lines.
set -eu

if [ $# -eq 0 ]; then
	echo "usage: run-unit.sh PROGRAM..." >&2
	echo "S3SPOOL_TEST_SECONDS: the time limit of each (default: 600)" >&2
	exit 64
fi

output=$(mktemp)
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
passed=0
failed=0

for program in "$@"; do
	status=0
	timeout -k 10 "${S3SPOOL_TEST_SECONDS:-600}" "$program" \
		>"$output" 2>&1 || status=$?
	cat "$output"
	# "98%: Checks: 50, Failures: 1, Errors: 0"
	checks=0
	bad=0
	eval "$(awk -F '[:,]' '
		/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
			checks += $3
			bad += $5 + $7
		}
		END { printf "checks=%d bad=%d", checks, bad }' "$output")"
	passed=$((passed + checks - bad))
	failed=$((failed + bad))
	# A program that a sanitizer or a signal ends closes with no such line.
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		echo "$program: ended with status $status"
		failed=$((failed + 1))
	elif [ "$checks" -eq 0 ]; then
		echo "$program: checked nothing"
		failed=$((failed + 1))
	fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
