#!/bin/sh
# Large files go in parts: whole, whatever fails in between; an upload that was
# left unfinished is gone on with, or aborted, and never mixed with another.
. "$(dirname "$0")/lib.sh"
only_on swift "the stub is the same, whichever store the others are on"

file=room/2021/02/03/04/05-t.dat
mib=1048576
bytes=$((16 * mib + 7)) # in parts of 5 MiB: three and a rest

# in_parts LINE...: a configuration in which files of more than 5 MiB go in
# parts, one after another unless LINEs say otherwise.
in_parts()
{
	configure "multipart_threshold: 5M" "part_size: 5M" "$@"
	grep -q '^connections:' "$conf" || echo 'connections: 1' >>"$conf"
	grep -q '^max_attempts:' "$conf" || echo 'max_attempts: 3' >>"$conf"
}

# story TITLE [OPTION...]: a stub_scenario with a large file claimed.
story()
{
	stub_scenario "$@"
	in_parts
	write_file "$file" "$bytes"
	run_ok scan "$conf"
	forget_log
}

# send STATUS: what was claimed is uploaded, and that ends with STATUS.
send()
{
	run upload "$conf"
	status_is "$1" "the upload ends with $1"
}

begun()
{
	start "$S3SPOOL_BUILD/s3spool-upload" "$conf"
}

# kill_at DESCRIPTION OPERATION [REGEX]: begins to upload, and kills that when
# the store has been asked this.
# shellcheck disable=SC2317 # wait_until calls it
has_asked()
{
	[ "$(times_asked "$@")" -gt 0 ]
}
kill_at()
{
	kill_description=$1
	shift
	begun
	wait_until "$kill_description: asked" has_asked "$@"
	kill -s KILL "$started"
	wait "$started" 2>/dev/null
}

# arrived [KEY]: the object has the file's bytes, the file is confirmed, and
# nothing unfinished is left.
arrived()
{
	object_is "${1-$file}" "original/$file" "the object has the file's bytes"
	is "$(count_in claimed uploading failed)" 0 "the file is confirmed"
	clean
}

clean()
{
	is "$(s3 uploads "$bucket")" "" "no unfinished upload is left in the store"
	is "$(files_in "$spool/multipart")" "" "nor its state here"
}

# left_unfinished: the upload waits, here and in the store.
left_unfinished()
{
	is "$(s3 uploads "$bucket" | cut -f 1)" "$file" \
		"one unfinished upload waits in the store"
	is "$(files_in "$spool/multipart" | wc -l)" 1 "and its state here"
}

# sent "NUMBER..." DESCRIPTION: exactly these parts were stored.
sent()
{
	is "$(stored_parts | sort -n | tr '\n' ' ')" "${1:+$1 }" "$2"
}

# quarantined CODE
quarantined()
{
	status_is 1 "the status tells that a file was refused"
	is "$(cat "$spool"/failed/*.tsv | cut -f 3)" "$1" "as $1"
	ok "the file has its bytes" cmp -s "original/$file" \
		"$(in_room failed "$file")"
	clean
}

# --- on a good day ---------------------------------------------------------

for connections in 1 4 32; do
	stub_scenario "over $connections connections"
	in_parts "connections: $connections"
	write_file "$file" "$bytes"
	write_file room/2021/02/03/04/06-exact.dat $((10 * mib))
	write_file room/2021/02/03/04/07-threshold.dat $((5 * mib))
	write_file room/2021/02/03/04/08-over.dat $((5 * mib + 1))
	run_ok scan "$conf"
	send 0
	bucket_is_original
	clean
	is "$(times_asked PutObject)" 1 "what is no larger than the threshold \
goes whole"
	is "$(times_asked CompleteMultipartUpload)" 3 "the others in parts"
	is "$(stored_parts | sort -n | uniq -c | tr -s ' ' | tr '\n' ';')" \
		" 3 1; 3 2; 1 3; 1 4;" "each part is sent once"
	is "$(asked UploadPart | grep -cE \
		'x-amz-content-sha256=[0-9a-f]{64}(,|$)')" 8 \
		"each is signed with its SHA-256"
	is "$(asked CompleteMultipartUpload | cut -f 9 | sort -u)" "*" \
		"it is completed on condition that nothing is there"
	is "$(asked CompleteMultipartUpload |
		sed -n 's/.*x-amz-mp-object-size=\([0-9]*\).*/\1/p' | sort -n |
		tr '\n' ' ')" "$((5 * mib + 1)) $((10 * mib)) $bytes " \
		"and that it has so many bytes"
	run_ok reap "$conf"
	drained
