#!/bin/sh
# s3spool check: what it says of stores and file systems of all kinds, and
# that it leaves nothing behind. First on the store that the run provides, then
# on the stub, which can be what it is told to be.
. "$(dirname "$0")/lib.sh"

# open_stub [OPTION...]: a stub of this scenario's own. Its rules for requests
# are standard input.
open_stub()
{
	rm -f "$work/stub.url" "$work/stub.log"
	cat >"$work/script"
	"$S3SPOOL_BUILD/tests/s3stub" --script "$work/script" \
		--log "$work/stub.log" "$@" \
		>"$work/stub.url" 2>"$work/stub.err" </dev/null &
	stub_pid=$!
	children="$children $stub_pid"
	wait_until "a stub listens" test -s "$work/stub.url"
	AWS_ENDPOINT_URL_S3=$(cat "$work/stub.url")
	export AWS_ENDPOINT_URL_S3
}

close_stub()
{
	kill "$stub_pid"
	wait "$stub_pid" 2>/dev/null
}

# check STATUS [OPTION...]: runs it, and looks at what must always be so.
check()
{
	wanted=$1
	shift
	run s3spool check "$@" "$conf"
	status_is "$wanted" "it ends with $wanted"
	cat out err >both
	fails "the secret is not in the output" \
		grep -qF -e "$AWS_SECRET_ACCESS_KEY" both
	fails "nor is the access key" grep -qF -e "$AWS_ACCESS_KEY_ID" both
	is "$(find "$base" -name '*s3spool-check*')" "" "no probe file is left"
}

# says GRADE ITEM [REGEX]: there is such a line.
says()
{
	like out "^$1 +$2 +.*${3-}" "$1: $2 ${3-}"
}

nothing_left()
{
	is "$(keys)" "" "no probe object is left"
}

# answered OPERATION STATUS: how often the stub did so.
answered()
{
	awk -F '\t' -v op="$1" -v status="$2" \
		'$2 == op && $5 == status' "$work/stub.log" | wc -l
}

