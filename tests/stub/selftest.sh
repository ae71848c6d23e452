#!/bin/sh
# selftest.sh: does the stub do what the tests will believe of it? Speaks TAP.
#
# curl signs by itself (--aws-sigv4) and AWS's own published examples are sent
# as they stand, so the judge of signatures is judged by others' code. curl
# 7.88 signs only plain paths and sorted queries right: nothing else is asked
# of it. STUB_BIN names the folder of s3stub and rawstub (default build/tests).
# With -q, it tells of failures only, and closes with `N passed, N failed`.
#
# Words are split and globs matched on purpose:
# shellcheck disable=SC2005,SC2046,SC2059,SC2086,SC2254
set -u

here=$(dirname "$0")
bin=${STUB_BIN:-build/tests}
work=$(mktemp -d) || exit 1
pids=
count=0
failed=0
quiet=
[ "${1-}" != -q ] || quiet=1
trap 'kill $pids 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# Nothing here may leave the machine, nor be lost to a proxy.
unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY

ok() { # DESCRIPTION STATUS
	count=$((count + 1))
	if [ "$2" -eq 0 ]; then
		[ -n "$quiet" ] || echo "ok $count - $1"
	else
		failed=$((failed + 1))
		echo "not ok $count - $1"
	fi
}

is() { # DESCRIPTION WANTED GOT
	[ "$2" = "$3" ]
	ok "$1" $?
	[ "$2" = "$3" ] || printf '# wanted %s\n# got    %s\n' "$2" "$3"
}

has() { # DESCRIPTION GLOB GOT
	case $3 in
	$2) ok "$1" 0 ;;
	*) ok "$1" 1; printf '# wanted %s\n# got    %s\n' "$2" "$3" ;;
	esac
}

section() { [ -n "$quiet" ] || echo "# $*"; }

run() { # PROGRAM ARGUMENTS: starts it, sets url and pid
	: >"$work/url"
	"$@" >"$work/url" 2>>"$work/stderr" &
	pid=$!
	pids="$pids $pid"
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ -s "$work/url" ] && break
		sleep 0.1
	done
	url=$(cat "$work/url")
}

start() { rm -f "$work/log"; run "$bin/s3stub" --log "$work/log" "$@"; }

scripted() { # RULES [OPTIONS]: an unsigned stub with that script
	printf '%s\n' "$1" >"$work/script"
	shift
	start --no-auth --script "$work/script" "$@"
}

stop() { kill "$pid"; wait "$pid"; is "it stops cleanly" 0 $?; }

# All of these print "<status> <curl's exit>"; the answer's body is in
# $work/body, its headers in $work/head.
ask() { # CURL'S ARGUMENTS
	: >"$work/body"
	: >"$work/head"
	status=$(curl -s -m 10 -o "$work/body" -D "$work/head" \
		-w '%{http_code}' "$@")
	echo "$status $?"
}

put() { path=$1 file=$2; shift 2; ask -T "$file" -H Expect: "$@" "$url/$path"; }
# curl would sign "Expect:" as a header of its own.
put_signed() { path=$1 file=$2; shift 2; ask -T "$file" "$@" "$url/$path"; }
put_waiting() { # as put, for 100 Continue to come before the body is sent
	path=$1 file=$2
	shift 2
	ask -T "$file" -H 'Expect: 100-continue' --expect100-timeout 5 \
		"$@" "$url/$path"
}
get() { path=$1; shift; ask "$@" "$url/$path"; }
head_() { path=$1; shift; ask -I "$@" "$url/$path"; }
post() { path=$1; shift; ask -X POST "$@" "$url/$path"; }
delete() { path=$1; shift; ask -X DELETE "$@" "$url/$path"; }

body() { cat "$work/body"; }
header() { # NAME
	tr -d '\r' <"$work/head" | awk -v name="$1" -F': ' \
		'tolower($1) == tolower(name) { print substr($0, length($1) + 3) }'
}
element() { # NAME: its first content in the body
	sed -n "s:.*<$1>\([^<]*\)</$1>.*:\1:p" "$work/body" | head -n 1
}
last_log() { # COLUMN of the last line
	tail -n 1 "$work/log" | cut -f "$1"
}
sha256() { sha256sum "$1" | cut -d ' ' -f 1; }
crc() { printf "$1" | base64; } # \ooo escapes

printf 'hello\n' >"$work/f"
printf 'other\n' >"$work/g"
printf '123456789' >"$work/nine"
: >"$work/none"
head -c 200000 /dev/urandom >"$work/big"
empty=$(sha256 "$work/none")
md5=$(md5sum "$work/f" | cut -d ' ' -f 1)

# --- signatures -------------------------------------------------------------
section "signatures by curl"
start --access-key AK --secret 'SE/CRET'
sign="--aws-sigv4 aws:amz:us-east-1:s3 -u AK:SE/CRET"
hash=$(sha256 "$work/f")
is "PUT" "200 0" "$(put_signed bucket/a.txt "$work/f" $sign \
	-H "x-amz-content-sha256: $hash")"
is "... its log says so" "PutObject bucket a.txt 200 yes 6 $hash" \
	"$(echo $(tail -n 1 "$work/log" | cut -f 2-8))"
is "GET" "200 0" "$(get bucket/a.txt $sign -H "x-amz-content-sha256: $empty")"
is "... gives the bytes" hello "$(body)"
is "UNSIGNED-PAYLOAD" "200 0" "$(put_signed bucket/u.txt "$work/f" $sign \
	-H "x-amz-content-sha256: UNSIGNED-PAYLOAD")"
is "a body of another hash" "400 0" "$(put_signed bucket/b.txt "$work/f" $sign \
	-H "x-amz-content-sha256: $empty")"
