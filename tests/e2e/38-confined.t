#!/bin/sh
# What a program has no use for is refused, and what it knows is kept in: files
# and system calls, memory and environment, the log, a credential_process.
. "$(dirname "$0")/lib.sh"

# left_out NAME: whether err says that NAME is left out for a reason that isn't
# ours. Says so in that case.
left_out()
{
	reason=$(sed -n 's/.* DEBUG - \(No [^:]*: \)/\1/p' err | grep -e "$1")
	case $reason in
	*"sanitizers" | *"Function not implemented" | *"not supported" | \
		*"not permitted" | *"this kernel's"* | *"this architecture")
		skip "$reason"
		;;
	*) return 1 ;;
	esac
}

# in_force NAME REGEX
in_force()
{
	left_out "$1" || like err " DEBUG - $1.*: $2" "$1 is in force"
}

# keeps_secret FILE: the secret key of the store isn't in it.
keeps_secret()
{
	fails "no secret is in $1" grep -qF -e "$AWS_SECRET_ACCESS_KEY" -- "$1"
}

# shellcheck disable=SC2086,SC2317 # words; called by ok and fails
reads()
{
	$user cat "$1" >/dev/null 2>&1
}

# shellcheck disable=SC2086,SC2016,SC2317
opens()
{
	$user sh -c ': <"$1"' sh "$1" 2>/dev/null
}

own="files confined to base_dir and the spool"

scenario "each program says how it is confined"
write_files 3
run_ok scan -v -v "$conf"
in_force Landlock "$own; (no TCP|TCP isn't)\$"
in_force seccomp "exec, tracing, the network, "
run_ok upload -v -v "$conf"
in_force Landlock "$own, and what names, TLS and credentials need; "
in_force seccomp "exec, tracing, and what else "
keeps_secret err
run_ok reap -v -v "$conf"
in_force Landlock "$own; (no TCP|TCP isn't)\$"
in_force seccomp "exec, tracing, the network, "
bucket_is_original
drained

scenario "looks and checks are confined, too"
write_files 3
for options in --dry-run --explain; do
	run_ok scan "$options" -v "$conf"
	in_force Landlock "$own; "
done
run_ok scan "$conf"
run_ok upload --dry-run -v "$conf"
in_force Landlock "$own, and what names"
run_ok upload --check -v -v "$conf"
in_force Landlock "files confined to what names, TLS and credentials need; "
in_force seccomp "exec, tracing, and what else "
keeps_secret err
keeps_secret out
run_ok reap --list -v "$conf"
in_force Landlock "$own; "

# --- what others can see ---------------------------------------------------

# The uploader's user, who must be an ordinary one: root may look at anything.
user=
if [ "$(id -u)" -eq 0 ]; then
	echo "# root runs this: the uploader is nobody's"
	user="setpriv --reuid=65534 --regid=65534 --clear-groups"
fi

scenario "a running uploader, while it looks for credentials"
write_files 3
echo hush >token
cp "$S3SPOOL_BUILD"/s3spool-scan "$S3SPOOL_BUILD"/s3spool-upload .
if [ -n "$user" ]; then
	chmod 711 "$work"
	chown -R 65534:65534 base token
fi
# shellcheck disable=SC2086 # words
run_ok $user ./s3spool-scan "$conf"
open_gate
: >gate/hold-requests
# shellcheck disable=SC2086
start $user env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY HOME="$here" \
	AWS_WEB_IDENTITY_TOKEN_FILE="$here/token" HUSH=hush \
	AWS_ROLE_ARN=arn:aws:iam::123456789012:role/stub \
	AWS_ENDPOINT_URL_STS="$gate_url" ./s3spool-upload -v "$conf"
wait_until "STS is asked" test -e gate/held
cp bg.err err
uploader=$started
# each_task FIELD: the values of FIELD in the status of its threads, each once.
each_task()
{
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$uploader"/task/*/status | sort -u
}
ok "a thread does it" test "$(find "/proc/$uploader/task" -mindepth 1 \
	-maxdepth 1 | wc -l)" -gt 1
if ! left_out seccomp; then
	is "$(each_task Seccomp)" 2 "every thread's system calls are filtered"
	is "$(each_task NoNewPrivs)" 1 "and none gains privileges"
