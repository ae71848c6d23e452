#!/bin/sh
# What Swift doesn't know and radosgw does: conditions on PUT, storage classes,
# tags; and its own way with large files, for which it ignores the condition.
. "$(dirname "$0")/lib.sh"
only_on rgw "radosgw is asked for this (make check-rgw)"

path=room/2021/02/03/04/05-t.dat
large="multipart_threshold: 5M
part_size: 5M"

# told NAME: the header NAME of the object as HEAD tells it.
told()
{
	s3 head "$bucket" "$path" | tr -d '\r' | sed -n "s/^$1: //Ip"
}

# stopped_run: one file is claimed and an uploader started whose
# requests are held back before they reach the store.
stopped_run()
{
	run_ok scan "$conf"
	open_gate
	: >gate/hold-requests
	start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" \
		"$conf"
	wait_until "its first request is held back" test -e gate/held
}

# let_run_end: the uploader goes on.
let_run_end()
{
	rm gate/hold-requests
	finish "$started"
}

quarantined()
{
	status_is 1 "the status tells that a file was refused"
	object_is "$path" other "the object is untouched"
	ok "the file lies in failed/" test -f "$(in_room failed "$path")"
	ok "with its bytes" cmp -s "original/$path" \
		"$(in_room failed "$path")"
}

scenario "the condition decides, not a question before"
write_file "$path"
stopped_run
# An uploader that asks with HEAD first is answered before this happens.
echo "somebody else's" >other
s3 put "$bucket" "$path" other
let_run_end
quarantined
unlike bg.err "asking with HEAD" "the store knows conditions"

scenario "the answer to a PUT is lost: the same bytes are its own"
write_file "$path"
run_ok scan "$conf"
open_gate
: >gate/hold-answers
start "$S3SPOOL_BUILD/s3spool-upload" -o endpoint_url="$gate_url" "$conf"
wait_until "the store has acted" test -e gate/held
kill -s KILL "$started"
finish "$started"
run_ok s3spool run "$conf"
object_is "$path" "original/$path" "it is there"
is "$(ledger key size)" "$path	1000" "it is on record, once"
drained

for size in 1000 7000000; do
	scenario "what the user wishes, for $size bytes"
	configure "storage_class: STANDARD_IA" "tags: {site: north 5, a: b}" \
		"metadata: {Station: north 5}" "content_type: text/x-station" \
		"cache_control: no-store" "$large"
	write_file "$path" "$size"
	touch -d '2021-02-03 04:05:06.789 UTC' "base/$path"
	run_ok s3spool run "$conf"
	object_is "$path" "original/$path" "the object has the file's bytes"
	is "$(told x-amz-storage-class)" STANDARD_IA "storage class"
	# radosgw 16.2 forgets the tags of an upload in parts.
	[ "$size" -gt 5242880 ] || is "$(s3 tags "$bucket" "$path" | sort)" \
		"a=b
site=north 5" "tags"
	is "$(told x-amz-meta-station)" "north 5" "metadata"
	is "$(told x-amz-meta-mtime)" 1612325106.789000000 "time"
	is "$(told content-type)" text/x-station "content type"
	is "$(told cache-control)" no-store "cache control"
	drained
done

scenario "without any wish"
write_file "$path"
run_ok s3spool run "$conf"
is "$(told x-amz-storage-class)" "" "the storage class is the bucket's own"
is "$(s3 tags "$bucket" "$path")" "" "no tags"

scenario "a storage class that the store doesn't have"
configure "storage_class: NO_SUCH"
write_file "$path"
run s3spool run "$conf"
ok "the status tells it ($status)" test "$status" -ne 0
is "$(keys)" "" "nothing is stored"
ok "the file is kept" cmp -s "original/$path" "$(find base/.spool \
	-path '*/05-t.dat' -type f | head -n 1)"
like err "InvalidArgument|InvalidStorageClass" "the log says why"

scenario "a large file whose key is taken: quarantined"
configure "$large"
write_file "$path" 7000000
echo "somebody else's" >other
s3 put "$bucket" "$path" other
run s3spool run "$conf"
quarantined
is "$(s3 uploads "$bucket")" "" "no unfinished upload is left in the bucket"
is "$(files_in "$spool/multipart")" "" "nor in the spool"

scenario "a large file whose key is taken while its parts are sent"
configure "$large"
write_file "$path" 12000000
stopped_run
s3 put "$bucket" "$path" /dev/null
s3 delete "$bucket" "$path"
echo "somebody else's" >other
s3 put "$bucket" "$path" other
let_run_end
quarantined
is "$(s3 uploads "$bucket")" "" "no unfinished upload is left in the bucket"

scenario "a large file whose object is there already"
configure "$large"
write_file "$path" 7000000
s3 put "$bucket" "$path" "original/$path"
run_ok s3spool run "$conf"
object_is "$path" "original/$path" "the object is as it was"
is "$(s3 uploads "$bucket")" "" "no unfinished upload is left in the bucket"

scenario "a large file, twice"
configure "$large"
write_file "$path" 7000000
run_ok s3spool run "$conf"
mkdir -p "base/${path%/*}"
cp "original/$path" "base/$path"
run_ok s3spool run "$conf"
object_is "$path" "original/$path" "the object is as it was"
is "$(s3 uploads "$bucket")" "" "no unfinished upload is left in the bucket"
drained

scenario "a large file, gone on with after kill -9"
configure "$large" "connections: 1" "bandwidth_limit: 2M"
write_file "$path" 12000000
run_ok scan "$conf"
start "$S3SPOOL_BUILD/s3spool-upload" "$conf"
# shellcheck disable=SC2016 # the inner shell's
wait_until "the upload is under way" \
	sh -c 'ls "$1" 2>/dev/null | grep -q .' sh "$spool/multipart"
kill -s KILL "$started"
finish "$started"
is "$(s3 uploads "$bucket" | cut -f1)" "$path" \
	"an unfinished upload is in the bucket"
run_ok s3spool run -o bandwidth_limit=0 "$conf"
object_is "$path" "original/$path" "it is whole"
is "$(s3 uploads "$bucket")" "" "the upload is finished, not begun anew"
drained

done_testing
