#!/bin/sh
# Credentials from everywhere: each source, its failures, and newer ones before
# the old ones expire. Stores and sources are stubs: they say who asked what.
. "$(dirname "$0")/lib.sh"
only_on swift "the stub is the same, whichever store the others are on"

# stub NAME OPTION...: a stub that logs to NAME.log. Sets $url and $stub_pid.
stub()
{
	name=$1
	shift
	"$S3SPOOL_BUILD/tests/s3stub" --access-key AK --secret SK \
		--log "$here/$name.log" "$@" >"$name.url" 2>"$name.err" \
		</dev/null &
	stub_pid=$!
	children="$children $stub_pid"
	wait_until "the stub of $name listens" test -s "$name.url"
	url=$(cat "$name.url")
}

# story TITLE [OPTION...]: a scenario with a store that takes AK, SK and what
# OPTIONs say, three files for it, and a home without anything in it.
story()
{
	scenario "$1"
	shift
	stub s3 "$@"
	s3_url=$url
	home=$here/home
	mkdir -p "$home/.aws"
	write_files "${story_files:-3}"
	run_ok scan "$conf"
}

# as VARIABLE=VALUE...: runs the uploader with these and no other credentials.
as()
{
	run env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY HOME="$home" \
		AWS_ENDPOINT_URL_S3="$s3_url" "$@" \
		"$S3SPOOL_BUILD/s3spool-upload" -v "$conf"
}

start_as()
{
	start env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY HOME="$home" \
		AWS_ENDPOINT_URL_S3="$s3_url" "$@" \
		"$S3SPOOL_BUILD/s3spool-upload" -v -o connections=2 "$conf"
}

# count LOG OPERATION: how many of them were answered with 200.
count()
{
	awk -F '\t' -v name="$2" '$2 == name && $5 == 200' "$here/$1.log" |
		wc -l
}

stored()
{
	status_is 0 "the upload ends with 0"
	like err "Credentials of $1" "$1 gave the credentials"
	is "$(count s3 PutObject)" "${story_files:-3}" "every file is stored"
	unlike err "SK|hush" "no secret is logged"
}

# refused REGEX [STATUS]
refused()
{
	status_is "${2:-77}" "the status says so"
	is "$(grep -c ERROR err)" 1 "one line says why"
	like err "$1" "it says what is wrong"
	unlike err "SK|hush" "no secret is logged"
	is "$(count s3 PutObject)" 0 "nothing is sent"
	is "$(count_in claimed)" 3 "every file stays queued"
}

role=arn:aws:iam::123456789012:role/stub

story "no credentials anywhere"
as
refused "no credentials found; tried: the environment \\(.*, the shared \
files \\(.*, web identity \\(.*, the container \\(.*, instance metadata \
\\(AWS_EC2_METADATA_DISABLED"

# --- web identity ----------------------------------------------------------

story "web identity" --token "T*"
printf 'hush-one\n' >token
stub sts --face sts --token T --web-identity "$here/token"
as AWS_WEB_IDENTITY_TOKEN_FILE="$here/token" AWS_ROLE_ARN=$role \
	AWS_ENDPOINT_URL_STS="$url"
stored "web identity"
is "$(count sts AssumeRoleWithWebIdentity)" 1 "STS was asked once"

story "web identity, refused" --token "T*"
printf 'hush-one\n' >token
printf 'hush-two\n' >other
stub sts --face sts --web-identity "$here/token"
as AWS_WEB_IDENTITY_TOKEN_FILE="$here/other" AWS_ROLE_ARN=$role \
	AWS_ENDPOINT_URL_STS="$url"
refused "Cannot assume the role at '$url': InvalidIdentityToken: "
as AWS_WEB_IDENTITY_TOKEN_FILE="$here/nothing" AWS_ROLE_ARN=$role \
	AWS_ENDPOINT_URL_STS="$url"
refused "Cannot read the web identity token '.*/nothing': No such file"
as AWS_WEB_IDENTITY_TOKEN_FILE="$here/token"
refused "AWS_ROLE_ARN is not; set both"

story "web identity, while STS is down"
printf 'hush-one\n' >token
down=http://127.0.0.1:1
as AWS_WEB_IDENTITY_TOKEN_FILE="$here/token" AWS_ROLE_ARN=$role \
	AWS_ENDPOINT_URL_STS="$down"
