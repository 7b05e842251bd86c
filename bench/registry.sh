#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# registry.sh [KERNEL [OPTION...]] - cost of sockets when many exist, in
# instructions: AF_UNIX's, then vunix's, in one virtual machine whose clock
# counts them (one processor, no KVM, 1 ns = 1 instruction).  Options are those
# of the program, registry.c; the default is -n 1000000.
#
# Kernels: 6.1 (default) 6.12 7.x debug; selftests/vm/kernel.sh provides them.
#
# Settings, from the environment:
#   VM_MEM       memory (8G: a million sockets take about 4)
#   VM_TIMEOUT   seconds for the whole machine (7200: AF_UNIX looks at each of
#                thousands of names in a bind(), a million times)
#   FAMILIES     "unix vunix"
#   VUNIX_KO     a module that is built already

set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
vm=$top/selftests/vm

die()
{
	echo "registry.sh: $*" >&2
	exit 1
}

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -n 1000000
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
mkdir -p "$root/bin" "$root/proc" "$root/dev" "$root/modules"
cp "$(command -v busybox)" "$root/bin/busybox"
strip -g -o "$root/vunix.ko" "$ko"
gcc -O2 -Wall -Werror -static -o "$root/bin/exit-vm" "$vm/exit.c"
gcc -O2 -Wall -Wextra -Werror -static -I "$top/include/uapi" \
	-o "$root/bin/registry" "$here/registry.c"

cat >"$root/init" <<END
#!/bin/busybox sh
bb=/bin/busybox
\$bb mount -t proc proc /proc
\$bb mount -t devtmpfs devtmpfs /dev
status=16
\$bb insmod /vunix.ko || status=1
for f in ${FAMILIES:-unix vunix}; do
	echo "# \$f, Linux \$(\$bb uname -r)"
	/bin/registry -f \$f $* || status=1
done
/bin/exit-vm \$status
END
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"

# QEMU 7.2's cmpxchg16b is broken: see run.sh.  The TSC is the counter.
{
	status=0
	timeout --foreground -k 5 "${VM_TIMEOUT:-7200}" qemu-system-x86_64 \
		-M q35 -accel tcg,thread=single -icount shift=0,sleep=off \
		-cpu max,-cx16 -smp 1 -m "${VM_MEM:-8G}" -nodefaults -no-user-config \
		-display none -no-reboot -serial stdio \
		-device isa-debug-exit,iobase=0xf4,iosize=4 \
		-kernel "$dir/image" -initrd "$work/initramfs" -append \
		"console=ttyS0 quiet panic=-1 oops=panic tsc=reliable clocksource=tsc" \
		</dev/null 2>&1 || status=$?
	echo $status >"$work/status"
} | sed -u 's/\r$//'
status=$(cat "$work/status")
case $status in
33)	;;
124)	die "time limit" ;;
*)	die "failed (status $status)" ;;
esac