done

script "PUT op=UploadPart stall"
stub_scenario "small files go on while a large one is sent" --script "$script"
in_parts "connections: 4"
write_file "$file" "$bytes"
write_files 20
run_ok scan "$conf"
begun
# shellcheck disable=SC2317 # wait_until calls it
small_are_stored()
{
	[ "$(times_asked PutObject)" -eq 20 ] && has_asked UploadPart
}
wait_until "all small ones are stored" small_are_stored
kill -s TERM "$started"
kill -s TERM "$started"
finish "$started"
status_is 75 "the large one stays queued"
is "$(count_in claimed)" 1 "alone"

# --- a run is killed -------------------------------------------------------

# Each file's rule has its own key, so each is met once.
{
	for part in 1 2 3 4; do
		echo "PUT op=UploadPart key=*/$part.dat part=$part n=1 stall"
	done
	echo "POST op=CreateMultipartUpload key=*/5.dat n=1 store stall"
	echo "POST op=CompleteMultipartUpload key=*/6.dat n=1 stall"
	echo "POST op=CompleteMultipartUpload key=*/7.dat n=1 store stall"
	echo "PUT op=UploadPart key=*/8.dat part=2 n=1 store stall"
} | sed 's|/\([0-9]\)\.dat|/\1-t.dat|' >"$script"
stub_scenario "killed at every boundary between parts" --script "$script" \
	--page 2
for row in "1 UploadPart partNumber=1& 1 2 3 4" \
	"2 UploadPart partNumber=2& 2 3 4" "3 UploadPart partNumber=3& 3 4" \
	"4 UploadPart partNumber=4& 4" "5 CreateMultipartUpload . 1 2 3 4" \
	"6 CompleteMultipartUpload ." "7 CompleteMultipartUpload ." \
	"8 UploadPart partNumber=2& 3 4"; do
	# shellcheck disable=SC2086 # words
	set -- $row
	file=room/2021/02/03/04/$1-t.dat
	operation=$2
	regex=$3
	shift 3
	in_parts
	write_file "$file" "$bytes"
	run_ok scan "$conf"
	forget_log
	kill_at "$operation ${regex%.}" "$operation" "$regex"
	is "$(count_in uploading)" 1 "the dead run has the file"
	[ "$operation" = CreateMultipartUpload ] || [ "$file" != "${file#*7-}" ] ||
		left_unfinished
	forget_log
	send 0
	sent "$*" "then only the missing parts are sent"
	if [ "$operation" = CreateMultipartUpload ]; then
		# Nobody ever heard of the first one; a lifecycle rule's work.
		id=$(s3 uploads "$bucket" | cut -f 2)
		s3 abort "$bucket" "$file" "$id"
	fi
	arrived
	run_ok reap -o settle_check=age "$conf"
	is "$(count_in claimed confirmed)" 0 \
		"the receipt has the CRC of its bytes: it is deleted"
done

script "PUT op=UploadPart part=3 n=1 stall"
story "killed with others on their way" --script "$script"
in_parts "connections: 4"
# shellcheck disable=SC2317 # wait_until calls it
others_are_stored()
{
	[ "$(stored_parts | wc -l)" -eq 3 ] && has_asked UploadPart partNumber=3
}
begun
wait_until "the others are stored" others_are_stored
kill -s KILL "$started"
wait "$started" 2>/dev/null
left_unfinished
forget_log
send 0
sent 3 "the missing part is sent"
arrived

script "PUT op=UploadPart part=3 n=1 stall" "PUT op=UploadPart part=4 n=1 stall"
story "killed twice" --script "$script"
kill_at "part 3" UploadPart partNumber=3
forget_log
kill_at "part 4" UploadPart partNumber=4
sent 3 "the second run has sent what the first had not"
forget_log
send 0
sent 4 "and the third the rest"
arrived

script "PUT op=UploadPart part=3 n=1 stall"
story "with another part_size than the first run's" --script "$script"
kill_at "part 3" UploadPart partNumber=3
in_parts "part_size: 6M"
sed -i '/^part_size: 5M/d' "$conf"
forget_log
send 0
sent "3 4" "it is gone on with in the parts it began with"
arrived

# --- not the same any more -------------------------------------------------

