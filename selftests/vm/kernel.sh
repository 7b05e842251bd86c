#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh NAME - provide one kernel of the test matrix
#
# Prints one line, the directory that holds it; progress goes to stderr.
# Everything comes from Debian packages, verified by apt, and is kept in
# ${VUNIX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vunix}. Nothing is installed.
#
#   6.1        Debian 12, cloud flavour (with its security updates)
#   6.12       the same from bookworm-backports
#   7.x        the newest of trixie-backports, with its own tool chain
#   debug      the newest linux-source, built here with KASAN, lockdep, ...
#   kcsan      the same source, built here to watch for data races (../kcsan)
#   uml        6.1's linux-source, built here as a program (user-mode Linux)
#   uml-6.12 uml-7.x    those of 6.12 and of the newest, built likewise; that of
#              7.x can tell which lines of a module are reached
#   arm64      Debian 12's cloud kernel for arm64
#   i386 s390x 6.1-clang    headers only: no image
#   kselftest checkpatch memory-model    files of the newest linux-source
#   sparse     a sparse (the checker) that understands all these kernels
#   all        each of them but kcsan and those of uml (a line for each)
#
# A kernel's directory:
#
#   image               what QEMU boots (not where only headers are there), or
#                       the program
#   config version      its configuration; name and package version
#   modules/*.ko        what an initramfs may need, uncompressed
#   modules/load-order  their names, in the order to insmod them
#   build.env           shell variables that build-module.sh reads
#
# Newer versions are looked for once a day; VUNIX_REFRESH=1 looks now, and
# VUNIX_REFRESH=0 takes what is there. What nobody asked for in a week goes.
# Kernels are built at a nice value of KERNEL_NICE (5).

set -eu
umask 022
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
cache=${VUNIX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vunix}
mirror=${VUNIX_MIRROR:-http://deb.debian.org}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Bump to throw away what older versions of this script have built
recipe=1

# Modules for the runner's initramfs (virtio, the host's files) and the tests
want="virtio_pci virtio_console virtiofs fuse overlay unix_diag"

say()
{
	echo "kernel.sh: $*" >&2
}

die()
{
	say "$*"
	exit 1
}

need()
{
	for tool; do
		command -v "$tool" >/dev/null ||
			die "no $tool: run ${here#"$PWD"/}/packages.sh check"
	done
}

# lock NAME: one process at a time, until this (sub)shell ends
lock()
{
	mkdir -p "$cache/lock"
	exec 9>"$cache/lock/$1"
	flock -n 9 && return
	say "waiting for another run that prepares $1"
	flock 9
}

# younger FILE MINUTES: true if FILE exists and is younger than that
younger()
{
	[ -n "$(find "$1" -maxdepth 0 -mmin "-$2" 2>/dev/null)" ]
}

# ---------------------------------------------------------------------------
# Packages: one private apt configuration for each release and architecture,
# so that neither the machine's sources nor its installed packages matter.

# apt_conf SET: write the configuration of a set, RELEASE or RELEASE-ARCH
apt_conf()
{
	aptdir=$cache/apt-$1
	[ -s "$aptdir/apt.conf" ] && return
	case $1 in
	*-*)	arch=${1#*-} ;;
	*)	arch=amd64 ;;
	esac
	mkdir -p "$aptdir/lists/partial" "$aptdir/cache/archives/partial"
	: >"$aptdir/status"
	if [ "$1" = forky ]; then	# Only for a source package
		echo "deb-src [signed-by=$keyring] $mirror/debian forky main"
	else for suite in debian:"${1%%-*}" debian:"${1%%-*}-updates" \
		     debian-security:"${1%%-*}-security" \
		     debian:"${1%%-*}-backports"; do
		echo "deb [signed-by=$keyring] $mirror/${suite%%:*}" \
			"${suite#*:} main"
	done; fi >"$aptdir/sources.list"
	cat >"$aptdir/apt.conf.new" <<-EOF
	APT::Architecture "$arch";
	#clear APT::Architectures;
	APT::Architectures { "$arch"; };
	APT::Default-Release "";
	APT::Install-Recommends "false";
	APT::Sandbox::User "root";
	#clear APT::Update::Post-Invoke;
	#clear APT::Update::Post-Invoke-Success;
	#clear DPkg::Post-Invoke;
	#clear DPkg::Pre-Install-Pkgs;
	Acquire::Languages "none";
	#clear Acquire::IndexTargets::deb::DEP-11;
	Acquire::Retries "3";
	Dir::Etc::SourceList "$aptdir/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Dir::Etc::Preferences "/dev/null";
	Dir::Etc::PreferencesParts "/dev/null";
	Dir::State "$aptdir";
	Dir::State::Lists "$aptdir/lists";
	Dir::State::Status "$aptdir/status";
	Dir::Cache "$aptdir/cache";
	Dir::Cache::pkgcache "pkgcache.bin";
	Dir::Cache::srcpkgcache "srcpkgcache.bin";
	EOF
	mv "$aptdir/apt.conf.new" "$aptdir/apt.conf"
}

