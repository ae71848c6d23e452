#!/bin/sh
# What a store's errors, and those of the way to it, mean to the user: the exit
# status, where the file is afterwards, what the log says; and that everything
# arrives once the fault is gone.
. "$(dirname "$0")/lib.sh"
only_on swift "the stub is the same, whichever store the others are on"

# in_log: key and SHA-256 of each object that was stored, as often as it was.
in_log()
{
	awk -F '\t' '$2 == "PutObject" && $6 == "yes" { print $4, $8 }' \
		"$stub_log" | sort
}

# arrived_once: every file was stored under its path, once, and nothing else.
arrived_once()
{
	is "$(in_log)" "$(cd original && find . -type f | sed 's|^\./||' |
		sort | xargs sha256sum | awk '{ print $2, $1 }')" \
		"each file is stored once, with its bytes"
	is "$(count_in claimed uploading failed)" 0 "and confirmed"
}

# story TITLE COUNT [OPTION...]: so many files for a stub that nobody else asks.
story()
{
	begin "$1"
	file_count=$2
	shift 2
	[ -z "${stub_pid-}" ] || stop_stub
	start_stub "$@"
	configure "max_attempts: 3" "connections: 2"
	write_files "$file_count"
	run_ok scan "$conf"
}

send()
{
	run upload "$conf"
	status_is "$1" "the upload ends with $1"
}

# queued: nothing was sent, nothing is lost.
queued()
{
	is "$(count_in claimed) $(count_in uploading confirmed failed)" \
		"$file_count 0" "everything stays queued"
}

# --- the table -------------------------------------------------------------

# CODE STATUS, the exit status, and how many requests meet it in a run with one
# attempt. "-" for no code: the status alone decides. CODEs are those of
# uploader/verdict.c, and it is looked after below that none is missing.
cat >"$work/rows" <<'END'
RequestTimeout 400 75 1
RequestTimeoutException 400 75 1
InternalError 500 75 1
InternalFailure 500 75 1
InternalServerError 500 75 1
ServiceUnavailable 503 75 1
ServiceUnavailableException 503 75 1
OperationAborted 409 75 1
ConditionalRequestConflict 409 75 1
SlowDown 503 75 1
SlowDownWrite 503 75 1
ServerBusy 503 75 1
ThrottlingException 400 75 1
TooManyRequestsException 429 75 1
RequestThrottled 400 75 1
RequestLimitExceeded 503 75 1
BandwidthLimitExceeded 509 75 1
PriorRequestNotComplete 400 75 1
KMS.ThrottlingException 400 75 1
RequestTimeTooSkewed 403 75 2
RequestExpired 400 75 2
ExpiredToken 400 77 1
InvalidToken 400 77 1
TokenRefreshRequired 400 77 1
AuthorizationHeaderMalformed 400 78 1
PermanentRedirect 301 78 1
TemporaryRedirect 307 78 1
Redirect 307 78 1
BadDigest 400 75 2
IncompleteBody 400 75 2
XAmzContentSHA256Mismatch 400 75 2
XAmzContentChecksumMismatch 400 75 2
NoSuchUpload 404 75 2
InvalidPart 400 75 2
AccessDenied 403 77 1
InvalidAccessKeyId 403 77 1
SignatureDoesNotMatch 403 77 1
AllAccessDisabled 403 77 1
AccountProblem 403 77 1
UserSuspended 403 77 1
NotSignedUp 403 77 1
InvalidPayer 403 77 1
InvalidSecurity 403 77 1
UnauthorizedAccess 403 77 1
NoSuchBucket 404 78 1
InvalidBucketName 400 78 1
IllegalLocationConstraintException 400 78 1
MethodNotAllowed 405 78 1
InvalidStorageClass 400 78 1
KMS.DisabledException 400 75 1
QuotaExceeded 403 75 1
XMinioAdminBucketQuotaExceeded 400 75 1
XMinioStorageFull 507 75 1
InsufficientStorage 507 75 1
NotImplemented 501 75 2
KeyTooLongError 400 1 1
InvalidURI 400 1 1
InvalidObjectName 400 1 1
XMinioInvalidObjectName 400 1 1
XMinioObjectExistsAsDirectory 409 1 1
XMinioParentIsObject 400 1 1
EntityTooLarge 400 1 1
MetadataTooLarge 400 1 1
InvalidTag 400 1 1
NeverHeardOf 400 75 1
NeverHeardOf 503 75 1
- 301 78 1
- 302 78 1
- 305 78 1
- 307 78 1
- 308 78 1
- 400 75 1
- 401 77 1
- 403 77 1
- 404 78 1
- 405 78 1
- 407 77 1
- 408 75 1
- 409 75 1
- 413 1 1
- 414 1 1
- 418 75 1
- 422 75 2
- 425 75 1
- 429 75 1
- 499 75 1
- 500 75 1
- 501 75 2
- 502 75 1
- 503 75 1
- 504 75 1
- 507 75 1
- 509 75 1
- 520 75 1
END

