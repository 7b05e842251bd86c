#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# cost.sh [KERNEL [OPTION...]] - what operations cost in instructions, AF_UNIX
# and a pipe beside vunix, in a virtual machine whose clock counts them.  Options
# are those of the program, cost.c.  Fails if vunix gains less than it has to.
#
# Kernels: 6.1 (default) 6.12 7.x debug; selftests/vm/kernel.sh provides them.
#
# Settings, from the environment:
#   VM_MEM       memory (1G)
#   VM_TIMEOUT   seconds for the whole machine (900; it takes two minutes)
#   VUNIX_KO     a module that is built already

set -eu
here=$(cd "$(dirname "$0")" && pwd)

. "$here/quoted.sh"

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
exec "$here/vm.sh" -i -m "${VM_MEM:-1G}" -t "${VM_TIMEOUT:-900}" \
	"$kernel" cost <<END
echo "# Linux \$(busybox uname -r)"
busybox mkdir /tmp
try cost$(quoted "$@")
END
