#!/bin/sh
# Stores that know no conditional writes, and say so by 501: no object of others
# is replaced there, whenever that is learned, and whatever is sent again.
. "$(dirname "$0")/lib.sh"
only_on swift "the stub is the same, whichever store the others are on"

file=room/2021/02/03/04/05-t.dat
mib=1048576

# story TITLE [BYTES]: a stub_scenario on a store without conditions that obeys
# script, with a file of BYTES claimed, and an object of others under its key.
story()
{
	stub_scenario "$1" --no-conditions --script "$script"
	configure "connections: 2" "max_attempts: 3" \
		"multipart_threshold: 5M" "part_size: 5M"
	echo "somebody else's" >other
	s3 put "$bucket" "$file" other
	write_file "$file" "${2-1000}"
	run_ok scan "$conf"
	forget_log
}

# refused CODE: the file lies in failed/ for that, and the object is as it was.
refused()
{
	status_is 1 "the status tells that a file was refused"
	is "$(cat "$spool"/failed/*.tsv | cut -f 3)" "$1" "as $1"
	object_is "$file" other "the object is untouched"
}

# queued STATUS: the file waits for the next run.
queued()
{
	status_is "$1" "the upload ends with $1"
	is "$(count_in claimed) $(count_in uploading confirmed failed)" "1 0" \
		"the file stays queued"
}

# The first PUT is that of the others.
script "PUT key=$file n=2 status=503 retry-after=1"
story "it is learned while a file waits to be sent again"
write_file room/2021/02/03/04/06-t.dat
run_ok scan "$conf"
run upload "$conf"
refused ObjectExists
is "$(times_asked PutObject "	501	")" 1 "the other file has learned it"

script "PUT key=$file n=3 status=503" "HEAD n=1 status=404"
story "the PUT after the question fails"
run upload "$conf"
refused ObjectExists
is "$(times_asked PutObject)" 2 "it is asked again before the next"

script "POST op=CompleteMultipartUpload n=2 status=503" "HEAD n=1-3 status=404"
story "what completes an upload in parts fails after the question" $((6 * mib))
run upload "$conf"
refused ObjectExists
is "$(times_asked CompleteMultipartUpload)" 2 "it is asked again before the next"
is "$(s3 uploads "$bucket")" "" "no unfinished upload is left in the store"

script "PUT key=$file n=2 status=412 code=PreconditionFailed" \
	"HEAD key=$file n=1 status=404 delay=2000"
story "it is learned while HEAD is asked without a lock on the key"
write_file room/2021/02/03/04/06-t.dat
run_ok scan "$conf"
run upload "$conf"
refused ObjectExists

for bytes in 1000 $((6 * mib)); do
	script "HEAD status=403" "GET op=GetObject status=403 code=AccessDenied"
	story "HEAD isn't allowed, $bytes bytes" "$bytes"
	s3 delete "$bucket" "$file" # what is refused may as well be absent
	run upload "$conf"
	queued 77
	is "$(grep -c "which needs s3:GetObject and s3:ListBucket" err)" 1 \
		"the log says what is needed"
	is "$(keys)" "" "nothing is stored"
done

script "HEAD status=403" "GET op=GetObject n=1 status=403 code=AccessDenied"
story "HEAD isn't allowed, and an object is there" $((6 * mib))
run upload "$conf"
queued 77
object_is "$file" other "the object is untouched"

for answer in "" 'GET status=404 body=""'; do
	script "HEAD status=403" "$answer"
	story "HEAD is refused, and GET tells that nothing is there $answer"
	s3 delete "$bucket" "$file"
	run upload "$conf"
	queued 75
	like err "Failed to upload .*: HEAD is refused, though GET isn't" \
		"the log says so"
	unlike err "create the bucket" "and nothing of the bucket"
	is "$(times_asked HeadObject)" 3 "it has been tried enough"
	is "$(keys)" "" "nothing is stored"
done

script "PUT key=*/06-t.dat n=2 store status=500" \
	"POST op=CompleteMultipartUpload n=2 lose"
story "answers to what was stored are lost" $((6 * mib))
s3 delete "$bucket" "$file"
write_file room/2021/02/03/04/06-t.dat
run_ok scan "$conf"
run_ok upload "$conf"
bucket_is_original
is "$(times_asked 'PutObject|CompleteMultipartUpload' "	yes	")" 2 \
	"each is stored once, and recognised"
is "$(s3 uploads "$bucket")" "" "no unfinished upload is left in the store"
is "$(files_in "$spool/multipart")" "" "nor its state here"

done_testing
