#!/bin/sh
# Who comes from the Python uploader keeps the configuration file, the command
# and the log lines that scripts may be reading.
. "$(dirname "$0")/lib.sh"

# The log's time is local; this zone is half an hour off every other one.
export TZ=XYZ-05:30
stamp='^20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9],[0-9]{3}'

scenario "its tree, its JSON configuration, its log lines"
cat >settings.json <<EOF
{
    "base_dir": "$base",
    "s3_bucket": "$bucket"
}
EOF
write_file bedroom/2020/13/29/20/46-topic.dat
write_file bedroom/2020/12/30/6/05-topic.dat 5000
write_file kitchen/2020/11/15/06/00-other-topic.dat
write_file kitchen/2020/11/15/06/59-.dat 1
mkdir -p base/kitchen/2020/11/16/00
echo text >base/kitchen/2020/11/15/06/notes.txt
echo log >base/uploader.log
run "$deploy/s3-uploader-cli" settings.json
status_is 0 "a first run, too early, ends well"
is "$(keys)" "" "files younger than settle_seconds are not taken"

before=$(date '+%Y-%m-%d %H')
run "$deploy/s3-uploader-cli" -o settle_seconds=0 settings.json
after=$(date '+%Y-%m-%d %H')
status_is 0 "all is uploaded"
bucket_is_original
files_are base "kitchen/2020/11/15/06/notes.txt
uploader.log" "what was uploaded is gone, what does not match is left"
for path in bedroom/2020/13/29/20/46-topic.dat bedroom/2020/12/30/6/05-topic.dat
do
	like err "$stamp -   INFO - $base/$path has been uploaded to $bucket\\.\$" \
		"the log has its line about $path"
done
is "$(grep -c 'has been uploaded to' err)" 4 "one line a file"
unlike err "^[^2]" "every line begins with its time"
unlike err "claimed|pruned|removed|reaped" "scan and reap are quiet"
like err "^($before|$after):" "the time is local"
is "$(cat out)" "" "nothing is written to stdout"
drained

scenario "its line about a failure"
# Without conditional writes a store may be asked by HEAD first, whose answers
# carry no error code; under overwrite the PUT is the first thing it hears.
configure "on_conflict: overwrite"
write_file bedroom/2020/13/29/20/46-topic.dat
run env AWS_SECRET_ACCESS_KEY=not-the-secret "$deploy/s3-uploader-cli" "$conf"
status_is 77 "refused credentials are told by the status"
path=bedroom/2020/13/29/20/46-topic.dat
like err "$stamp - WARNING - Failed to upload $base/$path to $bucket/$path: \
An error occurred \\(SignatureDoesNotMatch\\) when calling the PutObject \
operation: [^ ].*\$" \
	"the log says it as the replaced tool did"
# Other stores have words of their own.
if [ "${S3SPOOL_TEST_STORE:-swift}" = swift ]; then
	like err "operation: The request signature we calculated does not \
match the signature you provided\\. Check your key and signing method\\.\$" \
		"with the store's words"
fi
is "$(grep -c 'Failed to upload' err)" 1 "it says it once"
ok "the file is still there" cmp -s "original/$path" "$spool/claimed/$path"

done_testing
