#!/bin/sh
# Credentials that the store refuses, or none: everything stays queued.
. "$(dirname "$0")/lib.sh"

all_queued()
{
	files_are "$spool/claimed" "$(cd original && find . -type f |
		sed 's|^\./||' | sort)" "every file is queued"
	is "$(count_in uploading confirmed failed)" 0 "and nowhere else"
	is "$(keys)" "" "nothing is in the bucket"
}

scenario "a wrong secret"
write_files 20
run_ok scan "$conf"
run env AWS_SECRET_ACCESS_KEY=not-the-secret \
	"$S3SPOOL_BUILD/s3spool-upload" "$conf"
status_is 77 "the status says that credentials are refused"
is "$(grep -c 'Failed to upload' err)" 1 "it is said once, not once a file"
like err "WARNING - Failed to upload $base/.+ to $bucket/.+: An error \
occurred \\((SignatureDoesNotMatch|InvalidAccessKeyId)\\) when calling the" \
	"with the store's own code"
unlike err "not-the-secret" "the secret is not logged"
all_queued
run_ok s3spool run "$conf"
bucket_is_original
drained

scenario "an access key that the store does not know"
write_files 3
run env AWS_ACCESS_KEY_ID=nobody "$deploy/s3spool" run "$conf"
status_is 77 "the status says that credentials are refused"
all_queued

scenario "no credentials at all"
write_files 3
run env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \
	"$deploy/s3spool" run "$conf"
status_is 77 "the status says that credentials are missing"
like err "[Cc]redentials" "and so does the log"
all_queued
run_ok s3spool run "$conf"
bucket_is_original

done_testing
