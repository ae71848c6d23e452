#!/bin/sh
# What deploy/ has for containers: the container file, what they run, and the
# libraries that the image gets. `make check-container` sets
# S3SPOOL_TEST_IMAGE: then the steps of the file are really run, in place of its
# base images in a bare Debian, and what comes out of it is, too.
. "$(dirname "$0")/lib.sh"
tree=${tests_dir%/*}/deploy
file=$tree/container/Containerfile
config=/etc/s3spool/s3spool.yaml

# Reads and runs the container file.
image()
{
	"$PYTHON" "$tests_dir/image.py" "$@"
}

begin "the container file"
run image lint "$file" "${tree%/*}"
is "$status $(cat out err)" "0 " "it has no fault that can be seen"
sed -e 's/^USER .*/USER 0:0/' -e '/^COPY GNUmakefile/a COPY . .' \
	-e 's/--from=build/--from=other/' -e 's/^ENTRYPOINT.*/ENTRYPOINT s3spool/' \
	"$file" >faulty
run image lint faulty "${tree%/*}"
like err "faulty:[0-9]*: ENTRYPOINT in the shell's form" "its form is looked at"
sed -i '/^ENTRYPOINT/d' faulty
run image lint faulty "${tree%/*}"
is "$status $(cat out)" "1 COPY . takes .git and build/ along
COPY --from=other: no such stage before it
the container is root's" "and what its steps do"

for example in "$tree"/kubernetes/*.yaml; do
	sed -n 's/^ *command: \[s3spool, \(.*\)\]/\1/p' "$example"
done | tr -d '",' | sort -u | sed "s|$config|/nowhere.yaml|" >commands
while read -r command; do
	# shellcheck disable=SC2086 # a list of words
	run s3spool $command
	status_is 78 "s3spool $command lacks nothing but its configuration"
done <commands
ok "there are commands" test -s commands

begin "the image gets the libraries that the programs are linked with, or load"
installed=$(sed -e ':again' -e '/\\$/N' -e 's/\\\n//' -e 't again' "$file" |
	sed -n 's/^RUN.*--no-install-recommends \([^&]*\)&&.*/\1/p' | tr -s '\t' ' ')
if [ -r /etc/debian_version ] && command -v ldd >/dev/null; then
	for program in scan upload reap; do
		readelf -d "$S3SPOOL_BUILD/s3spool-$program" 2>/dev/null |
			sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
		grep -ao 'lib\(curl\|crypto\)[-a-z]*\.so\.[0-9]*' \
			"$S3SPOOL_BUILD/s3spool-$program"
	done | sort -u >needed
	missing=
	while read -r library; do
		package=$(dpkg-query -S "*/$library" 2>/dev/null |
			sed -n 's/^\([^:]*\):.*/\1/p' | grep -v -e -cross |
			head -n 1)
		case " libc6 libgcc-s1 libasan8 libubsan1 libtsan2 $installed" in
		*" $package "*) ;;
		*) missing="$missing $package" ;;
		esac
	done <needed
	is "$missing" "" "all of them: $(wc -l <needed)"
else
	skip "not on Debian"
fi

# healthy COMMAND: HEALTHCHECK's, here.
healthy()
{
	run env PATH="$deploy:$PATH" sh -c "$1"
}

# shellcheck disable=SC2317 # called by wait_until
all_taken()
{
	test "$(count_in uploading)" -eq 10
}

scenario "the container's commands"
write_files 10
open_gate
: >gate/hold-answers
command=$(sed -n 's/^\(ENTRYPOINT\|CMD\) \[\(.*\)\]/\2/p' "$file" |
	tr -d '",' | tr '\n' ' ' | sed "s|$config|$conf|")
health=$(image health "$file" | sed "s|$config|$conf|")
like "$file" "^	CMD s3spool status --warn-age=.* --crit-age=" \
	"it is healthy by s3spool status"
