#!/bin/sh
# The conflicts once more, on a store that knows If-None-Match: *.
: "${AWS_ENDPOINT_URL_S3:?run this by tests/run-e2e.sh}"
if [ "${S3SPOOL_TEST_STORE:-swift}" != swift ]; then
	echo "1..0 # SKIP this is about Swift with conditions switched on"
	exit 0
fi
tests=$(dirname "$0")/..

state=$(mktemp -d "${TMPDIR:-/tmp}/s3spool-e2e.XXXXXX")
stop_swift()
{
	"$tests/servers/swift.sh" down "$state"
	rm -rf "$state"
}
trap stop_swift EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
environment=$(SWIFT_CONDITIONAL=1 "$tests/servers/swift.sh" up "$state") ||
	exit 1
eval "$environment"
sh "$(dirname "$0")/05-conflict.t"