: >"$script"
while read -r code code_status _ times; do
	if [ "$code" = - ]; then
		answer="status=$code_status body=\"\""
	else
		answer="status=$code_status code=$code"
	fi
	echo "PUT key=*/05-$code$code_status.dat n=1-$times $answer" >>"$script"
done <"$work/rows"
begin "every row of the table of errors"
start_stub --script "$script"
configure "max_attempts: 1" "connections: 1"

# The test of a row gives a line: the status, where the file is, whether the
# log tells of operation, key and code, and the same when the fault has gone.
while read -r code code_status wanted times; do
	path=room/2021/02/03/04/05-$code$code_status.dat
	write_file "$path" 100
	scan "$conf" >out 2>&1
	forget_log
	run upload "$conf"
	room=claimed
	[ "$wanted" -ne 1 ] || room=failed
	got="$status $room $(count_in $room) of $(count_in claimed uploading \
		confirmed failed)"
	grep -q "WARNING - Failed to upload $base/$path to $bucket/$path: " err ||
		got="$got, no key"
	case $code in
	-) words=" ($code_status) when calling the PutObject operation" ;;
	*) words=" ($code) when calling the PutObject operation" ;;
	esac
	grep -qF -- "$words" err || got="$got, no code"
	if [ "$room" = failed ]; then
		cut -f 2,3 "$spool"/failed/*.tsv >reason
		case $code in
		-) words="$path	$code_status" ;;
		*) words="$path	$code" ;;
		esac
		grep -qxF -- "$words" reason || got="$got, no reason"
		cut -f 4 "$spool"/failed/*.tsv >reason
		! grep -qF -- "$code" reason || got="$got, the code twice"
		is "$(grep -oF -- "($code)" err | wc -l)" \
			"$([ "$code" != - ] && echo 1 || echo 0)" \
			"the log says it once"
		like err "Request id of PutObject $path: " "and the request's id"
		mkdir -p "$spool/claimed/${path%/*}"
		mv "$(in_room failed "$path")" "$spool/claimed/$path"
		rm -r "$spool"/failed/*
	fi
	run upload "$conf"
	grep -q "^$path $(sha256sum <"original/$path" | cut -d ' ' -f 1)$" <<END ||
$(in_log)
END
		got="$got, not stored"
	reap "$conf" >out 2>&1
	is "$got, then $status and $(count_in claimed uploading confirmed failed)" \
		"$wanted $room 1 of 1, then 0 and 0" "$code, status $code_status"
done <"$work/rows"

# Each row of the program's table has one above.
sed -n '/code_rows\[\]/,/^};/s/^    {"\([^"]*\)",.*/\1/p' \
	"${tests_dir%/*}/uploader/verdict.c" >"$work/codes"
ok "the program's table was found" test "$(wc -l <"$work/codes")" -gt 50
while read -r pattern; do
	found=false
	while read -r code _; do
		# shellcheck disable=SC2254 # it is a pattern
		case $code in
		$pattern) found=true ;;
		esac
	done <"$work/rows"
	$found || echo "$pattern"
done <"$work/codes" >"$work/missing"
is "$(cat "$work/missing")" "" "and each of its codes was tried"

# --- repaired --------------------------------------------------------------

for offset in 7200 -86400; do
	story "a clock that is off by $offset seconds" 5 --clock-offset "$offset"
	send 0
	arrived_once
	is "$(grep -c "clock differs from the store's" err)" 1 "it is said once"
done

story "a bucket in another region" 5 --region eu-west-1
send 0
arrived_once
is "$(grep -c 'is in the region eu-west-1, not in us-east-1' err)" 1 \
	"it is said once"

for code in BadDigest IncompleteBody XAmzContentSHA256Mismatch; do
	script "PUT n=1 status=400 code=$code"
	story "$code once" 1 --script "$script"
	send 0
	arrived_once
	is "$(times_asked PutObject)" 2 "it is sent once more"
done

# gap: milliseconds between the first two PUTs, by the stub's clock.
gap()
{
	asked PutObject | head -n 2 | cut -f 1 | while read -r time; do
		date -d "$time" +%s%3N
	done | awk 'NR == 1 { first = $1 } NR == 2 { print $1 - first }'
}

for header in 'retry-after=2' 'header="x-amz-retry-after: 2000"'; do
	script "PUT n=1 status=503 code=SlowDown $header"
	story "asked to wait: $header" 1 --script "$script"
	send 0
	arrived_once
	ok "it waits as long ($(gap) ms)" test "$(gap)" -ge 1990
done

script "PUT chance=40 status=503 code=SlowDown"
story "a storm of SlowDown" 30 --script "$script" --seed 7
sed -i 's/^connections: .*/connections: 8/' "$conf"
runs=0
until run upload "$conf" && [ "$status" -eq 0 ] || [ "$runs" -ge 10 ]; do
	runs=$((runs + 1))