fi
if grep -q 'Dumpable: built with sanitizers' err; then
	skip "built with sanitizers, which leave it dumpable"
else
	# The kernel gives root what can't be dumped.
	is "$(stat -c %u "/proc/$uploader/environ")" 0 "it can't be dumped"
	fails "its user can't read its environment" \
		reads "/proc/$uploader/environ"
	fails "nor its memory" opens "/proc/$uploader/mem"
	# shellcheck disable=SC2086
	start $user sleep 3600
	wait_until "he can read that of an ordinary program" \
		reads "/proc/$started/environ"
fi
kill -s TERM "$uploader"
finish "$uploader"
status_is 75 "a signal ends the wait"

# --- a program of the user's ------------------------------------------------

scenario "a credential_process sees a closed list"
write_files 3
run_ok scan "$conf"
mkdir -p home/.aws
cat >give <<END
#!/bin/sh
tr '\\0' '\\n' </proc/\$\$/environ >"$here/seen"
echo '{"Version": 1, "AccessKeyId": "$AWS_ACCESS_KEY_ID",' \\
	'"SecretAccessKey": "$AWS_SECRET_ACCESS_KEY"}'
END
chmod +x give
printf '[default]\ncredential_process = %s\n' "$here/give" >home/.aws/config
run_ok env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY HOME="$here/home" \
	AWS_SESSION_TOKEN=hush AWS_CONTAINER_AUTHORIZATION_TOKEN=hush \
	LD_HUSH=hush HUSH=hush AWS_PROFILE=default LC_NAME=C \
	"$S3SPOOL_BUILD/s3spool-upload" -v -v "$conf"
keeps_secret err
if ! grep -q 'built with sanitizers' err; then
	like err "No Landlock: a credential process needs its files" \
		"its files aren't confined"
	in_force seccomp "tracing, and what else "
fi
like seen "^HOME=$here/home\$" "it sees HOME"
like seen "^AWS_PROFILE=default\$" "and the profile"
like seen "^LC_NAME=C\$" "and the locale"
unlike seen hush "no secret, and nothing else of ours"
is "$(grep -cvE "^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]*|TZ|$(
	)TMPDIR|XDG_[A-Z_]*|SSH_AUTH_SOCK|AWS_[A-Z0-9_]*|(no|NO)_(proxy|PROXY)|$(
	)SSL_CERT_(FILE|DIR))=" seen)" 0 "nothing that isn't on the list"
bucket_is_original

# --- files that are replaced while they are needed --------------------------

scenario "a token that Kubernetes replaces"
write_files 3
run_ok scan "$conf"
mkdir home pod pod/..1 pod/..2
echo hush >pod/..1/token
echo hush >pod/..2/token
ln -s ..1 pod/..data
ln -s ..data/token pod/token
start_stub --token 'T-*' --access-key AK --secret SK
s3_log=$stub_log
"$S3SPOOL_BUILD/tests/s3stub" --face sts --token T --rotate --expiry 4 \
	--access-key AK --secret SK --web-identity "$here/pod/token" \
	--log sts.log >sts.url 2>sts.err </dev/null &
children="$children $!"
wait_until "the stub of STS listens" test -s sts.url
open_gate
: >gate/hold-requests
start env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY HOME="$here/home" \
	AWS_WEB_IDENTITY_TOKEN_FILE="$here/pod/token" \
	AWS_ROLE_ARN=arn:aws:iam::123456789012:role/stub \
	AWS_ENDPOINT_URL_S3="$gate_url" AWS_ENDPOINT_URL_STS="$(cat sts.url)" \
	"$S3SPOOL_BUILD/s3spool-upload" -v "$conf"
wait_until "requests are on their way" test -e gate/held
ln -s ..2 pod/..new
mv -T pod/..new pod/..data
rm -r pod/..1
: >sts.log
wait_until "the new token is used" grep -q AssumeRoleWithWebIdentity sts.log
rm gate/hold-requests
finish "$started"
cp bg.err err
status_is 0 "the upload ends with 0"
unlike err "WARNING|ERROR" "nothing is amiss"
is "$(grep -c PutObject "$s3_log")" 3 "every file is stored"
stop_stub

done_testing