# apt_update SET MINUTES: package lists no older than that
apt_update()
{
	age=$2
	[ "${VUNIX_REFRESH-}" != 1 ] || age=5
	(
		lock "apt-$1"
		apt_conf "$1"
		younger "$aptdir/updated" "$age" && exit
		say "reading the package lists of $1"
		if apt-get -c "$aptdir/apt.conf" -q update >&2 9>&-; then
			touch "$aptdir/updated"
		else
			# A mirror out of step fails one list of many: what is
			# not found in the others is missed soon enough
			say "reading the lists failed: going on with those at hand"
		fi
	)
	aptdir=$cache/apt-$1
}

# newest SET SUITE PACKAGE: version that this suite would install
newest()
{
	apt-cache -c "$cache/apt-$1/apt.conf" -o "APT::Default-Release=$2" \
		policy "$3" | sed -n 's/^  Candidate: //p' | grep -v none ||
		die "no package $3 in $2"
}

# depends SET PACKAGE=VERSION: names of what it depends on
depends()
{
	apt-cache -c "$cache/apt-$1/apt.conf" show "$2" |
		sed -n 's/^Depends: //p' | head -n 1 | tr ',|' '[\n*]' |
		sed 's/^ *//; s/[ (:].*//'
}

# kernel_packages SET SUITE PACKAGE...: these and the kernel packages they
# need, as PACKAGE=VERSION. Follows the dependencies of meta packages, as
# package names change with each release of the kernel.
kernel_packages()
{
	set_=$1 suite_=$2
	shift 2
	seen=" "
	while [ $# -gt 0 ]; do
		pkg=$1
		shift
		case $seen in
		*" $pkg "*)	continue ;;
		esac
		seen="$seen$pkg "
		case $pkg in
		*-unsigned | linux-base | linux-compiler* | linux-initramfs*)
			continue ;;
		linux-*) ;;
		*)	continue ;;
		esac
		ver=$(newest "$set_" "$suite_" "$pkg")
		echo "$pkg=$ver"
		# shellcheck disable=SC2046
		set -- "$@" $(depends "$set_" "$pkg=$ver")
	done
}

# unpack SET DIR PACKAGE=VERSION...: download and unpack below DIR
unpack()
{
	conf=$cache/apt-$1/apt.conf dir=$2
	shift 2
	mkdir -p "$dir/debs"
	say "downloading $*"
	(cd "$dir/debs" && apt-get -c "$conf" -q download "$@" >&2)
	for deb in "$dir"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm -r "$dir/debs"
}

# unpack_all SET DIR PACKAGE...: the same with all that these depend on
unpack_all()
{
	conf=$cache/apt-$1/apt.conf dir=$2
	shift 2
	mkdir -p "$dir/debs/partial"
	say "downloading a file tree with $*"
	apt-get -c "$conf" -o "Dir::Cache::Archives=$dir/debs" -q -y \
		--download-only --no-install-recommends install "$@" >&2
	# base-files first: it links /bin and /lib to their places in /usr
	for deb in "$dir"/debs/base-files_*.deb "$dir"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm -r "$dir/debs"
}

# ---------------------------------------------------------------------------
# Kernels from packages

# start DIR: DIR.work is where it grows; a directory DIR is always complete
start()
{
	rm -rf "$1.work"
	mkdir -p "$1.work"
}