script "PUT op=UploadPart part=3 n=1 stall"
story "the file has other bytes now" --script "$script"
kill_at "part 3" UploadPart partNumber=3
old=$(s3 uploads "$bucket" | cut -f 2)
head -c "$bytes" /dev/urandom >"original/$file"
cat "original/$file" >"$(in_room uploading "$file")"
forget_log
send 0
sent "1 2 3 4" "all its parts are sent"
arrived
ok "the old upload was aborted" has_asked AbortMultipartUpload "$old"
is "$(asked UploadPart "$old" | wc -l)" 0 "and got nothing more"

story "the file is shorter now" --script "$script"
kill_at "part 3" UploadPart partNumber=3
truncate -s $((7 * mib)) "original/$file" "$(in_room uploading "$file")"
forget_log
send 0
sent "1 2" "its parts are sent"
arrived

story "it is small now" --script "$script"
kill_at "part 3" UploadPart partNumber=3
truncate -s 1000 "original/$file" "$(in_room uploading "$file")"
forget_log
send 0
sent "" "no part is sent"
object_is "$file" "original/$file" "the object has the file's bytes"
run_ok upload -o multipart_abort_after=0 "$conf"
arrived

for checksum in none crc32c; do
	script "PUT op=UploadPart part=4 n=1 stall"
	story "a part of other bytes is among the stored, $checksum" \
		--script "$script"
	in_parts "checksum: $checksum"
	kill_at "part 4" UploadPart partNumber=4
	id=$(s3 uploads "$bucket" | cut -f 2)
	head -c $((5 * mib)) /dev/urandom >other
	s3 put-part "$bucket" "$file" "$id" 2 other
	head -c 1000 "original/$file" >short
	s3 put-part "$bucket" "$file" "$id" 1 short
	forget_log
	send 0
	sent "1 2 4" "it is sent anew, as is one of another size"
	arrived
done

script "PUT op=UploadPart part=3 n=1 stall"
story "the upload was aborted by others" --script "$script"
kill_at "part 3" UploadPart partNumber=3
s3 abort "$bucket" "$file" "$(s3 uploads "$bucket" | cut -f 2)"
forget_log
send 0
sent "1 2 3 4" "all its parts are sent"
arrived

