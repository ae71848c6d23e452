# shellcheck shell=sh disable=SC2154 # $dir and $servers are the includer's
# Server processes that belong to a directory: included by swift.sh and rgw.sh,
# which set $dir (absolute) and $servers (their names, the order of stopping).

# Prints the pid of server NAME, if that process still is the one started for
# $dir. A pid alone proves nothing: it may have been given out anew, and a
# zombie (where pid 1 does not reap) answers kill -0 for ever. The command
# lines of all our servers name a file in $dir, and a zombie's is empty.
pid_of()
{
	pid=$(cat "$dir/pid/$1" 2>/dev/null) || return 1
	tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" |
		grep -qF -e "$dir/" || return 1
	echo "$pid"
}

# launch NAME COMMAND...: starts a server as the leader of its own process
# group: Ctrl-C at a terminal does not reach it, and a signal to the group
# reaches its workers.
launch()
{
	name=$1
	shift
	mkdir -p "$dir/pid" "$dir/log"
	setsid "$@" >>"$dir/log/$name" 2>&1 </dev/null &
	echo $! >"$dir/pid/$name"
}

all_run()
{
	for name in $servers; do
		pid_of "$name" >/dev/null || return 1
	done
}

# Ends what launch started, by its pids alone.
stop_all()
{
	# All of these stores survive kill -9, so a short grace is enough.
	for signal in TERM KILL; do
		for name in $servers; do
			pid=$(pid_of "$name") || continue
			kill -s "$signal" -- "-$pid" 2>/dev/null || :
		done
		polls=0
		while [ "$polls" -lt 15 ] && any_runs; do
			sleep 0.1
			polls=$((polls + 1))
		done
	done
	rm -rf "$dir/pid"
}

any_runs()
{
	for name in $servers; do
		if pid_of "$name" >/dev/null; then
			return 0
		fi
	done
	return 1
}

# The command line, `up DIR` or `down DIR`; `usage` and `up` are the caller's.
serve_commands()
{
	case ${1-} in
	-h | --help)
		usage
		exit 0
		;;
	esac
	if [ $# -ne 2 ] || [ -z "$2" ]; then
		usage >&2
		exit 64
	fi
	case $1 in
	up)
		mkdir -p "$2"
		dir=$(cd "$2" && pwd)
		up
		;;
	down)
		[ -d "$2" ] || exit 0
		dir=$(cd "$2" && pwd)
		stop_all
		;;
	*)
		usage >&2
		exit 64
		;;
	esac
}

die()
{
	status=$1
	shift
	echo "${0##*/}: $*" >&2
	exit "$status"
}