scenario "the store of this run"
check 0
says ok configuration "'$conf' is sound"
says ok base_dir "'$base': ours, mode"
says ok spool "not there yet, and can be made"
fails "the spool is not there yet" test -e "$spool"
says ok locks
like out "^(ok|warn) +rename +works" "renames"
like out "^(ok|warn) +leases " "leases"
like out "^(ok|warn) +free space +[0-9]+ MiB" "space"
says ok endpoint "$AWS_ENDPOINT_URL_S3.*/$bucket/, region "
says ok credentials "of the environment: .{1,4}\\.\\.\\."
says ok clock
says ok bucket "'$bucket' is there"
says ok PutObject allowed
says ok HeadObject allowed
like out "^(ok|warn) +If-None-Match " "conditions"
says ok checksum verified
says ok multipart "aborted and gone"
says ok DeleteObject
is "$(grep -c '^FAIL' out)" 0 "nothing fails"
sed -n '/^{/,/^}/p' out >policy
is "$("$PYTHON" -c 'import json
for s in json.load(open("policy"))["Statement"]:
    print(s["Effect"], s["Action"], s["Resource"])')" \
	"Allow ['s3:PutObject', 's3:AbortMultipartUpload'] $(
	)arn:aws:s3:::$bucket/*" "the policy is JSON, and the least there is"
nothing_left

scenario "a spool that is in use, and objects that are there"
configure "key_prefix: 'a b/'"
write_file room/2021/02/03/04/05-t.dat
run_ok scan "$conf"
run_ok upload "$conf"
before=$(find "$base" | sort)
check 0
says ok spool "'$spool': ours, mode 0700"
like out "\"arn:aws:s3:::$bucket/a b/\\*\"" "the policy knows the prefix"
is "$(find "$base" | sort)" "$before" "files and directories are as before"
is "$(keys)" "a b/room/2021/02/03/04/05-t.dat" "objects, too"

scenario "no bucket"
check 78 -o "s3_bucket=no-$bucket"
says FAIL bucket NoSuchBucket
unlike out PutObject: "nothing is put then"

scenario "another secret"
right=$AWS_SECRET_ACCESS_KEY
export AWS_SECRET_ACCESS_KEY=surely-another-secret
check 77
says FAIL bucket SignatureDoesNotMatch
unlike out surely "the wrong one isn't shown, either"
export AWS_SECRET_ACCESS_KEY="$right"

scenario "no credentials"
run env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \
	"$S3SPOOL_BUILD/s3spool-upload" --check "$conf"
status_is 77 "it ends with 77"
says FAIL credentials AWS_ACCESS_KEY_ID
says ok locks
like out s3:PutObject "the policy is printed all the same"

scenario "nobody there"
configure "endpoint_url: http://127.0.0.1:1"
check 75
says FAIL store endpoint_url

scenario "a spool that isn't ours alone"
mkdir -m 755 "$spool"
check 78
says FAIL spool "chmod 700"
says ok PutObject
is "$(ls -A "$spool")" "" "nothing is made in it"
nothing_left

scenario "mounts"
away=$(mktemp -d /dev/shm/s3spool-e2e.XXXXXX 2>/dev/null) || away=
if [ -n "$away" ] && ! ln "$conf" "$away/conf" 2>/dev/null; then
	check 78 -o "spool_dir=$away/spool"
	says FAIL rename "different mounts"
	is "$(ls -A "$away")" "" "no directory is left there"
	nothing_left
else
	skip "no other file system is at hand"
fi
[ -z "$away" ] || rm -rf "$away"
if unshare -rm true 2>/dev/null; then
	mkdir base/room base/kitchen
	# shellcheck disable=SC2016 # expanded in there
	run unshare -rm sh -c 'mount --bind "$1/room" "$1/room" &&
		exec "$2/s3spool-upload" --check "$3"' \
		sh "$base" "$S3SPOOL_BUILD" "$conf"
	status_is 0 "a location on a mount of its own is no failure"
	says warn location "base/room' is on a mount of its own"
	is "$(grep -c '^warn *location' out)" 1 "the others are not"
	nothing_left
else
	skip "no mounts of one's own"
fi

scenario "files of another user"
if setpriv --bounding-set=-lease true 2>/dev/null && chown 65534 "$base"; then
	check 0
	says ok leases "work, so open writers are seen"
	run setpriv --bounding-set=-lease "$S3SPOOL_BUILD/s3spool-upload" \
		--check "$conf"
	status_is 0 "without CAP_LEASE it is a warning"
	says warn leases "base_dir is another user's: run s3spool as that user"
	run setpriv --bounding-set=-lease "$S3SPOOL_BUILD/s3spool-upload" \
		--check -o settle_check=lease "$conf"
	status_is 78 "a failure where a lease is asked for"
	says FAIL leases "none of theirs would ever be claimed"
	write_file room/2021/02/03/04/05-t.dat
	chown -R 65534 "$base"
	run_ok setpriv --bounding-set=-lease "$S3SPOOL_BUILD/s3spool-scan" \
		"$conf"
	like err "run s3spool as their owner, or with CAP_LEASE" \
		"the scanner says it, too"
else
	skip "not root, or no setpriv"
fi

scenario "what doesn't go together"
run upload --check -n "$conf"
status_is 64 "--check and --dry-run exclude each other"
configure "settle_check: age" "use_fips_endpoint: true"
check 78
says ok leases "not used"
says FAIL endpoint use_fips_endpoint

AWS_ACCESS_KEY_ID=stub-key AWS_SECRET_ACCESS_KEY=stub-secret
AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION
unset AWS_SESSION_TOKEN

open_stub </dev/null
scenario "a store that does everything"
check 0
is "$(grep -cE '^(warn|FAIL) ' out)" 0 "nothing is wrong"
says ok If-None-Match "honoured \(412\)"
says ok checksum "x-amz-content-sha256 is verified"
says ok clock "[+-][01] s"
check 0 -o checksum=crc32c -o payload_signing=never
says ok checksum "x-amz-checksum-crc32c is verified"
says warn signing "plain http"
check 0 -o checksum=md5 -o payload_signing=never
says ok checksum "content-md5 is verified"
check 0 -o object_lock_mode=COMPLIANCE -o object_lock_retain_until=365d \
	-o tags=a=b -o acl=private
says ok DeleteObject
like out "s3:PutObjectTagging.*s3:PutObjectAcl.*s3:PutObjectRetention" \
	"what objects carry needs rights of its own"
is "$(answered CreateMultipartUpload 200)" \
	"$(answered AbortMultipartUpload 204)" "each upload is aborted"
nothing_left
close_stub

for partition in eu-isoe-west-1=aws-iso-e us-isof-south-1=aws-iso-f \
	us-gov-west-1=aws-us-gov; do
	AWS_REGION=${partition%=*}
	open_stub --region "$AWS_REGION" </dev/null
	scenario "a region of ${partition#*=}"
	check 0
	like out "\"arn:${partition#*=}:s3:::$bucket/\\*\"" \
		"the policy is for its partition"
	nothing_left
	close_stub
done
AWS_REGION=us-east-1

open_stub --ignore-conditions </dev/null
scenario "conditions that are silently ignored"
check 0
says warn If-None-Match "SILENTLY IGNORED.*overwrite each other"
nothing_left
close_stub

open_stub --no-conditions </dev/null
scenario "conditions that are not known"
check 0
says warn If-None-Match "501.*HEAD"
says ok PutObject
nothing_left
close_stub

open_stub --answer-304 </dev/null
scenario "conditions answered by 304"
check 0
says ok If-None-Match "honoured \(304\)"
nothing_left
close_stub

open_stub --no-checksums-400 </dev/null
scenario "checksums that are not known"
check 0 -o payload_signing=never
says ok PutObject
says ok checksum "content-md5 is verified"
says ok If-None-Match honoured
nothing_left
close_stub

open_stub <<'EOF'
PUT key=*.checksum status=200 header="ETag: x"
EOF
scenario "checksums that nobody verifies"
check 0 -o payload_signing=never -o checksum=crc32c
says warn checksum "NOT VERIFIED.*payload_signing: always"
check 0
says warn checksum "NOT VERIFIED"
nothing_left
close_stub

open_stub <<'EOF'
HEAD status=403
GET op=ListObjectsV2 status=403 code=AccessDenied n=1
GET op=ListParts status=403 code=AccessDenied
EOF
scenario "no right but to put and to abort"
check 0
says ok bucket "no right to list"
says warn HeadObject "s3:GetObject"
says ok multipart "no right to verify"
nothing_left
close_stub

open_stub --no-conditions <<'EOF'
HEAD key=*s3spool-check* status=403
EOF
scenario "neither conditions nor HEAD"
check 77
says FAIL HeadObject "s3:GetObject and s3:ListBucket"
check 0 -o on_conflict=overwrite
nothing_left
close_stub

open_stub <<'EOF'
PUT op=PutObject status=403 code=AccessDenied
EOF
scenario "no right to put"
check 77
says FAIL PutObject "AccessDenied.*s3:PutObject"
unlike out "^[a-zA-Z]+ +If-None-Match" "what needs an object isn't tried"
is "$(answered DeleteObject 204)" 0 "what isn't there isn't deleted"
close_stub

open_stub <<'EOF'
DELETE op=DeleteObject status=403 code=AccessDenied
EOF
scenario "no right to delete"
check 0
says warn DeleteObject "AccessDenied.*'\.s3spool-check/.*' stays"
is "$(keys)" "$(sed -n "s/.*'\(\.s3spool-check.*\)' stays.*/\1/p" out)" \
	"the one that stays is named"
