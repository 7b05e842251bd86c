#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# uml.sh [OPTION...] [ROW...] - cycles that bytes take through the kernel,
# AF_UNIX and a pipe beside vunix, in user-mode Linux: a kernel that is a
# program, so that its code runs at the processor's speed also where nothing can
# be virtualised.  Options and rows are those of uml/cycles.c.  Fails if vunix
# gains less than it has to.
#
# The kernel is Debian's 6.1, built on first use; selftests/vm/kernel.sh provides
# it.  It checks and clears memory as Debian's does, but has one processor and
# is not preempted.
#
# Settings, from the environment:
#   UML_MEM      memory (256M)
#   UML_TIMEOUT  seconds for the whole run (300; it takes ten)
#   UML_APPEND   more options for the kernel, as init_on_alloc=0
#   VUNIX_KO     a module that is built already

set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
vm=$top/selftests/vm

die()
{
	echo "uml.sh: $*" >&2
	exit 1
}

. "$here/quoted.sh"

[ "$(uname -m)" = x86_64 ] || die "counts cycles on x86_64 only"
for tool in busybox make gcc; do
	command -v "$tool" >/dev/null ||
		die "no $tool: run selftests/vm/packages.sh uml"
done

dir=$("$vm/kernel.sh" uml)
ko=${VUNIX_KO:-$("$vm/build-module.sh" uml)}

work=$(mktemp -d "${TMPDIR:-/tmp}/vunix-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

# Its module: build-module.sh is for vunix
cp -r "$here/uml" "$work/module"
(
	# shellcheck source=/dev/null
	. "$dir/build.env"
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
	# shellcheck disable=SC2086
	make --no-print-directory -C "$KDIR" M="$work/module" CC="$CC" \
		$MAKEARGS modules >"$work/log" 2>&1
) || {
	cat "$work/log" >&2
	die "building the benchmark's module failed"
}

root=$work/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev"
cp "$(command -v busybox)" "$root/bin/busybox"
strip -g -o "$root/vunix.ko" "$ko"
strip -g -o "$root/cycles_in.ko" "$work/module/cycles_in.ko"
gcc -O2 -Wall -Wextra -Werror -static -I "$top/include/uapi" \
	-o "$root/bin/cycles" "$here/uml/cycles.c"

cat >"$root/init" <<END
#!/bin/busybox sh
PATH=/bin
status=0
try()
{
	"\$@" || status=1
}
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
try busybox insmod /vunix.ko
try busybox insmod /cycles_in.ko
echo "# Linux \$(busybox uname -r), user mode"
try cycles$(quoted "$@")
echo \$status >/status
busybox poweroff -f
END
chmod +x "$root/init"

# Its directory is the host's, so that is where the status is left.
# shellcheck disable=SC2086
timeout -k 5 "${UML_TIMEOUT:-300}" "$dir/image" mem="${UML_MEM:-256M}" \
	uml_dir="$work/" umid=cycles root=/dev/root rootfstype=hostfs \
	rootflags="$root" rw init=/init con0=null,fd:1 con=null quiet \
	panic=-1 oops=panic ${UML_APPEND-} </dev/null 2>"$work/host" |
	sed -u 's/\r$//; /^reboot: System halted$/d'
[ -s "$root/status" ] || {
	cat "$work/host" >&2
	die "it did not come to an end"
}
exit "$(cat "$root/status")"
