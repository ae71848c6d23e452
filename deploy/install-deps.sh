#!/bin/sh
# Installs what building and testing s3spool needs, as far as it is missing.
# A bare Debian (minbase) has neither curl nor Python nor sudo, so this asks
# for nothing beyond the essential packages.
set -eu

usage()
{
	cat <<'EOF'
usage: install-deps.sh [build] [test] [all] [fault] [fuzz] [rgw] [valgrind]
                       [package] [browser]

    build     what `make` needs (the default)
    test      what `make check-e2e` and `make demo` need besides
    all       both, shellcheck, and what `make format-check` and `make valgrind`
              need
    fault     what `make check-fault` needs besides, to try more file systems
    fuzz      what `make fuzz` needs besides
    rgw       what `make check-rgw` needs besides
    valgrind  what `make valgrind` needs besides
    package   what `make deb`, `make check-package` and `make check-container`
              need besides; on Debian alone
    browser   what trying the report's page in a browser needs besides: 120 MB
              to load, with what it depends on

Installs by apt on Debian and Ubuntu, as root or with sudo; says nothing when
nothing is missing. Elsewhere it names the packages. Exit status: 0 all is
there, 64 usage, 69 something is missing and can't be installed from here,
77 not allowed to install.
EOF
}

say()
{
	echo "install-deps.sh: $*" >&2
}

# --- what is needed --------------------------------------------------------

# Debian's packages; a|b: either will do. Swift needs no swift-* package:
# those are services, and the tests start their own.
deb_build="gcc make pkg-config libc6-dev
libcurl4-openssl-dev|libcurl4-gnutls-dev libmbedtls-dev libyaml-dev
libexpat1-dev libisal-dev libjansson-dev libssl-dev"
deb_test="check libmicrohttpd-dev libgnutls28-dev perl curl strace procps
openssl python3-swift memcached systemd faketime mandoc bash zsh fish
logrotate tmux python3-yaml prometheus prometheus-node-exporter"
# In Debian 12 clang-format is version 14, whose taste .clang-format is written
# for.
deb_format="clang-format shellcheck"
# The sanitizers' and libFuzzer's libraries are those of clang's version.
deb_fuzz="clang libclang-rt-14-dev|libclang-rt-dev|libclang-common-14-dev"
deb_fault="e2fsprogs xfsprogs btrfs-progs bindfs"
deb_rgw="radosgw ceph-mon ceph-osd"
deb_valgrind="valgrind"
deb_package="debhelper dpkg-dev fakeroot lintian mmdebstrap systemd-container"
deb_browser="chromium"

# The same elsewhere.
swift_hint="OpenStack Swift and memcached: pip install swift into a virtual \
environment, and set PYTHON to its python"
fault_hint="e2fsprogs, xfsprogs, btrfs-progs and bindfs"
package_hint="dpkg-dev, debhelper, lintian and mmdebstrap"
rgw_hint="Ceph's radosgw, radosgw-admin, ceph, ceph-mon and ceph-osd"
rpm_build="gcc make libcurl-devel mbedtls-devel libyaml-devel"
rpm_test="check-devel libmicrohttpd-devel curl strace memcached libfaketime
tmux"

name_others()
{
	case $1 in
	fedora)
		build="$rpm_build pkgconf-pkg-config expat-devel isa-l-devel
jansson-devel openssl-devel"
		test="$rpm_test perl-Test-Harness"
		format="clang-tools-extra ShellCheck"
		command="dnf install"
		;;
	suse)
		build="$rpm_build pkgconf-pkg-config libexpat-devel isa-l-devel
libjansson-devel libopenssl-devel"
		test="$rpm_test perl"
		format="clang-tools ShellCheck"
		command="zypper install"
		;;
	alpine)
		build="gcc make pkgconf musl-dev linux-headers curl-dev
mbedtls-dev yaml-dev expat-dev isa-l-dev jansson-dev openssl-dev"
		test="check-dev libmicrohttpd-dev perl-utils curl strace memcached
coreutils util-linux libfaketime tmux"
		format="clang-extra-tools shellcheck"
		command="apk add"
		;;
	arch)
		build="gcc make pkgconf curl mbedtls libyaml expat isa-l jansson
openssl"
		test="check libmicrohttpd perl strace memcached libfaketime tmux"
		format="clang shellcheck"
		command="pacman -S"
		;;
	*)
		build="a C compiler, GNU make, pkg-config, and with their headers
libcurl, mbedTLS, libyaml, expat, ISA-L, jansson"
		test="Check, libmicrohttpd, prove (Perl), curl, strace, memcached,
faketime, tmux"
		format="clang-format 14 and shellcheck"
		command=
		;;
	esac
}

# --- Debian and its kin ----------------------------------------------------

is_installed()
{
	case "
$installed
" in
	*"
$1 installed
"*) return 0 ;;
	esac
	return 1
}

# Sets $missing to the alternatives of which none is installed.
find_missing()
{
	# shellcheck disable=SC2016 # dpkg-query's own variables
	installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n')
	missing=
	for wanted in $1; do
		found=
		for package in $(echo "$wanted" | tr '|' ' '); do
			if is_installed "$package"; then
				found=1
			fi
		done
		[ -n "$found" ] || missing="$missing $wanted"
	done
}

# The first of the alternatives $1 that apt knows.
choose()
{
	for package in $(echo "$1" | tr '|' ' '); do
		if [ -n "$(apt-cache show "$package" 2>/dev/null)" ]; then
			echo "$package"
			return 0
		fi
	done
	echo "${1%%|*}"
}