configure "endpoint_url: $gate_url"
# shellcheck disable=SC2086 # a list of words
start env PATH="$deploy:$PATH" $command
wait_until "it waits for the store" test -e gate/held
wait_until "with all that is queued" all_taken
healthy "$health"
status_is 0 "it is healthy meanwhile"
like out "^OK base .*uploading 10" "and says what goes on"
# As if the ages had passed.
healthy "$(echo "$health" | sed 's/-age=[^ ]*/-age=0/g')"
status_is 1 "what has waited for --crit-age is no health"
healthy "$(echo "$health" | sed 's/--warn-age=[^ ]*/--warn-age=0/')"
status_is 0 "for --warn-age it is"
kill -s TERM "$started"
rm gate/hold-answers
finish "$started"
status_is 0 "a signal ends it, when what is under way is done"
run_ok s3spool run "$conf"
bucket_is_original
drained
mkdir -p "$spool/failed/host.1.5e0f7a6bb1c2d3e4/room"
: >"$spool/failed/host.1.5e0f7a6bb1c2d3e4/room/a.dat"
healthy "$health"
like out "^WARNING .*1 file is in failed" "a file waits for a person"
status_is 0 "which another container wouldn't help"
mv "$base" "$base.away"
healthy "$health"
status_is 1 "without its volume it isn't healthy"

# --- the image itself ------------------------------------------------------

# in_container WHAT [COMMAND...]: `run` or `health`, as its runtime would, with
# this scenario's volume and configuration, and nothing else that can be
# written to.
in_container()
{
	set -- "$1" -e AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" \
		-e AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
		-e AWS_REGION="${AWS_REGION-us-east-1}" \
		-e AWS_ENDPOINT_URL_S3="$AWS_ENDPOINT_URL_S3" \
		-e AWS_EC2_METADATA_DISABLED=true \
		-v "$base:/data" -v "$conf:$config" "$file" "$image"
	exec "$PYTHON" "$tests_dir/image.py" "$@"
}

# Every file was uploaded, and deleted.
# shellcheck disable=SC2317 # wait_until calls it
all_gone()
{
	[ -z "$(files_in base)" ] && [ "$(count_in claimed uploading confirmed)" -eq 0 ]
}

if [ -z "${S3SPOOL_TEST_IMAGE-}" ]; then
	skip "make check-container runs the steps of the container file"
	done_testing
fi
if ! why=$("$PYTHON" "$tests_dir/bare.py" can); then
	skip "the container file's steps: $why"
	done_testing
fi

begin "the steps of the container file"
image=$work/image
run image build "$file" "${tree%/*}" "$image"
status_is 0 "each of them ends with 0"
if [ "$status" -ne 0 ]; then
	tail -n 30 out | sed 's/^/# /'
	done_testing
fi
is "$(cd "$image/usr/bin" && echo s3*)" \
	"s3-uploader-cli s3spool s3spool-reap s3spool-scan s3spool-upload" \
	"the image has the programs"
fails "and no compiler" test -e "$image/usr/bin/cc"

scenario "its container"
write_files 10
chmod 711 "$work" "$here"
chown -R 10001:10001 "$base"
printf '%s\n' "base_dir: /data" "s3_bucket: $bucket" "settle_seconds: 0" >"$conf"
chmod 644 "$conf"
(in_container run) >bg.out 2>bg.err </dev/null &
started=$!
children="$children $started"
wait_until "it uploads and deletes what is on its volume" all_gone
(in_container health) >out 2>err </dev/null && status=0 || status=$?
status_is 0 "it is healthy"
like out "^OK base 0; claimed 0, uploading 0, " "and says so"
# The loop is process 1 in there, and the only child of what started it.
kill -s TERM "$(cat "/proc/$started/task/$started/children")"
finish "$started"
status_is 0 "a signal ends it"
bucket_is_original
drained
is "$(find "$base/.spool" ! -user 10001)" "" "the spool is its user's"
printf '%s\n' "base_dir: /elsewhere" "s3_bucket: $bucket" >"$conf"
(in_container health) >out 2>err </dev/null && status=0 || status=$?
status_is 1 "without its volume it isn't healthy"

done_testing
