#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# packages.sh [-n] LIST [PACKAGE...] - install the Debian packages that are missing:
# those of a list (userland, demo, 32bit, tmux, run, uml, kernel, vss, mon, observe, lsm,
# foreign, package, check), and others that are named. Services that come with them
# are not started.
#
# userland: what builds and runs the checks that need no machine.
# demo: what builds vunix for Debian's kernels and boots one of them.
# 32bit: also what builds 32-bit programs.
# tmux: also the programs of tools/demo-tmux.
# run: also the programs that tools/check has run under vunix-run.
# uml: also what builds a kernel as a program (user-mode Linux).
# kernel: also what builds one for a machine (debug, kcsan).
# vss: what tools/vss is built and tested with.
# mon: what selftests/mon/check captures, and with what.
# observe: what selftests/observe/check looks with.
# lsm: what compiles the rules of selftests/lsm.
# foreign: also the stressors of selftests/foreign.
# package: what makes packages of vunix and tries them, and reads its manual.
# check: all of that, and the other architectures and compilers of the test matrix.
# -n prints what is missing, one package a line, and installs nothing.

set -eu

# gcc-multilib conflicts with the cross compilers, so 32-bit programs are built
# by i686-linux-gnu-gcc. Kernels need no libc: gcc-12 -m32 does for i386's.
userland="make gcc libc6-dev python3"
demo="make gcc gcc-12 libc6-dev binutils git rsync cpio kmod xz-utils zstd pahole
 busybox-static qemu-system-x86 qemu-system-common socat python3
 ca-certificates debian-archive-keyring util-linux mount redis-tools"
bits32="$demo gcc-i686-linux-gnu libc6-dev-i386-cross"
tmux="$demo tmux openssh-client"
run="$tmux dbus-daemon dbus-bin dbus-tests rsyslog rt-tests golang-go
 postgresql-15 postgresql-client-15 nginx-light gunicorn curl weston netpbm"
uml="$demo flex bison bc perl"
kernel="$uml libelf-dev libssl-dev"
vss="$demo libmnl-dev mandoc iproute2 jq"
observe="$demo libmnl-dev iproute2 jq tshark bpftrace linux-perf"
mon="$demo tcpdump tshark iproute2 redis-server dbus-daemon dbus-bin"
lsm="$demo apparmor secilc"
foreign="$demo stress-ng"
package="$demo build-essential debhelper dh-dkms libmnl-dev lintian mmdebstrap mandoc
 man-db golang-go"
check="$bits32 $tmux $run $kernel $vss $mon $observe $lsm $foreign $package sparse trinity
 gcc-12-aarch64-linux-gnu gcc-aarch64-linux-gnu libc6-dev-arm64-cross
 gcc-12-s390x-linux-gnu gcc-s390x-linux-gnu
 clang-14 lld-14 llvm-14 qemu-system-arm spin"

usage()
{
	echo "usage: packages.sh [-n] userland|demo|32bit|tmux|run|uml|kernel|vss|mon|observe|lsm|foreign|package|check [PACKAGE...]" >&2
	exit 2
}

dry=
[ "${1-}" != -n ] || { dry=1; shift; }
[ $# -ge 1 ] || usage
case $1 in
userland) list=$userland ;;
demo)	list=$demo ;;
32bit)	list=$bits32 ;;
tmux)	list=$tmux ;;
run)	list=$run ;;
uml)	list=$uml ;;
kernel)	list=$kernel ;;
vss)	list=$vss ;;
mon)	list=$mon ;;
observe) list=$observe ;;
lsm)	list=$lsm ;;
foreign) list=$foreign ;;
package) list=$package ;;
check)	list=$check ;;
*)	usage ;;
esac
shift
list="$list $*"

missing=
for pkg in $list; do
	# "install ok installed" also for a package of another architecture
	dpkg-query -W -f '${Status}\n' "$pkg" 2>/dev/null |
		grep -q '^install ok installed$' || missing="$missing $pkg"
done
[ -n "$missing" ] || exit 0
if [ -n "$dry" ]; then
	for pkg in $missing; do
		echo "$pkg"
	done
	exit
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo="sudo -n"
	$sudo true 2>/dev/null || {
		echo "packages.sh: not root, and sudo asks for a password. Run:" >&2
		echo "  apt-get install --no-install-recommends$missing" >&2
		exit 1
	}
fi
echo "packages.sh: installing through apt:$missing" >&2
apt()
{
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o DPkg::Lock::Timeout=300 "$@" >&2
}
# Programs are wanted here, not the services that some of them come as.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	# shellcheck disable=SC2064
	trap "$sudo rm -f $policy" EXIT
	trap 'exit 130' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
fi
# A fresh machine has no package lists, or old ones: update only if needed
# shellcheck disable=SC2086
apt install -y --no-install-recommends $missing || {
	apt update
	apt install -y --no-install-recommends $missing
}
