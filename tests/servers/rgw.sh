#!/bin/sh
# Ceph's S3 gateway, radosgw, on the smallest cluster that carries it: one
# monitor, one OSD that keeps its objects in memory, no manager; all on
# 127.0.0.1. The second store of the end-to-end tests: it knows If-None-Match
# on PUT and storage classes, where Swift answers 501.
#
# Debian's packages: radosgw ceph-mon ceph-osd
set -eu

usage()
{
	cat <<'EOF'
usage: rgw.sh up DIR      start radosgw with its state in DIR
       rgw.sh down DIR    stop what `up DIR` started; DIR stays

`up` prints the environment of an S3 client, to be taken in with eval. Where
radosgw runs already, it only prints this again. The objects are in memory and
gone after `down`.

environment:
    RGW_PORT    the S3 endpoint's port (default: a free one)
    PYTHON      any Python 3 (default: /usr/bin/python3)

For example, the end-to-end tests on it:
    eval "$(tests/servers/rgw.sh up /tmp/rgw)"
    S3SPOOL_TEST_STORE=env tests/run-e2e.sh
    tests/servers/rgw.sh down /tmp/rgw
EOF
}

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/usr/bin/python3}
access_key=AKIDEXAMPLE
secret=secretsecret
servers="rgw osd mon"

# shellcheck source=processes.sh
. "$here/processes.sh"

# Cephx stays on: without it, radosgw-admin can't create users here.
write_conf()
{
	cat >"$dir/ceph.conf" <<EOF
[global]
fsid = $cluster
mon host = [v2:127.0.0.1:$2/0,v1:127.0.0.1:$3/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
keyring = $dir/keyring
run dir = $dir/run
crash dir = $dir/run
admin socket = $dir/run/\$cluster-\$name.asok
log file = $dir/log/\$name.log
pid file =
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail warn = 2
mon data avail crit = 1

[mon]
mon data = $dir/mon
auth allow insecure global id reclaim = false

[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd heartbeat grace = 120

[client]
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$1
rgw dns name =
rgw enable usage log = false
rgw enable ops log = false
rgw run sync thread = false
rgw override bucket index max shards = 1
EOF
}

ceph()
{
	command ceph -c "$dir/ceph.conf" --connect-timeout 20 "$@"
}

admin()
{
	radosgw-admin -c "$dir/ceph.conf" "$@" >>"$dir/log/admin" 2>&1
}

key()
{
	ceph-authtool "$dir/keyring" --gen-key "$@" >/dev/null
}

# wait_for SECONDS COMMAND...
wait_for()
{
	polls=$(($1 * 10))
	shift
	until "$@"; do
		polls=$((polls - 1))
		[ "$polls" -gt 0 ] || return 1
		sleep 0.1
	done
}

osd_is_up()
{
	ceph osd stat 2>/dev/null | grep -q '1 up'
}

answers()
{
	"$python" -c 'import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)' \
		"$(head -n 1 "$dir/ports")" 2>/dev/null
}

# The steps are chained by &&: whoever asks whether a function succeeded
# switches `set -e` off in it.

start_monitor()
{
	: >"$dir/keyring" &&
		chmod 600 "$dir/keyring" &&
		key -n mon. --cap mon 'allow *' &&
		key -n client.admin --cap mon 'allow *' --cap osd 'allow *' \
			--cap mgr 'allow *' &&
		key -n osd.0 --cap mon 'allow *' --cap osd 'allow *' &&
		monmaptool --create --clobber --fsid "$cluster" \
			--addv a "[v2:127.0.0.1:$1,v1:127.0.0.1:$2]" \
			"$dir/monmap" >/dev/null &&
		ceph-mon -c "$dir/ceph.conf" --mkfs -i a \
			--monmap "$dir/monmap" --keyring "$dir/keyring" &&
		launch mon ceph-mon -c "$dir/ceph.conf" -i a -f
}

start_osd()
{
	osd=$(cat /proc/sys/kernel/random/uuid) &&
		ceph osd new "$osd" 0 >/dev/null 2>&1 &&
		ceph-osd -c "$dir/ceph.conf" -i 0 --mkfs --osd-uuid "$osd" \
			>>"$dir/log/osd" 2>&1 &&
		launch osd ceph-osd -c "$dir/ceph.conf" -i 0 -f &&
		wait_for 60 osd_is_up
}

# The user comes first: creating it makes the default zone, too, which the
# storage classes are added to.
start_gateway()
{
	admin user create --uid=test --display-name=test \
		--access-key="$access_key" --secret="$secret" || return 1
	for class in STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER \
		DEEP_ARCHIVE REDUCED_REDUNDANCY; do
		admin zonegroup placement add --rgw-zonegroup default \
			--placement-id default-placement \
			--storage-class "$class" &&
			admin zone placement add --rgw-zone default \
				--placement-id default-placement \
				--storage-class "$class" \
				--data-pool default.rgw.buckets.data ||
			return 1
	done
	launch rgw radosgw -c "$dir/ceph.conf" -n client.admin -f
	wait_for 60 answers
}

start()
{
	# The OSD's objects died with it. The monitor must forget them, too, or
	# it waits for them for ever.
	rm -rf "$dir/mon" "$dir/osd" "$dir/rgw" "$dir/run"
	mkdir -p "$dir/mon" "$dir/osd" "$dir/rgw" "$dir/run" "$dir/log"
	cluster=$(cat /proc/sys/kernel/random/uuid)
	"$python" "$here/ports.py" 3 ${RGW_PORT:+"$RGW_PORT"} >"$dir/ports"
	# shellcheck disable=SC2046 # a list of numbers
	set -- $(cat "$dir/ports")
	write_conf "$@" &&
		start_monitor "$2" "$3" &&
		start_osd &&
		start_gateway
}

up()
{
	for program in radosgw radosgw-admin ceph ceph-mon ceph-osd "$python"; do
		command -v "$program" >/dev/null ||
			die 69 "$program is missing;" \
				"Debian: apt-get install radosgw ceph-mon ceph-osd"
	done
	if ! { all_run && answers; }; then
		stop_all
		start || {
			tail -n 20 "$dir"/log/* >&2
			stop_all
			die 1 "radosgw does not answer"
		}
	fi
	cat <<EOF
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$(head -n 1 "$dir/ports")
export AWS_ACCESS_KEY_ID=$access_key AWS_SECRET_ACCESS_KEY=$secret
export AWS_REGION=us-east-1
EOF
}

serve_commands "$@"
