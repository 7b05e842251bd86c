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

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -n 100000
# Caches stay apart, to be named.
exec "$here/vm.sh" -m "${VM_MEM:-4G}" -t "${VM_TIMEOUT:-1800}" \
	-a slab_nomerge "$kernel" memory <<END
echo "# Linux \$(busybox uname -r)"
try memory $*
END
