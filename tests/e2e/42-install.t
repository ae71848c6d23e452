#!/bin/sh
# `make install` puts everything where it is found, for any PREFIX; a program
# runs from there; `make uninstall` leaves nothing.
. "$(dirname "$0")/lib.sh"
only_on swift "the same on every store"
tree=${tests_dir%/*}

# As a packager would, and with nothing of the make that runs the tests. -o all:
# the programs are those under test.
install_to()
{
	root=$1
	shift
	run env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$tree" \
		BUILD="$S3SPOOL_BUILD" DESTDIR="$root" \
		-o "$S3SPOOL_BUILD/s3spool-scan" \
		-o "$S3SPOOL_BUILD/s3spool-upload" \
		-o "$S3SPOOL_BUILD/s3spool-reap" "$@"
	status_is 0 "make $*"
}

files_below()
{
	(cd "$1" && find . ! -type d | sed 's|^\./||' | LC_ALL=C sort)
}

begin "below /usr/local"
install_to "$here/root" install
is "$(files_below root/usr/local/bin)" "s3-uploader-cli
s3spool
s3spool-reap
s3spool-scan
s3spool-upload" "the programs"
is "$(files_below root/usr/local/share/man)" "man1/s3-uploader-cli.1
man1/s3spool-reap.1
man1/s3spool-scan.1
man1/s3spool-upload.1
man1/s3spool.1
man5/s3spool.yaml.5
man7/s3spool.7" "the manual pages"
is "$(files_below root/usr/local/share/bash-completion/completions |
	tr '\n' ' ')$(files_below root/usr/local/share/fish/vendor_completions.d |
	tr '\n' ' ')$(files_below root/usr/local/share/zsh/site-functions)" \
	"s3-uploader-cli s3spool s3spool-reap s3spool-scan s3spool-upload $(
	)s3-uploader-cli.fish s3spool-reap.fish s3spool-scan.fish $(
	)s3spool-upload.fish s3spool.fish _s3spool" "the completions"
is "$(files_below root/usr/local/lib/systemd/system)" \
	"$(cd "$tree/deploy/systemd" && find . -type f | sed 's|^\./||' |
		LC_ALL=C sort)" "the units"
is "$(files_below root/usr/local/share/doc/s3spool/examples |
	grep '^[^/]*yaml$')" s3spool.yaml "the example configuration"
doc=root/usr/local/share/doc/s3spool
grep -oE '\]\([^)#]+' $doc/README.md | sed 's/^](//' | grep -v '^[a-z]*:' |
	LC_ALL=C sort -u >links
like links "^examples/monitoring/" "the README there has links: $(wc -l <links)"
is "$(while read -r link; do
	[ -e "$doc/$link" ] || echo "$link"
done <links)" "" "which lead somewhere"
is "$(find root -mindepth 3 -maxdepth 3 | LC_ALL=C sort | tr '\n' ' ')" \
	"root/usr/local/bin root/usr/local/lib root/usr/local/share " \
	"nothing is anywhere else"
is "$(find root -type f ! -perm -444)" "" "everybody may read them"
is "$(find root -type f -perm /111 ! -path '*/bin/*')" "" \
	"only the programs can be executed"
is "$(grep -rlF "$here" root)" "" "DESTDIR stands in none of them"
is "$(grep -h '^ExecStart=/' root/usr/local/lib/systemd/system/* |
	sed 's/^ExecStart=\([^ ]*\).*/\1/' | LC_ALL=C sort | tr '\n' ' ')" \
	"/usr/local/bin/s3spool-reap /usr/local/bin/s3spool-scan $(
	)/usr/local/bin/s3spool-upload " "the units name them whole"
if command -v mandoc >/dev/null; then
	run_ok env MANPATH="$here/root/usr/local/share/man" man -w s3spool-scan
	like out "s3spool-scan.1" "man finds the pages"
fi
run_ok env PATH="$here/root/usr/local/bin:$PATH" s3spool --version
like out "^s3spool [0-9]" "the front door finds the programs"
if command -v bash >/dev/null; then
	is "$(bash --norc -c '
		. root/usr/local/share/bash-completion/completions/s3spool-reap
		complete -p s3spool-reap')" \
		"complete -F _s3spool s3spool-reap" "bash completes them"
fi
install_to "$here/root" uninstall
is "$(files_below root)" "" "uninstall leaves nothing"

begin "below another prefix, and beside what is there"
mkdir -p root/opt/s3/bin root/opt/s3/share/doc/s3spool
: >root/opt/s3/bin/other
: >root/opt/s3/share/doc/s3spool/mine
install_to "$here/root" install PREFIX=/opt/s3 SYSCONFDIR=/opt/s3/etc
units=root/opt/s3/lib/systemd/system
like "$units/s3spool-scan@.service" \
	"^ExecStart=/opt/s3/bin/s3spool-scan /opt/s3/etc/s3spool/%i\.yaml$" \
	"PREFIX and SYSCONFDIR stand in the units"
like root/opt/s3/lib/tmpfiles.d/s3spool.conf "^d /opt/s3/etc/s3spool " \
	"and in tmpfiles.d"
like root/opt/s3/share/man/man5/s3spool.yaml.5 "/opt/s3/etc/s3spool/" \
	"and in the manual"
install_to "$here/root" install PREFIX=/opt/s3 SYSCONFDIR=/opt/s3/etc
install_to "$here/root" uninstall PREFIX=/opt/s3 SYSCONFDIR=/opt/s3/etc
is "$(files_below root)" "opt/s3/bin/other
opt/s3/share/doc/s3spool/mine" "uninstall leaves what isn't ours"
ok "uninstalling again is harmless" test "$(
	install_to "$here/root" uninstall PREFIX=/opt/s3 | grep -c '^ok')" = 1

scenario "what is installed works"
install_to "$here/root" install
write_files 10
run_ok env PATH="/usr/bin:/bin" root/usr/local/bin/s3-uploader-cli "$conf"
bucket_is_original
drained

done_testing
