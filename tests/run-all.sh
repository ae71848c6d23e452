#!/bin/sh
# Runs make's TARGETs one after another, whatever becomes of each, and closes
# with the sum of what they closed with, `N passed, N failed`.
set -eu

if [ $# -eq 0 ]; then
	echo "usage: run-all.sh TARGET..." >&2
	exit 64
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
passed=0
failed=0

for target in "$@"; do
	echo "== $target"
	# The pipe's status is tee's.
	{
		"${MAKE:-make}" --no-print-directory "$target" &&
			echo "status 0" || echo "status $?"
	} 2>&1 | tee "$log" | grep -v '^status [0-9]*$' || :
	good=0
	bad=0
	eval "$(awk '
		/^[0-9]+ passed, [0-9]+ failed$/ { good = $1; bad = $3 }
		END { printf "good=%d bad=%d", good, bad }' "$log")"
	passed=$((passed + good))
	# What could not be built, or ended early, closes with no such line.
	if [ "$bad" -eq 0 ] && [ "$(tail -n 1 "$log")" != "status 0" ]; then
		echo "make $target failed"
		bad=1
	fi
	failed=$((failed + bad))
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
