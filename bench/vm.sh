#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# vm.sh [OPTION...] KERNEL PROGRAM - run a benchmark in a virtual machine with
# the module loaded.  PROGRAM is built from PROGRAM.c and PROGRAM_*.c beside this
# file; what to run comes from standard input, as lines of a shell that knows
# PROGRAM, busybox, and "try COMMAND..." for commands that must not fail.
#
#   -c N        processors (1)
#   -m SIZE     memory (2G)
#   -t SECONDS  for the whole machine (1800)
#   -a WORDS    more options for the kernel
#   -i          one processor, whose clock counts instructions (1 ns each), and
#               those of a copy by words (no erms, no fsrm)
#   -q WORDS    more options for QEMU
#
# Kernels: 6.1 6.12 7.x debug; selftests/vm/kernel.sh provides them.  KVM is not
# used, so that figures do not depend on who has it, and -i works: seconds are
# those of an emulator, good for comparisons only.
#
# Settings, from the environment:
#   VUNIX_KO     a module that is built already

set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
vm=$top/selftests/vm

die()
{
	echo "vm.sh: $*" >&2
	exit 1
}

usage()
{
	sed -n 's/^# \{0,1\}//; 3,/^$/p' "$0" >&2
	exit 2
}

cpus=1 memory=2G seconds=1800 append='' clock='' qemu=''
while getopts c:m:t:a:iq: opt; do
	case $opt in
	c)	cpus=$OPTARG ;;
	m)	memory=$OPTARG ;;
	t)	seconds=$OPTARG ;;
	a)	append=$OPTARG ;;
	i)	clock=instructions ;;
	q)	qemu=$OPTARG ;;
	*)	usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 2 ] || usage
kernel=$1 program=$2
[ -e "$here/$program.c" ] || usage
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
set -- "$here/$program.c"
for part in "$here/${program}_"*.c; do
	[ ! -e "$part" ] || set -- "$@" "$part"
done
gcc -O2 -Wall -Wextra -Werror -static -I "$top/include/uapi" \
	-o "$root/bin/$program" "$@"

cat >"$root/init" <<'END'
#!/bin/busybox sh
PATH=/bin
status=16
try()
{
	"$@" || status=1
}
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
try busybox insmod /vunix.ko
END
cat - >>"$root/init"
# shellcheck disable=SC2016
echo 'exit-vm $status' >>"$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"

# QEMU 7.2's cmpxchg16b is broken: see run.sh.
set -- -accel tcg,thread=multi -smp "$cpus" -cpu max,-cx16
if [ -n "$clock" ]; then
	# With erms a copy is a "rep movsb", which counts every byte.
	set -- -accel tcg,thread=single -icount shift=0,sleep=off -smp 1 \
		-cpu max,-cx16,-erms,-fsrm
fi
# The one clock that is read without a system call; with -icount it counts.
append="tsc=reliable clocksource=tsc $append"
# shellcheck disable=SC2086
{
	status=0
	timeout --foreground -k 5 "$seconds" qemu-system-x86_64 \
		-M q35 "$@" $qemu -m "$memory" -nodefaults \
		-no-user-config -display none -no-reboot -serial stdio \
		-device isa-debug-exit,iobase=0xf4,iosize=4 \
		-kernel "$dir/image" -initrd "$work/initramfs" -append \
		"console=ttyS0 quiet panic=-1 oops=panic $append" \
		</dev/null 2>&1 || status=$?
	echo $status >"$work/status"
} | sed -u 's/\r$//'
status=$(cat "$work/status")
case $status in
33)	;;
124)	die "time limit" ;;
*)	die "failed (status $status)" ;;
esac