# finish DIR: DIR.work is complete
finish()
{
	rm -rf "$1"
	mv "$1.work" "$1"
}

# key VERSION: VERSION as part of a path that neither make nor sh minds
key()
{
	printf '%s' "$1" | tr -c 'A-Za-z0-9.-' _
}

# take_modules ROOT VERSION DIR: copy what is wanted and not built in
take_modules()
{
	mkdir -p "$3"
	: >"$3/load-order"
	[ -d "$1/lib/modules/$2" ] || {
		mkdir -p "$1/lib"
		[ -e "$1/lib/modules" ] || ln -s ../usr/lib/modules "$1/lib/modules"
	}
	depmod -b "$1" "$2"
	for mod in $want; do
		# "builtin NAME" or "insmod PATH [options]", dependencies first
		modprobe -d "$1" -S "$2" --show-depends "$mod" |
			sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++' | while read -r file; do
		ko=${file##*/}
		ko=${ko%%.ko*}.ko
		case $file in
		*.ko)		cp "$file" "$3/$ko" ;;
		*.ko.xz)	xz -dc "$file" >"$3/$ko" ;;
		*.ko.zst)	zstd -qdc "$file" >"$3/$ko" ;;
		*)		die "what is $file?" ;;
		esac
		echo "$ko" >>"$3/load-order"
	done
	for mod in $want; do
		[ -e "$3/$mod.ko" ] ||
		grep -qE "/$mod\.ko" "$1/lib/modules/$2/modules.builtin" ||
			die "kernel $2 has no module $mod"
	done
}

# take_image ROOT VERSION DIR: copy image and config from where they may be
take_image()
{
	for dir in "$1/boot" "$1/usr/lib/modules/$2" "$1/lib/modules/$2"; do
		for file in "$dir/vmlinuz-$2" "$dir/vmlinuz"; do
			[ -e "$file" ] && cp "$file" "$3/image"
		done
		for file in "$dir/config-$2" "$dir/config"; do
			[ -e "$file" ] && cp "$file" "$3/config"
		done
	done
	[ -s "$3/image" ] || die "no image of $2 in the packages"
	[ -s "$3/config" ] || die "no config of $2 in the packages"
}

# use_headers ROOT DIR: let unpacked headers find each other in DIR/root;
# sets kver (the kernel's release) and kdir (where to build against it)
use_headers()
{
	for file in "$1"/usr/src/linux-headers-*/.kernelvariables; do
		kdir=${file%/*}
		kver=${kdir##*/linux-headers-}
	done
	sed -i "s|\([ =]\)/usr/src/|\1$2/root/usr/src/|" "$kdir/Makefile"
	kdir=$2/root/usr/src/linux-headers-$kver
	[ -e "$1/usr/src/linux-headers-$kver/Module.symvers" ] ||
		die "no headers in the packages"
}

# build_env: what build-module.sh needs to know, from the variables here
build_env()
{
	cat <<-EOF
	NAME=$name
	KVER=$kver
	ARCH=$arch
	CROSS_COMPILE=$cross
	CC=$cc
	KDIR="$kdir"
	CHROOT="$chroot"
	MAKEARGS="$makeargs"
	EOF
}

# from_debs SET SUITE FLAVOUR [image]: headers, and perhaps what boots
from_debs()
{
	set_=$1 suite=$2 metas=linux-headers-$3
	[ -z "${4-}" ] || metas="$metas linux-image-$3"
	apt_update "$set_" 1440
	ver=$(newest "$set_" "$suite" "linux-headers-$3")
	D=$cache/kernel/$name-$(key "$ver-$recipe")
	[ ! -e "$D/version" ] || return 0

	need apt-get dpkg-deb depmod modprobe xz
	# Superseded versions leave the archive: only fresh lists can be fetched
	apt_update "$set_" 60
	ver=$(newest "$set_" "$suite" "linux-headers-$3")
	D=$cache/kernel/$name-$(key "$ver-$recipe")
	start "$D"
	root=$D.work/root
	# shellcheck disable=SC2086
	pkgs=$(kernel_packages "$set_" "$suite" $metas)
	case $set_ in
	*-*)	# The build tools run here: they must be this machine's
		apt_update bookworm 60
		kbuild=$(echo "$pkgs" | grep -o '^linux-kbuild-[^=]*')
		pkgs=$(echo "$pkgs" | grep -v '^linux-kbuild-')
		unpack bookworm "$root" \
			"$kbuild=$(newest bookworm "$suite" "$kbuild")" ;;
	esac
	# shellcheck disable=SC2086
	unpack "$set_" "$root" $pkgs
	use_headers "$root" "$D"
	if [ -n "${4-}" ]; then
		take_image "$root" "$kver" "$D.work"
		take_modules "$root" "$kver" "$D.work/modules"
		rm -rf "${root:?}/lib" "$root/usr/lib/modules" \
			"${root:?}/boot"
	else
		cp "$root/usr/src/linux-headers-$kver/.config" "$D.work/config"
	fi
	rm -rf "${root:?}/usr/share"
	echo "$kver $ver" >"$D.work/version"
	build_env >"$D.work/build.env"
	finish "$D"
}