story "the state can't be read" --script "$script"
kill_at "part 3" UploadPart partNumber=3
for state in "$spool"/multipart/*; do
	head -c 40 "$state" >beginning
	cp beginning "$state"
done
id=$(s3 uploads "$bucket" | cut -f 2)
forget_log
send 0
sent "1 2 3 4" "all its parts are sent"
s3 abort "$bucket" "$file" "$id" # a lifecycle rule's work
arrived

# --- stale -----------------------------------------------------------------

story "a dead run's upload whose file has gone" --script "$script"
kill_at "part 3" UploadPart partNumber=3
rm "$(in_room uploading "$file")"
send 0
left_unfinished
run_ok upload -o multipart_abort_after=0 "$conf"
clean
is "$(keys)" "" "nothing was stored"

story "a dead run's upload whose file is there" --script "$script"
kill_at "part 3" UploadPart partNumber=3
run_ok upload -o multipart_abort_after=0 "$conf"
arrived

script "PUT op=UploadPart part=3 n=1 stall" \
	"DELETE op=AbortMultipartUpload n=1 delay-before=2000"
story "a dead run's upload whose file is taken up meanwhile" --script "$script"
kill_at "part 3" UploadPart partNumber=3
old=$(s3 uploads "$bucket" | cut -f 2)
in_parts "connections: 2"
forget_log
run_ok upload -o multipart_abort_after=0 "$conf"
is "$(times_asked UploadPart "$old")" 0 "the old upload gets nothing more"
is "$(times_asked AbortMultipartUpload)" 1 "but is aborted"
arrived

script "PUT op=UploadPart part=2 n=1 stall" "PUT op=UploadPart part=3 n=1 stall"
story "one that was begun long ago, and has been gone on with" --script "$script"
kill_at "part 2" UploadPart partNumber=2
ago=$(($(date +%s) - 20 * 86400))
for state in "$spool"/multipart/*; do
	awk -v OFS='\t' -v FS='\t' -v ago="${ago}000000000" '{ $6 = ago; print }' \
		"$state" >aged
	cp aged "$state"
done
in_parts "multipart_abort_after: 30d"
kill_at "part 3" UploadPart partNumber=3
in_parts
forget_log
send 0
is "$(times_asked AbortMultipartUpload)" 0 "is not aborted"
sent "3 4" "but gone on with"
arrived

script "PUT op=UploadPart part=3 n=1 stall"
story "a live run's upload" --script "$script"
begun
wait_until "part 3 is on its way" has_asked UploadPart partNumber=3
run_ok upload -o multipart_abort_after=0 "$conf"
is "$(times_asked AbortMultipartUpload)" 0 "is not touched"
left_unfinished
kill -s TERM "$started"
kill -s TERM "$started"
finish "$started"
status_is 75 "ended, it leaves it"
left_unfinished
forget_log
send 0
sent "3 4" "to be gone on with"
arrived

script "PUT op=UploadPart part=3 n=1 stall" \
	"DELETE op=AbortMultipartUpload n=1 status=500" \
	"DELETE op=AbortMultipartUpload n=2 status=204"
story "an abort that fails, and one that does nothing" --script "$script"
kill_at "part 3" UploadPart partNumber=3
rm "$(in_room uploading "$file")"
run_ok upload -o multipart_abort_after=0 "$conf"
is "$(times_asked AbortMultipartUpload)" 3 "it is asked for until it is so"
clean

script "PUT op=UploadPart part=3 n=1 stall" \
	"DELETE op=AbortMultipartUpload n=1 status=503"
story "an abort that can't be had" --script "$script"
kill_at "part 3" UploadPart partNumber=3
rm "$(in_room uploading "$file")"
run upload -o multipart_abort_after=0 -o max_attempts=1 "$conf"
like err "Cannot abort an unfinished multipart upload of $file" "is told"
left_unfinished
run_ok upload -o multipart_abort_after=0 "$conf"
clean

for refusal in "400 code=InvalidArgument" "401 code=UnauthorizedAccess" \
	"404 code=NoSuchBucket"; do
	script "PUT op=UploadPart part=3 n=1 stall" \
		"DELETE op=AbortMultipartUpload n=1 status=$refusal" \
		"GET op=ListParts n=1 status=$refusal"
	story "an abort that is refused: $refusal" --script "$script"
	kill_at "part 3" UploadPart partNumber=3
	rm "$(in_room uploading "$file")"
	write_file room/2021/02/03/04/06-t.dat
	run_ok scan "$conf"
	run upload -o multipart_abort_after=0 "$conf"
	status_is 0 "keeps no file from being stored"
	object_is room/2021/02/03/04/06-t.dat \
		original/room/2021/02/03/04/06-t.dat "which arrives"
	like err "Cannot abort an unfinished multipart upload of $file" \
		"it is told"
	left_unfinished
	run upload -o multipart_abort_after=0 "$conf"
	ok "the next run tries again" \
		test "$(times_asked AbortMultipartUpload)" -ge 2
done

script "PUT op=UploadPart part=3 n=1 stall" \
	"GET op=ListParts status=501 code=NotImplemented"
story "an abort that can't be verified" --script "$script"
kill_at "part 3" UploadPart partNumber=3
rm "$(in_room uploading "$file")"
run_ok upload -o multipart_abort_after=0 "$conf"
is "$(times_asked AbortMultipartUpload)" 1 "its answer must do"
clean

# --- answers that go wrong -------------------------------------------------

for fault in "lose" "error-in-200 code=InternalError" "truncate-xml" \
	"status=500" "status=503 code=SlowDown" "drop" \
	"status=409 code=ConditionalRequestConflict" \
	"status=400 code=InvalidPart" "status=404 code=NoSuchUpload store"; do
	script "POST op=CompleteMultipartUpload n=1 $fault"
	story "Complete: $fault" --script "$script"
	send 0
	arrived
done

script "POST op=CompleteMultipartUpload delay=4000"
story "Complete takes longer than anything else may" --script "$script"
in_parts "stall_timeout_seconds: 1"
send 0
arrived
is "$(times_asked CompleteMultipartUpload)" 1 "it is waited for"

for row in "POST op=CreateMultipartUpload n=1 status=500" \
	"PUT op=UploadPart part=2 n=1 status=500" \
	"PUT op=UploadPart part=2 n=1 lose" \
	"PUT op=UploadPart part=2 n=1 cut-request=100000" \
	"PUT op=UploadPart part=2 n=1 status=400 code=BadDigest" \
	"PUT op=UploadPart part=2 n=1 status=400 code=RequestTimeout" \
	"PUT op=UploadPart part=2 n=1 wrong-etag" \
	"PUT op=UploadPart part=2 n=1 header=ETag:"; do
	script "$row"
	story "${row#* op=}" --script "$script"
	in_parts "checksum: crc32c"
	send 0
	arrived
	is "$(times_asked CompleteMultipartUpload)" \
		"$(case $row in *wrong-etag) echo 2 ;; *) echo 1 ;; esac)" \
		"it is completed as soon as it can be"
done

script "PUT op=UploadPart part=1 status=413 code=EntityTooLarge \
message=\"no room for it\"" "PUT op=UploadPart part=2- delay=500"
story "a part is refused for good while others are on their way" \
	--script "$script"
in_parts "connections: 4"
run upload "$conf"
quarantined EntityTooLarge
like "$(echo "$spool"/failed/*.tsv)" "no room for it" "with the store's words"
like err "Failed to upload $base/$file to $bucket/$file: .*no room for it \
\(EntityTooLarge\); moved to failed/" "which the log has, too"

script "POST op=CreateMultipartUpload n=1 truncate-xml"
story "Create: truncate-xml" --script "$script"
send 0
sent "1 2 3 4" "it begins with another upload"
s3 abort "$bucket" "$file" "$(s3 uploads "$bucket" | cut -f 2)"
arrived

script "PUT op=UploadPart part=2 n=1-3 status=500"
story "a part that can't be stored today" --script "$script"
send 75
like err "WARNING - Failed to upload $base/$file to $bucket/$file: .*\
\\(InternalError\\) when calling the UploadPart operation" "is named"
is "$(count_in claimed)" 1 "the file stays queued"
left_unfinished
forget_log
send 0
ok "and goes on where it was" test "$(stored_parts | grep -c '^1$')" -eq 0
arrived

script "PUT op=UploadPart part=4 n=1-2 status=500" \
	"POST op=CompleteMultipartUpload n=1-2 status=500"
story "the last part fails, and then Complete" --script "$script"
send 0
arrived

script "PUT op=UploadPart part=3 n=1 stall" \
	"GET op=ListParts n=1 truncate-xml" "GET op=ListParts n=2 status=503"
story "ListParts: truncate-xml, and an error" --script "$script"
kill_at "part 3" UploadPart partNumber=3
forget_log
send 0
sent "3 4" "only the missing parts are sent"
arrived

for refusal in "501 code=NotImplemented" '414 body=""'; do
	script "PUT op=UploadPart part=3 n=1 stall" \
		"GET op=ListParts status=$refusal"
	story "ListParts is refused: $refusal" --script "$script"
	kill_at "part 3" UploadPart partNumber=3
	forget_log
	send 0
	sent "1 2 3 4" "all its parts are sent"
	arrived
done

script "PUT op=UploadPart part=3 n=1 stall" \
	"GET op=ListParts n=1 status=403 code=InvalidAccessKeyId"
story "the keys are refused to ListParts" --script "$script"
kill_at "part 3" UploadPart partNumber=3
forget_log
send 77
left_unfinished
is "$(times_asked AbortMultipartUpload)" 0 "nothing is given up for that"
send 0
sent "3 4" "it is gone on with"
arrived

script "PUT op=UploadPart part=2 n=1 status=404 code=NoSuchUpload"
story "UploadPart: NoSuchUpload" --script "$script"
send 75
is "$(count_in claimed)" 1 "the file stays queued"
send 0
arrived

# --- objects that are there ------------------------------------------------

story "the same bytes are there"
s3 put "$bucket" "$file" "original/$file"
forget_log
send 0
is "$(times_asked 'CreateMultipartUpload|UploadPart|PutObject')" 0 \
	"nothing is sent"
arrived

story "other bytes are there"
echo other >other
s3 put "$bucket" "$file" other
forget_log
run upload "$conf"
quarantined ObjectExists
is "$(times_asked 'CreateMultipartUpload|UploadPart')" 0 "nothing is sent"
object_is "$file" other "the object is untouched"

script "HEAD n=1-2 status=404"
story "other bytes come meanwhile" --script "$script"
s3 put "$bucket" "$file" other 2>/dev/null || {
	echo other >other
	s3 put "$bucket" "$file" other
}
run upload "$conf"
is "$(times_asked CompleteMultipartUpload "	412	")" 1 "412 says so"
quarantined ObjectExists
object_is "$file" other "the object is untouched"

script "HEAD n=1 status=404"
story "other bytes come meanwhile, and the store ignores conditions" \
	--script "$script" --ignore-conditions
echo other >other
s3 put "$bucket" "$file" other
run upload "$conf"
is "$(times_asked CompleteMultipartUpload)" 0 "HEAD says so in time"
quarantined ObjectExists
object_is "$file" other "the object is untouched"

story "a store without conditions" --no-conditions
write_file room/2021/02/03/04/06-t.dat "$bytes"
write_file room/2021/02/03/04/07-t.dat 1000
run_ok scan "$conf"
send 0
bucket_is_original
clean
is "$(times_asked 'PutObject|CompleteMultipartUpload' "	501	")" 1 \
	"it is asked to honour them once"
is "$(grep -c 'knows no conditional writes' err)" 1 "and that is said once"

script "HEAD n=1-2 status=404"
story "keep-both" --script "$script"
in_parts "on_conflict: keep-both"
echo other >other
s3 put "$bucket" "$file" other
send 0
object_is "$file" other "the object is untouched"
arrived "$file~$(sha256sum <"original/$file" | cut -c 1-16)"

stub_scenario "keep-both, of a file that fits into memory"
in_parts "on_conflict: keep-both"
sed -i 's/^multipart_threshold:.*/multipart_threshold: 100K/' "$conf"
write_file "$file" 500000
run_ok scan "$conf"
echo other >other
s3 put "$bucket" "$file" other
send 0
object_is "$file" other "the object is untouched"
arrived "$file~$(sha256sum <"original/$file" | cut -c 1-16)"

