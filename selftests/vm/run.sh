#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh KERNEL [TEST...] - boot a kernel of the matrix under QEMU, load the
# module, run the selftests (all of them, or those named), unload it, look for
# what it left behind.  The exit status is 0 only if every program ran to its
# end, nothing failed and, for a whole run, no row of the contract is missing.
#
#   run.sh all [TEST...]         on every kernel that can be booted
#   run.sh -s KERNEL             a shell in the machine, module loaded
#   run.sh -r KERNEL             the same among the host's files (a copy in
#                                memory takes what is written)
#   run.sh -c COMMAND KERNEL     like -r, runs COMMAND there, with its status
#
# Kernels: 6.1 6.12 7.x debug arm64, and kcsan, which is not one of "all": the
# machine goes on when it reports a race, and only those that name the module fail
# the run (../kcsan/reports).  kernel.sh provides them.
#
# Settings, from the environment:
#   VM_TIMEOUT   seconds for the whole machine      VM_TESTTIME  for a program
#   VM_SMP       processors (2)                     VM_MEM       memory (2G)
#   VM_BITS      "64 32": which programs            VM_APPEND    kernel options
#   VM_FEW32     1: of 32-bit programs those whose calls are translated
#   VM_ACCEL     kvm or tcg, else what works        VM_PARAMS    module options
#   VM_ICOUNT    1: one processor, whose clock counts instructions
#   VM_THREAD    "single": emulated processors take turns (multi)
#   VM_FAMILIES  "unix" or "vunix" alone          VM_SLOW      1: share namespaces
#   VM_HUGE      1: tests of a million sockets, too (with VM_MEM=8G or so)
#   VM_STRESS    N: N times the rounds of tests that are under load
#   VM_PATIENCE  N: each test may take N times as long (1; kcsan 10)
#   VM_ARGS      arguments for each program, such as "-t name"
#   VM_RESULTS   folder for results, default selftests/bin/vm/KERNEL
#   VUNIX_KO     a module that is built already   KSFT  as for ../Makefile

set -eu
here=$(cd "$(dirname "$0")" && pwd)
tests=$(dirname "$here")
cache=${VUNIX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vunix}
all="6.1 6.12 7.x debug arm64"
PATH=$PATH:/usr/sbin:/sbin

say()
{
	echo "$name: $*"
}

die()
{
	echo "run.sh: $*" >&2
	exit 1
}

usage()
{
	sed -n 's/^# \{0,1\}//; 4,/^$/p' "$0" >&2
	exit 2
}

mode=test name= command=
while getopts src: opt; do
	case $opt in
	s)	mode=shell ;;
	r)	mode=host ;;
	c)	mode=host command=$OPTARG ;;
	*)	usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage
name=$1
shift

if [ "$name" = all ]; then
	failed=
	for k in $all; do
		"$0" "$k" "$@" || failed="$failed $k"
	done
	[ -z "$failed" ] || die "failed:$failed"
	exit 0
fi

case $name in
arm64)	arch=aarch64 cross=aarch64-linux-gnu- ;;
*)	arch=x86_64 cross= ;;
esac
# Kernels that are slow enough for tests to share what they can.
case $name in
debug | arm64 | kcsan)
	slow=1 ;;
*)		slow= ;;
esac
slow=${VM_SLOW-$slow}
case $name in
kcsan)	: "${VM_TIMEOUT:=5400}" "${VM_TESTTIME:=1800}" "${VM_PATIENCE:=10}" ;;
debug)	: "${VM_TIMEOUT:=3400}" "${VM_TESTTIME:=900}" ;;
*)	: "${VM_TIMEOUT:=1500}" "${VM_TESTTIME:=600}" ;;
esac
out=${VM_RESULTS:-$tests/bin/vm/$name}
mkdir -p "$out" "$tests/bin"
out=$(cd "$out" && pwd)

