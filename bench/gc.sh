#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# gc.sh [KERNEL [OPTION...]] - descriptors in flight: what passing them costs,
# who pays for the collector, and how soon all is freed; AF_UNIX beside vunix.
# First in a virtual machine with two processors, then in one that counts
# instructions.  Options are those of the program, gc.c.  Fails if vunix misses
# a target that an emulator can tell about.
#
# Kernels: 6.1 (default) 6.12 7.x debug; selftests/vm/kernel.sh provides them.
#
# Settings, from the environment:
#   VM_MEM       memory (4G: 100,000 sockets in flight, and as much garbage
#                as two and a half times that)
#   VM_TIMEOUT   seconds for each of the machines (1800)
#   MACHINES     "time instructions"
#   VUNIX_KO     a module that is built already

set -eu
here=$(cd "$(dirname "$0")" && pwd)

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
status=0

# machine TITLE VM-OPTION... -- OPTION...: run the program in one
machine()
{
	title=$1 vm=''
	shift
	while [ "$1" != -- ]; do
		vm="$vm $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	"$here/vm.sh" $vm -m "${VM_MEM:-4G}" -t "${VM_TIMEOUT:-1800}" \
		"$kernel" gc <<END || status=1
echo "# Linux \$(busybox uname -r), $title"
try gc $*
END
}

for m in ${MACHINES:-time instructions}; do
	case $m in
	time)
		machine "two processors, emulated: compare, do not add up" \
			-c 2 -- -f 10000 "$@" ;;
	instructions)
		machine "one processor, instructions" \
			-i -- -i "$@" ;;
	esac
done
exit $status
