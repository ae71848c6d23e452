#!/bin/sh
# What s3spool does, shown on a few files and a real S3 store, in a temporary
# directory. `make demo` calls it.
set -eu

usage()
{
	cat <<'EOF'
usage: demo.sh

Shows s3spool at work: writes a small tree of files, uploads it, and shows the
bucket, what was left behind and why, the record, and the tree afterwards. The
store is an OpenStack Swift of its own on 127.0.0.1. Everything lies in a
temporary directory and is gone afterwards.

To use another store, set in the environment
    AWS_ENDPOINT_URL_S3     its URL
    S3SPOOL_DEMO_BUCKET     a bucket there; the objects stay in it
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION
TMPDIR chooses another place for the temporary directory.
EOF
}

case ${1-} in
'') ;;
-h | --help)
	usage
	exit 0
	;;
*)
	usage >&2
	exit 64
	;;
esac

deploy=$(cd "$(dirname "$0")" && pwd)
source_tree=${deploy%/*}
if [ ! -x "$source_tree/build/s3spool-reap" ]; then
	echo "demo.sh: the programs are not built; try 'make demo'" >&2
	exit 69
fi
if [ -n "${AWS_ENDPOINT_URL_S3-}" ] && [ -z "${S3SPOOL_DEMO_BUCKET-}" ]; then
	echo "demo.sh: set S3SPOOL_DEMO_BUCKET, too" >&2
	exit 64
fi
# So that the commands can be shown as a user would type them.
PATH=$source_tree/build:$deploy:$PATH

work=$(mktemp -d "${TMPDIR:-/tmp}/s3spool-demo.XXXXXX")
producer=

cleanup()
{
	# A second Ctrl-C must not leave the store running.
	trap '' INT TERM HUP
	cd /
	if [ -n "$producer" ]; then
		kill "$producer" 2>/dev/null || :
	fi
	"$source_tree/tests/servers/swift.sh" down "$work/swift"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'echo; exit 130' INT
trap 'exit 143' TERM HUP
cd "$work"

# --- how it is shown -------------------------------------------------------

# Each of these ends with an empty line.

heading()
{
	printf '== %s\n\n' "$*"
}

say()
{
	printf '%s\n\n' "$*"
}

indent()
{
	sed 's/^/    /'
}

# show COMMAND [FILTER]: shows a shell command line and what it says; stops the
# demo if it fails.
show()
{
	printf '  $ %s\n' "$1"
	status=0
	sh -c "$1" >said 2>&1 || status=$?
	"${2:-cat}" <said | indent
	if [ "$status" -ne 0 ]; then
		say "    (this should have ended with 0, not with $status)"
		exit 1
	fi
	echo
}

# Tab-separated lines as aligned columns.
table()
{
	awk -F '\t' '
		{
			for (i = 1; i <= NF; i++) {
				cell[NR, i] = $i
				if (length($i) > width[i])
					width[i] = length($i)
			}
			columns = NF
		}
		END {
			for (r = 1; r <= NR; r++)
				for (i = 1; i <= columns; i++)
					if (i < columns)
						printf "%-" width[i] "s  ", cell[r, i]
					else
						print cell[r, i]
		}'
}

s3()
{
	"${PYTHON:-/usr/bin/python3}" "$source_tree/tests/servers/s3.py" "$@"
}

# --- the scene -------------------------------------------------------------

# Some measurements, as a producer would log them.
write_file()
{
	mkdir -p "base/$(dirname "$1")"
	awk -v lines="$2" -v name="$1" 'BEGIN {
		for (i = 0; i < lines; i++)
			printf "%s %06d %.3f\n", name, i, 20 + i % 7 / 8
	}' >"base/$1"
}

write_tree()
{
	write_file bedroom/2020/13/29/20/46-topic.dat 12
	write_file bedroom/2020/13/29/20/47-topic.dat 9
	write_file bedroom/2020/11/15/6/05-topic.dat 150
	write_file kitchen/2020/11/15/06/00-temperature.dat 40
	write_file kitchen/2020/11/15/07/00-temperature.dat 41
	write_file kitchen/2020/11/15/07/15-humidity.dat 3000
	write_file "garden shed/2020/11/15/07/30-Tür und Fenster.dat" 8
	write_file kitchen/2020/11/15/07/45-empty.dat 0
	# Still being written: a process holds it open.
	write_file kitchen/2020/11/15/08/00-temperature.dat 5
	(
		exec 3>>base/kitchen/2020/11/15/08/00-temperature.dat
		exec sleep 3600
	) </dev/null >/dev/null 2>&1 &
	producer=$!
}

start_store()
{
	if [ -n "${AWS_ENDPOINT_URL_S3-}" ]; then
		bucket=$S3SPOOL_DEMO_BUCKET
		prefix=s3spool-demo-$(date -u '+%Y%m%dT%H%M%SZ')/
		whose="The store of your environment"
		s3 list "$bucket" "$prefix" >/dev/null 2>&1 ||
			s3 make-bucket "$bucket"
	else
		bucket=demo
		prefix=
		environment=$("$source_tree/tests/servers/swift.sh" up \
			"$work/swift")
		eval "$environment"
		whose="OpenStack Swift with its S3 API"
		s3 make-bucket "$bucket"
	fi
	say "  $whose: $AWS_ENDPOINT_URL_S3, bucket $bucket"
}

heading "A producer's files: base/location/YYYY/MM/DD/HH/mm-topic.dat"
write_tree
show "find base -type f | sort"
say "  A process has kitchen/2020/11/15/08/00-temperature.dat still open."

heading "A store"
start_store

heading "The configuration"
{
	echo "base_dir: base"
	echo "s3_bucket: $bucket"
	[ -z "$prefix" ] || echo "key_prefix: $prefix"
	echo "settle_seconds: 1    # 10 by default; the demo is in a hurry"
	echo "prune_after: 0       # 26h by default"
} >s3spool.yaml
show "cat s3spool.yaml"

# settle_seconds have to pass since the last file was written.
sleep 2

heading "Three stages"
say "  scan claims what is settled, by renaming it into the spool:"
show "s3spool-scan s3spool.yaml"
show "find base/.spool/claimed -type f | sort"
say "  upload sends what is claimed, and keeps a receipt for each file:"
show "s3spool-upload s3spool.yaml"
say "  reap deletes what has a receipt, and prunes empty directories:"
show "s3spool-reap s3spool.yaml"

heading "In the bucket: bytes and key"
s3 list -l "$bucket" "$prefix" | table | indent
echo

heading "What was left behind, and why"
show "s3spool-scan --explain s3spool.yaml"

heading "The record, some of its columns"
show "s3spool list --header s3spool.yaml | cut -f 1,3,5,6" table

heading "The tree now"
show "find base -not -path '*/.spool/*' | sort"

heading "The producer closes its file, and the next run takes it"
kill "$producer"
wait "$producer" 2>/dev/null || :
producer=
sleep 2
show "s3spool run s3spool.yaml"
show "find base -not -path '*/.spool/*' | sort"

if [ -n "$prefix" ]; then
	say "  The objects stay in $bucket under $prefix."
fi