# Runs apt-get; its output is shown only when it fails. memcached's and others'
# services must not start: RUNLEVEL keeps invoke-rc.d from it, SYSTEMD_OFFLINE systemd.
apt()
{
	if ! $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
		SYSTEMD_OFFLINE=1 apt-get -qq -o DPkg::Lock::Timeout=300 "$@" \
		>"$output" 2>&1 </dev/null; then
		cat "$output" >&2
		say "apt-get $1 failed"
		return 1
	fi
}

install_debs()
{
	find_missing "$1"
	[ -n "$missing" ] || return 0
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			say "missing:$missing"
			say "run this as root, or install sudo"
			exit 77
		fi
		as_root=sudo
		# Asks for the password here, where the question can be seen.
		sudo -n true 2>/dev/null || sudo -v || exit 77
	fi
	output=$(mktemp)
	trap 'rm -f "$output"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	say "installing$(echo "$missing" | sed 's/|[^ ]*//g')"
	apt update || say "going on with the package lists as they are"
	packages=
	for wanted in $missing; do
		packages="$packages $(choose "$wanted")"
	done
	# shellcheck disable=SC2086 # a list of names
	apt install -y --no-install-recommends $packages || exit 69
	# The tests start private ones of these; the packaged ones stay off at the
	# next boot, too, unless they were here before.
	for service in memcached prometheus prometheus-node-exporter; do
		case " $packages " in
		*" $service "*) ;;
		*) continue ;;
		esac
		if command -v systemctl >/dev/null; then
			$as_root env SYSTEMD_OFFLINE=1 systemctl --quiet \
				disable "$service" >/dev/null 2>&1 || :
		fi
	done
}

# --- everywhere else -------------------------------------------------------

has_header()
{
	echo "#include <$1>" | ${CC:-cc} -E -x c - >/dev/null 2>&1
}

has()
{
	command -v "$1" >/dev/null
}

# Whether group $1 is there, whatever the packages are called.
is_there()
{
	case $1 in
	build)
		has "${CC:-cc}" && has make && has pkg-config &&
			has_header curl/curl.h &&
			has_header mbedtls/sha256.h &&
			has_header yaml.h && has_header expat.h &&
			has_header isa-l.h && has_header jansson.h
		;;
	test)
		has_header check.h && has_header microhttpd.h &&
			has prove && has curl && has strace && has memcached &&
			"${PYTHON:-/usr/bin/python3}" -c 'import swift' \
				2>/dev/null
		;;
	format)
		has clang-format && has shellcheck
		;;
	fault)
		has mkfs.ext4 && has mkfs.xfs && has mkfs.btrfs && has bindfs
		;;
	fuzz)
		"${0%/*}/../tests/run-fuzz.sh" --can >/dev/null
		;;
	rgw)
		has radosgw && has radosgw-admin && has ceph &&
			has ceph-mon && has ceph-osd
		;;
	valgrind)
		has valgrind && has_header valgrind/memcheck.h
		;;
	package)
		has dpkg-buildpackage && has dh && has lintian &&
			has mmdebstrap
		;;
	browser)
		has chromium
		;;
	esac
}

explain_others()
{
	# shellcheck source=/dev/null
	[ ! -r /etc/os-release ] || . /etc/os-release
	family=other
	for name in ${ID-} ${ID_LIKE-}; do
		case $name in
		fedora | rhel | centos) family=fedora ;;
		suse | opensuse*) family=suse ;;
		alpine | arch) family=$name ;;
		*) continue ;;
		esac
		break
	done
	name_others "$family"
	names=
	for group in $1; do
		is_there "$group" && continue
		case $group in
		build) names="$names $build" ;;
		test) names="$names $test" ;;
		format) names="$names $format" ;;
		fault) names="$names $fault_hint" ;;
		fuzz) names="$names clang with its compiler-rt" ;;
		rgw) names="$names $rgw_hint" ;;
		valgrind) names="$names valgrind with its headers" ;;
		package) names="$names $package_hint" ;;
		browser) names="$names chromium" ;;
		esac
	done
	[ -n "$names" ] || return 0
	names=$(echo "$names" | tr -s '\n ' '  ')
	say "something is missing, and only apt is known here. Please install:"
	say "    ${command:+$command}$names"
	case $1 in
	*test*) say "    and $swift_hint" ;;
	esac
	exit 69
}

# --- the command line ------------------------------------------------------

groups=
for argument in "$@"; do
	case $argument in
	build | test | fault | fuzz | rgw | valgrind | package | browser)
		groups="$groups $argument"
		;;
	all) groups="$groups build test format valgrind" ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		say "unknown argument '$argument'"
		usage >&2
		exit 64
		;;
	esac
done
groups=${groups:-build}

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
	debs=
	for group in $groups; do
		case $group in
		build) debs="$debs $deb_build" ;;
		test) debs="$debs $deb_test" ;;
		format) debs="$debs $deb_format" ;;
		fault) debs="$debs $deb_fault" ;;
		fuzz) debs="$debs $deb_fuzz" ;;
		rgw) debs="$debs $deb_rgw" ;;
		valgrind) debs="$debs $deb_valgrind" ;;
		package) debs="$debs $deb_package" ;;
		browser) debs="$debs $deb_browser" ;;
		esac
	done
	install_debs "$debs"
else
	explain_others "$groups"
fi