close_stub

open_stub <<'EOF'
DELETE op=AbortMultipartUpload status=403 code=AccessDenied
EOF
scenario "no right to abort"
check 0
says warn multipart "AccessDenied.*parts. stays.*s3:AbortMultipartUpload"
nothing_left
close_stub

open_stub <<'EOF'
POST op=CreateMultipartUpload status=501 code=NotImplemented
EOF
scenario "no multipart uploads"
check 75
says FAIL multipart NotImplemented
nothing_left
close_stub

open_stub --clock-offset 300 </dev/null
scenario "a clock that is five minutes off"
check 0
says warn clock "\+(300|299|301) s.*NTP"
nothing_left
close_stub

# Too far off for s3.py, which makes the bucket and lists it.
open_stub </dev/null
scenario "a clock that is a day off"
close_stub
open_stub --clock-offset -86400 </dev/null
check 0
says warn clock "-86(400|399|401) s and it refused ours"
says ok DeleteObject
close_stub

open_stub </dev/null
scenario "a bucket in another region"
close_stub
open_stub --region eu-west-1 </dev/null
check 0
says warn region "set region: eu-west-1"
says ok DeleteObject
close_stub

open_stub --versions </dev/null
scenario "a bucket that keeps versions"
check 0
says warn DeleteObject versions
close_stub