refused "Cannot assume the role at '$down': .*onnect" 75
run env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY HOME="$home" \
	AWS_WEB_IDENTITY_TOKEN_FILE="$here/token" AWS_ROLE_ARN=$role \
	AWS_ENDPOINT_URL_STS="$down" \
	"$S3SPOOL_BUILD/s3spool-upload" --check "$conf"
status_is 75 "a check says the same"

# --- shared files ----------------------------------------------------------

story "a profile's keys"
cat >"$home/.aws/credentials" <<'END'
[default]
aws_access_key_id = nobody
aws_secret_access_key = hush
[field]
aws_access_key_id = AK
aws_secret_access_key = SK
END
as AWS_PROFILE=nobody
refused "AWS_PROFILE names the profile 'nobody', which is neither in" 78
as AWS_PROFILE=field
stored "the shared files"

story "a malformed file"
printf '[default]\nhush\n' >"$home/.aws/config"
as
refused "config': line 2: neither a \\[section\\] nor key = value" 78

story "a role by way of two profiles" --token "T*"
stub sts --face sts --token T --credential "base:hush"
cat >"$home/.aws/config" <<END
[profile outer]
role_arn = $role-outer
source_profile = inner
[profile inner]
role_arn = $role-inner
source_profile = base
[profile loop]
role_arn = $role
source_profile = pool
[profile pool]
role_arn = $role
source_profile = loop
END
cat >"$home/.aws/credentials" <<END
[base]
aws_access_key_id = base
aws_secret_access_key = hush
END
as AWS_PROFILE=loop AWS_ENDPOINT_URL_STS="$url"
refused "Profile 'loop': its source_profile leads back to itself"
as AWS_PROFILE=outer AWS_ENDPOINT_URL_STS="$url"
stored "the shared files"
is "$(count sts AssumeRole)" 2 "STS gave two roles"

story "a profile's role by web identity" --token "T*"
printf 'hush' >token
stub sts --face sts --token T --web-identity "$here/token"
cat >"$home/.aws/config" <<END
[default]
role_arn = $role
web_identity_token_file = $here/token
END
as AWS_ENDPOINT_URL_STS="$url"
stored "the shared files"

# --- a program -------------------------------------------------------------

story "credential_process" --token "T*"
cat >"give it" <<'END'
#!/bin/sh
echo "a word from the program" >&2
printf '{"Version": 1, "AccessKeyId": "AK", "SecretAccessKey": "SK",
	"SessionToken": "%s"}' "$2"
END
chmod +x "give it"
# process COMMAND: what the profile runs.
process()
{
	printf '[default]\ncredential_process = %s\n' "$1" >"$home/.aws/config"
}
process "sh -c 'exit 3'"
as
refused "credential_process 'sh': it ended with status 3"
process "echo hush"
as
refused "credential_process 'echo': it is no JSON \\(line 1"
process "echo '{\"Version\": 2}'"
as
refused '"Version" must be 1'
process "$here/nothing"
as
refused "credential_process '.*/nothing': No such file"
process "'$here/give it' \"a word\" T\\;hush"
as
stored "the shared files"
like err "^a word from the program$" "what the program says is shown"
cat >long-ago <<'END'
#!/bin/sh
echo '{"Version": 1, "AccessKeyId": "AK", "SecretAccessKey": "SK",
	"SessionToken": "T", "Expiration": "0001-01-01T00:00:00Z"}'
END
chmod +x long-ago
process "$here/long-ago"
run env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY HOME="$home" \
	AWS_ENDPOINT_URL_S3="$s3_url" \
	"$S3SPOOL_BUILD/s3spool-upload" --check "$conf"
like out "^warn +credentials .*expired at" "Go's zero of time is long ago"

story "a credential_process that hangs"
process "sh -c 'echo \$\$ >pid; sleep 1000 & wait'"
start_as
wait_until "the program runs" test -s pid
kill -s TERM "$started"
finish "$started"
status_is 75 "a signal ends the wait"
# Zombies don't count: they are for init to reap.
fails "the program is ended, too" pgrep -r D,R,S,T -g "$(cat pid)"
is "$(count_in claimed)" 3 "every file stays queued"

# --- container -------------------------------------------------------------

story "a container" --token "T*"
printf 'Bearer hush' >token
stub container --face container --token T --authorization "Bearer hush"
as AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/x
refused "FULL_URI: plain http is for this machine's own"
printf 'Bearer hush\r\nx: y' >broken
as AWS_CONTAINER_CREDENTIALS_FULL_URI="$url/x" \
	AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="$here/broken"
refused "token contains a line break"
as AWS_CONTAINER_CREDENTIALS_FULL_URI="$url/x" \
	AWS_CONTAINER_AUTHORIZATION_TOKEN=wrong
