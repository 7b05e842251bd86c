#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [KERNEL [OPTION...] [ROW...]] - rates by the clock on the wall: AF_UNIX,
# a pipe, TCP and vunix, in a virtual machine, or on this one if KERNEL is "host".
# Options are those of the program, bench.c.  Prints a table, and draws plots if
# there is a gnuplot.
#
# Kernels: 6.1 (default) 6.12 7.x debug; selftests/vm/kernel.sh provides them.
# What the host's figures say of vunix needs its module there: "make install".
#
# Settings, from the environment:
#   BENCH_OUT    where results go (bench/out), in a folder for each kernel
#   VM_CPUS      processors (2)
#   VM_MEM       memory (1G)
#   VM_TIMEOUT   seconds for the whole machine (1800)
#   VUNIX_KO     a module that is built already

set -eu
here=$(cd "$(dirname "$0")" && pwd)

die()
{
	echo "bench.sh: $*" >&2
	exit 1
}

. "$here/quoted.sh"

in_vm()
{
	"$here/vm.sh" -c "${VM_CPUS:-2}" -m "${VM_MEM:-1G}" \
		-t "${VM_TIMEOUT:-1800}" "$kernel" bench <<END
echo "# Emulated by QEMU: rates can be compared with each other, no more"
busybox mkdir /tmp
try busybox ip link set lo up
try bench -w$(quoted "$@")
END
}

build()
{
	gcc -O2 -Wall -Wextra -Werror -static -I "$here/../include/uapi" \
		-o "$work/bench" "$here/bench.c" "$here"/bench_*.c
}

on_host()
{
	build || return
	"$work/bench" "$@"
}

# Results to a file; says how far it is, and what else there was to hear.
collect()
{
	tab=$(printf '\t') last=
	while IFS= read -r line; do
		case $line in
		'#'*)	echo "$line" >&3 ;;
		*"$tab"*)
			echo "$line" >&3
			row=${line%%"$tab"*}
			[ "$row" = "$last" ] || echo "bench.sh: $row" >&2
			last=$row ;;
		*)	echo "$line" >&2 ;;
		esac
	done 3>"$work/bench.tsv"
}

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
out=${BENCH_OUT:-$here/out}/$kernel
work=$(mktemp -d "${TMPDIR:-/tmp}/vunix-bench-sh.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

for word; do
	[ "$word" = -l ] || continue
	build
	"$work/bench" -l
	exit
done

case $kernel in
host)	run=on_host ;;
*)	run=in_vm ;;
esac
{
	status=0
	$run "$@" || status=$?
	echo $status >"$work/status"
} | collect
status=$(cat "$work/status")

# Also of what has been measured before something failed
grep -q '^[^#]' "$work/bench.tsv" || die "nothing measured (status $status)"
mkdir -p "$out"
cp "$work/bench.tsv" "$out/bench.tsv"
"$here/table" "$out/bench.tsv" | tee "$out/table.txt"
rm -f "$out"/*.svg
"$here/plots" "$out" "$out/bench.tsv"
[ "$status" -eq 0 ] || die "failed (status $status)"
