#!/bin/sh
# The Debian package that S3SPOOL_TEST_PACKAGE names, as `make check-package`
# does: lintian finds no error, apt installs it in a bare Debian with what it
# depends on, an ordinary user can use it there, and a purge leaves what is the
# user's alone.
. "$(dirname "$0")/lib.sh"
if [ -z "${S3SPOOL_TEST_PACKAGE-}" ]; then
	echo "1..0 # SKIP make check-package runs it"
	exit 0
fi
package=$S3SPOOL_TEST_PACKAGE

begin "lintian"
if command -v lintian >/dev/null; then
	run lintian --allow-root --fail-on error "$package"
	status_is 0 "it finds no error"
	is "$(cat out)" "" "and nothing else to say"
else
	skip "no lintian is installed"
fi

# --- in a bare Debian ------------------------------------------------------

if ! why=$("$PYTHON" "$tests_dir/bare.py" can); then
	skip "the package in a bare Debian: $why"
	done_testing
fi

# in_root COMMAND...: as root, with the packages that were downloaded before.
in_root()
{
	run "$PYTHON" "$tests_dir/bare.py" run -a -e DEBIAN_FRONTEND=noninteractive \
		-e LC_ALL=C.UTF-8 -v "$package:/tmp/${package##*/}" \
		"$root" "$@"
}

# as_station COMMAND...: as a login of the user station has it, with the store's
# credentials.
as_station()
{
	run "$PYTHON" "$tests_dir/bare.py" run \
		-u "$(id_of station):$(id_of station)" -w /home/station \
		-e HOME=/home/station -e USER=station \
		-e AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" \
		-e AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
		-e AWS_REGION="${AWS_REGION-us-east-1}" \
		-e AWS_ENDPOINT_URL_S3="$AWS_ENDPOINT_URL_S3" \
		-e AWS_EC2_METADATA_DISABLED=true "$root" "$@"
}

# Field 3 of the user $1: its number.
id_of()
{
	awk -F : -v name="$1" '$1 == name { print $3 }' "$root/etc/passwd"
}

# What there is in the root of ours, or of its name.
left_over()
{
	(cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev \
		-o -path ./tmp -o -path './var/lib/dpkg' -o -path ./var/spool \
		-o -path './var/log/apt' \) -prune -o -path '*s3*' -print |
		grep -E 's3spool|s3-uploader' | LC_ALL=C sort)
}

begin "apt installs it"
root=$work/root
if ! "$PYTHON" "$tests_dir/bare.py" up "$root"; then
	fail "a bare Debian can be made"
	done_testing
fi
is "$(left_over)" "" "there is nothing of it before"
in_root apt-get update
status_is 0 "Debian's packages are known"
in_root apt-get install -y --no-install-recommends "/tmp/${package##*/}"
status_is 0 "it and what it depends on can be installed"
if [ "$status" -ne 0 ]; then
	tail -n 30 out err | sed 's/^/# /'
	done_testing
fi
unlike err "error|warning: .*s3spool" "without a complaint"
in_root dpkg --verify s3spool
is "$status $(cat out)" "0 " "all of it is there"
in_root getent passwd s3spool
like out ":/var/lib/s3spool:/usr/sbin/nologin$" "its user is there"
is "$(cd "$root" && stat -c '%a %n' etc/s3spool var/lib/s3spool \
	var/log/s3spool)" "755 etc/s3spool
700 var/lib/s3spool
750 var/log/s3spool" "and the directories"
in_root ldd /usr/bin/s3spool-upload
unlike out "not found" "and the libraries"
for name in s3spool s3spool-scan s3spool-upload s3spool-reap s3-uploader-cli; do
	ok "a manual page of $name" test -s "$root/usr/share/man/man1/$name.1.gz"
done
unit=$root/lib/systemd/system/s3spool-upload@.service
like "$unit" "^ExecStart=/usr/bin/s3spool-upload /etc/s3spool/%i.yaml$" \
	"the units name the programs where they are"

scenario "an ordinary user uses it"
in_root useradd --create-home station
status_is 0 "there is one"
mkdir -p "$root/var/spool/station"
write_files 10
cp -r base/room* "$root/var/spool/station"
chown -R "$(id_of station):$(id_of station)" "$root/var/spool/station"
sed -e "s/^s3_bucket: .*/s3_bucket: $bucket/" \
	"$root/usr/share/doc/s3spool/examples/s3spool.yaml" \
	>"$root/etc/s3spool/station.yaml"
# For its units; a login has them by itself. And for the user of the package.
env | grep '^AWS_' >"$root/etc/s3spool/station.env"
mkdir "$root/var/lib/s3spool/.aws"
printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
	"$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
	>"$root/var/lib/s3spool/.aws/credentials"
chmod -R go= "$root/etc/s3spool/station.env" "$root/var/lib/s3spool/.aws"
chown -R "$(id_of s3spool)" "$root/var/lib/s3spool/.aws"
config=/etc/s3spool/station.yaml
as_station s3spool check "$config"
status_is 0 "s3spool check finds nothing wrong"
as_station s3spool-scan -o settle_seconds=0 "$config"
status_is 0 "it scans"
as_station s3spool-upload "$config"
status_is 0 "it uploads"
bucket_is_original
as_station s3spool-reap "$config"
status_is 0 "it reaps"
is "$(find "$root/var/spool/station" -name '*.dat')" "" "and has deleted all"
as_station s3spool status "$config"
status_is 0 "s3spool status finds it well"
like out "^today +10 uploaded" "and knows what was done"
as_station s3spool has "$config" "$(cd original && find . -name '*.dat' |
	sed 's|^\./||' | head -n 1)"
status_is 0 "and s3spool has remembers it"

# --- booted ----------------------------------------------------------------