refused "Cannot get the container's credentials from .*: HTTP status 401"
as AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/x
refused "Cannot get the container's credentials from .*onnect" 75
# A proxy that isn't there: nobody must ask it for credentials.
as AWS_CONTAINER_CREDENTIALS_FULL_URI="$url/x" http_proxy=http://127.0.0.1:1 \
	AWS_ENDPOINT_URL_S3="http://localhost:${s3_url##*:}" no_proxy=localhost \
	AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="$here/token"
stored "the container"

# --- instance metadata -----------------------------------------------------

story "an instance" --token "T*"
stub imds --face imds --token T
as AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT="$url"
stored "instance metadata"

story "an instance without metadata"
as AWS_EC2_METADATA_DISABLED=false \
	AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1
refused "instance metadata \\(no token from http://127.0.0.1:1/: .*onnect"

# --- newer ones ------------------------------------------------------------

story_files=30
story "they expire during a run" --token "T-*" --latency-ms 300
stub imds --face imds --token T --rotate --expiry 4
start_as AWS_EC2_METADATA_DISABLED=false \
	AWS_EC2_METADATA_SERVICE_ENDPOINT="$url"
finish "$started"
cp bg.err err
stored "instance metadata"
ok "newer ones were fetched in time" test "$(count imds ImdsCredentials)" -ge 2

story "metadata fails during a run" --token "T-*" --latency-ms 300
stub imds --face imds --token T --rotate --expiry 4
start_as AWS_EC2_METADATA_DISABLED=false \
	AWS_EC2_METADATA_SERVICE_ENDPOINT="$url"
# shellcheck disable=SC2317 # wait_until calls it
has_stored()
{
	[ "$(count s3 PutObject)" -gt 0 ]
}
wait_until "something is stored" has_stored
kill "$stub_pid"
finish "$started"
cp bg.err err
stored "instance metadata"
is "$(grep -c 'WARNING - Cannot renew the credentials: ' err)" 1 \
	"the outage is said once, and the old ones are used"

printf '%s\n' 'PUT n=5-6 status=400 code=ExpiredToken' >"$work/expired"
story "the store says that they have expired" --token "T-*" \
	--script "$work/expired"
stub imds --face imds --token T --rotate
start_as AWS_EC2_METADATA_DISABLED=false \
	AWS_EC2_METADATA_SERVICE_ENDPOINT="$url"
finish "$started"
cp bg.err err
stored "instance metadata"
is "$(count imds ImdsCredentials)" 2 "newer ones were fetched once"

story_files=1
printf '%s\n' 'PUT n=1 lose' 'HEAD n=1 status=400' \
	'GET n=1 status=400 code=ExpiredToken' >"$work/expired"
story "they expire before the comparison with what is there" --token "T-*" \
	--script "$work/expired"
stub imds --face imds --token T --rotate
as AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT="$url"
status_is 0 "the upload ends with 0"
ok "it is compared with the newer ones" test "$(count s3 HeadObject)" -gt 0
is "$(count_in failed)" 0 "it isn't refused"
is "$(count_in confirmed)" 1 "it is confirmed"

printf '%s\n' 'PUT op=UploadPart part=1 n=1 status=400 code=ExpiredToken' \
	'PUT op=UploadPart part=3 n=1 status=400 code=ExpiredToken' \
	'POST op=CompleteMultipartUpload n=1 status=400 code=ExpiredToken' \
	>"$work/expired"
story_files=0
story "they expire again and again while a large file is sent" --token "T-*" \
	--script "$work/expired"
configure "connections: 1" "multipart_threshold: 5M" "part_size: 5M"
write_file room/2021/02/03/04/05-t.dat $((11 * 1048576))
run_ok scan "$conf"
stub imds --face imds --token T --rotate
as AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT="$url"
status_is 0 "the upload ends with 0"
is "$(count s3 CompleteMultipartUpload)" 1 "it is stored"
is "$(count imds ImdsCredentials)" 4 "newer ones were fetched each time"

story_files=3
printf '%s\n' 'PUT n=1- status=400 code=ExpiredToken message=gone' \
	>"$work/expired"
story "they have expired, and there are no newer ones" --script "$work/expired"
as AWS_ACCESS_KEY_ID=AK AWS_SECRET_ACCESS_KEY=SK
refused "Stopping here, everything stays queued; its source still gives the \
same credentials"
like err "An error occurred \\(ExpiredToken\\)" "with the store's own code"

done_testing