# other_packages SET PACKAGE=VERSION...: what these need from outside the kernel
other_packages()
{
	set_=$1
	shift
	for pkg; do
		depends "$set_" "$pkg"
	done | sort -u | grep -v '^linux-'
}

# 7.x: Debian 13's kernels are configured for its gcc, whose features Debian
# 12's lacks in part, and their build tools need its libc. So the headers come
# with a file tree that has just enough of Debian 13 to run make in (unpacked,
# not installed: none of it needs its maintainer scripts).
from_trixie()
{
	suite=trixie-backports
	apt_update trixie 1440
	ver=$(newest trixie $suite linux-headers-cloud-amd64)
	D=$cache/kernel/$name-$(key "$ver-$recipe")
	[ ! -e "$D/version" ] || return 0

	need apt-get dpkg-deb depmod modprobe xz
	apt_update trixie 60
	ver=$(newest trixie $suite linux-headers-cloud-amd64)
	D=$cache/kernel/$name-$(key "$ver-$recipe")
	start "$D"
	root=$D.work/root
	pkgs=$(kernel_packages trixie $suite linux-headers-cloud-amd64 \
		linux-image-cloud-amd64)
	tools="base-files bash binutils coreutils dash diffutils findutils gawk
		grep gzip kmod libc-bin make perl-base sed sparse tar xz-utils"
	builders=$(echo "$pkgs" | grep -E '^linux-(headers|kbuild)-')
	# shellcheck disable=SC2086
	for pkg in $(other_packages trixie $builders); do
		tools="$tools $pkg"
		case $pkg in
		gcc-*-for-host)	# Without its assembler
			cc=${pkg%-for-host}
			tools="$tools $cc" ;;
		esac
	done
	# shellcheck disable=SC2086
	unpack_all trixie "$root" $tools
	# shellcheck disable=SC2086
	unpack trixie "$root" $pkgs
	ln -sf gawk "$root/usr/bin/awk"
	ln -sf "$cc" "$root/usr/bin/gcc"
	mkdir -p "$root/proc" "$root/dev" "$root/tmp"
	for dir in bin sbin lib lib64; do
		[ -e "$root/$dir" ] || ln -s "usr/$dir" "$root/$dir"
	done
	for file in "$root"/usr/src/linux-headers-*/.kernelvariables; do
		kdir=${file%/*}
		kver=${kdir##*/linux-headers-}
	done
	kdir=/usr/src/linux-headers-$kver
	chroot=$D/root
	valid=$(echo "$root"/usr/lib/linux-kbuild-*/scripts)/checker-valid.sh
	if [ ! -e "$valid" ]; then
		# The package forgets it, and C=1 would then check nothing
		cat >"$valid" <<-"EOF"
		#!/bin/sh
		file=$(mktemp --suffix=.c)
		echo 'static __typeof_unqual__(const int) v;' >"$file"
		[ -n "$("$@" "$file" 2>&1)" ] || echo 1
		rm "$file"
		EOF
		chmod +x "$valid"
	fi
	take_image "$root" "$kver" "$D.work"
	take_modules "$root" "$kver" "$D.work/modules"
	rm -rf "$root/usr/lib/modules/$kver/kernel" "${root:?}/boot" \
		"$root/usr/share/doc" "$root/usr/share/man" \
		"$root/usr/share/locale" "$root/usr/share/info"
	echo "$kver $ver" >"$D.work/version"
	build_env >"$D.work/build.env"
	finish "$D"
}