open_stub <<'EOF'
PUT op=PutObject n=1 status=503 code=SlowDown
PUT op=PutObject n=2 lose
EOF
scenario "a store that is busy, and an answer that is lost"
check 0
says ok PutObject
says ok DeleteObject
nothing_left
close_stub

open_stub <<'EOF'
HEAD key=*s3spool-check* n=1 stall
EOF
scenario "interrupted"
start "$S3SPOOL_BUILD/s3spool-upload" --check "$conf"
wait_until "the object is there" grep -q "PutObject" "$work/stub.log"
run_ok terminate_twice "$started"
finish "$started"
status_is 75 "it ends with 75"
like bg.out "^FAIL +interrupted" "and says so"
like bg.out "^ok +DeleteObject" "after cleaning up"
nothing_left
is "$(find "$base" -name '*s3spool-check*')" "" "on disk, too"
close_stub

if sh "$tests_dir/stub/make-cert.sh" "$work/cert" >"$work/cert.log" 2>&1; then
	open_stub --cert "$work/cert/server.pem" \
		--key "$work/cert/server-key.pem" </dev/null
	echo "# over TLS, on which s3.py can't ask"
	configure "endpoint_url: https://localhost:${AWS_ENDPOINT_URL_S3##*:}"
	check 75
	says FAIL store "certificate.*is ca_bundle its issuer's"
	check 0 -o ca_bundle="$work/cert/ca.pem"
	says ok TLS "certificate verified, TLS ?v?1\.[23]"
	close_stub

	open_stub --credential role-key:role-secret:T </dev/null
	scenario "a role, by way of the ca_bundle"
	echo hush-token >token
	"$S3SPOOL_BUILD/tests/s3stub" --face sts \
		--access-key role-key --secret role-secret --token T \
		--web-identity "$here/token" --cert "$work/cert/server.pem" \
		--key "$work/cert/server-key.pem" >sts.url 2>sts.err </dev/null &
	children="$children $!"
	wait_until "a stub of STS listens" test -s sts.url
	run env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY HOME="$here" \
		AWS_WEB_IDENTITY_TOKEN_FILE="$here/token" \
		AWS_ROLE_ARN=arn:aws:iam::123456789012:role/stub \
		AWS_ENDPOINT_URL_STS="$(cat sts.url)" \
		"$S3SPOOL_BUILD/s3spool-upload" --check \
		-o ca_bundle="$work/cert/ca.pem" "$conf"
	status_is 0 "it ends with 0"
	says ok credentials "of web identity"
	close_stub
else
	skip "no certificates can be made here"
fi

done_testing