is "... is named" XAmzContentSHA256Mismatch "$(element Code)"
is "no x-amz-content-sha256" "403 0" "$(get bucket/a.txt $sign)"
is "a wrong secret" "403 0" "$(get bucket/a.txt \
	--aws-sigv4 aws:amz:us-east-1:s3 -u AK:no \
	-H "x-amz-content-sha256: $empty")"
is "... is named" SignatureDoesNotMatch "$(element Code)"
has "... with our canonical request" "GET*" "$(element CanonicalRequest)"
is "an unknown key" "403 0" "$(get bucket/a.txt \
	--aws-sigv4 aws:amz:us-east-1:s3 -u NO:no \
	-H "x-amz-content-sha256: $empty")"
is "... is named" InvalidAccessKeyId "$(element Code)"
is "another region" "400 0" "$(get bucket/a.txt \
	--aws-sigv4 aws:amz:eu-west-1:s3 -u AK:SE/CRET \
	-H "x-amz-content-sha256: $empty")"
is "... is named" "AuthorizationHeaderMalformed us-east-1" \
	"$(element Code) $(element Region)"
is "unsigned" "403 0" "$(get bucket/a.txt)"
is "... is named" AccessDenied "$(element Code)"
is "a token where none belongs" "400 0" "$(get bucket/a.txt $sign \
	-H "x-amz-content-sha256: $empty" -H 'x-amz-security-token: t')"
is "... is named" InvalidToken "$(element Code)"
is "a listing with a query" "200 0" "$(get \
	'bucket?list-type=2&prefix=a' $sign -H "x-amz-content-sha256: $empty")"
stop

start --access-key AK --secret S --token 'tok-*' --region eu-west-1 \
	--clock-offset 7200 --credential K2:S2
is "a clock that is off" "403 0" "$(get bucket/a \
	--aws-sigv4 aws:amz:eu-west-1:s3 -u AK:S \
	-H 'x-amz-security-token: tok-1' -H "x-amz-content-sha256: $empty")"
is "... is named" RequestTimeTooSkewed "$(element Code)"
stop
start --access-key AK --secret S --token 'tok-*' --credential K2:S2
is "a token that fits" "404 0" "$(get bucket/a \
	--aws-sigv4 aws:amz:us-east-1:s3 -u AK:S \
	-H 'x-amz-security-token: tok-1' -H "x-amz-content-sha256: $empty")"
is "the second credential" "404 0" "$(get bucket/a \
	--aws-sigv4 aws:amz:us-east-1:s3 -u K2:S2 \
	-H "x-amz-content-sha256: $empty")"
stop

section "AWS's published examples"
offset=$(($(date -u -d '2013-05-24 00:00:00' +%s) - $(date +%s)))
start --access-key AKIAIOSFODNN7EXAMPLE --domain s3.amazonaws.com \
	--secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY \
	--clock-offset "$offset"
example() { # SIGNED-HEADERS SIGNATURE CURL'S ARGUMENTS
	scope=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request
	fields="SignedHeaders=$1,Signature=$2"
	shift 2
	ask -H 'Host: examplebucket.s3.amazonaws.com' \
		-H 'x-amz-date: 20130524T000000Z' \
		-H "Authorization: AWS4-HMAC-SHA256 Credential=$scope,$fields" \
		"$@"
}
printf 'Welcome to Amazon S3.' >"$work/welcome"
put_signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd
is "PUT Object" "200 0" "$(example \
	'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class' \
	$put_signature -T "$work/welcome" \
	-H 'Date: Fri, 24 May 2013 00:00:00 GMT' \
	-H 'x-amz-storage-class: REDUCED_REDUNDANCY' \
	-H "x-amz-content-sha256: $(sha256 "$work/welcome")" \
	"$url/test%24file.text")"
is "... with the key decoded" 'examplebucket test%24file.text' \
	"$(echo $(tail -n 1 "$work/log" | cut -f 3-4))"
is "... but not on another path" "403 0" "$(example \
	'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class' \
	$put_signature -T "$work/welcome" \
	-H 'Date: Fri, 24 May 2013 00:00:00 GMT' \
	-H 'x-amz-storage-class: REDUCED_REDUNDANCY' \
	-H "x-amz-content-sha256: $(sha256 "$work/welcome")" \
	"$url/test\$file.text")"
is "an x-amz-* header that is not signed" "403 0" "$(example \
	'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class' \
	$put_signature -T "$work/welcome" -H 'x-amz-acl: private' \
	-H 'Date: Fri, 24 May 2013 00:00:00 GMT' \
	-H 'x-amz-storage-class: REDUCED_REDUNDANCY' \
	-H "x-amz-content-sha256: $(sha256 "$work/welcome")" \
	"$url/test%24file.text")"
is "... is named" x-amz-acl "$(element HeadersNotSigned)"
is "GET Object" "404 0" "$(example \
	'host;range;x-amz-content-sha256;x-amz-date' \
	f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41 \
	-H 'Range: bytes=0-9' -H "x-amz-content-sha256: $empty" \
	"$url/test.txt")"
is "GET Bucket lifecycle" "200 0" "$(example \
	'host;x-amz-content-sha256;x-amz-date' \
	fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543 \
	-H "x-amz-content-sha256: $empty" "$url/?lifecycle")"
is "list objects" "200 0" "$(example \
	'host;x-amz-content-sha256;x-amz-date' \
	34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7 \
	-H "x-amz-content-sha256: $empty" "$url/?max-keys=2&prefix=J")"
stop