# ---------------------------------------------------------------------------
# Kernels and files from the source package

# source_tar SET PACKAGE=VERSION DIR TAR-ARGUMENT...: download the source
# package and unpack what the arguments select into DIR, nothing in between
# touching the disk but the package
source_tar()
{
	conf=$cache/apt-$1/apt.conf deb=$2 dir=$3
	shift 3
	mkdir -p "$dir.deb" "$dir"
	say "downloading and unpacking $deb"
	(cd "$dir.deb" && apt-get -c "$conf" -q download "$deb" >&2)
	top=${deb%%=*}
	dpkg-deb --fsys-tarfile "$dir.deb"/*.deb |
		tar -xO "./usr/src/$top.tar.xz" |
		tar -xJ -C "$dir" --strip-components=1 --anchored --wildcards "$@"
	rm -r "$dir.deb"
}

# newest_source: set pkg and ver to the newest linux-source-X.Y
newest_source()
{
	ver=$(newest trixie trixie-backports linux-source)
	pkg=$(depends trixie "linux-source=$ver" | grep '^linux-source-')
}

# prune TREE DIR PATH...: keep of a built tree what modules are built with, PATH
# being what this architecture has of it
prune()
{
	from=$1 to=$2
	shift 2
	mkdir -p "$to"
	(
		cd "$from"
		cp -a --parents Makefile Kbuild .config Module.symvers scripts \
			include arch/x86/Makefile* arch/x86/include "$@" "$to"
	)
	find "$to" -name '*.o' -delete -o -name '*.a' -delete -o \
		-name '.*.cmd' -delete
	rm -rf "$from"
}

# fragment FILE...: the options of kernel $name, whose digest, with all else
# that a build depends on, is id
fragment()
{
	for file; do
		cat "$here/$file"
	done >"$cache/kernel/$name.fragment"
	id=$({ echo "$recipe"; gcc --version | head -n 1
	       cat "$cache/kernel/$name.fragment"; } | sha256sum | cut -c 1-12)
}

# build_tree TARGET...: configure $tree with these options, and make it
build_tree()
{
	(
		unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
		cd "$tree"
		# shellcheck disable=SC2086
		make $makeargs KCONFIG_ALLCONFIG=../fragment.config \
			allnoconfig >../log 2>&1 ||
			die "configuring it failed: $D.work/log"
		# kconfig drops what it does not know or cannot satisfy, silently
		grep -E '^(# )?CONFIG_' ../fragment.config >../wanted
		if grep -vxFf .config ../wanted >&2; then
			die "these options are not to be had in $pkg"
		fi
		# shellcheck disable=SC2086
		nice -n "${KERNEL_NICE:-5}" make $makeargs -j"$(nproc)" "$@" >>../log 2>&1 || {
			tail -n 20 ../log >&2
			die "building it failed: $D.work/log"
		}
	)
	rm -f "$D.work/wanted"
	built_here
}

# from_source FRAGMENT...: the newest source, built here with these options
from_source()
{
	arch=x86_64 cc=gcc
	fragment "$@"
	apt_update trixie 1440
	newest_source
	D=$cache/kernel/$name-$(key "$ver")-$id
	[ ! -e "$D/version" ] || return 0

	need apt-get dpkg-deb xz gcc make flex bison bc cpio perl
	apt_update trixie 60
	newest_source
	D=$cache/kernel/$name-$(key "$ver")-$id
	start "$D"
	cp "$cache/kernel/$name.fragment" "$D.work/fragment.config"
	tree=$D.work/tree
	# Of Documentation and the big drivers configuration needs Kconfig only
	source_tar trixie "$pkg=$ver" "$tree" \
		--exclude='*/Documentation/[!K]*' --exclude='*/arch/arm*/boot/dts/*' \
		--exclude='*/drivers/gpu/drm/*.[ch]' --exclude='*/sound/*.[ch]'
	say "building kernel $name from $pkg $ver (8 minutes and up): $D.work/log"
	build_tree bzImage modules
	cp "$tree/arch/x86/boot/bzImage" "$D.work/image"
	cp "$tree/System.map" "$D.work/System.map"
	mkdir -p "$D.work/modules"
	: >"$D.work/modules/load-order"
	prune "$tree" "$D.work/build" tools/objtool/objtool
	finish "$D"
}

# native_copies: user-mode Linux never patches itself for the processor it runs
# on, and would copy and clear word by word what other kernels do not.  As
# memcpy() is also its copy from and to user memory, it goes by that one's rule:
# what is shorter than 64 bytes is not worth a string instruction.
native_copies()
{
	lib=$tree/arch/x86/lib
	sed -i -e '/ERMS$/d' -e 's/^\tALTERNATIVE_2 "jmp mem[a-z]*_orig".*/\tNATIVE/' \
		"$lib/memcpy_64.S" "$lib/memset_64.S"
	sed -i 's/^\tNATIVE$/\tcmpq $64, %rdx\n\tjb memcpy_orig\n\tjmp memcpy_erms/' \
		"$lib/memcpy_64.S"
	sed -i 's/^\tNATIVE$/\tjmp memset_erms/' "$lib/memset_64.S"
	for fn in memcpy memset; do
		grep -q "^	jmp ${fn}_erms\$" "$lib/${fn}_64.S" &&
		! grep -q ALTERNATIVE "$lib/${fn}_64.S" ||
			die "$fn looks different in $pkg $ver"
	done
}