# Only one machine may write there.
exec 8>"$out/lock"
flock -n 8 || die "$out is in use by another run"
work=$(mktemp -d "${TMPDIR:-/tmp}/vunix-vm.XXXXXX")
qemu= virtiofsd=

clean_up()
{
	trap - EXIT HUP INT TERM
	# By their own ids; both are children of this shell.
	for pid in $qemu $virtiofsd; do
		kill "$pid" 2>/dev/null || :
	done
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' HUP INT TERM

for tool in qemu-system-$arch busybox cpio "${cross}gcc"; do
	command -v "$tool" >/dev/null ||
		die "no $tool: run selftests/vm/packages.sh check"
done

# --- what goes into the machine -----------------------------------------------

[ $mode != test ] || say "preparing"
kernel=$("$here/kernel.sh" "$name")
# Reports of races name lines.
[ "$name" = kcsan ] && flags=KCFLAGS=-g || flags=
ko=${VUNIX_KO:-$("$here/build-module.sh" "$name" $flags)}
[ -f "$ko" ] || die "no module $ko"

# The machine's own busybox: ours if it is of the same kind.
busybox_of()
{
	if [ "$1" = "$(uname -m)" ]; then
		command -v busybox
		return
	fi
	if [ ! -x "$cache/busybox-$1" ]; then
		conf=$cache/apt-bookworm-$name/apt.conf
		(
			cd "$work"
			apt-get -c "$conf" -q download busybox-static >&2
			dpkg-deb -x busybox-static_*.deb busybox
		)
		cp "$work/busybox/bin/busybox" "$work/busybox.new"
		mv "$work/busybox.new" "$cache/busybox-$1"
	fi
	echo "$cache/busybox-$1"
}

# What is different for a 32-bit program is how calls and their arguments are
# translated: where time is short, these do.
calls32="badinput connect dgram inq ioctl mmsg name oob peek poll scm_cred
 scm_pass scm_pidfd scm_rights scm_stream seqpacket socket sockopt splice stream"

# Races and searches that take long, and make calls that others make as well.
once="busy cve gc gc_graph intr race scm_limits stress wrap"

# of_width BITS: the programs that run with that word size
of_width()
{
	if [ "$1" = 64 ] || [ $partial = 1 ]; then
		echo $wanted
	elif [ -n "$slow${VM_FEW32:-}" ]; then
		echo $calls32
	else
		for t in $wanted; do
			case " $once " in
			*" $t "*)	;;
			*)	echo $t ;;
			esac
		done
	fi
}

# programs BITS [make arguments]: build them, copy them without symbols
programs()
{
	width=$1
	shift
	(
		flock 9
		make -s --no-print-directory -C "$tests" KSFT="$ksft" \
			-j"$(nproc)" OUTPUT="$bin-$width" "$@" >"$work/make" 2>&1 ||
			{ cat "$work/make" >&2; exit 1; }
	) 9>"$tests/bin/lock" || die "the $width-bit programs do not build"
	mkdir -p "$root/tests/$width"
	for t in $(of_width "$width"); do
		"${cross}strip" -s -o "$root/tests/$width/$t" "$bin-$width/$t"
	done
}

