#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# programs.sh [KERNEL [NAME...]] - real programs beside themselves: hackbench and
# redis-benchmark over AF_UNIX, what else they can use, and vunix, which they know
# nothing of (vunix-run), in a virtual machine among this machine's files.  With
# "host" as KERNEL: on this one, which needs the module.
#
# Names are those of the rows, or patterns as of the shell: all.  Every repetition
# takes all transports in turn.  The table has medians, and in percent what the
# repetitions span.  The machine has one processor, and a nanosecond is one of its
# instructions, unless VM_ICOUNT is 0.
#
# Kernels: 6.1 (default) 6.12 7.x debug; selftests/vm/kernel.sh provides them.
#
# Settings, from the environment:
#   REPEATS      repetitions (5)
#   VM_ICOUNT    0: processors that run as fast as they can, VM_SMP (2) of them
#   VM_TIMEOUT   seconds for the whole machine (2400)

set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")

. "$here/quoted.sh"

kernel=${1:-6.1}
[ $# -eq 0 ] || shift
"$top/selftests/vm/packages.sh" demo rt-tests redis-server redis-tools
make -s -C "$top/tools/run"
if [ "$kernel" = host ]; then
	exec "$here/programs-guest" "${REPEATS:-5}" "$@"
fi
: "${VM_TIMEOUT:=2400}" "${VM_ICOUNT:=1}"
: "${VM_RESULTS:=$top/selftests/bin/bench/programs-$kernel}"
export VM_TIMEOUT VM_ICOUNT VM_RESULTS
exec "$top/selftests/vm/run.sh" \
	-c "exec $here/programs-guest ${REPEATS:-5}$(quoted "$@")" "$kernel"
