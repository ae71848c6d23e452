#!/bin/sh
# What deploy/ has for cron, systemd and logrotate, tried as its user would.
. "$(dirname "$0")/lib.sh"
tree=${tests_dir%/*}/deploy
examples=$tree/examples

# --- cron ------------------------------------------------------------------

# The command of the line in cron.d, here: with our configuration and log.
cron_command()
{
	sed -n 's/^\* \* \* \* \*  s3spool  //p' "$tree/cron.d/s3spool" | sed \
		-e "s|/etc/s3spool/station\.yaml|$conf|" \
		-e "s|/var/log/s3spool/station\.log|$here/log|"
}

scenario "a minute of cron"
is "$(grep -vcE '^(#.*|[A-Z_]+=.*|)$' "$tree/cron.d/s3spool")" 1 \
	"the file has one line to run"
unlike "$tree/cron.d/s3spool" '^\*.*%' "and no % in it, which cron takes away"
write_files 20
run env PATH="$deploy:/usr/bin:/bin" sh -c "$(cron_command)"
status_is 0 "it ends with 0"
is "$(cat out err)" "" "and says nothing that cron would mail"
like log "Uploaded|uploaded" "the log tells what was done"
bucket_is_original
drained

scenario "the next minute while an uploader is at work"
write_files 20
open_gate
: >gate/hold-answers
configure "endpoint_url: $gate_url"
start env PATH="$deploy:/usr/bin:/bin" sh -c "$(cron_command)"
wait_until "it waits for the store" test -e gate/held
write_file late/2021/02/03/04/05-t.dat
run env PATH="$deploy:/usr/bin:/bin" sh -c "$(cron_command)"
is "$(files_in base)" "" "the new file is claimed all the same"
is "$(find "$spool/runs" -name '*.tsv' | wc -l)" 1 "by no second uploader"
rm gate/hold-answers
finish "$started"
status_is 0 "the first ends"
run env PATH="$deploy:/usr/bin:/bin" sh -c "$(cron_command)"
bucket_is_original
drained

# --- logrotate -------------------------------------------------------------

begin "logrotate"
logrotate=$(PATH=$PATH:/usr/sbin command -v logrotate)
if [ -n "$logrotate" ]; then
	mkdir log
	for name in station other; do
		echo "a line" >"log/$name.log"
	done
	# Whoever runs the tests needs no `su`, and may have no such user.
	sed -e "s|/var/log/s3spool|$here/log|" -e '/^[[:space:]]*su /d' \
		"$tree/logrotate.d/s3spool" >conf
	chmod 644 conf
	run_ok "$logrotate" --debug --state state conf
	unlike err "^error" "it understands the file"
	run_ok "$logrotate" --force --state state conf
	is "$(files_in log)" "other.log.1
station.log.1" "and rotates both logs"
	echo "another line" >log/station.log
	run_ok "$logrotate" --force --state state conf
	is "$(files_in log)" "other.log.1
station.log.1
station.log.2.gz" "what has been rotated before is compressed"
	like "$tree/logrotate.d/s3spool" "^	su s3spool s3spool$" \
		"as the user whose directory it is"
else
	skip "no logrotate is installed"
fi

# --- systemd ---------------------------------------------------------------

begin "the user and the directories"
if command -v systemd-sysusers >/dev/null; then
	root=$here/root
	mkdir -p "$root/etc" "$root/usr/lib"
	cp -r "$tree/sysusers.d" "$tree/tmpfiles.d" "$root/usr/lib"
	run_ok systemd-sysusers --root="$root"
	is "$(cut -d : -f 1,6,7 "$root/etc/passwd")" \
		"s3spool:/var/lib/s3spool:/usr/sbin/nologin" "the user is made"
	if [ "$(id -u)" -eq 0 ]; then
		run_ok systemd-tmpfiles --root="$root" --create s3spool.conf
		is "$(cd "$root" && stat -c '%a %n' etc/s3spool \
			var/lib/s3spool var/log/s3spool)" "755 etc/s3spool
700 var/lib/s3spool
750 var/log/s3spool" "the directories are made"
		is "$(stat -c %u "$root/var/lib/s3spool")" \
			"$(sed -n 's/^s3spool:[^:]*:\([0-9]*\):.*/\1/p' \
				"$root/etc/passwd")" "the user's are the user's"
	else
		skip "only root makes directories of others"
	fi
else
	skip "no systemd-sysusers is installed"
fi

begin "the drop-ins"
if command -v systemd-analyze >/dev/null; then
	root=$here/root
	etc=$root/etc/systemd/system
	stages="s3spool-@station.service.d"
	mkdir -p "$etc/$stages" "$etc/s3spool-upload@station.service.d" \
		"$root/usr/local/bin" "$root/usr/bin" "$root/usr/lib/systemd"
	cp "$tree"/systemd/* "$etc"
	cp -r /lib/systemd/system "$root/usr/lib/systemd/system"
	cp "$S3SPOOL_BUILD"/s3spool-scan "$S3SPOOL_BUILD"/s3spool-upload \
		"$S3SPOOL_BUILD"/s3spool-reap "$root/usr/local/bin"
	cp /bin/true "$root/usr/bin"
	cp "$examples/station.conf" "$examples/other-user.conf" "$etc/$stages"
	cp "$examples/credentials.conf" "$etc/s3spool-upload@station.service.d"
	# A second uploader goes by links to what the first goes by. (systemd
	# follows none in place of the directory.)
	mkdir "$etc/s3spool-@station.2.service.d"
	ln -s "../$stages/station.conf" "$etc/s3spool-@station.2.service.d"
	for unit in s3spool@station.timer s3spool@station.service \
		s3spool-scan@station.timer s3spool-scan@station.service \
		s3spool-upload@station.timer s3spool-upload@station.service \
		s3spool-reap@station.timer s3spool-reap@station.service \
		s3spool-upload@station.2.service; do
		SYSTEMD_COLORS=0 run systemd-analyze --no-pager --root="$root" \
			verify "$unit"
		is "$status $(cat out err)" "0 " "systemd understands $unit"
	done
	printf '[Service]\nComplaint=yes\n' >>"$etc/$stages/station.conf"
	run systemd-analyze --no-pager --root="$root" verify \
		s3spool-upload@station.2.service
	like err "Complaint" "a second uploader goes by the drop-ins, too"
else
	skip "no systemd-analyze is installed"
fi

# What AmbientCapabilities= leaves another user: writers are seen.
scenario "a user that doesn't own the files"
if [ "$(id -u)" -eq 0 ] && setpriv --bounding-set=-all,+lease true \
	2>/dev/null; then
	as_other()
	{
		run setpriv --reuid=12345 --regid=12345 --clear-groups \
			--bounding-set=-all,+lease --inh-caps=-all,+lease \
			--ambient-caps=-all,+lease --no-new-privs "$@"
	}
	chmod 755 "$work" "$here"
	write_file room/2021/02/03/04/05-open.dat
	write_file room/2021/02/03/04/06-closed.dat
	chown -R 4711 base
	chmod -R go+rwX base
	mkdir -m 700 base/.spool
	chown 12345 base/.spool
	run setpriv --reuid=12345 --regid=12345 --clear-groups --inh-caps=-all \
		--bounding-set=-all "$S3SPOOL_BUILD/s3spool-scan" \
		-o settle_check=lease "$conf"
	like err "No leases .*: with settle_check: lease none of them is claimed" \
		"without it, it is said that none will be"
	is "$(find base/.spool/claimed -name '*.dat')" "" "and none is"
	hold_open base/room/2021/02/03/04/05-open.dat ""
	as_other "$S3SPOOL_BUILD/s3spool-scan" -o settle_check=lease "$conf"
	status_is 0 "it scans"
	is "$(cd base && find .spool/claimed -type f -name '*.dat' |
		sed 's|.*/||')" "06-closed.dat" "what is open for writing stays"
	let_go
	as_other "$S3SPOOL_BUILD/s3spool-scan" -o settle_check=lease "$conf"
	as_other "$S3SPOOL_BUILD/s3spool-upload" "$conf"
	status_is 0 "it uploads"
	as_other "$S3SPOOL_BUILD/s3spool-reap" "$conf"
	status_is 0 "it deletes"
	bucket_is_original
	drained
else
	skip "only root can become another user"
fi

done_testing
