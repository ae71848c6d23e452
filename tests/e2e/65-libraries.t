#!/bin/sh
# libcurl is loaded when there is something to send, and not before.
. "$(dirname "$0")/lib.sh"

broken=$work/broken
mkdir "$broken"
: >"$broken/libcurl.so.4"
: >"$broken/libcurl-gnutls.so.4"

# without_libcurl COMMAND...: runs it where libcurl can't be loaded.
without_libcurl()
{
	LD_LIBRARY_PATH=$broken
	export LD_LIBRARY_PATH
	run "$@"
	unset LD_LIBRARY_PATH
}

scenario "nothing is to be sent"
for options in "" "--status" "--explain site/2024/05/01/12/00-a.dat"; do
	# shellcheck disable=SC2086 # words
	without_libcurl upload $options "$conf"
	unlike err "libcurl" "libcurl isn't missed${options:+ by $options}"
done
without_libcurl upload "$conf"
status_is 0 "a run that finds nothing ends well without it"

scenario "something is, and libcurl is broken"
write_files 3
run_ok scan "$conf"
without_libcurl upload "$conf"
status_is 70 "the status says that it can't be set up"
like err "Cannot load libcurl: .*file too short" "the log says why"
is "$(wc -l <err)" 1 "and no more"
is "$(count_in claimed)" 3 "everything stays queued"
without_libcurl upload --dry-run "$conf"
status_is 70 "so it is for a dry run"
without_libcurl upload --check "$conf"
status_is 70 "and for a check"
like out "Cannot load libcurl: .*file too short" "which says why"
run_ok s3spool run "$conf"
bucket_is_original
drained

done_testing
