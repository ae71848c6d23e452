#!/bin/sh
# Starts a store, runs the end-to-end scenarios on it and stops it again.
set -eu

usage()
{
	cat <<'EOF'
usage: run-e2e.sh [FILE.t...]

Runs the scenarios (default: all in tests/e2e) on a store of their own, by
run-tap.sh, which closes with `N passed, N failed`. Those that make no sense on
the store at hand skip themselves.

environment:
    S3SPOOL_BUILD          where the programs are (default: the tree's build/)
    S3SPOOL_TEST_STORE     swift (default): OpenStack Swift; rgw: Ceph's
                           radosgw; env: the store that AWS_ENDPOINT_URL_S3 and
                           the other AWS_ variables describe, none is started
    S3SPOOL_TEST_JOBS      scenarios at once (default: 2)
    S3SPOOL_TEST_SECONDS   a scenario's time limit (default: 600)
    S3SPOOL_TEST_KEEP      not empty: keep the scenarios' directories
EOF
}

here=$(cd "$(dirname "$0")" && pwd)

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
esac
[ $# -gt 0 ] || set -- "$here"/e2e/[0-9]*.t

S3SPOOL_BUILD=$(cd "${S3SPOOL_BUILD:-$here/../build}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/s3spool-test.XXXXXX")
mkdir "$work/home"
: "${S3SPOOL_TEST_STORE:=swift}"
export S3SPOOL_BUILD S3SPOOL_TEST_STORE

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
"$here/run-tap.sh" "$@"