# boot: starts systemd in there, with this machine's network, as process 1 of
# namespaces that end with it. Sets $started.
boot()
{
	start unshare --mount --pid --fork --kill-child --mount-proc \
		systemd-nspawn --quiet --register=no --keep-unit --boot \
		--directory="$root"
}

# said REGEX: a line of its journal matches.
said()
{
	journalctl --quiet --no-pager --directory="$root/var/log/journal" \
		-o short >journal 2>journal.err
	grep -qE -e "$1" journal
}

# wait_minutes DESCRIPTION COMMAND...: as wait_until, for what a timer does every
# minute.
wait_minutes()
{
	poll_seconds=0.5
	wait_until "$@" || {
		said .
		tail -n 30 journal | sed 's/^/# /'
	}
	poll_seconds=0.05
}

# shellcheck disable=SC2317 # wait_minutes calls it
all_gone()
{
	[ -z "$(find "$root/var/spool/station" "$root/var/spool/other" \
		-name '*.dat')" ]
}

scenario "its timer and its line for cron run it where systemd does"
if command -v systemd-nspawn >/dev/null && [ -x "$root/lib/systemd/systemd" ]; then
	mkdir -p "$root/var/log/journal"
	sed -i "s/^s3_bucket: .*/s3_bucket: $bucket/" "$root$config"
	echo "settle_seconds: 0" >>"$root$config"
	dropins=$root/etc/systemd/system/s3spool-@station.service.d
	mkdir -p "$dropins"
	cp "$root/usr/share/doc/s3spool/examples/station.conf" "$dropins"
	in_root systemctl enable s3spool@station.timer
	status_is 0 "the timer can be enabled"
	write_files 10
	cp -r base/room* "$root/var/spool/station"
	chown -R "$(id_of station):$(id_of station)" "$root/var/spool/station"
	# The station of cron is the package's user's.
	in_root apt-get install -y --no-install-recommends cron logrotate
	status_is 0 "cron and logrotate can be installed"
	sed 's/station/other/g' \
		"$root/usr/share/doc/s3spool/examples/cron.d/s3spool" \
		>"$root/etc/cron.d/s3spool"
	printf '%s\n' "base_dir: /var/spool/other" "s3_bucket: $bucket" \
		"key_prefix: other/" "endpoint_url: $AWS_ENDPOINT_URL_S3" \
		"region: ${AWS_REGION-us-east-1}" "settle_seconds: 0" \
		>"$root/etc/s3spool/other.yaml"
	write_file other/room/2021/02/03/04/05-t.dat
	cp -r base/other "$root/var/spool/other"
	chown -R "$(id_of s3spool)" "$root/var/spool/other"
	boot
	wait_minutes "systemd comes up" said "Reached target .*[Mm]ulti-[Uu]ser"
	wait_minutes "and a minute later all is uploaded and deleted" all_gone
	bucket_is_original
	wait_minutes "the last stage ends" said "Finished s3spool-reap@station"
	for stage in scan upload reap; do
		ok "the journal has what $stage said" \
			said "s3spool-$stage\[[0-9]+\]: "
	done
	unlike journal "s3spool.*(Failed|failed with|error)" "nothing failed"
	is "$(find "$root/var/spool/station" ! -user "$(id_of station)")" "" \
		"everything is still its user's"
	kill -s TERM "$(cat "/proc/$started/task/$started/children")"
	finish "$started"
	status_is 0 "it shuts down"
	log=$root/var/log/s3spool/other.log
	like "$log" "05-t\.dat has been uploaded to $bucket" "cron has a log"
	in_root logrotate --force /etc/logrotate.d/s3spool
	is "$status $(cat err)" "0 " "which logrotate rotates"
	ok "in its place" test -s "$log.1" -a ! -e "$log"
	rm -r "$dropins" "$root/etc/cron.d/s3spool" "$root/etc/s3spool/other.yaml"
	in_root systemctl disable s3spool@station.timer
else
	skip "no systemd-nspawn is installed"
fi

begin "cron and logrotate find what they need"
cron=$root/usr/share/doc/s3spool/examples/cron.d/s3spool
like "$cron" "^\* \* \* \* \*  s3spool  " "a line for cron comes along"
is "$(sed -n 's|.*>>\(/var/log/[a-z0-9]*\)/.*|\1|p' "$cron")" /var/log/s3spool \
	"whose log's directory is there"
is "$(stat -c %u "$root/var/log/s3spool")" "$(id_of s3spool)" \
	"and is of the user that it runs as"
like "$root/etc/logrotate.d/s3spool" "^/var/log/s3spool/\*\.log" \
	"logrotate looks there"

begin "removing and purging it"
echo "a line" >"$root/var/log/s3spool/station.log"
in_root apt-get remove -y s3spool
status_is 0 "it can be removed"
is "$(left_over | grep -v '^\./var/log/')" "./etc/logrotate.d/s3spool
./etc/s3spool
./etc/s3spool/station.env
./etc/s3spool/station.yaml
./var/lib/s3spool
./var/lib/s3spool/.aws
./var/lib/s3spool/.aws/credentials" "its configuration stays"
ok "and its logs" test -s "$root/var/log/s3spool/station.log"
in_root apt-get purge -y s3spool
status_is 0 "it can be purged"
is "$(left_over)" "./etc/s3spool
./etc/s3spool/station.env
./etc/s3spool/station.yaml
./var/lib/s3spool
./var/lib/s3spool/.aws
./var/lib/s3spool/.aws/credentials" "what the user wrote stays, and no more"
ok "and the record of what was uploaded" \
	test -n "$(find "$root/var/spool/station/.spool" -name '*.tsv')"
ok "and its user, whose files may be anywhere" test -n "$(id_of s3spool)"

done_testing
