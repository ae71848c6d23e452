#!/bin/sh
# The units in deploy/systemd: valid, hardened, each setting with its reason,
# and nothing taken away that the programs need.
. "$(dirname "$0")/lib.sh"
units=${tests_dir%/*}/deploy/systemd
stages="scan upload reap"
if ! command -v systemd-analyze >/dev/null; then
	echo "1..0 # SKIP no systemd-analyze is installed"
	exit 0
fi

analyze()
{
	SYSTEMD_COLORS=0 systemd-analyze --no-pager "$@"
}

# A root of its own, with systemd's units for ours to refer to.
begin "systemd understands them"
root=$here/root
mkdir -p "$root/etc/systemd/system" "$root/usr/local/bin" \
	"$root/usr/lib/systemd"
cp "$units"/* "$root/etc/systemd/system"
cp -r /lib/systemd/system "$root/usr/lib/systemd/system"
for stage in $stages; do
	cp "$S3SPOOL_BUILD/s3spool-$stage" "$root/usr/local/bin"
done
# What s3spool@.service runs.
cp /bin/true "$root/usr/local/bin"
run_ok analyze --root="$root" verify "$root"/etc/systemd/system/s3spool*
is "$(cat out err)" "" "without a complaint"
dropin=$root/etc/systemd/system/s3spool-@station.service.d
mkdir "$dropin"
printf '[Service]\nComplaint=yes\n' >"$dropin/station.conf"
for stage in $stages; do
	run analyze --root="$root" verify "s3spool-$stage@station.service"
	like err "station\.conf.*Complaint" \
		"a drop-in of s3spool-@station holds for $stage"
done

begin "they are hardened"
for stage in $stages; do
	run_ok analyze --offline=true --threshold=15 security \
		"$units/s3spool-$stage@.service"
	exposure=$(sed -n 's/.*Overall exposure level.*: \([0-9.]*\).*/\1/p' out)
	ok "the exposure of $stage is known: $exposure" test -n "$exposure"
done
for unit in "$units"/*.service; do
	is "$(awk '
		/^[A-Za-z]+=/ && !/^(Type|ExecStart)=/ && in_service &&
			before !~ /^#/
		/^\[/ { in_service = /^\[Service\]/ }
		{ before = $0 }' "$unit")" "" \
		"each setting of ${unit##*/} has a reason above it"
	sed '1,/^# --- the same in all three/d' "$unit" >"${unit##*/}"
done
ok "they have something in common" test -s s3spool-scan@.service
for stage in upload reap; do
	ok "scan and $stage have the same in common" \
		cmp s3spool-scan@.service "s3spool-$stage@.service"
done
# RestrictSUIDSGID= answers ENOSYS to openat2, and RemoveIPC=, which DynamicUser=
# implies, deletes what the producer shares.
is "$(grep -E '^(RestrictSUIDSGID|RemoveIPC|DynamicUser)=' "$units"/*)" "" \
	"none of the settings that do harm is there"

# --- what the system call filter leaves ------------------------------------

# members NAME...: the calls themselves, of the groups (@name) among these.
members()
{
	for member in "$@"; do
		case $member in
		@*)
			# shellcheck disable=SC2046 # a list of names
			members $(awk -v group="$member" '
				/^[^ ]/ { within = $1 == group }
				within && /^ +[@a-z]/ { print $1 }' groups)
			;;
		*) echo "$member" ;;
		esac
	done
}

# allowed UNIT: what its SystemCallFilter= lines leave, in their order; what is
# in @default always is.
allowed()
{
	analyze syscall-filter >groups
	members @default >left
	sed -e ':again' -e '/\\$/N' -e 's/\\\n//' -e 't again' "$1" |
		sed -n 's/^SystemCallFilter=//p' >filters
	while read -r filter; do
		# shellcheck disable=SC2086 # lists of names
		case $filter in
		~*)
			members ${filter#\~} | sort -u >taken
			sort -u left | comm -23 - taken >rest
			mv rest left
			;;
		*) members $filter >>left ;;
		esac
	done <filters
	sort -u left
}

# traced STAGE OPTION...: runs it, children included, and notes its calls.
# LeakSanitizer can't work beside strace.
traced()
{
	traced_stage=$1
	shift
	run_ok env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \
		AWS_CONFIG_FILE="$here/profile" \
		ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" strace -f \
		-o trace "$S3SPOOL_BUILD/s3spool-$traced_stage" "$@" "$conf"
	sed -n 's/^\([0-9]* *\)\{0,1\}\([a-z_0-9]*\)(.*/\2/p' trace \
		>>"calls.$traced_stage"
}

scenario "no system call is refused that they make"
cat >give <<END
#!/bin/sh
printf '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s"}' \
	'$AWS_ACCESS_KEY_ID' '$AWS_SECRET_ACCESS_KEY'
END
chmod +x give
printf '[default]\ncredential_process = %s\n' "$here/give" >profile
configure "multipart_threshold: 5M" "part_size: 5M" "prune_after: 0"
write_files 30
write_file room/2021/02/03/05/05-large.dat 6000000
traced scan --explain
traced scan
traced upload --check
traced upload
bucket_is_original
traced reap
traced reap --list
drained
for stage in $stages; do
	allowed "$units/s3spool-$stage@.service" >leave
	sort -u "calls.$stage" >calls
	like calls "^openat2$" "$stage was traced: $(wc -l <calls) calls"
	is "$(comm -23 calls leave)" "" "and none of them is refused"
done

# --- what the mounts and missing capabilities leave ------------------------

# sandboxed STAGE DIR...: as the unit's ProtectSystem=, ReadWritePaths=DIR...,
# CapabilityBoundingSet= and NoNewPrivileges= have it.
sandboxed()
{
	# shellcheck disable=SC2016 # expanded in there
	run unshare -rm sh -c '
		here=$1 program=$2 conf=$3
		shift 3
		mount --bind "$here" "$here" || exit
		for dir in "$@"; do
			mount --bind "$dir" "$dir" || exit
		done
		mount -o remount,bind,ro "$here" || exit
		cd "$here" || exit
		! touch "$here/forbidden" 2>/dev/null || exit
		exec setpriv --no-new-privs --bounding-set=-all \
			--inh-caps=-all "$program" "$conf"' \
		sh "$here" "$S3SPOOL_BUILD/s3spool-$1" "$conf" "$2" ${3:+"$3"}
}

scenario "one writable directory with base_dir and spool in it"
if unshare -rm true 2>/dev/null; then
	write_files 10
	for stage in $stages; do
		sandboxed "$stage" "$base"
		status_is 0 "$stage works in there"
	done
	bucket_is_original
	drained

	scenario "two of them"
	spool=$here/spool
	configure "spool_dir: $spool"
	write_files 10
	mkdir -m 700 "$spool"
	sandboxed scan "$base" "$spool"
	status_is 78 "no rename leads from one to the other"
	like err "on different mounts" "which it says"
	is "$(count_in claimed)" 0 "nothing is claimed"
else
	skip "no mounts of one's own"
fi

done_testing