# --- objects ----------------------------------------------------------------
section "objects"
start --no-auth --versions --owner 111122223333
is "CreateBucket" "200 0" "$(ask -X PUT "$url/bucket")"
is "HeadBucket" "200 0" "$(head_ bucket)"
is "PutObject" "200 0" "$(put 'bucket/d/%C3%A4%20b' "$work/f" \
	-H 'x-amz-meta-s3spool-crc32c: abc' -H 'x-amz-storage-class: GLACIER' \
	-H 'x-amz-tagging: a=1&b=x%20y' -H 'x-amz-acl: private' \
	-H 'Content-Type: text/x' -H 'x-amz-server-side-encryption: aws:kms')"
is "... ETag is the MD5" "\"$md5\"" "$(header ETag)"
has "... has a version" 'v?*' "$(header x-amz-version-id)"
is "... tells the encryption" aws:kms "$(header x-amz-server-side-encryption)"
is "HeadObject" "200 0" "$(head_ 'bucket/d/%C3%A4%20b')"
is "... metadata" abc "$(header x-amz-meta-s3spool-crc32c)"
is "... storage class" GLACIER "$(header x-amz-storage-class)"
is "... content type" text/x "$(header content-type)"
is "... ACL, for tests" private "$(header x-stub-acl)"
is "... length" 6 "$(header content-length)"
is "GetObject" "200 0" "$(get 'bucket/d/%C3%A4%20b')"
is "... the bytes" hello "$(body)"
is "tags" "200 0" "$(get 'bucket/d/%C3%A4%20b?tagging')"
has "... given back" '*<Key>b</Key><Value>x y</Value>*' "$(body)"
is "virtual-hosted" "200 0" "$(ask -H 'Host: bucket.localhost:1' \
	"$url/d/%C3%A4%20b")"
is "no such key" "404 0" "$(get bucket/none)"
is "... is named" NoSuchKey "$(element Code)"
is "an empty object" "200 0" "$(put bucket/empty "$work/none")"
is "If-None-Match on a new key" "200 0" \
	"$(put bucket/new "$work/f" -H 'If-None-Match: *')"
is "If-None-Match on a taken one" "412 0" \
	"$(put bucket/new "$work/g" -H 'If-None-Match: *')"
is "... is named" PreconditionFailed "$(element Code)"
is "... and logged" "412 no *" \
	"$(last_log 5) $(last_log 6) $(last_log 9)"
is "... and left alone" "200 0" "$(get bucket/new)"
is "... truly" hello "$(body)"
is "... before its body is sent" "412 0" "$(put_waiting bucket/new \
	"$work/big" -H 'If-None-Match: *')"
is "... which saves it" 0 "$(last_log 7)"
is "without it, replaced" "200 0" "$(put bucket/new "$work/g")"
is "the expected owner" "200 0" "$(head_ bucket/new \
	-H 'x-amz-expected-bucket-owner: 111122223333')"
is "another owner" "403 0" "$(get bucket/new \
	-H 'x-amz-expected-bucket-owner: 4')"
is "a listing" "200 0" "$(get 'bucket?list-type=2&max-keys=2')"
is "... is cut" true "$(element IsTruncated)"
token=$(element NextContinuationToken)
is "... and goes on" "200 0" \
	"$(get "bucket?list-type=2&continuation-token=$token")"
is "... with the rest" "new 1 false" \
	"$(element Key) $(element KeyCount) $(element IsTruncated)"
is "DeleteObject" "204 0" "$(delete bucket/new)"
is "... it is gone" "404 0" "$(get bucket/new)"
is "SSE-C" "200 0" "$(put bucket/ssec "$work/f" \
	-H 'x-amz-server-side-encryption-customer-algorithm: AES256' \
	-H 'x-amz-server-side-encryption-customer-key-MD5: abc')"
is "... asked without its key" "400 0" "$(head_ bucket/ssec)"
is "... asked with it" "200 0" "$(head_ bucket/ssec \
	-H 'x-amz-server-side-encryption-customer-key-MD5: abc')"
is "a key of 1025 bytes" "400 0" \
	"$(put "bucket/$(printf '%01025d' 1)" "$work/f")"
is "... is named" KeyTooLongError "$(element Code)"
is "metadata of 2049 bytes" "400 0" "$(put bucket/m "$work/f" \
	-H "x-amz-meta-a: $(printf '%02048d' 1)")"
is "... is named" MetadataTooLarge "$(element Code)"
is "eleven tags" "400 0" "$(put bucket/m "$work/f" \
	-H 'x-amz-tagging: a&b&c&d&e&f&g&h&i&j&k')"
is "no Content-Length" "411 0" "$(put bucket/m - <"$work/f")"
is "a bad escape" "400 0" "$(get 'bucket/%zz')"
is "a keep-alive connection keeps its number" "1" "$(
	curl -s "$url/bucket/one" "$url/bucket/two" >"$work/body"
	tail -n 2 "$work/log" | cut -f 10 | uniq | wc -l)"
stop

section "checksums"
start --no-auth
while read -r name value; do
	is "$name is right" "200 0" "$(put "bucket/$name" "$work/nine" \
		-H "x-amz-checksum-$name: $value")"
	is "... and told" "$value" "$(header "x-amz-checksum-$name")"
	is "... on HEAD too" "200 0" "$(head_ "bucket/$name" \
		-H 'x-amz-checksum-mode: ENABLED')"
	is "... as it came" "$value FULL_OBJECT" \
		"$(header "x-amz-checksum-$name") $(header x-amz-checksum-type)"
	is "$name is wrong" "400 0" "$(put "bucket/x$name" "$work/f" \
		-H "x-amz-checksum-$name: $value")"
	is "... is named" BadDigest "$(element Code)"
done <<EOF
crc32 $(crc '\313\364\071\046')
crc32c $(crc '\343\006\222\203')
crc64nvme $(crc '\256\213\024\206\012\171\230\210')
sha1 $(openssl sha1 -binary "$work/nine" | base64)
sha256 $(openssl sha256 -binary "$work/nine" | base64)
EOF
is "not told unasked" "200 0" "$(head_ bucket/crc32c)"
is "... indeed" "" "$(header x-amz-checksum-crc32c)"
is "a checksum that is none" "400 0" "$(put bucket/x "$work/f" \
	-H 'x-amz-checksum-crc32c: abc')"
