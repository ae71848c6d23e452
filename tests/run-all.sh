#!/bin/sh
# Runs the unit tests given and then the end-to-end scenarios, and closes with
# the sum of both, `N passed, N failed`.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

sum="0 passed, 0 failed"
worst=0

# Runs a command, shows its output as it comes, and adds up its closing line.
part()
{
	{
		"$@" && echo "status 0" || echo "status $?"
	} 2>&1 | tee "$log" | grep -v '^status [0-9]*$' || :
	status=$(tail -n 1 "$log")
	[ "$status" = "status 0" ] || worst=1
	sum=$(
		{
			echo "$sum"
			grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" |
				tail -n 1
		} | awk '{ passed += $1; failed += $3 }
			END { printf "%d passed, %d failed", passed, failed }'
	)
}

part "$here/run-unit.sh" "$@"
part "$here/run-e2e.sh"
echo "$sum"
exit "$worst"
