#!/bin/sh
# The Debian package that S3SPOOL_TEST_PACKAGE names, as `make check-package`
# does: lintian finds no error, and what it holds works in a bare chroot.
. "$(dirname "$0")/lib.sh"
if [ -z "${S3SPOOL_TEST_PACKAGE-}" ]; then
	echo "1..0 # SKIP make check-package runs it"
	exit 0
fi

begin "lintian"
if command -v lintian >/dev/null; then
	run lintian --allow-root --fail-on error "$S3SPOOL_TEST_PACKAGE"
	status_is 0 "it finds no error"
	unlike out "^E: " "indeed none"
else
	skip "no lintian is installed"
fi

# in_chroot COMMAND...: with nothing of this machine's environment.
in_chroot()
{
	run env -i PATH=/usr/bin:/bin HOME=/ \
		AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" \
		AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
		AWS_REGION="${AWS_REGION-us-east-1}" \
		AWS_ENDPOINT_URL_S3="$AWS_ENDPOINT_URL_S3" \
		AWS_EC2_METADATA_DISABLED=true \
		/usr/sbin/chroot root "$@"
}

# Nothing but the package, a shell, and the libraries of both.
scenario "in a bare chroot"
if [ "$(id -u)" -eq 0 ]; then
	mkdir -p root/bin root/dev root/data root/etc
	run_ok dpkg-deb -x "$S3SPOOL_TEST_PACKAGE" root
	cp /bin/sh root/bin
	cp /bin/readlink root/usr/bin
	mknod -m 666 root/dev/null c 1 3
	mknod -m 666 root/dev/urandom c 1 9
	echo 'root:x:0:0::/:/bin/sh' >root/etc/passwd
	for file in root/bin/sh root/usr/bin/readlink root/usr/bin/s3spool-*; do
		ldd "$file" | sed -n 's/.*[ 	]\(\/[^ ]*\) (.*/\1/p'
	done | sort -u | while read -r library; do
		mkdir -p "root${library%/*}"
		cp -L "$library" "root$library"
	done
	in_chroot s3spool --version
	status_is 0 "the front door finds the programs"
	write_files 10
	mv base root/data/base
	printf '%s\n' "base_dir: /data/base" "s3_bucket: $bucket" \
		"settle_seconds: 0" >root/etc/s3spool/station.yaml
	in_chroot s3spool run /etc/s3spool/station.yaml
	status_is 0 "it scans, uploads and reaps"
	bucket_is_original
	is "$(find root/data/base -name '*.dat')" "" "and deletes"
else
	skip "only root can change roots"
fi

done_testing
