#!/bin/sh
# Each recipe of deploy/recipes.md does what it says, as it stands there but for
# the directories.
. "$(dirname "$0")/lib.sh"
recipes=${tests_dir%/*}/deploy/recipes.md
tried=

# cook HEADING: runs the recipe's first block of sh, here.
cook()
{
	tried="$tried$1
"
	awk -v heading="## $1" '
		/^## / { within = $0 == heading }
		within && /^```$/ && block { exit }
		block { print }
		within && /^```sh$/ { block = 1 }' "$recipes" | sed \
		-e "s| prefix=\$| prefix=${prefix-}|" \
		-e "s|/etc/s3spool\.yaml|$conf|g" -e "s|/etc/s3spool/|$here/|g" \
		-e "s|/var/spool/station|$base|g" \
		-e "s|/var/spool/s3|$here|g" >recipe
	mkdir -p tmp
	ok "there is a recipe: $1" test -s recipe
	run env PATH="$here/bin:$deploy:$PATH" HOME="$here" TMPDIR="$here/tmp" \
		sh recipe
}

# A directory that was left long ago.
old_directory()
{
	(umask 077 && mkdir -p "$1")
	touch -d "3 hours ago" "$1"
}

scenario "compress between the stages"
write_files 10
mkdir -p "$base/.work/room/2021/02/03/04"
echo "cut off half-way" >"$base/.work/room/2021/02/03/04/04-cut.dat"
echo "half" >"$base/.work/room/2021/02/03/04/04-cut.dat.gz"
old_directory "$base/.work/room/2021/02/03/01"
cook "Compress between the stages"
status_is 0 "it ends with 0"
(cd original && find . -type f | sed 's|^\./\(.*\)|\1.gz|') >wanted
echo room/2021/02/03/04/04-cut.dat.gz >>wanted
is "$(keys)" "$(sort wanted)" "all arrive compressed"
path=$(cd original && find . -type f | head -n 1)
s3 get "$bucket" "${path#./}.gz" | gzip -d >plain
ok "and are what they were" cmp plain "original/$path"
s3 get "$bucket" room/2021/02/03/04/04-cut.dat.gz | gzip -d >plain
is "$(cat plain)" "cut off half-way" "what a crash left, too"
drained
is "$(find "$base/.work" -type f)" "" "nothing is left over"
ok "no old directory, either" test ! -e "$base/.work/room/2021/02/03/01"

scenario "verify a checksum file"
for minute in 05 06 07 08; do
	write_file "room/2021/02/03/04/$minute-t.dat"
done
for minute in 05 06 07; do
	(cd base/room/2021/02/03/04 &&
		sha256sum "$minute-t.dat" >"$minute-t.dat.sha256")
done
echo more >>base/room/2021/02/03/04/06-t.dat
cook "Verify a checksum file"
is "$(keys)" "room/2021/02/03/04/05-t.dat
room/2021/02/03/04/07-t.dat" "what matches is uploaded"
is "$(files_in base/.bad)" "room/2021/02/03/04/06-t.dat
room/2021/02/03/04/08-t.dat" "a wrong checksum and a missing one are not"
like err "04/06-t.dat: its checksum" "which it says"
is "$(files_in base | grep -v '^\.bad/')" "room/2021/02/03/04/06-t.dat.sha256" \
	"checksums of what was stored are gone"
drained
prefix=in/
configure "key_prefix: $prefix"
write_file room/2021/02/03/04/09-t.dat
(cd base/room/2021/02/03/04 && sha256sum 09-t.dat >09-t.dat.sha256)
cook "Verify a checksum file"
object_is in/room/2021/02/03/04/09-t.dat original/room/2021/02/03/04/09-t.dat \
	"with a prefix it is uploaded under that"
ok "and its checksum is gone, too" \
	test ! -e base/room/2021/02/03/04/09-t.dat.sha256
prefix=

scenario "notify on failure"
mkdir bin
# shellcheck disable=SC2016 # that script's own
printf '#!/bin/sh\necho "$*" >>"%s/mails"\ncat >>"%s/mails"\n' "$here" "$here" \
	>bin/mail
chmod +x bin/mail
write_files 3
cook "Notify on failure"
bucket_is_original
ok "no mail when all is well" test ! -e mails
echo "no_such_key: 1" >>"$conf"
cook "Notify on failure"
like mails "ended with 78 root" "a mail with the status"
like mails "no_such_key" "and with the reason"
cook "Notify on failure"
is "$(grep -c "ended with" mails)" 1 "one, for as long as it lasts"
configure
cook "Notify on failure"
echo "no_such_key: 1" >>"$conf"
cook "Notify on failure"
is "$(grep -c "ended with" mails)" 2 "and another when it comes again"

scenario "two buckets"
other=$bucket-b
s3 make-bucket "$other" || exit 1
for name in in a b; do
	mkdir -m 700 "$name"
	sed "s|^s3_bucket: .*|s3_bucket: $bucket|" "$conf" >"$name.yaml"
	echo "spool_dir: $here/$name" >>"$name.yaml"
done
sed -i "s|^s3_bucket: .*|s3_bucket: $other|" b.yaml
write_files 10
old_directory in/claimed/room1/2021/02/03/05
old_directory work/room1/2021/02/03/05
cook "Two buckets"
bucket_is_original
ok "nor are old directories" test ! -e in/claimed/room1/2021/02/03/05 \
	-a ! -e work/room1/2021/02/03/05
is "$(s3 compare "$other" original 2>&1)" "" "the other one, too"
is "$(find in a b work -type f -name '*.dat')$(files_in base)" "" \
	"nothing is left"
# As after a crash: copied, but not moved.
write_file room/2021/02/03/04/59-again.dat
run_ok s3spool scan in.yaml
mkdir -p b/claimed/room/2021/02/03/04
cp in/claimed/room/2021/02/03/04/59-again.dat b/claimed/room/2021/02/03/04
cook "Two buckets"
cook "Two buckets"
bucket_is_original
is "$(s3 compare "$other" original 2>&1)" "" "after a crash all is in both"
is "$(find in a b -type f -name '*.dat')" "" "and nothing is left"

scenario "several uploaders"
write_files 60
cook "Several uploaders"
status_is 0 "it ends with 0"
bucket_is_original
drained

scenario "move a backlog to another machine"
mkdir bin new
# The other machine is another directory.
# shellcheck disable=SC2016 # that script's own
printf '#!/bin/sh\nshift\nexec sh -c "$(echo "$*" | sed "s|%s|%s|g")"\n' \
	"$base" "$here/new" >bin/ssh
chmod +x bin/ssh
write_files 20
run_ok scan "$conf"
# Of a run that was killed.
mkdir -p "$spool/uploading/dead.1.2/room/2021/02/03/04"
write_file room/2021/02/03/04/58-dead.dat
mv base/room/2021/02/03/04/58-dead.dat \
	"$spool/uploading/dead.1.2/room/2021/02/03/04"
cook "Move a backlog to another machine"
status_is 0 "it ends with 0"
is "$(count_in claimed uploading)" 0 "nothing is left here"
is "$(find new/.spool/claimed -type f | wc -l)" 21 "all of it is there"
is "$(find new/.moved -type f)" "" "in its queue"
is "$(ls tmp)" "" "and no temporary file"
run_ok s3spool run -o base_dir="$here/new" "$conf"
bucket_is_original

# A transfer that is cut off leaves all where it was.
scenario "a backlog that doesn't arrive"
mkdir bin
printf '#!/bin/sh\ncat >/dev/null\nexit 255\n' >bin/ssh
chmod +x bin/ssh
write_files 5
run_ok scan "$conf"
cook "Move a backlog to another machine"
is "$(count_in claimed)" 5 "nothing is deleted"

begin "all of them"
is "$(printf '%s' "$tried" | sort -u)" \
	"$(sed -n 's/^## //p' "$recipes" | sort -u)" "each recipe was tried"

done_testing