# user_source: set pkg and ver to the source that $name is built from
user_source()
{
	case $name in
	uml-7.x)	newest_source ;;
	*)		ver=$(newest "$set" "" "$pkg") ;;
	esac
}

# user_mode SET PACKAGE FRAGMENT...: its source (that of uml-7.x is the newest),
# built here as a program
user_mode()
{
	cc=gcc makeargs=ARCH=um set=$1 pkg=$2
	shift 2
	fragment "$@"
	# 7.x has made this one of CONFIG_SYSCTL
	[ "$name" != uml-7.x ] ||
		sed -i '/^CONFIG_PROC_SYSCTL=/d' "$cache/kernel/$name.fragment"
	# Cycles are counted in this one alone
	[ "$name" != uml ] || ! grep -qw erms /proc/cpuinfo || id=$id-erms
	apt_update "$set" 1440
	user_source
	D=$cache/kernel/$name-$(key "$ver")-$id
	[ ! -e "$D/version" ] || return 0

	need apt-get dpkg-deb xz gcc make flex bison bc perl
	apt_update "$set" 60
	user_source
	D=$cache/kernel/$name-$(key "$ver")-$id
	start "$D"
	cp "$cache/kernel/$name.fragment" "$D.work/fragment.config"
	tree=$D.work/tree
	source_tar "$set" "$pkg=$ver" "$tree" \
		--exclude='*/Documentation/[!K]*' --exclude='*/drivers/gpu/*.[ch]' \
		--exclude='*/arch/arm*/boot/dts/*' --exclude='*/sound/*.[ch]' \
		--exclude='*/tools/testing/*'
	say "building kernel $name from $pkg $ver (3 minutes and up): $D.work/log"
	case $id in
	*-erms)	native_copies ;;
	esac
	build_tree linux modules
	cp "$tree/linux" "$D.work/image"
	cp "$tree/System.map" "$D.work/System.map"
	prune "$tree" "$D.work/build" arch/um arch/x86/um
	finish "$D"
}

# built_here: the files that describe a kernel configured in $tree
built_here()
{
	kver=$(cat "$tree/include/config/kernel.release")
	kdir=$D/build
	cp "$tree/.config" "$D.work/config"
	echo "$kver $ver" >"$D.work/version"
	build_env >"$D.work/build.env"
}