story "overwrite"
in_parts "on_conflict: overwrite"
echo other >other
s3 put "$bucket" "$file" other
send 0
arrived
is "$(asked CompleteMultipartUpload | cut -f 9)" "-" "without a condition"

for header in "x-nothing: 1" "ETag: opaque"; do
	script "PUT op=UploadPart part=3 n=1 stall" "HEAD header=\"$header\""
	story "overwrite, and the upload was aborted by others, $header" \
		--script "$script"
	in_parts "on_conflict: overwrite"
	head -c "$bytes" /dev/urandom >other
	s3 put "$bucket" "$file" other
	kill_at "part 3" UploadPart partNumber=3
	s3 abort "$bucket" "$file" "$(s3 uploads "$bucket" | cut -f 2)"
	forget_log
	send 0
	ok "it is asked whether that was completed" has_asked HeadObject
	arrived
done

# --- with few permissions --------------------------------------------------

set -- "HEAD status=403" "GET op=ListParts status=403 code=AccessDenied"
script "$@"
story "s3:PutObject alone" --script "$script"
send 0
arrived
is "$(asked CompleteMultipartUpload | cut -f 9)" "*" "on condition"

story "s3:PutObject alone, and an object is there" --script "$script"
echo other >other
s3 put "$bucket" "$file" other
run upload "$conf"
quarantined ObjectExistsUnverified
object_is "$file" other "the object is untouched"

