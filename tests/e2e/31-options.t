#!/bin/sh
# What the user wants of objects and of the way to the store, as a store sees
# it: on the stub, which gives back what it was told.
. "$(dirname "$0")/lib.sh"
only_on swift "the stub is the same, whichever store the others are on"

file=room/2021/02/03/04/05-t.dat
export AWS_ACCESS_KEY_ID=stub-key AWS_SECRET_ACCESS_KEY=stub-secret
export AWS_REGION=us-east-1
unset AWS_SESSION_TOKEN

# open_stub OPTION...: a stub of this scenario's own; sets $stub_url, $stub_pid
# and the environment of the programs and of s3.
open_stub()
{
	rm -f "$work/stub.url"
	"$S3SPOOL_BUILD/tests/s3stub" --log "$work/stub.log" "$@" \
		>"$work/stub.url" 2>"$work/stub.err" </dev/null &
	stub_pid=$!
	children="$children $stub_pid"
	wait_until "a stub listens" test -s "$work/stub.url"
	stub_url=$(cat "$work/stub.url")
	export AWS_ENDPOINT_URL_S3="$stub_url"
}

close_stub()
{
	kill "$stub_pid"
	wait "$stub_pid" 2>/dev/null
	rm -f "$work/stub.log"
}

# told NAME: the header NAME of the object as HEAD tells it.
told()
{
	s3 head "$bucket" "${2-$file}" | tr -d '\r' |
		sed -n "s/^$1: //Ip"
}

# send_one: the file goes all the way, with the configuration as it is.
send_one()
{
	write_file "$file" "${1-1000}"
	touch -d '2021-02-03 04:05:06.789 UTC' "base/$file"
	run_ok scan "$conf"
	run_ok upload "$conf"
	object_is "$file" "original/$file" "the object has the file's bytes"
}

open_stub

scenario "without any wish"
send_one
is "$(told content-type)" application/octet-stream "a .dat is octets"
is "$(told x-amz-meta-mtime)" 1612325106.789000000 "it tells the file's time"
is "$(told x-amz-storage-class)$(told x-stub-acl)$(told x-stub-tagging)" "" \
	"and nothing that wasn't asked for"

scenario "with all wishes at once"
configure "storage_class: STANDARD_IA" \
	"server_side_encryption: aws:kms" "sse_kms_key_id: alias/station" \
	"acl: bucket-owner-full-control" \
	"tags: {site: north 5, 'a+b': 'c/d=e&f'}" \
	"metadata: {Station: north 5, unit: mm}" \
	"content_types: {dat: text/x-station; charset=utf-8}" \
	"content_encoding: identity" "cache_control: 'no-store, max-age=0'" \
	"request_payer: requester" "object_lock_mode: GOVERNANCE" \
	"object_lock_retain_until: 2030-01-02T03:04:05Z"
send_one
is "$(told x-amz-storage-class)" STANDARD_IA "storage class"
is "$(told x-amz-server-side-encryption)" aws:kms "encryption"
is "$(told x-amz-server-side-encryption-aws-kms-key-id)" alias/station \
	"its key"
is "$(told x-stub-acl)" bucket-owner-full-control "acl"
is "$(told x-stub-tagging)" 'site=north%205&a%2Bb=c%2Fd%3De%26f' "tags"
is "$(told x-amz-meta-station)" "north 5" "metadata"
is "$(told x-amz-meta-unit)" mm "more metadata"
is "$(told content-type)" "text/x-station; charset=utf-8" "content type"
is "$(told content-encoding)" identity "content encoding"
is "$(told cache-control)" "no-store, max-age=0" "cache control"
is "$(told x-stub-request-payer)" requester "who pays"
is "$(told x-amz-object-lock-mode)" GOVERNANCE "object lock"
is "$(told x-amz-object-lock-retain-until-date)" 2030-01-02T03:04:05.000Z \
	"and how long"

scenario "a lock that counts from the upload, and no time of the file"
configure "object_lock_mode: COMPLIANCE" "object_lock_retain_until: 365d" \
	"metadata_mtime: false" "content_type: text/plain"
