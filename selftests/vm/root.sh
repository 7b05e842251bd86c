#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# root.sh copy DEBIAN DIR            a clean Debian system with DKMS, in DIR
# root.sh run DIR KERNEL... -- COMMAND...
#                                    COMMAND in it, where the headers of these
#                                    kernels are installed
#
# DEBIAN is bookworm or trixie, a KERNEL one of kernel.sh that has headers.  The
# systems are made by mmdebstrap, and kept for a month in
# ${VUNIX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vunix}.  For root.

set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
cache=${VUNIX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vunix}
mirror=${VUNIX_MIRROR:-http://deb.debian.org}
PATH=$PATH:/usr/sbin:/sbin

die()
{
	echo "root.sh: $*" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || die "needs root"

# What the headers of 6.12 depend on, and signing, too; of bookworm, what the test of the
# packages needs, and what compiles for arm64.
packages=dkms,gcc,make,kmod,libc6-dev,openssl,pahole
case ${2-} in
bookworm)	packages=$packages,systemd,pkgconf,python3-minimal,libmnl0
	packages=$packages,gcc-12-aarch64-linux-gnu ;;
esac

copy()
{
	command -v mmdebstrap >/dev/null ||
		die "no mmdebstrap: run selftests/vm/packages.sh package"
	id=$(printf %s "$packages" | sha256sum | cut -c 1-8)
	kept=$cache/root/$1-$id
	mkdir -p "$cache/root" "$cache/lock"
	exec 9>"$cache/lock/root-$1"
	flock 9
	if [ -z "$(find "$kept.tar" -maxdepth 0 -mtime -30 2>/dev/null)" ]; then
		echo "root.sh: making a clean $1" >&2
		rm -f "$cache/root/$1"-*
		mmdebstrap --quiet --variant=apt \
			--aptopt='Apt::Install-Recommends "false"' \
			--dpkgopt='path-exclude=/usr/share/man/*' \
			--dpkgopt='path-exclude=/usr/share/locale/*' \
			--include="$packages" "$1" "$kept.new.tar" \
			"deb $mirror/debian $1 main" >&2
		mv "$kept.new.tar" "$kept.tar"
	fi
	mkdir -p "$2"
	tar -xf "$kept.tar" -C "$2"
	exec 9>&-
	echo vunix >"$2/etc/hostname"
}

# mount_headers KERNEL: as if its packages were installed.  In a mount namespace
# of our own, so nothing of it stays but empty directories.
mount_headers()
{
	kernel=$("$here/kernel.sh" "$1")
	# shellcheck source=/dev/null
	. "$kernel/build.env"
	if [ -n "$CHROOT" ]; then
		# The rest of that system is one like ours.
		set -- "$CHROOT"/usr/src/linux-* "$CHROOT"/usr/lib/linux-kbuild-*
	else
		set -- "$kernel"
	fi
	for from; do
		to=$root${from#"$CHROOT"}
		if [ -L "$from" ]; then
			cp -Pf "$from" "$to"
			continue
		fi
		mkdir -p "$to"
		mount --bind -o ro "$from" "$to"
	done
	# Newer versions of DKMS take a kernel without modules for one that is gone.
	mkdir -p "$root/lib/modules/$KVER/kernel"
	cp "$kernel"/modules/*.ko "$root/lib/modules/$KVER/kernel/"
	ln -sfn "$KDIR" "$root/lib/modules/$KVER/build"
}

run()
{
	root=$(cd "$1" && pwd)
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		mount_headers "$1"
		shift
	done
	shift
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"
}

case ${1-} in
copy)
	[ $# = 3 ] || die "usage: root.sh copy DEBIAN DIR"
	copy "$2" "$3" ;;
run)
	shift
	exec unshare --mount "$0" mounted "$@" ;;
mounted)
	shift
	run "$@" ;;
*)
	die "usage: root.sh copy DEBIAN DIR | run DIR KERNEL... -- COMMAND..." ;;
esac