root=$work/root
mkdir -p "$root/bin" "$root/modules"
cp "$(busybox_of $arch)" "$root/bin/busybox"
cp "$here/init" "$here/guest.sh" "$root/"
chmod +x "$root/init" "$root/bin/busybox"
# Only what names a module may be there
if [ -s "$kernel/modules/load-order" ]; then
	cp "$kernel"/modules/* "$root/modules/"
fi
"${cross}strip" -g -o "$root/vunix.ko" "$ko"
if [ $arch = x86_64 ]; then
	gcc -O2 -Wall -Werror -static -o "$root/exit" "$here/exit.c"
fi
config()
{
	grep -q "^CONFIG_$1=y" "$kernel/config"
}

wanted= expected= bits=64 leaks=0 slabs=0 partial=0
if [ $mode = test ]; then
	ksft=${KSFT:-$("$here/kernel.sh" kselftest)}
	bin=$tests/bin/$arch
	for c in "$tests"/*.c; do
		[ -e "$c" ] || die "no tests in $tests"
		c=${c##*/}
		wanted="$wanted ${c%.c}"
	done
	for t; do
		case " $wanted " in
		*" $t "*) ;;
		*)	die "no test $t" ;;
		esac
	done
	[ $# = 0 ] || wanted=$* partial=1
	if config IA32_EMULATION; then
		bits="64 32"
	fi
	[ -z "${VM_BITS:-}${VM_FAMILIES:-}${VM_ARGS:-}" ] || partial=1
	bits=${VM_BITS:-$bits}
	for b in $bits; do
		if [ "$b" = 32 ]; then
			programs 32 M32=1
		else
			programs 64 CROSS_COMPILE="$cross"
		fi
		for t in $(of_width "$b"); do
			expected="$expected $t/$b"
		done
	done
	expected="$expected vm/0"
	config DEBUG_KMEMLEAK && leaks=1
	config SLUB_DEBUG && slabs=1
fi

shell='exec sh'
[ $mode = shell ] || shell='exec bash -i'
printf '%s\n' "${command:-$shell}" >"$root/command"
size=$(stty size 2>/dev/null || echo 24 80)
cat >"$root/settings" <<END
NAME='$name'
MODE='$mode'
PROGRAMS='$wanted'
BITS='$bits'
TIME='$VM_TESTTIME'
LEAKS='$leaks'
SLABS='$slabs'
PARAMS='${VM_PARAMS:-}'
FAMILIES='${VM_FAMILIES:-}'
HUGE='${VM_HUGE:-}'
STRESS='${VM_STRESS:-}'
PATIENCE='${VM_PATIENCE:-}'
ARGS='${VM_ARGS:-}'
SLOW='$slow'
DIR='$PWD'
ROWS='${size% *}'
COLS='${size#* }'
TERM='${TERM:-linux}'
END
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"

# --- the machine ----------------------------------------------------------------

# Does KVM run code?  /dev/kvm alone says little on a machine that is a guest
# itself: a boot sector has to come back with a status.
kvm_works()
{
	grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ] || return 1
	# mov dx, 0xf4; mov al, 16; out dx, al; jmp .
	printf '\272\364\000\260\020\356\353\376' >"$work/probe"
	truncate -s 510 "$work/probe"
	printf '\125\252' >>"$work/probe"
	status=0
	timeout --foreground -s KILL 20 qemu-system-x86_64 -M pc -accel kvm \
		-cpu host -m 16M -nodefaults -no-user-config -display none \
		-no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 \
		-drive "file=$work/probe,format=raw,if=ide" \
		</dev/null >/dev/null 2>&1 || status=$?
	[ $status = 33 ]
}

append="panic=-1 panic_on_warn=1 oops=panic softlockup_panic=1"
append="$append hung_task_panic=1 sysctl.kernel.panic_on_rcu_stall=1"
# On a busy host these must not fire because we were not scheduled.
append="$append watchdog_thresh=30 rcupdate.rcu_cpu_stall_timeout=120"
append="$append slab_nomerge log_buf_len=4M kmemleak=on ia32_emulation=1"
[ $mode = test ] && append="$append loglevel=5" || append="$append quiet"
# One race that was seen is not to hide the next.  The kernel's own numbers are for
# machines that are faster: one access in 4000 is looked at for 80 microseconds.
[ "$name" != kcsan ] ||
	append="$append panic_on_warn=0 kcsan.skip_watch=500 kcsan.udelay_task=400"

if [ $arch = aarch64 ]; then
	# Architected pointer signing costs an emulated kernel half its speed.
	set -- -M virt -accel tcg,thread=multi -cpu max,pauth-impdef=on
	append="console=ttyAMA0 $append"