is "two checksums" "400 0" "$(put bucket/x "$work/nine" \
	-H 'x-amz-checksum-crc32c: 4waSgw==' -H 'x-amz-checksum-crc32: y/Q5Jg==')"
is "one promised and none sent" "400 0" "$(put bucket/x "$work/nine" \
	-H 'x-amz-sdk-checksum-algorithm: CRC32C')"
is "Content-MD5" "200 0" "$(put bucket/x "$work/f" \
	-H "Content-MD5: $(openssl md5 -binary "$work/f" | base64)")"
is "a wrong Content-MD5" "400 0" "$(put bucket/x "$work/g" \
	-H "Content-MD5: $(openssl md5 -binary "$work/f" | base64)")"
is "... is named" BadDigest "$(element Code)"
is "a Content-MD5 that is none" "400 0" \
	"$(put bucket/x "$work/g" -H "Content-MD5: zz")"
is "... is named" InvalidDigest "$(element Code)"
is "Object Lock without a checksum" "400 0" "$(put bucket/x "$work/g" \
	-H 'x-amz-object-lock-mode: GOVERNANCE')"
stop

# --- multipart --------------------------------------------------------------
section "multipart"
start --no-auth --part-min 1 --page 2
create() { # KEY [CURL'S ARGUMENTS]: sets id
	key=$1
	shift
	created=$(post "bucket/$key?uploads" "$@")
	id=$(element UploadId)
}
part() { # NUMBER FILE [ARGUMENTS]
	number=$1 file=$2
	shift 2
	put "bucket/$key?partNumber=$number&uploadId=$id" "$file" "$@"
}
listed() { # NUMBER ETAG [MORE XML]
	printf '<Part><PartNumber>%s</PartNumber><ETag>%s</ETag>%s</Part>' \
		"$1" "$2" "${3-}"
}
finish() { # PARTS [ARGUMENTS]
	parts=$1
	shift
	post "bucket/$key?uploadId=$id" "$@" --data-binary \
		"<CompleteMultipartUpload>$parts</CompleteMultipartUpload>"
}
create m -H 'x-amz-meta-a: 1'
is "Create" "200 0" "$created"
has "... an id" 'U?*' "$id"
is "UploadPart 1" "200 0" "$(part 1 "$work/f")"
etag1=$(header ETag)
is "UploadPart 2" "200 0" "$(part 2 "$work/nine")"
etag2=$(header ETag)
is "UploadPart 3" "200 0" "$(part 3 "$work/big")"
etag3=$(header ETag)
is "ListParts, a page" "200 0" "$(get "bucket/$key?uploadId=$id")"
is "... of two" "true 2" \
	"$(element IsTruncated) $(element NextPartNumberMarker)"
is "... the next" "200 0" \
	"$(get "bucket/$key?part-number-marker=2&uploadId=$id")"
is "... the last" "false 3 200000" \
	"$(element IsTruncated) $(element PartNumber) $(element Size)"
is "ListMultipartUploads" "200 0" "$(get 'bucket?uploads')"
is "... names it" "$id" "$(element UploadId)"
all="$(listed 1 "$etag1")$(listed 2 "$etag2")$(listed 3 "$etag3")"
is "Complete, parts out of order" "400 0" \
	"$(finish "$(listed 2 "$etag2")$(listed 1 "$etag1")")"
is "... is named" InvalidPartOrder "$(element Code)"
is "Complete, a wrong ETag" "400 0" "$(finish "$(listed 1 "$etag2")")"
is "... is named" InvalidPart "$(element Code)"
is "Complete, no XML" "400 0" "$(finish '<Part>')"
is "... is named" MalformedXML "$(element Code)"
is "Complete, a wrong size" "400 0" \
	"$(finish "$all" -H 'x-amz-mp-object-size: 7')"
is "Complete" "200 0" "$(finish "$all" -H 'If-None-Match: *' \
	-H 'x-amz-mp-object-size: 200015')"
has "... ETag of three parts" '*-3&quot;' "$(element ETag)"
cat "$work/f" "$work/nine" "$work/big" >"$work/joined"
is "... logged with the whole object's hash" \
	"yes 200015 $(sha256 "$work/joined")" \
	"$(echo $(tail -n 1 "$work/log" | cut -f 6-8))"
is "... GET" "200 0" "$(get bucket/m)"
cmp -s "$work/body" "$work/joined"
ok "... the joined bytes" $?
is "... its metadata" 1 "$(header x-amz-meta-a)"
is "Complete again" "404 0" "$(finish "$all")"
is "... is named" NoSuchUpload "$(element Code)"
create m
is "a part of a taken key" "200 0" "$(part 1 "$work/f")"
is "Complete with If-None-Match" "412 0" "$(finish \
	"$(listed 1 "$(header ETag)")" -H 'If-None-Match: *')"
is "Abort" "204 0" "$(delete "bucket/m?uploadId=$id")"
is "... and ListParts" "404 0" "$(get "bucket/m?uploadId=$id")"
is "part number 0" "404 0" "$(part 0 "$work/f")"

