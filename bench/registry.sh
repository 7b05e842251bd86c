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

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -n 1000000
exec "$here/vm.sh" -i -m "${VM_MEM:-8G}" -t "${VM_TIMEOUT:-7200}" \
	"$kernel" registry <<END
for f in ${FAMILIES:-unix vunix}; do
	echo "# \$f, Linux \$(busybox uname -r)"
	try registry -f \$f $*
done
END