else
	# QEMU 7.2's cmpxchg16b corrupts flags, and 6.12 with them: no cx16.
	# A processor of QEMU 7.2 that translates what another one is patching may
	# keep what was there for good: it runs into the same int3 for ever, or into
	# one that the kernel knows nothing of.  Those that take turns do not.
	set -- -M q35 -accel "tcg,thread=${VM_THREAD:-multi}" -cpu max,-cx16 \
		-device isa-debug-exit,iobase=0xf4,iosize=4
	if [ "${VM_ICOUNT:-}" = 1 ]; then
		# As ../../bench/vm.sh has it, for the same reasons
		set -- -M q35 -accel tcg,thread=single \
			-icount shift=0,sleep=off -cpu max,-cx16,-erms,-fsrm \
			-device isa-debug-exit,iobase=0xf4,iosize=4
		append="tsc=reliable clocksource=tsc $append"
		VM_SMP=1
	elif [ "${VM_ACCEL:-}" = kvm ] || { [ -z "${VM_ACCEL:-}" ] && kvm_works; }
	then
		set -- -M q35 -accel kvm -cpu host \
			-device isa-debug-exit,iobase=0xf4,iosize=4
	fi
	append="console=ttyS0 $append"
fi
set -- "$@" -smp "${VM_SMP:-2}" -m "${VM_MEM:-2G}" -nodefaults \
	-no-user-config -display none -no-reboot \
	-kernel "$kernel/image" -initrd "$work/initramfs" \
	-append "$append ${VM_APPEND:-}" \
	-device virtio-serial-pci -chardev "file,id=out,path=$out/results.raw" \
	-device virtserialport,chardev=out,name=results

if [ $mode = host ]; then
	for v in /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd; do
		[ ! -x $v ] || break
	done
	if [ ! -x $v ]; then
		[ -z "$command" ] || die "no virtiofsd: install qemu-system-common"
		echo "No virtiofsd (qemu-system-common): without the host's files."
		clean_up
		exec "$0" -s "$name"
	fi
	$v --socket-path="$work/fs" -o source=/ -o cache=always \
		-o sandbox=chroot --thread-pool-size=0 >"$out/virtiofsd.log" 2>&1 &
	virtiofsd=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ ! -S "$work/fs" ] || break
		sleep 0.5
	done
	[ -S "$work/fs" ] || die "virtiofsd does not start: $out/virtiofsd.log"
	set -- "$@" -object \
		"memory-backend-memfd,id=mem,size=${VM_MEM:-2G},share=on" \
		-numa node,memdev=mem -chardev "socket,id=fs,path=$work/fs" \
		-device vhost-user-fs-pci,chardev=fs,tag=root,queue-size=1024
fi

result()
{
	tr -d '\r' <"$1" | sed -n 's/^# vm-result //p' | tail -n 1
}

: >"$out/results.raw"
if [ $mode != test ]; then
	# The console is the terminal, or what the command prints.
	status=0
	if [ -n "$command" ]; then
		timeout --foreground -k 5 "$VM_TIMEOUT" "qemu-system-$arch" "$@" \
			-serial stdio </dev/null || status=$?
	else
		echo "Linux $name with vunix; exit or Ctrl-A X ends it."
		"qemu-system-$arch" "$@" -serial mon:stdio || status=$?
	fi
	said=$(result "$out/results.raw")
	case $said in
	'')	die "the machine ended without a result (status $status)" ;;
	98)	die "the module does not load" ;;
	99)	die "the host's files cannot be mounted" ;;
	esac
	exit "$said"
fi

# --- a test run --------------------------------------------------------------

say "booting Linux $(cut -d' ' -f1 "$kernel/version")," \
	"$(echo $wanted | wc -w) programs, $bits bits"
start=$(date +%s)