section "multipart checksums"
for name in crc32c crc64nvme; do
	create "full-$name" -H "x-amz-checksum-algorithm: $name" \
		-H 'x-amz-checksum-type: FULL_OBJECT'
	is "$name FULL_OBJECT" "200 0" "$created"
	is "... a part" "200 0" "$(part 1 "$work/joined")"
	etag1=$(header ETag) sum1=$(header "x-amz-checksum-$name")
	is "... and one more" "200 0" "$(part 2 "$work/nine")"
	etag2=$(header ETag)
	cat "$work/joined" "$work/nine" >"$work/both"
	# The checksum to expect, calculated in one piece.
	create "one-$name" -H "x-amz-checksum-algorithm: $name" \
		-H 'x-amz-checksum-type: FULL_OBJECT'
	is "... the whole as one part" "200 0" "$(part 1 "$work/both")"
	whole=$(header "x-amz-checksum-$name")
	is "... which a plain PUT confirms" "200 0" "$(put bucket/whole \
		"$work/both" -H "x-amz-checksum-$name: $whole")"
	delete "bucket/one-$name?uploadId=$id" >/dev/null
	id=$(get 'bucket?uploads' >/dev/null; element UploadId)
	key=full-$name
	both="$(listed 1 "$etag1")$(listed 2 "$etag2")"
	is "... Complete with a wrong one" "400 0" "$(finish "$both" \
		-H "x-amz-checksum-$name: $sum1")"
	is "... is named" BadDigest "$(element Code)"
	is "... Complete with the whole's" "200 0" "$(finish "$both" \
		-H "x-amz-checksum-$name: $whole" \
		-H 'x-amz-checksum-type: FULL_OBJECT')"
	is "... HEAD" "200 0" "$(head_ "bucket/$key" \
		-H 'x-amz-checksum-mode: ENABLED')"
	is "... tells it" "$whole" "$(header "x-amz-checksum-$name")"
done
create comp -H 'x-amz-checksum-algorithm: CRC32C'
is "COMPOSITE: a part without" "400 0" "$(part 1 "$work/nine")"
has "... is named" 'Checksum Type mismatch*' "$(element Message)"
is "COMPOSITE: a part" "200 0" "$(part 1 "$work/nine" \
	-H 'x-amz-checksum-crc32c: 4waSgw==')"
etag=$(header ETag)
is "... Complete without it" "400 0" "$(finish "$(listed 1 "$etag")")"
is "... Complete with another" "400 0" "$(finish "$(listed 1 "$etag" \
	'<ChecksumCRC32C>AAAAAA==</ChecksumCRC32C>')")"
is "... Complete" "200 0" "$(finish "$(listed 1 "$etag" \
	'<ChecksumCRC32C>4waSgw==</ChecksumCRC32C>')")"
has "... its checksum" '*-1' "$(element ChecksumCRC32C)"
create none
is "a checksum that Create did not name" "400 0" "$(part 1 "$work/nine" \
	-H 'x-amz-checksum-crc32c: 4waSgw==')"
create bad -H 'x-amz-checksum-algorithm: CRC64NVME' \
	-H 'x-amz-checksum-type: COMPOSITE'
is "CRC64NVME COMPOSITE" "400 0" "$created"
stop
start --no-auth
create small
is "parts of less than 5 MiB" "200 0" "$(part 1 "$work/f")"
etag1=$(header ETag)
is "... two of them" "200 0" "$(part 2 "$work/f")"
is "... do not complete" "400 0" "$(finish \
	"$(listed 1 "$etag1")$(listed 2 "$etag1")")"
is "... by name" EntityTooSmall "$(element Code)"
stop

# --- where it is kept -------------------------------------------------------
section "files, nothing, a limit"
start --no-auth --store "$work/store" --part-min 1
is "PUT" "200 0" "$(put 'bucket/a/b%20c' "$work/nine" \
	-H 'x-amz-meta-x: y' -H 'x-amz-checksum-crc32c: 4waSgw==')"
is "... a file has the bytes" 123456789 \
	"$(cat "$work/store/objects/bucket/a%2Fb%20c" 2>&1)"
create mp
is "... a part" "200 0" "$(part 1 "$work/big")"
etag1=$(header ETag)
is "... a second" "200 0" "$(part 2 "$work/f")"
is "... Complete" "200 0" "$(finish \
	"$(listed 1 "$etag1")$(listed 2 "$(header ETag)")")"
cat "$work/big" "$work/f" | cmp -s - "$work/store/objects/bucket/mp"
ok "... joined" $?
put bucket/gone "$work/f" >/dev/null
delete bucket/gone >/dev/null
stop
start --no-auth --store "$work/store"
is "started anew, it has them" "200 0" "$(get 'bucket/a/b%20c' \
	-H 'x-amz-checksum-mode: ENABLED')"
is "... with headers" "y 4waSgw==" \
	"$(header x-amz-meta-x) $(header x-amz-checksum-crc32c)"
is "... what was deleted is gone" "404 0" "$(get bucket/gone)"
is "... and conditions hold" "412 0" \
	"$(put bucket/mp "$work/f" -H 'If-None-Match: *')"
stop
start --no-auth --discard --no-digests
is "--discard" "200 0" "$(put bucket/big "$work/big")"
has "... ETag is no MD5" '*-0"' "$(header ETag)"
is "... size" "200 0" "$(head_ bucket/big)"
is "... is known" 200000 "$(header Content-Length)"
stop
start --no-auth --memory-limit 100000
is "--memory-limit" "507 0" "$(put bucket/big "$work/big")"
is "... and still serves" "200 0" "$(put bucket/small "$work/f")"
stop

section "modes"
start --no-auth --no-conditions --no-checksums --base-path /s3/v1
is "--no-conditions" "501 0" \
	"$(put s3/v1/bucket/k "$work/f" -H 'If-None-Match: *')"
is "--no-checksums" "501 0" "$(put s3/v1/bucket/k "$work/nine" \
	-H 'x-amz-checksum-crc32c: 4waSgw==')"
