#!/bin/sh
# By which checksum a store can tell that it got the file's bytes: over http and
# https, in one piece and in parts; and what stores get that know fewer of them.
. "$(dirname "$0")/lib.sh"
only_on swift "the stub is the same, whichever store the others are on"

large=room/2021/02/03/04/05-large.dat
small=room/2021/02/03/04/06-small.dat

# story TITLE [OPTION...]: a stub that nobody else asks; a small file for it,
# and one that goes in parts.
story()
{
	begin "$1"
	shift
	[ -z "${stub_pid-}" ] || stop_stub
	start_stub "$@"
	configure "multipart_threshold: 5M" "part_size: 5M" "connections: 1" \
		"max_attempts: 1"
	write_file "$small" 100
	write_file "$large" 7000000
	run_ok scan "$conf"
}

# send [KEY=VALUE...]: both arrive, by these settings.
send()
{
	for setting in "$@"; do
		echo "${setting%%=*}: ${setting#*=}" >>"$conf"
	done
	run_ok upload "$conf"
	is "$(awk -F '\t' '$6 == "yes" && $2 ~ /PutObject|Complete/ {
			print $4, $8 }' "$stub_log" | sort)" \
		"$(cd original && sha256sum "$large" "$small" |
			awk '{ print $2, $1 }')" "both are stored, with their bytes"
}

# headers OPERATION: the names of what the store was told of bodies, a line for
# each way in which it was.
headers()
{
	asked "$1" "	yes	" | cut -f 13 | sed 's/=[^,]*//g' | tr ',' '\n' |
		grep -v -e x-amz-mp-object-size | sort -u | tr '\n' ' '
}

# signed: what x-amz-content-sha256 said of bodies: hash, or UNSIGNED-PAYLOAD.
signed()
{
	asked 'PutObject|UploadPart' "	yes	" |
		sed 's/.*x-amz-content-sha256=\([^,]*\).*/\1/
			s/^[0-9a-f]\{64\}$/hash/' | sort -u | tr '\n' ' '
}

# binary NAME FILE: its digest, base64.
digest_is()
{
	is "$(asked PutObject "	yes	" | grep -o "$1=[^,]*" | sort -u)" \
		"$1=$(openssl dgst "-$2" -binary "original/$small" |
			openssl base64)" "$1 is that of the bytes"
}

# told WHAT HEADERS SIGNED
told()
{
	is "$(headers PutObject)" "$2" "$1: the headers of a file"
	is "$(headers UploadPart)" "$2" "$1: those of a part"
	is "$(signed)" "$3" "$1: and what is signed"
}

hash=x-amz-content-sha256

# The stub computes each checksum itself, and refuses one that is wrong.
for row in "auto $hash" "none $hash" \
	"crc32c x-amz-checksum-crc32c $hash" \
	"crc64nvme x-amz-checksum-crc64nvme $hash" \
	"sha256 x-amz-checksum-sha256 $hash" "md5 content-md5 $hash"; do
	kind=${row%% *}
	story "checksum: $kind, over http"
	send "checksum=$kind"
	told "$kind" "${row#* } " "hash "
	story "checksum: $kind, payload_signing: never"
	send "checksum=$kind" payload_signing=never
	wanted=${row#* }
	[ "$kind" != auto ] || wanted="x-amz-checksum-crc32c $hash"
	told "$kind" "$wanted " "UNSIGNED-PAYLOAD "
	like err "payload_signing is never, and .* is plain http" \
		"it is said what that means"
	case $kind in
	md5) digest_is content-md5 md5 ;;
	sha256) digest_is x-amz-checksum-sha256 sha256 ;;
	esac
done

story "payload_signing: never, where it must be signed" --signed-payload
echo "payload_signing: never" >>"$conf"
run upload "$conf"
ok "the store's refusal ends the run" test "$status" -ne 0
is "$(count_in claimed)" 2 "everything stays queued"

# --- stores that know fewer ------------------------------------------------

for option in --no-checksums --no-checksums-400; do
	story "a store of old, $option" "$option"
	write_files 5
	run_ok scan "$conf"
	run upload -o payload_signing=never "$conf"
	status_is 0 "the upload ends with 0"
	is "$(asked PutObject "	yes	" | grep -c content-md5=)" 6 \
		"files are stored by their Content-MD5"
	is "$(asked UploadPart "	yes	" | grep -c content-md5=)" 2 \
		"parts, too"
	is "$(grep -c 'sending Content-MD5 instead' err)" 1 "that is said once"
	is "$(times_asked '.*' "	(400|501)	")" 1 "and learned once"
	is "$(asked PutObject "	yes	" | cut -f 9 | sort -u)" "*" \
		"still on condition that nothing is there"
done

story "a store without conditions, but with checksums" --no-conditions
send payload_signing=never
is "$(asked UploadPart "	yes	" | grep -c x-amz-checksum-crc32c=)" 2 \
	"keeps its checksums"
story "a store without either" --no-conditions --no-checksums
send payload_signing=never
told "neither" "content-md5 $hash " "UNSIGNED-PAYLOAD "

story "a store of old, told what to do" --no-checksums
echo "checksum: crc32c" >>"$conf"
echo "payload_signing: never" >>"$conf"
run upload "$conf"
ok "what the user asked for isn't replaced" test "$status" -ne 0
is "$(asked '.*' content-md5= | wc -l)" 0 "by another"

story "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
export AWS_REQUEST_CHECKSUM_CALCULATION=when_required
send payload_signing=never
told when_required "$hash " "UNSIGNED-PAYLOAD "
story "AWS_REQUEST_CHECKSUM_CALCULATION=when_required, and a checksum"
send checksum=crc32c
told "the configuration's" "x-amz-checksum-crc32c $hash " "hash "
unset AWS_REQUEST_CHECKSUM_CALCULATION

# --- https -----------------------------------------------------------------

if sh "$tests_dir/stub/make-cert.sh" "$work/cert" >"$work/cert.log" 2>&1; then
	export AWS_CA_BUNDLE="$work/cert/ca.pem"
	set -- --cert "$work/cert/server.pem" --key "$work/cert/server-key.pem"
	for row in "auto UNSIGNED-PAYLOAD x-amz-checksum-crc32c $hash" \
		"none hash $hash" \
		"crc32c UNSIGNED-PAYLOAD x-amz-checksum-crc32c $hash" \
		"crc64nvme UNSIGNED-PAYLOAD x-amz-checksum-crc64nvme $hash" \
		"sha256 UNSIGNED-PAYLOAD x-amz-checksum-sha256 $hash" \
		"md5 UNSIGNED-PAYLOAD content-md5 $hash"; do
		kind=${row%% *}
		row=${row#* }
		story "checksum: $kind, over https" "$@"
		send "checksum=$kind"
		told "$kind" "${row#* } " "${row%% *} "
		unlike err "plain http" "nothing is said of http"
	done
	story "payload_signing: always, over https" "$@"
	send payload_signing=always
	is "$(signed)" "hash " "what is signed"
	story "a store of old, over https" "$@" --no-checksums
	send
	told "Content-MD5" "content-md5 $hash " "UNSIGNED-PAYLOAD "
	is "$(grep -c 'sending Content-MD5 instead' err)" 1 "that is said once"
	story "when_required, over https" "$@"
	export AWS_REQUEST_CHECKSUM_CALCULATION=when_required
	send
	told when_required "$hash " "hash "
	unset AWS_REQUEST_CHECKSUM_CALCULATION
else
	skip "no certificates can be made here"
fi

done_testing
