#!/bin/sh
# The object exists already: no object is overwritten with other bytes unless
# the user asks for it, and no file is lost over it.
. "$(dirname "$0")/lib.sh"

path=room/2021/02/03/04/05-t.dat

# rejected TIMES: that many runs have failed/<run>/PATH and a reason for it.
rejected()
{
	set -- "$1" "$spool"/failed/*/"$path"
	ok "the file lies in failed/" test -f "$2"
	is "$(($# - 1))" "$1" "as often as it failed"
	shift
	for rejected in "$@"; do
		run_name=${rejected#"$spool/failed/"}
		run_name=${run_name%%/*}
		like "$spool/failed/$run_name.tsv" \
			"^20[0-9T:.-]+Z	$path	[A-Za-z0-9]+	.+\$" \
			"failed/<run>.tsv tells time, path, code and message"
	done
}

scenario "other bytes: quarantined"
write_file "$path"
echo "somebody else's" >other
s3 put "$bucket" "$path" other
run s3spool run "$conf"
status_is 1 "the status tells that a file was refused"
object_is "$path" other "the object is untouched"
rejected 1
ok "the file has its bytes" cmp -s "original/$path" "$spool"/failed/*/"$path"
like err "WARNING - Failed to upload $base/$path to $bucket/$path: " \
	"the log says so"
is "$(ledger key)" "" "it is not on record as uploaded"
run_ok s3spool run "$conf"
rejected 1

echo "# a second bad file of the same path"
write_file "$path" 2000
run s3spool run "$conf"
status_is 1 "it is refused, too"
object_is "$path" other "the object is untouched"
rejected 2
found=0
for file in "$spool"/failed/*/"$path"; do
	if cmp -s "$file" "original/$path"; then
		found=$((found + 1))
	fi
done
is "$found" 1 "the second is kept beside the first"

echo "# put back by hand when the object is out of the way"
s3 delete "$bucket" "$path"
for file in "$spool"/failed/*/"$path"; do
	if cmp -s "$file" "original/$path"; then
		mkdir -p "$spool/claimed/$(dirname "$path")"
		mv "$file" "$spool/claimed/$path"
	fi
done
run_ok s3spool run "$conf"
object_is "$path" "original/$path" "it is uploaded"
is "$(count_in failed)" 1 "the other one stays in failed/"

scenario "the same size, other bytes"
write_file "$path"
head -c 1000 /dev/urandom >other
s3 put "$bucket" "$path" other
run s3spool run "$conf"
status_is 1 "size alone proves nothing"
object_is "$path" other "the object is untouched"
rejected 1

scenario "the same bytes: confirmed"
write_file "$path"
s3 put "$bucket" "$path" "original/$path"
run_ok s3spool run "$conf"
object_is "$path" "original/$path" "the object is as it was"
files_are base "" "the file is gone"
is "$(count_in failed)" 0 "nothing is refused"
is "$(ledger key size)" "$path	1000" "it is on record"
drained

scenario "one refused file does not stop the others"
write_files 20
write_file "$path"
s3 put "$bucket" "$path" /dev/null
run s3spool run "$conf"
status_is 1 "the status tells that a file was refused"
rejected 1
is "$(count_in failed)" 1 "one alone is refused"
s3 delete "$bucket" "$path"
rm "original/$path"
bucket_is_original

scenario "on_conflict: keep-both"
configure "on_conflict: keep-both"
write_file "$path"
echo "somebody else's" >other
s3 put "$bucket" "$path" other
run_ok s3spool run "$conf"
object_is "$path" other "the object is untouched"
digest=$(sha256sum <"original/$path" | cut -c 1-16)
object_is "$path~$digest" "original/$path" "the file lies beside it"
is "$(ledger key path)" "$path~$digest	$path" "under this key it is on record"
mkdir -p "base/${path%/*}"
cp "original/$path" "base/$path"
run_ok s3spool run "$conf"
is "$(keys)" "$path
$path~$digest" "the same file again finds itself"
drained

scenario "on_conflict: overwrite"
configure "on_conflict: overwrite"
write_file "$path"
echo "somebody else's" >other
s3 put "$bucket" "$path" other
run_ok s3spool run "$conf"
object_is "$path" "original/$path" "the user asked for it"
drained

done_testing