send_one
until=$(told x-amz-object-lock-retain-until-date)
is "$(($(date -d "$until" +%s) / 86400 - $(date +%s) / 86400))" 365 \
	"it is locked for 365 days"
is "$(told x-amz-meta-mtime)" "" "no time"
is "$(told content-type)" text/plain "the one content type"

scenario "a large file has them, too"
configure "storage_class: STANDARD_IA" "multipart_threshold: 5M" \
	"part_size: 5M" "metadata: {a: b}" "tags: x=y" "bandwidth_limit: 10M"
send_one 7000000
ok "it went in parts" grep -q CompleteMultipartUpload "$work/stub.log"
is "$(told x-amz-storage-class)" STANDARD_IA "storage class"
is "$(told x-amz-meta-a)" b "metadata"
is "$(told x-amz-meta-mtime)" 1612325106.789000000 "time"
is "$(told x-stub-tagging)" x=y "tags"

scenario "wishes that can't be"
write_file "$file"
run_ok scan "$conf"
configure "server_side_encryption: AES256" "sse_kms_key_id: x"
run upload "$conf"
status_is 78 "a KMS key without KMS is a mistake"
like err "sse_kms_key_id" "which is named"
head -c 32 /dev/zero >key
configure "sse_customer_key_file: $here/key"
run upload "$conf"
status_is 78 "no key over plain http"
like err "https" "and it is said why"
configure "metadata: {a: \"b\\r\\nx-amz-acl: public-read\"}"
run upload "$conf"
status_is 78 "no header in a header"
like err "s3spool.yaml:3:15: key 'metadata'" "with the place"
is "$(count_in claimed)" 1 "the file waits"

scenario "an endpoint with a path and a port, dry"
configure "endpoint_url: http://localhost:9000/a/b"
write_file "$file"
run_ok scan "$conf"
run_ok upload -n "$conf"
like out "^PUT http://localhost:9000/a/b/$bucket/$file " "its URL"
configure "endpoint_url: http://localhost:9000/a" "addressing_style: virtual"
run_ok upload -n "$conf"
like out "^PUT http://$bucket.localhost:9000/a/$file " "virtual-hosted"
for row in "use_dualstack_endpoint=true s3.dualstack.us-east-1.amazonaws.com" \
	"use_fips_endpoint=true s3-fips.us-east-1.amazonaws.com" \
	"use_accelerate_endpoint=true s3-accelerate.amazonaws.com" \
	"region=cn-north-1 s3.cn-north-1.amazonaws.com.cn"; do
	configure ""
	run env -u AWS_ENDPOINT_URL_S3 "$S3SPOOL_BUILD/s3spool-upload" -n \
		-o "${row% *}" "$conf"
	like out "^PUT https://$bucket.${row#* }/$file " "${row% *}"
done
configure "use_fips_endpoint: true"
run upload -n "$conf"
status_is 78 "FIPS is not to be had from an endpoint of one's own"

scenario "through a proxy"
# The stub plays the proxy as well; the store's name leads nowhere.
configure "endpoint_url: http://store.invalid" "proxy: $stub_url"
send_one
configure "endpoint_url: http://store.invalid" "proxy: $stub_url" \
	"no_proxy: store.invalid" "max_attempts: 1"
write_file room/2021/02/03/04/06-t.dat
run_ok scan "$conf"
run upload "$conf"
status_is 75 "no_proxy keeps it off the proxy"
configure "endpoint_url: http://store.invalid"
run_ok env http_proxy="$stub_url" "$S3SPOOL_BUILD/s3spool-upload" "$conf"

# connections_used: how many sent files since the log was emptied.
connections_used()
{
	awk -F '\t' '$2 == "PutObject" { print $10 }' "$work/stub.log" |
		sort -u | wc -l
}

scenario "as many connections as pay"
configure "connections: auto"
write_files 5
run_ok scan "$conf"
: >"$work/stub.log"
run_ok upload "$conf"
ok "five files need five at most" test "$(connections_used)" -le 5
bucket_is_original

