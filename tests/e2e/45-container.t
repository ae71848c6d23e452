#!/bin/sh
# What deploy/ has for containers: the loop that they run, the libraries that
# the image gets, and well-formed examples.
. "$(dirname "$0")/lib.sh"
tree=${tests_dir%/*}/deploy
every=$tree/container/every
config=/etc/s3spool/s3spool.yaml

begin "the examples"
if "$PYTHON" -c 'import yaml' 2>/dev/null; then
	for example in "$tree"/kubernetes/*.yaml; do
		run "$PYTHON" -c '
import sys, yaml
for each in yaml.safe_load_all(open(sys.argv[1])):
    print(each["apiVersion"], each["kind"], each["metadata"]["name"])' \
			"$example"
		status_is 0 "${example##*/} is well-formed"
		like out "^(v1|batch/v1|apps/v1) [A-Z][A-Za-z]* s" \
			"and says what it is"
	done
else
	skip "no yaml for Python"
fi

begin "the image gets the libraries that the programs are linked with"
installed=$(sed -n 's/^RUN.*--no-install-recommends \([^&]*\)&&.*/\1/p' \
	"$tree/container/Containerfile")
like "$tree/container/Containerfile" "^USER [1-9]" "it isn't root's"
if [ -r /etc/debian_version ] && command -v ldd >/dev/null; then
	for program in scan upload reap; do
		readelf -d "$S3SPOOL_BUILD/s3spool-$program" 2>/dev/null |
			sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
	done | sort -u >needed
	missing=
	while read -r library; do
		package=$(dpkg-query -S "*/$library" 2>/dev/null |
			sed -n 's/^\([^:]*\):.*/\1/p' | head -n 1)
		case " libc6 libgcc-s1 libasan8 libubsan1 libtsan2 $installed" in
		*" $package "*) ;;
		*) missing="$missing $package" ;;
		esac
	done <needed
	is "$missing" "" "all of them: $(wc -l <needed)"
else
	skip "not on Debian"
fi

begin "every"
run "$every" 1
status_is 64 "it wants a command"
# shellcheck disable=SC2016 # expanded in there
start "$every" 0 sh -c 'echo round >>rounds; exit 3'
# shellcheck disable=SC2317 # wait_until calls it
has_rounds()
{
	[ -s rounds ] && [ "$(grep -c round rounds)" -ge 3 ]
}
wait_until "it runs the command again and again" has_rounds
kill -s TERM "$started"
finish "$started"
ok "a signal ends it" test "$status" -eq 3 -o "$status" -eq 143
start "$every" 3600 sh -c ': >once'
wait_until "it pauses" test -e once
kill -s TERM "$started"
finish "$started"
status_is 0 "a signal ends the pause, with the status of the command"

scenario "the container's commands"
write_files 10
open_gate
: >gate/hold-answers
command=$(sed -n 's/^CMD \[\(.*\)\]/\1/p' "$tree/container/Containerfile" |
	tr -d '",' | sed "s|$config|$conf|")
health=$(sed -n 's/^HEALTHCHECK .*CMD \(.*\)/\1/p' \
	"$tree/container/Containerfile" | sed "s|$config|$conf|")
configure "endpoint_url: $gate_url"
# shellcheck disable=SC2086 # a list of words
start env PATH="$deploy:$PATH" "$every" 60 $command
wait_until "it waits for the store" test -e gate/held
run env PATH="$deploy:$PATH" sh -c "$health"
status_is 0 "it is healthy meanwhile"
kill -s TERM "$started"
rm gate/hold-answers
finish "$started"
ok "it ends with the command, whose status it has" \
	test "$status" -eq 75 -o "$status" -eq 0
run_ok s3spool run "$conf"
bucket_is_original
drained
mv "$base" "$base.away"
run env PATH="$deploy:$PATH" sh -c "$health"
fails "without its volume it isn't healthy" test "$status" -eq 0

done_testing