script "$@" "PUT op=UploadPart part=3 n=1 stall"
story "s3:PutObject alone, after a kill" --script "$script"
kill_at "part 3" UploadPart partNumber=3
forget_log
send 0
arrived

# --- the file changes under it ---------------------------------------------

script "PUT op=UploadPart part=3 n=1 stall"
story "it gets shorter while it is sent" --script "$script"
in_parts "stall_timeout_seconds: 1"
begun
wait_until "part 3 is on its way" has_asked UploadPart partNumber=3
truncate -s $((6 * mib)) "original/$file" "$(in_room uploading "$file")"
finish "$started"
status_is 75 "the upload ends with 75"
is "$(keys)" "" "nothing is stored"
is "$(count_in claimed)" 1 "the file stays queued"
forget_log
send 0
sent "1 2" "then it is sent as it is"
arrived

story "it is written to while it is sent" --script "$script"
in_parts "stall_timeout_seconds: 1"
begun
wait_until "part 3 is on its way" has_asked UploadPart partNumber=3
printf x | dd of="$(in_room uploading "$file")" conv=notrunc 2>dd.err
finish "$started"
status_is 75 "the upload ends with 75"
cp "$spool/claimed/$file" "original/$file"
is "$(keys)" "" "nothing is stored"
send 0
arrived

done_testing