scenario "and no more than there may be"
configure "connections: auto"
: >"$work/stub.log"
write_files 600 20000
run_ok scan "$conf"
run_ok upload "$conf"
ok "many files use 256 at most" test "$(connections_used)" -le 256
bucket_is_original

scenario "no more than so many bytes a second"
configure "bandwidth_limit: 200K" "metadata_mtime: true"
write_files 12 10000
write_file "$file" 300000
run_ok scan "$conf"
began=$(date +%s%N)
run_ok upload "$conf"
took_ms=$((($(date +%s%N) - began) / 1000000))
# 420,000 bytes, of which 51,200 are there at once.
ok "420 kB took at least 1.7 s ($took_ms ms)" test "$took_ms" -ge 1700
bucket_is_original

scenario "who waits for its turn has not stalled"
configure "bandwidth_limit: 40K" "stall_timeout_seconds: 1" "max_attempts: 1"
write_files 32 6000
run_ok scan "$conf"
run_ok upload "$conf"
bucket_is_original
close_stub

if sh "$tests_dir/stub/make-cert.sh" "$work/cert" >"$work/cert.log" 2>&1; then
	open_stub --cert "$work/cert/server.pem" \
		--key "$work/cert/server-key.pem" \
		--client-ca "$work/cert/ca.pem" --domain s3.localhost
	# Below a name of two parts: a wildcard needs two dots.
	tls_url=https://s3.localhost:${stub_url##*:}
	echo "# over TLS, on which s3.py can't ask"
	bucket=tls here=$work/tls base=$work/tls/base spool=$work/tls/base/.spool
	conf=$work/tls/s3spool.yaml
	mkdir -p "$base" "$here/original"
	cd "$here" || exit 1
	common="endpoint_url: $tls_url"
	write_file "$file"
	configure "$common" "max_attempts: 1"
	run_ok scan "$conf"
	run upload "$conf"
	status_is 75 "a stranger's certificate is not trusted"
	like err "can't be trusted; is ca_bundle" "what may be wrong is said"
	configure "$common" "max_attempts: 1" "ca_bundle: $work/cert/ca.pem"
	run upload "$conf"
	status_is 77 "nor are we without one"
	head -c 32 /dev/urandom | openssl base64 >"$here/key"
	: >"$work/stub.log"
	configure "$common" "ca_bundle: $work/cert/ca.pem" \
		"client_cert: $work/cert/client.pem" \
		"client_key: $work/cert/client-key.pem" \
		"addressing_style: virtual" "sse_customer_key_file: key" \
		"multipart_threshold: 5M" "part_size: 5M"
	write_file room/2021/02/03/04/06-t.dat 7000000
	run_ok scan "$conf"
	run_ok upload "$conf"
	is "$(count_in confirmed)" 2 "both are stored, with a customer's key"
	is "$(awk -F'\t' '$6 == "yes" { print $2 }' "$work/stub.log" |
		sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
		" 1 CompleteMultipartUpload; 1 PutObject; 2 UploadPart;" \
		"in one piece, and in parts"
	configure "endpoint_url: https://localhost:${stub_url##*:}" \
		"client_cert: $work/cert/client.pem" \
		"client_key: $work/cert/client-key.pem"
	write_file room/2021/02/03/04/07-t.dat
	run_ok scan "$conf"
	# Of the environment, and path style.
	run_ok env AWS_CA_BUNDLE="$work/cert/ca.pem" \
		"$S3SPOOL_BUILD/s3spool-upload" "$conf"
	# Of the profile.
	printf '[default]\nca_bundle = %s\n' "$work/cert/ca.pem" >aws
	write_file room/2021/02/03/04/08-t.dat
	run_ok scan "$conf"
	run_ok env AWS_CONFIG_FILE="$here/aws" \
		"$S3SPOOL_BUILD/s3spool-upload" "$conf"
	close_stub
else
	skip "no certificates can be made here"
fi

done_testing