# with_clang: Debian's headers insist on gcc, and LLVM= is ignored there
# without a word. So the source is configured like 6.1, for clang.
with_clang()
{
	cc=clang-14
	apt_update bookworm 1440
	ver=$(newest bookworm "" linux-source-6.1)
	D=$cache/kernel/$name-$(key "$ver-$recipe")
	[ ! -e "$D/version" ] || return 0

	like=$(one 6.1)
	need apt-get dpkg-deb xz clang-14 ld.lld-14 make flex bison bc perl
	ver=$(newest bookworm "" linux-source-6.1)
	D=$cache/kernel/$name-$(key "$ver-$recipe")
	start "$D"
	tree=$D.work/tree
	source_tar bookworm "linux-source-6.1=$ver" "$tree" \
		--exclude='*/drivers/*.h' --exclude='*/tools/testing/*' \
		--exclude='*/tools/perf/*' --exclude='*/Documentation/[!K]*' \
		'*/Makefile*' '*/Kbuild*' '*/Kconfig*' '*-6.1/include/*' \
		'*-6.1/scripts/*' '*-6.1/arch/x86/*' '*-6.1/tools/*' \
		'*-6.1/kernel/*' '*-6.1/security/*' '*-6.1/certs/*'
	# BTF would be generated by tools that take a minute to build
	grep -v '^CONFIG_DEBUG_INFO_BTF' "$like/config" >"$tree/.config"
	echo '# CONFIG_DEBUG_INFO_BTF is not set' >>"$tree/.config"
	(
		unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
		make -j"$(nproc)" -C "$tree" LLVM=-14 olddefconfig modules_prepare \
			>"$D.work/log" 2>&1 || {
			tail -n 20 "$D.work/log" >&2
			die "preparing it failed: $D.work/log"
		}
	)
	grep -q '^CONFIG_CC_IS_CLANG=y' "$tree/.config" || die "not clang?"
	# Nothing was built that modpost could look symbols up in: 6.1 is the same
	cp "$like"/root/usr/src/linux-headers-*/Module.symvers "$tree"
	built_here
	prune "$tree" "$D.work/build" tools/objtool/objtool
	finish "$D"
}

# from_files DIR FILE...: these of the newest source; D is DIR in it
from_files()
{
	sub=$1
	shift
	apt_update trixie 1440
	newest_source
	# Which files they are is part of it
	which=$(echo "$*" | cksum | cut -d ' ' -f 1)
	D=$cache/kernel/files-$(key "$ver-$recipe-$which")
	if [ ! -e "$D/version" ]; then
		need apt-get dpkg-deb xz
		apt_update trixie 60
		newest_source
		D=$cache/kernel/files-$(key "$ver-$recipe-$which")
		start "$D"
		source_tar trixie "$pkg=$ver" "$D.work" "$@"
		echo "${pkg#linux-source-} $ver" >"$D.work/version"
		finish "$D"
	fi
	cp "$D/version" "$D/$sub/version"
	D=$D/$sub
}

# sparse: kernels from 7.x on need one that knows __typeof_unqual__, which the
# releases here have not. Static, so that it runs in 7.x's file tree, too.
newer_sparse()
{
	apt_update forky 1440
	ver=$(apt-cache -c "$cache/apt-forky/apt.conf" showsrc sparse |
		sed -n 's/^Version: //p' | sort -V | tail -n 1)
	[ -n "$ver" ] || die "no source package sparse"
	D=$cache/kernel/sparse-$(key "$ver-$recipe")
	[ ! -e "$D/version" ] || return 0
	need apt-get gcc make
	apt_update forky 60
	start "$D"
	say "building sparse $ver"
	(
		unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
		cd "$D.work"
		apt-get -c "$cache/apt-forky/apt.conf" -q source --download-only \
			"sparse=$ver" >&2
		mkdir tree
		tar -xf sparse_*.orig.tar.* -C tree --strip-components=1
		make -C tree -j"$(nproc)" LDFLAGS=-static HAVE_LLVM=no HAVE_GTK=no \
			HAVE_SQLITE=no HAVE_LIBXML=no sparse >log 2>&1 || {
			tail -n 20 log >&2
			die "building sparse failed: $D.work/log"
		}
		cp tree/sparse sparse
		rm -rf tree sparse_*
	)
	echo "sparse $ver" >"$D.work/version"
	finish "$D"
}