is "--base-path" "200 0" "$(put s3/v1/bucket/k "$work/f")"
is "... is needed" "400 0" "$(put bucket/k "$work/f")"
stop
start --no-auth --ignore-conditions --no-checksums-400
put bucket/k "$work/f" >/dev/null
is "--ignore-conditions" "200 0" \
	"$(put bucket/k "$work/g" -H 'If-None-Match: *')"
is "--no-checksums-400" "400 0" "$(put bucket/k "$work/nine" \
	-H 'x-amz-checksum-crc32c: 4waSgw==')"
stop
start --no-auth --answer-304 --latency-ms 300
put bucket/k "$work/f" >/dev/null
is "--answer-304" "304 0" \
	"$(put bucket/k "$work/g" -H 'If-None-Match: *' -w '%{http_code}')"
is "--latency-ms" "000 28" "$(get bucket/k -m 0.2)"
stop
start --signed-payload --access-key AK --secret S
is "--signed-payload" "400 0" "$(put_signed bucket/u.txt "$work/f" \
	--aws-sigv4 aws:amz:us-east-1:s3 -u AK:S \
	-H "x-amz-content-sha256: UNSIGNED-PAYLOAD")"
stop
start --no-auth
put bucket/proxied "$work/f" >/dev/null
is "as a proxy" "200 0" "$(ask -x "$url" http://s3.example/bucket/proxied)"
stop

# --- faults -----------------------------------------------------------------
section "faults"
scripted '# a comment
PUT key=*/s n=1-2 status=503 code=SlowDown message="Please wait" retry-after=7
PUT key=lost n=1 lose
PUT key=drop n=1 drop
PUT key=stored n=1 store status=500
PUT key=cut n=1 cut-request=1000
GET key=big n=1 cut-response=1000
GET key=big n=2 cut-response=0
PUT key=stall n=1 stall
PUT key=late n=1 delay=700
PUT key=slow delay-before=700
PUT key=etag wrong-etag
PUT key=sum wrong-checksum
HEAD key=secret status=403
PUT key=skew date=-3600
PUT key=moved n=1 status=301 region=eu-west-1 endpoint=http://127.0.0.1:1
PUT key=cond n=1 no-conditions
PUT key=ign ignore-conditions
PUT key=not answer-304
PUT key=nosum no-checksums=400
PUT key=early early status=500
PUT key=odd n=1 body="<odd/>" header="Server: Other" header=ETag:
PUT key=in200 n=1 error-in-200 code=InternalError
* bucket=dice chance=50 status=500
* bucket=later at=3600- status=500'
is "503, the first" "503 0" "$(put bucket/a/s "$work/f")"
is "... as told" "SlowDown Please wait 7" \
	"$(element Code) $(element Message) $(header Retry-After)"
is "... nothing stored" "no" "$(last_log 6)"
has "... its rule logged" '2:PUT%20key=*' "$(last_log 11)"
is "... the second" "503 0" "$(put bucket/a/s "$work/f")"
is "... the third passes" "200 0" "$(put bucket/a/s "$work/f")"
is "lose" "000 52" "$(put bucket/lost "$work/f")"
is "... was stored" "- yes" "$(last_log 5) $(last_log 6)"
is "... indeed" "200 0" "$(get bucket/lost)"
is "drop" "000 52" "$(put bucket/drop "$work/f")"
is "... was not" "404 0" "$(get bucket/drop)"
is "store with a status" "500 0" "$(put bucket/stored "$work/f")"
is "... was stored" "200 0" "$(get bucket/stored)"
has "cut-request" "000 *" "$(put bucket/cut "$work/big")"
is "... was not stored" "- no" "$(last_log 5) $(last_log 6)"
is "... then passes" "200 0" "$(put bucket/cut "$work/big")"
put bucket/big "$work/big" >/dev/null
is "cut-response" "200 18" "$(get bucket/big)"
is "... after 1000 bytes" 1000 "$(($(wc -c <"$work/body")))"
is "... and at once" "200 18" "$(get bucket/big)"
is "... then whole" "200 0" "$(get bucket/big)"
is "stall" "000 28" "$(put bucket/stall "$work/f" -m 1)"
is "... was not stored" "404 0" "$(get bucket/stall)"
is "delay, given up" "000 28" "$(put bucket/late "$work/f" -m 0.3)"
is "... was stored" "200 0" "$(get bucket/late)"
is "delay-before" "200 0" "$(put bucket/slow "$work/big")"
is "... the whole body" "200000" "$(last_log 7)"
is "... and once more, asked for" "200 0" \
	"$(put_waiting bucket/slow "$work/big")"
is "wrong-etag" "200 0" "$(put bucket/etag "$work/f")"
[ "$(header ETag)" != "\"$md5\"" ]
ok "... is wrong" $?
is "... HEAD has the right one" "200 0" "$(head_ bucket/etag)"
is "... there" "\"$md5\"" "$(header ETag)"
is "wrong-checksum" "200 0" "$(put bucket/sum "$work/nine" \
	-H 'x-amz-checksum-crc32c: 4waSgw==')"
is "... is wrong" 0waSgw== "$(header x-amz-checksum-crc32c)"
is "HEAD 403" "403 0" "$(head_ bucket/secret)"
is "date" "200 0" "$(put bucket/skew "$work/f")"
is "... an hour ago" 1 \
	"$(($(date +%s) - $(date -d "$(header Date)" +%s) > 3500))"
is "301" "301 0" "$(put bucket/moved "$work/f")"
is "... as told" \
	"PermanentRedirect eu-west-1 eu-west-1" \
	"$(element Code) $(element Region) $(header x-amz-bucket-region)"
is "... and where to" http://127.0.0.1:1/bucket/moved "$(header Location)"
is "no-conditions" "501 0" "$(put bucket/cond "$work/f" -H 'If-None-Match: *')"
is "... once" "200 0" "$(put bucket/cond "$work/f" -H 'If-None-Match: *')"
put bucket/ign "$work/f" >/dev/null
is "ignore-conditions" "200 0" \
	"$(put bucket/ign "$work/f" -H 'If-None-Match: *')"
