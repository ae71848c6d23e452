#!/bin/sh
# OpenStack Swift with its S3 API (s3api, tempauth) and a private memcached,
# all on 127.0.0.1, for the tests and the demo. Everything it writes lies in
# the directory it is given: nothing in /etc, no service, no syslog.
#
# Install python3-swift and memcached alone: Debian's swift-* packages bring
# services, rsyslog and uwsgi along.
set -eu

usage()
{
	cat <<'EOF'
usage: swift.sh up DIR      start Swift with its state in DIR
       swift.sh down DIR    stop what `up DIR` started; DIR stays

`up` prints the environment of an S3 client, to be taken in with eval:
    export AWS_ENDPOINT_URL_S3=http://127.0.0.1:PORT
    export AWS_ACCESS_KEY_ID=test:tester AWS_SECRET_ACCESS_KEY=...
    export AWS_REGION=us-east-1
Where Swift runs already, `up` only prints this again.

environment:
    SWIFT_PORT         the S3 endpoint's port (default: a free one)
    SWIFT_WORKERS      processes of the proxy and the object server (default:
                       one each)
    SWIFT_CONDITIONAL  not empty: accept If-None-Match on PUT, which s3api
                       otherwise answers with 501
    PYTHON             the Python that Swift is installed for (/usr/bin/python3)
EOF
}

here=$(cd "$(dirname "$0")" && pwd)
# Swift's package belongs to the distribution's Python, which is not always
# the first one in PATH.
python=${PYTHON:-/usr/bin/python3}
secret=testing
region=us-east-1
servers="memcached account container object proxy"

node()
{
	"$python" "$here/swift_node.py" "$@"
}

# shellcheck source=processes.sh
. "$here/processes.sh"

is_up()
{
	[ -s "$dir/ports" ] && all_run || return 1
	# shellcheck disable=SC2046 # a list of numbers
	node wait 5 $(cat "$dir/ports")
}

# --- configuration ---------------------------------------------------------

# Server NAME of Swift on PORT with WORKERS processes (0: the process itself).
write_backend()
{
	cat >"$dir/$1.conf" <<EOF
[DEFAULT]
swift_dir = $dir
devices = $dir/srv
mount_check = false
bind_ip = 127.0.0.1
bind_port = $2
workers = $3
user = $(id -un)
log_level = WARNING
disable_fallocate = true
fallocate_reserve = 0

[pipeline:main]
pipeline = $1-server

[app:$1-server]
use = egg:swift#$1
EOF
}

write_swift_conf()
{
	# A metadata value over Swift's usual 256 bytes makes s3api answer 500;
	# S3's own limit is 2 KB in all. Ext4 holds 4 KiB of xattrs.
	cat >"$dir/swift.conf" <<EOF
[swift-hash]
swift_hash_path_prefix = s3spool
swift_hash_path_suffix = s3spool

[swift-constraints]
max_meta_value_length = 2048
max_meta_overall_size = 2048

[storage-policy:0]
name = default
default = yes
EOF
}

# s3api needs the cache: without memcached it answers 500 to everything.
# One slow write must not blacklist the only back end for a minute, hence the
# suppression limit and the patience.
write_proxy_conf()
{
	cat >"$dir/proxy.conf" <<EOF
[DEFAULT]
swift_dir = $dir
bind_ip = 127.0.0.1
bind_port = $1
workers = $3
user = $(id -un)
log_level = WARNING

[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api \
tempauth copy slo dlo versioned_writes symlink proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
error_suppression_limit = 1000000
conn_timeout = 5
node_timeout = 60

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:gatekeeper]
use = egg:swift#gatekeeper

[filter:healthcheck]
use = egg:swift#healthcheck

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$2

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:s3api]
use = egg:swift#s3api
location = $region
max_upload_part_num = 10000

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = $secret .admin

[filter:copy]
use = egg:swift#copy

[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000

[filter:dlo]
use = egg:swift#dlo

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true

[filter:symlink]
use = egg:swift#symlink
EOF
}

# --- commands --------------------------------------------------------------

start()
{
	ports=$("$python" "$here/ports.py" 5 ${SWIFT_PORT:+"$SWIFT_PORT"})
	# shellcheck disable=SC2086 # a list of numbers
	set -- $ports
	echo "$ports" >"$dir/ports"
	workers=${SWIFT_WORKERS:-0}
	write_swift_conf
	write_backend object "$2" "$workers"
	write_backend container "$3" 0
	write_backend account "$4" 0
	write_proxy_conf "$1" "$5" "$workers"
	# The rings name the ports, so they are made anew; where data lies
	# depends on the device alone, and it is found again.
	node rings "$dir" "$2" "$3" "$4"

	launch memcached memcached -l 127.0.0.1 -p "$5" -U 0 -m 16 \
		-u "$(id -un)" -P "$dir/pid/memcached.own"
	for name in account container object proxy; do
		launch "$name" "$python" "$here/swift_node.py" serve \
			"$dir/$name.conf" "$name-server"
	done
	node wait 30 "$@"
}

up()
{
	for program in "$python" memcached setsid; do
		command -v "$program" >/dev/null ||
			die 69 "$program is missing: deploy/install-deps.sh test"
	done
	"$python" -c 'import swift' 2>/dev/null ||
		die 69 "$python has no Swift: deploy/install-deps.sh test"

	mkdir -p "$dir/srv/d1"
	if ! is_up; then
		node xattrs "$dir/srv" || exit 1
		# Another process may take a port between finding and using it.
		for try in 1 2 3; do
			stop_all
			start && break
			[ "$try" != 3 ] || {
				tail -n 20 "$dir"/log/* >&2
				stop_all
				die 1 "Swift does not answer"
			}
		done
	fi
	cat <<EOF
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$(head -n 1 "$dir/ports")
export AWS_ACCESS_KEY_ID=test:tester AWS_SECRET_ACCESS_KEY=$secret
export AWS_REGION=$region
EOF
}

serve_commands "$@"