# provide NAME: set D to the directory of this kernel, complete and current
provide()
{
	name=$1 arch=x86_64 cross="" cc=gcc-12 chroot="" makeargs=""
	case $name in
	6.1)	# Without vmlinux in the headers BTF is not generated, which kbuild
		# mentions each time
		makeargs="CONFIG_DEBUG_INFO_BTF_MODULES="
		from_debs bookworm "" cloud-amd64 image ;;
	6.12)	from_debs bookworm bookworm-backports cloud-amd64 image ;;
	7.x)	from_trixie ;;
	arm64)	arch=arm64 cross=aarch64-linux-gnu- cc=aarch64-linux-gnu-gcc-12
		makeargs="ARCH=arm64 CONFIG_DEBUG_INFO_BTF_MODULES="
		from_debs bookworm-arm64 "" cloud-arm64 image ;;
	i386)	arch=i386
		makeargs="CONFIG_DEBUG_INFO_BTF_MODULES="
		from_debs bookworm-i386 "" 686-pae ;;
	s390x)	arch=s390 cross=s390x-linux-gnu- cc=s390x-linux-gnu-gcc-12
		makeargs="CONFIG_DEBUG_INFO_BTF_MODULES="
		from_debs bookworm-s390x "" s390x ;;
	debug)	from_source kernel.config debug.config ;;
	kcsan)	from_source kernel.config kcsan.config ;;
	uml)	arch=um
		user_mode bookworm linux-source-6.1 uml.config ;;
	uml-6.12)
		arch=um
		user_mode bookworm linux-source-6.12 uml.config ;;
	uml-7.x)
		arch=um
		user_mode trixie "" uml.config uml-cover.config ;;
	6.1-clang)
		makeargs="LLVM=-14"
		with_clang ;;
	kselftest | checkpatch | memory-model)
		# One unpacking for all
		case $name in
		kselftest)	dir=tools/testing/selftests ;;
		checkpatch)	dir=scripts ;;
		*)		dir=tools/memory-model ;;
		esac
		from_files $dir '*/tools/testing/selftests/kselftest*' \
			'*/tools/testing/selftests/lib.mk' \
			'*/tools/testing/selftests/net/af_unix/*.c' \
			'*/tools/testing/selftests/pidfd/pidfd.h' \
			'*/tools/testing/selftests/clone3/clone3_selftests.h' \
			'*/tools/testing/selftests/run_kselftest.sh' \
			'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
			'*/scripts/const_structs.checkpatch' \
			'*/tools/memory-model/linux-kernel.*' \
			'*/tools/memory-model/lock.cat' \
			'*/tools/memory-model/litmus-tests/*' ;;
	sparse)	newer_sparse ;;
	*)	die "no kernel $name (6.1 6.12 7.x debug kcsan uml uml-6.12" \
			"uml-7.x arm64 i386 s390x 6.1-clang kselftest checkpatch" \
			"memory-model all)" ;;
	esac
}

# current LINK: true if it need not be looked at again
current()
{
	[ -e "$1/version" ] || return 1
	case ${VUNIX_REFRESH-} in
	0)	return 0 ;;
	1)	return 1 ;;
	esac
	# Other options are another kernel
	[ -z "$(find "$here" -name '*.config' -newer "$1.checked")" ] ||
		return 1
	younger "$1.checked" 1440
}

# tidy: drop what was superseded, and what was never finished
tidy()
{
	find "$cache/kernel" -mindepth 2 -maxdepth 2 -name used -mtime +7 |
		while IFS= read -r file; do
			rm -rf "${file%/used}"
		done
	find "$cache/kernel" -mindepth 1 -maxdepth 1 -name '*.work' -mtime +1 \
		-exec rm -rf {} +
}

# one NAME: print its directory
one()
{
	link=$cache/kernel/$1
	mkdir -p "$cache/kernel"
	if ! current "$link"; then
		(
			case $1 in
			kselftest | checkpatch | memory-model)
				lock files ;;
			*)	lock "$1" ;;
			esac
			provide "$1"
			ln -sfn "$D" "$link"
			touch "$link.checked" "$D/used"
			say "$1 is $(cat "$D/version")"
			tidy
		)
	fi
	touch "$link/used"
	readlink "$link"
}

[ $# -eq 1 ] || die "usage: kernel.sh NAME"
case $1 in
all)	for each in 6.1 6.12 7.x arm64 i386 s390x 6.1-clang kselftest \
		checkpatch memory-model sparse debug; do
		one "$each"
	done ;;
*)	one "$1" ;;
esac