put bucket/not "$work/f" >/dev/null
is "answer-304" "304 0" "$(put bucket/not "$work/f" -H 'If-None-Match: *')"
is "no-checksums" "400 0" "$(put bucket/nosum "$work/nine" \
	-H 'x-amz-checksum-crc32c: 4waSgw==')"
is "a status with Expect" "500 0" "$(put_waiting bucket/early "$work/big")"
has "early" "500 *" "$(put bucket/early "$work/big" -H 'Expect:')"
is "body and headers" "200 0" "$(put bucket/odd "$work/f")"
is "... as told" "<odd/> Other " "$(body) $(header Server) $(header ETag)"
is "error-in-200 for PUT" "200 0" "$(put bucket/in200 "$work/f")"
is "... has an error" InternalError "$(element Code)"
is "... not stored" "404 0" "$(get bucket/in200)"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	put dice/$i "$work/f"
	echo
done >"$work/dice"
hits=$(grep -c 500 "$work/dice")
[ "$hits" -gt 3 ] && [ "$hits" -lt 17 ]
ok "chance=50 hits $hits of 20" $?
is "at=3600- waits" "200 0" "$(put later/k "$work/f")"
stop

scripted 'POST op=CompleteMultipartUpload key=in200 n=1 error-in-200
POST op=CompleteMultipartUpload key=half truncate-xml
POST op=CompleteMultipartUpload key=ten truncate-xml=10
POST op=CompleteMultipartUpload key=lost lose
PUT op=UploadPart part=2 n=1 status=500
POST op=CompleteMultipartUpload key=wrong wrong-etag' --part-min 1
create in200
part 1 "$work/f" >/dev/null
etag=$(header ETag)
is "part=2 fails" "500 0" "$(part 2 "$work/f")"
is "... once" "200 0" "$(part 2 "$work/f")"
is "error-in-200 for Complete" "200 0" "$(finish "$(listed 1 "$etag")")"
is "... has an error" InternalError "$(element Code)"
is "... and can be repeated" "200 0" "$(finish "$(listed 1 "$etag")")"
has "... then with a result" '*</CompleteMultipartUploadResult>' "$(body)"
create half
part 1 "$work/f" >/dev/null
is "truncate-xml" "200 0" "$(finish "$(listed 1 "$etag")")"
case $(body) in *'</CompleteMultipartUploadResult>') false ;; esac
ok "... has half of it" $?
create ten
part 1 "$work/f" >/dev/null
is "truncate-xml=10" "200 0" "$(finish "$(listed 1 "$etag")")"
is "... has so much of it" 10 "$(body | wc -c)"
create lost
part 1 "$work/f" >/dev/null
is "lose for Complete" "000 52" "$(finish "$(listed 1 "$etag")")"
is "... was stored" "200 0" "$(get bucket/lost)"
create wrong
part 1 "$work/f" >/dev/null
is "wrong-etag for Complete" "200 0" "$(finish "$(listed 1 "$etag")")"
right=$(head_ bucket/wrong >/dev/null; header ETag | tr -d '"')
complete_etag=$(element ETag)
[ "$complete_etag" != "&quot;$right&quot;" ]
ok "... is wrong" $?
stop

for bad in 'PUT n=5-1' 'PUT status=9' 'PUT code=X' 'PUT wat' 'PUT key'; do
	printf '%s\n' "$bad" >"$work/script"
	"$bin/s3stub" --script "$work/script" >"$work/out" 2>&1
	is "a script of \"$bad\" is refused" 64 $?
done

# --- TLS --------------------------------------------------------------------
section "TLS"
if "$here/make-cert.sh" "$work/cert"; then
	cert=$work/cert
	start --no-auth --cert "$cert/server.pem" --key "$cert/server-key.pem"
	has "an https URL" "https://127.0.0.1:*" "$url"
	is "PUT" "200 0" "$(put bucket/k "$work/big" --cacert "$cert/ca.pem")"
	is "GET" "200 0" "$(get bucket/k --cacert "$cert/ca.pem")"
	cmp -s "$work/body" "$work/big"
	ok "... the bytes" $?
	is "without the CA" "000 60" "$(get bucket/k)"
	stop
	start --no-auth --cert "$cert/server.pem" \
		--key "$cert/server-key.pem" --client-ca "$cert/ca.pem"
	is "no client certificate" "403 0" \
		"$(get bucket/k --cacert "$cert/ca.pem")"
	is "a client certificate" "404 0" "$(get bucket/k \
		--cacert "$cert/ca.pem" --cert "$cert/client.pem" \
		--key "$cert/client-key.pem")"
	stop
	if [ -e "$cert/expired.pem" ]; then
		start --no-auth --cert "$cert/expired.pem" \
			--key "$cert/server-key.pem"
		is "an expired certificate" "000 60" \
			"$(get bucket/k --cacert "$cert/ca.pem")"
		stop
	fi
fi

# --- faces ------------------------------------------------------------------
section "faces"
printf '%s\n' 'GET op=ImdsCredentials n=2 status=500' >"$work/script"
start --face imds --access-key IK --secret IS --token T --rotate \
	--expiry 900 --script "$work/script"
roles=latest/meta-data/iam/security-credentials/
ttl='x-aws-ec2-metadata-token-ttl-seconds: 60'
is "imds: no token yet" "401 0" "$(get $roles)"
is "imds: a token without its time" "400 0" \
	"$(ask -X PUT "$url/latest/api/token")"