done
arrived_once

# --- no answer, or none to believe -----------------------------------------

# spoilt URL DESCRIPTION
spoilt()
{
	run timeout 60 env AWS_ENDPOINT_URL_S3="$1" \
		"$S3SPOOL_BUILD/s3spool-upload" -o max_attempts=1 \
		-o stall_timeout_seconds=1 "$conf"
	case $status in
	75 | 78) pass "$2: the upload ends with $status" ;;
	*) is "$status" "75 or 78" "$2: the upload ends" ;;
	esac
	queued
}

story "answers that are none" 3
for mode in close reset silent early-503 cut-status cut-headers bad-status \
	no-http garbage bad-length bad-chunk trickle endless-body drip; do
	rm -f raw.url
	"$S3SPOOL_BUILD/tests/rawstub" "$mode" --delay-ms 5 >raw.url \
		2>raw.err </dev/null &
	raw_pid=$!
	children="$children $raw_pid"
	wait_until "rawstub $mode listens" test -s raw.url
	spoilt "$(cat raw.url)" "$mode"
	kill "$raw_pid"
	wait "$raw_pid" 2>/dev/null
done
for mode in tls-cut tls-plain tls-alert tls-half; do
	rm -f raw.url
	"$S3SPOOL_BUILD/tests/rawstub" "$mode" >raw.url 2>raw.err </dev/null &
	raw_pid=$!
	children="$children $raw_pid"
	wait_until "rawstub $mode listens" test -s raw.url
	spoilt "https://$(sed 's|.*//||' raw.url)" "$mode"
	kill "$raw_pid"
	wait "$raw_pid" 2>/dev/null
done
spoilt http://127.0.0.1:1 "connection refused"
is "$(grep -c ERROR err)" 1 "it is said once"
like err "the store can't be reached; are endpoint_url and proxy right" \
	"in so many words"
send 0
arrived_once

story "an answer that breaks off, and then good ones" 3
for mode in cut-status cut-headers garbage; do
	rm -f raw.url
	"$S3SPOOL_BUILD/tests/rawstub" "$mode" --first 1 --upstream \
		"${stub_url##*:}" >raw.url 2>raw.err </dev/null &
	raw_pid=$!
	children="$children $raw_pid"
	wait_until "rawstub $mode listens" test -s raw.url
	write_file "room/2021/02/03/05/06-$mode.dat"
	run_ok scan "$conf"
	run_ok env AWS_ENDPOINT_URL_S3="$(cat raw.url)" \
		"$S3SPOOL_BUILD/s3spool-upload" "$conf"
	kill "$raw_pid"
	wait "$raw_pid" 2>/dev/null
done
arrived_once

script "PUT n=1 lose"
story "an answer that is lost" 1 --script "$script"
send 0
arrived_once

script "PUT n=1 store status=500"
story "an error for what was stored" 1 --script "$script"
send 0
arrived_once
ok "its own object is recognised" test "$(times_asked HeadObject)" -ge 1

for status in 503 504 502 429 408; do
	script "PUT n=1 lose" "HEAD n=1 status=403" \
		"GET n=1 status=$status body=\"\""
	story "HEAD is refused for a moment, and GET has $status" 1 \
		--script "$script"
	send 0
	arrived_once
done

script "PUT n=1 lose" "HEAD status=403" "GET status=503 body=\"\""
story "HEAD is refused, and GET never says why" 1 --script "$script"
send 75
queued

for row in "wrong-etag checksum=md5" "wrong-checksum checksum=crc32c"; do
	script "PUT ${row% *}" "HEAD n=1-3 status=500"
	story "${row% *}" 1 --script "$script"
	run upload -o "${row#* }" "$conf"
	status_is 75 "it isn't believed while HEAD says nothing"
	queued
	run upload -o "${row#* }" "$conf"
	status_is 0 "HEAD proves that it is there"
	arrived_once
done

# --- the whole run ---------------------------------------------------------

script "PUT status=418 code=Teapot message=short-and-stout"
story "an error that nobody foresaw" 20 --script "$script"
send 75
queued
ok "it ends the run" test "$(times_asked PutObject)" -le 2
is "$(grep -c ERROR err)" 1 "and is said once"
like err "\\(Teapot\\) .*: short-and-stout" "with what the store says"
like err "Request id of PutObject room[0-9]*/.*: [0-9A-F]+ stub" "and the request's id"

script "PUT n=1 error-in-200 code=InternalError"
story "an error in a 200" 1 --script "$script"
send 0
arrived_once
is "$(times_asked PutObject)" 2 "is no success"

script "PUT error-in-200 code=AccessDenied"
story "a refusal in a 200" 3 --script "$script"
send 77
queued

script 'PUT body="<html>Please log in</html>"'
story "a page in a 200" 3 --script "$script"
send 78
queued

done_testing