# run_machine QEMU-ARGUMENTS: boot it, say what is going on at least twice a
# minute, leave QEMU's status in $status
run_machine()
{
	: >"$out/serial.log"
	: >"$out/results.raw"
	timeout --foreground -k 5 "$VM_TIMEOUT" "qemu-system-$arch" "$@" \
		-serial "file:$out/serial.log" </dev/null >"$out/qemu.log" 2>&1 &
	qemu=$!

	seen=0 quiet=0
	while kill -0 $qemu 2>/dev/null; do
		sleep 1
		quiet=$((quiet + 1))
		ended=$(grep -ac '^# end ' "$out/results.raw" || :)
		if [ "$ended" -gt $seen ]; then
			grep -a '^# end ' "$out/results.raw" | tr -d '\r' |
				tail -n +$((seen + 1)) | while read -r _ _ t b s secs; do
					[ "$s" = 0 ] && s=passed || s="FAILED ($s)"
					say "$t/$b $s, $secs s"
				done
			seen=$ended quiet=0
		elif [ $quiet -ge 25 ]; then
			quiet=0
			say "$(($(date +%s) - start)) s," \
				"$(grep -a '^# program ' "$out/results.raw" |
				   tail -n 1 | tr -d '\r')"
		fi
	done
	status=0
	wait $qemu || status=$?
	qemu=
}

# Emulated processors sometimes die of a stray int3 while the kernel patches its
# own code, mostly at boot, long before our first process.  That says nothing of
# the module, so the machine may have another go, and the log is kept.
for try in 1 2 3; do
	run_machine "$@"
	[ $arch-$status = x86_64-0 ] && [ $try -lt 3 ] || break
	if grep -aq 'int3: 0000 \[' "$out/serial.log"; then
		why="the emulated kernel died of an int3"
	elif grep -aq '^# vm ' "$out/results.raw" "$out/serial.log"; then
		break
	else
		why="the kernel did not reach its first process"
	fi
	cp "$out/serial.log" "$out/serial-$try.log"
	say "$why: booting again ($out/serial-$try.log)"
done

# A kernel without the port has used the console.
if [ -s "$out/results.raw" ]; then
	tr -d '\r' <"$out/results.raw"
else
	tr -d '\r' <"$out/serial.log"
fi | sed "s/^# vm /# vm $name /" >"$out/results.log"

failed=
case $arch-$status in
x86_64-33 | aarch64-0) ;;
*-124 | *-137)
	failed="time limit of $VM_TIMEOUT s" ;;
*-0)	failed="the machine went down (panic?)" ;;
*-1)	failed="QEMU: $(tail -n 1 "$out/qemu.log")" ;;
*)	failed="status $status" ;;
esac
[ "$(result "$out/results.log")" = 0 ] ||
	failed="${failed:-result $(result "$out/results.log")}"
if grep -av 'BUG: KCSAN: ' "$out/serial.log" |
   grep -qE 'Kernel panic|BUG: |KASAN:|WARNING: .* at '; then
	failed="${failed:+$failed, }complaints on the console"
fi
if [ "$name" = kcsan ]; then
	"$tests/kcsan/reports" -m "$ko" "$out/serial.log" ||
		failed="${failed:+$failed, }races"
fi

# Shellcheck: word splitting of the list is meant.
# shellcheck disable=SC2086
"$tests/contract-check" --summary "$out/results.log" $expected \
	>"$out/summary" 2>&1 || failed="${failed:-tests}"
cat "$out/summary"
# Only a whole run can be held to the whole contract.
if [ $partial = 0 ]; then
	"$tests/contract-check" "$out/results.log" >"$out/contract" 2>&1 ||
		failed="${failed:+$failed, }contract"
	grep '^contract: ' "$out/contract" | head -n 40 || :
fi
if [ -n "$failed" ]; then
	grep -aE '^not ok|^# [^ ]*\.c:[0-9]|^# (log|left|objects|still|slab|kmemleak|refer)' \
		"$out/results.log" | head -n 80 | sed 's/^/  /'
	say "last lines of the console:"
	tail -n 40 "$out/serial.log" | tr -d '\r' | sed 's/^/  | /'
	say "FAILED: $failed (logs in $out)"
	exit 1
fi
say "passed in $(($(date +%s) - start)) s"