is "imds: a token" "200 0" "$(ask -X PUT -H "$ttl" "$url/latest/api/token")"
token="x-aws-ec2-metadata-token: $(body)"
is "imds: the role" "200 0" "$(get $roles -H "$token")"
is "... its name" stub-role "$(body)"
is "imds: credentials" "200 0" "$(get ${roles}stub-role -H "$token")"
has "... as JSON" '*"AccessKeyId" : "IK"*"Token" : "T-1"*Z"*' "$(body)"
is "imds: by the script" "500 0" "$(get ${roles}stub-role -H "$token")"
is "imds: once" "200 0" "$(get ${roles}stub-role -H "$token")"
has "... another token" '*"Token" : "T-2"*' "$(body)"
is "imds: another role" "404 0" "$(get ${roles}x -H "$token")"
stop
start --face container --authorization secret-word
is "container: no authorization" "401 0" "$(get creds)"
is "container: credentials" "200 0" "$(get creds \
	-H 'Authorization: secret-word')"
has "... as JSON" '*"SecretAccessKey" : "stub-secret"*' "$(body)"
stop
echo the-token >"$work/identity"
start --face sts --web-identity "$work/identity" --credential SRC:SRCSECRET
role=RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fr
form="Version=2011-06-15&RoleSessionName=session&$role"
web="Action=AssumeRoleWithWebIdentity&$form"
is "sts: a web identity" "200 0" \
	"$(post '' -d "$web&WebIdentityToken=the-token")"
is "... gives a token" stub-token "$(element SessionToken)"
is "sts: another identity" "400 0" "$(post '' -d "$web&WebIdentityToken=no")"
is "... is named" InvalidIdentityToken "$(element Code)"
is "... and logged" AssumeRoleWithWebIdentity "$(last_log 2)"
is "sts: AssumeRole unsigned" "403 0" \
	"$(post '' -d "Action=AssumeRole&$form")"
is "sts: AssumeRole" "200 0" "$(post '' -d "Action=AssumeRole&$form" \
	--aws-sigv4 aws:amz:us-east-1:sts -u SRC:SRCSECRET)"
is "... gives a key" stub-key "$(element AccessKeyId)"
is "sts: no action" "400 0" "$(post '' -d "$form")"
stop

# --- below HTTP -------------------------------------------------------------
section "rawstub"
raw() { # MODE WANTED [ARGUMENTS]: what curl makes of it
	mode=$1 wanted=$2
	shift 2
	run "$bin/rawstub" "$mode" --delay-ms 5
	has "rawstub $mode" "$wanted" "$(put bucket/k "$work/f" -k -m 1 "$@")"
	kill "$pid"
	wait "$pid" 2>/dev/null
}
raw close '000 5[256]'
raw reset '000 5[256]'
raw silent '000 28'
raw no-read '000 28'
raw slow-read '000 28'
raw early-503 '503 *'
raw cut-status '000 *'
raw cut-headers '* *'
raw cut-100 '000 *'
raw bad-status '000 *'
raw no-http '000 *'
raw garbage '000 *'
raw bad-length '200 18'
raw bad-chunk '200 56'
raw two-lengths '200 *'
raw extra '503 0'
raw endless-header '* *'
raw endless-headers '* *'
raw endless-100 '* *'
raw endless-body '500 28'
raw drip '500 28'
# Its pauses add up on a busy machine.
raw trickle '200 0' -m 10
raw slow-loris '* 28'
raw tls-cut '000 35'
raw tls-plain '000 35'
raw tls-alert '000 35'
raw tls-half '000 35'
start --no-auth
stub_pid=$pid
run "$bin/rawstub" cut-status --first 2 --upstream "${url##*:}" \
	--log "$work/rawlog"
is "rawstub, the first" "000 1" "$(put bucket/k "$work/big" --http1.1 |
	sed 's/ .*/ 1/')"
is "... the second" "000 1" "$(put bucket/k "$work/big" | sed 's/ .*/ 1/')"
is "... the third is passed on" "200 0" "$(put bucket/k "$work/big")"
is "... as its log says" relay "$(tail -n 1 "$work/rawlog" | cut -f 2)"
kill "$pid"
wait "$pid" 2>/dev/null
pid=$stub_pid
stop

# --- bad clients ------------------------------------------------------------
section "clients that misbehave"
start --no-auth
port=${url##*:}
head -c 100000 /dev/urandom >"$work/noise"
for i in 1 2 3 4 5; do
	tail -c +$((i * 1000)) "$work/noise" |
		curl -s -m 1 "telnet://127.0.0.1:$port" >"$work/out"
done
{ printf 'GET / HTTP/1.1\r\nHost: x\r\n'; yes 'x-amz-a: bbbbbbbbbbbbbb'; } |
	head -c 3000000 | curl -s -m 2 "telnet://127.0.0.1:$port" >"$work/out"
for i in $(seq 1 300); do echo "x-amz-meta-$i: $i"; done >"$work/headers"
has "many headers" "4?? 0" "$(get bucket/k -H "@$work/headers")"
printf 'PUT /bucket/half HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nabc' |
	curl -s -m 1 "telnet://127.0.0.1:$port" >"$work/out"
sleep 0.2
is "a body that breaks off is logged" "PutObject half - no" \
	"$(echo $(tail -n 1 "$work/log" | cut -f 2,4-6))"
is "it still serves" "200 0" "$(put bucket/k "$work/f")"
stop

if [ -s "$work/stderr" ]; then
	sed 's/^/# stderr: /' "$work/stderr"
	! grep -q 'Sanitizer\|runtime error' "$work/stderr"
	ok "no sanitizer has complained" $?
fi
if [ -n "$quiet" ]; then
	echo "$((count - failed)) passed, $failed failed"
else
	echo "1..$count"
fi
[ "$failed" -eq 0 ] || { echo "# $failed of $count failed"; exit 1; }
