#!/bin/sh
# Runs the fault tests: what crashes, fills up, lies or interferes, and whether
# the promises hold all the same.
set -eu

usage()
{
	cat <<'EOF'
usage: run-fault.sh [FILE.py...]

Runs these (default: all tests/fault/[0-9]*.py) and closes with `N passed, N
failed`. Each failed test tells the seed that repeats it. One FILE takes the
names of its stories as arguments when it is run by itself.

environment:
    S3SPOOL_BUILD          where the programs are (default: the tree's build/)
    S3SPOOL_FAULT_LONG     1: everything, not a sample of it
    S3SPOOL_FAULT_SEED     the seed of a run to be repeated
    S3SPOOL_FAULT_DIR      where trees are made (default: in memory, if it can)
    S3SPOOL_TEST_KEEP      not empty: keep the trees
EOF
}

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
esac

here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- "$here"/fault/[0-9]*.py
S3SPOOL_BUILD=$(cd "${S3SPOOL_BUILD:-$here/../build}" && pwd)
: "${S3SPOOL_TEST_SECONDS:=$([ -n "${S3SPOOL_FAULT_LONG-}" ] && echo 7200 || echo 600)}"
export S3SPOOL_BUILD S3SPOOL_TEST_SECONDS TZ=UTC
# What the user's own environment says about stores must not reach the tests.
for name in $(env | sed -n 's/^\(AWS_[A-Za-z0-9_]*\)=.*/\1/p'); do
	unset "$name"
done
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
exec "$here/run-tap.sh" "$@"
