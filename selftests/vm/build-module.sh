#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# build-module.sh NAME [make arguments] - build the module for a kernel
#
# Builds a copy of this checkout (all that git does not ignore) against kernel
# NAME of kernel.sh, with that kernel's own compiler, and prints the path of
# the module. Everything the compilers say goes to stderr.
#
# Each checkout and kernel has its own build directory below the cache, so
# builds are incremental and never meet. With arguments that check the code
# (W=, C=) everything is compiled afresh: kbuild does not repeat the warnings
# of an object that is up to date.

set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
top=${VUNIX_TOP:-$top}
cache=${VUNIX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vunix}

die()
{
	echo "build-module.sh: $*" >&2
	exit 1
}

[ $# -ge 1 ] || die "usage: build-module.sh NAME [make arguments]"
name=$1
shift
D=$("$here/kernel.sh" "$name")
[ -e "$D/build.env" ] || die "nothing can be built for $name"
# shellcheck source=/dev/null
. "$D/build.env"

# in_chroot COMMAND...: run it in a file tree of another Debian release, which
# sees the build directory, the checker, /dev, and /proc, where objtool reads a
# limit
in_chroot()
{
	unshare=unshare
	[ "$(id -u)" -eq 0 ] || unshare="unshare --map-root-user"
	# shellcheck disable=SC2016
	$unshare --mount sh -ec '
		root=$1
		for dir in /proc /dev "$2" ${3:+"$3"}; do
			mkdir -p "$root$dir"
			mount --rbind "$dir" "$root$dir"
		done
		shift 3
		exec chroot "$root" /usr/bin/env -i \
			PATH=/usr/sbin:/usr/bin HOME=/ LC_ALL=C "$@"
	' sh "$CHROOT" "$dir" "$sparse" "$@"
}

for tool in make rsync "${CC%% *}"; do
	[ -n "$CHROOT" ] || command -v "$tool" >/dev/null ||
		die "no $tool: run selftests/vm/packages.sh check"
done

fresh='' sparse='' checker=''
for arg; do
	case $arg in
	C=*)		fresh=y sparse=y ;;
	W=*)		fresh=y ;;
	CHECK=*)	checker=$arg ;;
	esac
done
if [ -n "$sparse" ] && [ -z "$checker" ]; then
	# 7.x would refuse the distribution's and check nothing
	sparse=$("$here/kernel.sh" sparse)
	MAKEARGS="$MAKEARGS CHECK=$sparse/sparse"
fi

# Checkouts that are no more leave nothing for long
[ ! -d "$cache/build" ] || find "$cache/build" -mindepth 1 -maxdepth 1 \
	-type d -mtime +14 -exec rm -rf {} +
id=$(printf '%s' "$top" | sha256sum | cut -c 1-12)
dir=$cache/build/$id/$name
[ $# -eq 0 ] || dir=$dir-$(printf '%s\n' "$@" | sha256sum | cut -c 1-8)
mkdir -p "$dir"
exec 8>"$dir.lock"
flock 8

# Objects of another kernel version or compiler must not survive
if [ -n "$fresh" ] || ! cmp -s "$D/build.env" "$dir.env"; then
	rm -rf "$dir"
	mkdir "$dir"
	cp "$D/build.env" "$dir.env"
fi

# Sources that went away since the last time have to go away here, too; what
# make put there stays
if [ -e "$top/.git" ]; then
	git -C "$top" ls-files -co --exclude-standard
else
	(cd "$top" && find . -type f | sed 's|^\./||')
fi | while IFS= read -r file; do
	[ ! -e "$top/$file" ] || printf '%s\n' "$file"
done | sort -u >"$dir.new"
[ ! -e "$dir.files" ] || comm -13 "$dir.new" "$dir.files" |
	while IFS= read -r file; do
		rm -f "$dir/$file"
	done
rsync -a --files-from="$dir.new" "$top/" "$dir/" >&2
mv "$dir.new" "$dir.files"

# What make called this script with is not meant for the kernel's makefiles
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES KBUILD_OUTPUT
# The caller's arguments come last, so they win
# shellcheck disable=SC2086
set -- make -j"$(nproc)" --no-print-directory -C "$KDIR" M="$dir" CC="$CC" \
	CROSS_COMPILE="$CROSS_COMPILE" $MAKEARGS "$@" modules
if [ -z "$CHROOT" ]; then
	"$@" >&2
else
	in_chroot "$@" >&2
fi

for ko in "$dir"/*.ko; do
	[ -e "$ko" ] || die "no module came out of this"
	echo "$ko"
done
