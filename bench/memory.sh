#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# memory.sh [KERNEL [OPTION...]] - what idle sockets cost in memory: AF_UNIX's
# beside vunix's, in a virtual machine.  Options are those of the program,
# memory.c; the default is -n 100000.  Fails if vunix takes more than it may.
#
# Kernels: 6.1 (default) 6.12 7.x debug; selftests/vm/kernel.sh provides them.
#
# Settings, from the environment:
#   VM_MEM       memory (4G: 100,000 pairs with their pages take about 2)
#   VM_TIMEOUT   seconds for the whole machine (1800)
#   VUNIX_KO     a module that is built already

set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
vm=$top/selftests/vm

die()
{
	echo "memory.sh: $*" >&2
	exit 1
}

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -n 100000
for tool in qemu-system-x86_64 busybox cpio gcc; do
	command -v "$tool" >/dev/null ||
		die "no $tool: run selftests/vm/packages.sh demo"
done

dir=$("$vm/kernel.sh" "$kernel")
[ -s "$dir/image" ] || die "$kernel cannot be booted"
ko=${VUNIX_KO:-$("$vm/build-module.sh" "$kernel")}

work=$(mktemp -d "${TMPDIR:-/tmp}/vunix-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

root=$work/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev"
cp "$(command -v busybox)" "$root/bin/busybox"
strip -g -o "$root/vunix.ko" "$ko"
gcc -O2 -Wall -Werror -static -o "$root/bin/exit-vm" "$vm/exit.c"
gcc -O2 -Wall -Wextra -Werror -static -I "$top/include/uapi" \
	-o "$root/bin/memory" "$here/memory.c"

cat >"$root/init" <<END
#!/bin/busybox sh
bb=/bin/busybox
\$bb mount -t proc proc /proc
\$bb mount -t sysfs sysfs /sys
\$bb mount -t devtmpfs devtmpfs /dev
status=16
echo "# Linux \$(\$bb uname -r)"
\$bb insmod /vunix.ko || status=1
/bin/memory $* || status=1
/bin/exit-vm \$status
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"

# QEMU 7.2's cmpxchg16b is broken: see run.sh.  Caches stay apart, to be named.
{
	status=0
	timeout --foreground -k 5 "${VM_TIMEOUT:-1800}" qemu-system-x86_64 \
		-M q35 -accel tcg -cpu max,-cx16 -smp 1 -m "${VM_MEM:-4G}" \
		-nodefaults -no-user-config -display none -no-reboot \
		-serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 \
		-kernel "$dir/image" -initrd "$work/initramfs" -append \
		"console=ttyS0 quiet panic=-1 oops=panic slab_nomerge" \
		</dev/null 2>&1 || status=$?
	echo $status >"$work/status"
} | sed -u 's/\r$//'
status=$(cat "$work/status")
case $status in
33)	;;
124)	die "time limit" ;;
*)	die "failed (status $status)" ;;
esac
